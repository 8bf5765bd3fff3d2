//! Puppet's way of writing times: `2026-11-21T09:59:10UTC`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The present, in Unix seconds. The only place of this crate that reads the wall clock.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// The beginning of Unix time, as a calendar shows it.
const EPOCH: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
/// What four digits for a year can say: 0000-01-01T00:00:00 to 9999-12-31T23:59:59, Unix seconds.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// `2026-11-21T09:59:10UTC`. A time outside of the years 0 to 9999 is written as the nearest that is inside.
pub fn format(seconds: i64) -> String {
    let inside = seconds.clamp(*WRITABLE.start(), *WRITABLE.end());
    EPOCH.saturating_add(SignedDuration::from_secs(inside)).strftime("%Y-%m-%dT%H:%M:%SUTC").to_string()
}

/// `2026-11-21T09:59:10Z` (RFC 3339), within the same years.
pub fn rfc3339(seconds: i64) -> String {
    let mut text = format(seconds);
    text.truncate(text.len() - "UTC".len());
    text.push('Z');
    text
}

/// The same day and time `years` later (29 February becomes 28 February), as Puppet counts a revocation list's life.
pub fn add_years(seconds: i64, years: i32) -> i64 {
    let later = Timestamp::from_second(seconds)
        .ok()
        .and_then(|at| at.to_zoned(TimeZone::UTC).checked_add(jiff::Span::new().years(years)).ok());
    later.map_or(seconds.saturating_add(i64::from(years) * 31_556_952), |at| at.timestamp().as_second())
}

/// Reads what any Puppet has ever written into an inventory: `…UTC`, `…GMT`, `…Z`, `…+00:00`, `…+0200`.
///
/// A zone given by another name is read as UTC, which is what Puppet's own tools assume; the error is at most
/// 14 hours in a life of years.
pub fn parse(text: &str) -> Option<i64> {
    let (civil, zone) = text.split_at_checked(19)?;
    // Other forms of as many characters, such as a sign and six digits of a year, could not be written again.
    let plain = civil.bytes().zip(*b"0000-00-00T00:00:00").all(|(octet, form)| match form {
        b'0' => octet.is_ascii_digit(),
        mark => octet == mark,
    });
    if !plain {
        return None;
    }
    let civil: DateTime = civil.parse().ok()?;
    let seconds = civil.duration_since(EPOCH).as_secs();
    let Some(sign) = zone.chars().next().filter(|c| matches!(c, '+' | '-')) else { return Some(seconds) };
    let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(0..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4).unwrap_or("00").parse().ok()?;
    let offset = hours * 3600 + minutes * 60;
    let seconds = if sign == '+' { seconds - offset } else { seconds + offset };
    WRITABLE.contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puppets_form_there_and_back() {
        assert_eq!(format(1_795_254_000 + 5_950), "2026-11-21T11:19:10UTC");
        assert_eq!(parse("2026-11-21T11:19:10UTC"), Some(1_795_254_000 + 5_950));
        assert_eq!(rfc3339(1_795_254_000 + 5_950), "2026-11-21T11:19:10Z");
        assert_eq!(parse(&rfc3339(1_795_254_000)), Some(1_795_254_000));
    }

    #[test]
    fn years_are_calendar_years() {
        let from = parse("2026-11-22T09:51:57UTC").unwrap();
        assert_eq!(format(add_years(from, 5)), "2031-11-22T09:51:57UTC");
    }

    #[test]
    fn every_year_of_four_digits_and_no_other() {
        for text in ["0000-01-01T00:00:00UTC", "0999-12-31T23:59:59UTC", "9999-12-31T23:59:59UTC"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(format(i64::MIN), "0000-01-01T00:00:00UTC");
        assert_eq!(format(i64::MAX), "9999-12-31T23:59:59UTC");
        for text in ["-000015-03-02T12:00:00+00:00", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-0100"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn other_zones_of_old_inventories() {
        assert_eq!(parse("2015-03-01T12:00:00+00:00"), parse("2015-03-01T12:00:00UTC"));
        assert_eq!(parse("2015-03-01T14:00:00+02:00"), parse("2015-03-01T12:00:00GMT"));
        assert_eq!(parse("2015-03-01T10:30:00-0130"), parse("2015-03-01T12:00:00Z"));
        assert_eq!(parse("yesterday"), None);
    }
}
