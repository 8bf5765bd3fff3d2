//! `bunraku ca expiring`: what ends soon.

use anyhow::{Context, bail};
use serde_json::Value;
use wire::protocol::internal::EXPIRING_PATH;

use super::endpoint::Endpoint;
use super::report::Report;
use crate::config::duration;
use crate::console;

/// The span in seconds.
pub fn check(within: &str) -> anyhow::Result<u64> {
    Ok(duration::parse(within).context("--within")?.as_secs())
}

/// Exit code 0, whether anything ends or not: who watches counts the entries of the JSON form.
pub async fn run(endpoint: &Endpoint, within: u64, span: &str, report: &mut Report) -> anyhow::Result<u8> {
    let path = format!("{EXPIRING_PATH}?within={within}");
    let answer = endpoint.request("expiring", "GET", &path, None).await?;
    if answer.status != 200 {
        bail!("    code: {}\n    body: {}", answer.status, answer.text());
    }
    let found: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    report.say(text(&found, span).trim_end());
    report.set("now", found["now"].clone());
    report.set("within", within);
    report.set("expiring", found["expiring"].clone());
    Ok(0)
}

fn text(found: &Value, span: &str) -> String {
    let entries = found["expiring"].as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return format!("Nothing ends within {span}.");
    }
    let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_string();
    let mut rows = vec![["what", "name", "serial", "ends", "in"].map(str::to_string).to_vec()];
    for entry in entries {
        rows.push(vec![
            word(entry, "kind").replace('_', " "),
            word(entry, "name"),
            word(entry, "serial"),
            word(entry, "not_after"),
            left(entry["seconds_left"].as_i64().unwrap_or_default()),
        ]);
    }
    console::table(&rows)
}

fn left(seconds: i64) -> String {
    match (seconds, seconds / 86_400, seconds / 3600) {
        (i64::MIN..0, ..) => "ended".to_string(),
        (_, 0, hours) => format!("{hours} h"),
        (_, days, _) => format!("{days} d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_listed_with_the_time_left() {
        let found = serde_json::json!({"now": "", "expiring": [
            {"kind": "certificate", "name": "a", "serial": "000A", "not_after": "2026-11-21T09:40:00UTC", "seconds_left": -1},
            {"kind": "revocation_list", "name": "CA", "not_after": "2026-11-23T09:40:00UTC", "seconds_left": 90_000},
        ]});
        assert_eq!(
            text(&found, "60d"),
            "what             name  serial  ends                    in\n\
             certificate      a     000A    2026-11-21T09:40:00UTC  ended\n\
             revocation list  CA            2026-11-23T09:40:00UTC  1 d\n"
        );
        assert_eq!(text(&serde_json::json!({"expiring": []}), "2d"), "Nothing ends within 2d.");
    }
}
