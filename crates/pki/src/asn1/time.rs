//! UTCTime and GeneralizedTime (RFC 5280 section 4.1.2.5) to and from Unix seconds.
//!
//! The calendar is computed here because certificates say "never expires" as 9999-12-31T23:59:59Z, which lies
//! outside of what time libraries represent as an instant.

use super::{Malformed, tag, writer};

const DAY: i64 = 24 * 60 * 60;
/// Days from 0000-03-01 to 1970-01-01. Counting years from March puts the leap day at their end.
const MARCH_ZERO_TO_1970: i64 = 719_468;
/// Days of 400 years, after which the Gregorian calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// 1950-01-01: what UTCTime's two-digit years start with.
const UTC_TIME_FROM: i64 = -631_152_000;
/// 2050-01-01: from here on GeneralizedTime must be written instead of UTCTime.
const GENERALIZED_FROM: i64 = 2_524_608_000;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four-digit years can say.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A date and time of day, UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    /// Instants outside of the years 0 to 9999 become the nearest inside.
    fn from_unix(at: i64) -> Civil {
        let at = at.clamp(*WRITABLE.start(), *WRITABLE.end());
        let (days, second) = (at.div_euclid(DAY) + MARCH_ZERO_TO_1970, at.rem_euclid(DAY));
        let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        // Take out the leap days: one in 1,461 days, but not in 36,524, yet the very last of the era.
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - days_before_year(year_of_era);
        // Months from March have lengths that repeat as 31, 30, 31, 30, 31: 153 days in five months.
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Civil {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - days_before_month(from_march) + 1,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// `None` for dates that do not exist. A leap second counts as the second after it.
    fn to_unix(&self) -> Option<i64> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let last_day = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let exists =
            (1..=last_day).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second <= 60;
        if !exists {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let from_march = (self.month + 9) % 12;
        let day_of_era =
            days_before_year(year.rem_euclid(400)) + days_before_month(from_march) + self.day - 1;
        let days = year.div_euclid(400) * ERA_DAYS + day_of_era - MARCH_ZERO_TO_1970;
        Some(days * DAY + self.hour * 3600 + self.minute * 60 + self.second)
    }
}

fn days_before_year(year_of_era: i64) -> i64 {
    year_of_era * 365 + year_of_era / 4 - year_of_era / 100
}

fn days_before_month(from_march: i64) -> i64 {
    (153 * from_march + 2) / 5
}

/// Appends a time as RFC 5280 wants it: UTCTime through 2049, GeneralizedTime from 2050 on.
///
/// Times outside of the years 0 to 9999 are written as the nearest one that can be.
pub(crate) fn push_time(out: &mut Vec<u8>, at: i64) {
    let when = Civil::from_unix(at);
    let mut octets = *b"00000000000000Z";
    digits(&mut octets[0..4], when.year);
    for (index, field) in [when.month, when.day, when.hour, when.minute, when.second].into_iter().enumerate()
    {
        let from = 4 + 2 * index;
        digits(&mut octets[from..from + 2], field);
    }
    if (UTC_TIME_FROM..GENERALIZED_FROM).contains(&at) {
        writer::header(out, tag::UTC_TIME, 13);
        out.extend_from_slice(&octets[2..]);
    } else {
        writer::header(out, tag::GENERALIZED_TIME, 15);
        out.extend_from_slice(&octets);
    }
}

/// A time element's content as Unix seconds. Fractions of a second are cut off.
pub(crate) fn parse(tag: u8, content: &[u8]) -> Result<i64, Malformed> {
    let year_digits = match tag {
        tag::UTC_TIME => 2,
        tag::GENERALIZED_TIME => 4,
        _ => return Err(Malformed::Time),
    };
    let mut rest = content;
    let mut year = take(&mut rest, year_digits)?;
    if year_digits == 2 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let month = take(&mut rest, 2)?;
    let day = take(&mut rest, 2)?;
    let hour = take(&mut rest, 2)?;
    let minute = take(&mut rest, 2)?;
    let second = if rest.first().is_some_and(u8::is_ascii_digit) { take(&mut rest, 2)? } else { 0 };
    if year_digits == 4 && matches!(rest.first(), Some(b'.' | b',')) {
        let fraction = rest[1..].iter().take_while(|octet| octet.is_ascii_digit()).count();
        rest = &rest[1 + fraction..];
    }
    let offset = match rest.split_first() {
        Some((b'Z', [])) => 0,
        Some((sign @ (b'+' | b'-'), mut zone)) => {
            let hours = take(&mut zone, 2)?;
            let minutes = take(&mut zone, 2)?;
            if !zone.is_empty() || hours > 23 || minutes > 59 {
                return Err(Malformed::Time);
            }
            let offset = hours * 3600 + minutes * 60;
            if *sign == b'+' { offset } else { -offset }
        }
        _ => return Err(Malformed::Time),
    };
    let when = Civil { year, month, day, hour, minute, second };
    when.to_unix().map(|at| at - offset).ok_or(Malformed::Time)
}

/// The same date and time of day so many calendar years later; 29 February becomes the 28th where there is none.
pub(crate) fn plus_years(at: i64, years: i64) -> i64 {
    let mut when = Civil::from_unix(at);
    when.year += years;
    let exact = when.to_unix();
    when.day = when.day.min(28);
    // The 28th exists in every month, and a year beyond 9999 is cut off when it is written.
    exact.or_else(|| when.to_unix()).unwrap_or(*WRITABLE.end())
}

/// The form in which Puppet writes times into `inventory.txt` and certificate statuses:
/// `2026-11-21T09:51:57UTC`.
pub fn puppet_timestamp(at: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::from_unix(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}UTC")
}

fn digits(out: &mut [u8], mut number: i64) {
    for slot in out.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn take(rest: &mut &[u8], count: usize) -> Result<i64, Malformed> {
    if rest.len() < count {
        return Err(Malformed::Time);
    }
    let (head, tail) = rest.split_at(count);
    *rest = tail;
    head.iter().try_fold(0, |number, octet| match octet {
        b'0'..=b'9' => Ok(number * 10 + i64::from(octet - b'0')),
        _ => Err(Malformed::Time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(at: i64) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        push_time(&mut out, at);
        (out[0], out[2..].to_vec())
    }

    #[test]
    fn the_recorded_certificate_time() {
        assert_eq!(round(1_795_254_717), (tag::UTC_TIME, b"261121095157Z".to_vec()));
        assert_eq!(parse(tag::UTC_TIME, b"261121095157Z"), Ok(1_795_254_717));
        assert_eq!(puppet_timestamp(1_795_254_717), "2026-11-21T09:51:57UTC");
    }

    #[test]
    fn the_form_changes_in_2050() {
        assert_eq!(round(GENERALIZED_FROM - 1), (tag::UTC_TIME, b"491231235959Z".to_vec()));
        assert_eq!(round(GENERALIZED_FROM), (tag::GENERALIZED_TIME, b"20500101000000Z".to_vec()));
        assert_eq!(parse(tag::GENERALIZED_TIME, b"99991231235959Z"), Ok(253_402_300_799));
    }

    #[test]
    fn old_forms_are_read() {
        assert_eq!(parse(tag::UTC_TIME, b"2611210951Z"), parse(tag::UTC_TIME, b"261121095100Z"));
        assert_eq!(parse(tag::UTC_TIME, b"261121105157+0100"), Ok(1_795_254_717));
        assert_eq!(parse(tag::GENERALIZED_TIME, b"20261121095157.25Z"), Ok(1_795_254_717));
        for bad in [&b"261321095157Z"[..], b"2611210951", b"", b"26112109515xZ", b"261121095157+9900"] {
            assert_eq!(parse(tag::UTC_TIME, bad), Err(Malformed::Time));
        }
    }

    #[test]
    fn the_calendar() {
        for (at, shown) in [
            (0, "1970-01-01T00:00:00UTC"),
            (-1, "1969-12-31T23:59:59UTC"),
            (951_782_400, "2000-02-29T00:00:00UTC"),
            (4_107_542_400, "2100-03-01T00:00:00UTC"),
            (i64::MAX, "9999-12-31T23:59:59UTC"),
            (i64::MIN, "0000-01-01T00:00:00UTC"),
        ] {
            assert_eq!(puppet_timestamp(at), shown);
        }
        for bad in [&b"21000229000000Z"[..], b"20260431000000Z", b"20260001000000Z", b"20260101240000Z"] {
            assert_eq!(parse(tag::GENERALIZED_TIME, bad), Err(Malformed::Time));
        }
    }

    #[test]
    fn years_are_calendar_years() {
        let at = |text| parse(tag::UTC_TIME, text).unwrap();
        assert_eq!(plus_years(at(b"261122100209Z"), 5), at(b"311122100209Z"));
        assert_eq!(plus_years(at(b"240229000000Z"), 5), at(b"290228000000Z"));
    }

    proptest! {
        #[test]
        fn days_follow_each_other(day in -719_000i64..2_900_000) {
            let (today, tomorrow) = (Civil::from_unix(day * DAY), Civil::from_unix((day + 1) * DAY));
            let next_month = tomorrow.day == 1 && (tomorrow.month == today.month % 12 + 1);
            prop_assert!(next_month || (tomorrow.day == today.day + 1 && tomorrow.month == today.month));
            prop_assert_eq!(tomorrow.year, today.year + i64::from(next_month && tomorrow.month == 1));
            prop_assert_eq!(today.to_unix(), Some(day * DAY));
        }

        #[test]
        fn times_round_trip(at in WRITABLE) {
            let (tag, content) = round(at);
            prop_assert_eq!(parse(tag, &content), Ok(at));
        }

        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24), generalized: bool) {
            let _ = parse(if generalized { tag::GENERALIZED_TIME } else { tag::UTC_TIME }, &bytes);
        }
    }
}
