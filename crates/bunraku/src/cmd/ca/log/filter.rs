//! Which lines are wanted.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ca::audit::{self, Record};
use pki::Serial;

use crate::cli::LogArgs;
use crate::config::duration;

/// What the flags ask for.
pub struct Filter {
    certnames: Vec<String>,
    serial: Option<String>,
    actor: Option<String>,
    /// As lines have it.
    since: Option<String>,
}

impl Filter {
    /// By the flags.
    pub fn new(args: &LogArgs) -> anyhow::Result<Filter> {
        let serial = args.serial.as_deref().map(|text| {
            Serial::parse_hex(text)
                .map(|serial| serial.to_string())
                .context("--serial is a hexadecimal number")
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Filter {
            certnames: args.certname.clone(),
            serial: serial.transpose()?,
            actor: args.actor.clone(),
            since: args.since.as_deref().map(|text| since(text, now)).transpose()?,
        })
    }

    /// Whether this line is.
    pub fn wants(&self, record: &Record) -> bool {
        let is = |wanted: &str, there: &Option<String>| there.as_deref() == Some(wanted);
        let named = self.certnames.is_empty() || self.certnames.iter().any(|name| is(name, &record.certname));
        let numbered = self.serial.as_deref().is_none_or(|serial| {
            is(serial, &record.serial) || record.serials.iter().any(|one| one == serial)
        });
        let by = self.actor.as_deref().is_none_or(|who| {
            is(who, &record.actor) || is(who, &record.address) || who == "local" && record.local
        });
        let since = self.since.as_deref().is_none_or(|since| record.time.as_str() >= since);
        named && numbered && by && since
    }
}

/// A day, a time (UTC), or how long ago; as lines have it, which sorts as time does.
fn since(text: &str, now: u64) -> anyhow::Result<String> {
    if let Ok(ago) = duration::parse(text) {
        return Ok(audit::time(i64::try_from(now.saturating_sub(ago.as_secs())).unwrap_or(0)));
    }
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    let text = text.trim().replace(' ', "T");
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.clone(),
    };
    let fits = whole.len() == FORM.len()
        && whole.bytes().zip(FORM).all(|(octet, form)| match form {
            b'0' => octet.is_ascii_digit(),
            mark => octet == *mark,
        });
    let fits = fits && whole.parse::<jiff::Timestamp>().is_ok();
    anyhow::ensure!(fits, "--since is 2026-11-22, 2026-11-22T21:03 (UTC), or how long ago: 90s, 2h, 7d");
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_minute_or_so_long_ago() {
        for (text, expected) in [
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22 21:03", "2026-11-22T21:03:00Z"),
            ("2026-11-22T21:03:11Z", "2026-11-22T21:03:11Z"),
            ("2h", "2026-11-21T07:40:00Z"),
        ] {
            assert_eq!(since(text, 1_795_254_000).unwrap(), expected);
        }
        for text in ["yesterday", "22.11.2026", "2026-11-22T21", "2026-13-45", "2026-11-22T25:00"] {
            assert!(since(text, 0).is_err(), "{text}");
        }
    }

    #[test]
    fn all_that_is_asked_for_has_to_fit() {
        let record = Record {
            time: "2026-11-22T21:03:11Z".into(),
            certname: Some("a".into()),
            serial: Some("001A".into()),
            address: Some("10.0.0.5".into()),
            ..Record::default()
        };
        let filter = |certname: &str, serial: &str, actor: &str, since: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
            Filter {
                certnames: some(certname).into_iter().collect(),
                serial: some(serial),
                actor: some(actor),
                since: some(since),
            }
            .wants(&record)
        };
        assert!(filter("a", "001A", "10.0.0.5", "2026-11-22T21:03:11Z") && filter("", "", "", ""));
        assert!(!filter("b", "", "", "") && !filter("", "001B", "", ""));
        assert!(!filter("", "", "local", "") && !filter("", "", "", "2026-11-22T21:03:12Z"));
    }
}
