//! UTCTime and GeneralizedTime (RFC 5280 section 4.1.2.5) to and from Unix seconds.

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

use super::{Malformed, tag, writer};

/// 2050-01-01: from here on GeneralizedTime must be written instead of UTCTime.
const GENERALIZED_FROM: i64 = 2_524_608_000;

/// Appends a time as RFC 5280 wants it: UTCTime through 2049, GeneralizedTime from 2050 on.
///
/// Times outside of the years 0 to 9999 are written as the nearest one that can be.
pub(crate) fn push_time(out: &mut Vec<u8>, at: i64) {
    let when = civil(at);
    let mut octets = [0u8; 15];
    digits(&mut octets[0..4], when.year().unsigned_abs().into());
    for (index, field) in
        [when.month(), when.day(), when.hour(), when.minute(), when.second()].into_iter().enumerate()
    {
        let from = 4 + 2 * index;
        digits(&mut octets[from..from + 2], field.unsigned_abs().into());
    }
    octets[14] = b'Z';
    // UTCTime's two-digit years start in 1950; nothing older than that is ever issued, but it must not lie.
    if (-631_152_000..GENERALIZED_FROM).contains(&at) {
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
            let hours = i64::from(take(&mut zone, 2)?);
            let minutes = i64::from(take(&mut zone, 2)?);
            if !zone.is_empty() || hours > 23 || minutes > 59 {
                return Err(Malformed::Time);
            }
            let offset = hours * 3600 + minutes * 60;
            if *sign == b'+' { offset } else { -offset }
        }
        _ => return Err(Malformed::Time),
    };
    let small = |number: i16| i8::try_from(number).map_err(|_| Malformed::Time);
    let when =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0)
            .map_err(|_| Malformed::Time)?;
    let zoned = when.to_zoned(TimeZone::UTC).map_err(|_| Malformed::Time)?;
    Ok(zoned.timestamp().as_second() - offset)
}

/// The form in which Puppet writes times into `inventory.txt` and certificate statuses:
/// `2026-11-21T09:51:57UTC`.
pub fn puppet_timestamp(at: i64) -> String {
    let when = civil(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}UTC",
        when.year(),
        when.month(),
        when.day(),
        when.hour(),
        when.minute(),
        when.second()
    )
}

fn civil(at: i64) -> DateTime {
    let first = date(0, 1, 1).at(0, 0, 0, 0);
    let when = Timestamp::from_second(at).map(|timestamp| TimeZone::UTC.to_datetime(timestamp));
    match when {
        Ok(when) if when >= first => when,
        Ok(_) => first,
        Err(_) if at < 0 => first,
        Err(_) => date(9999, 12, 31).at(23, 59, 59, 0),
    }
}

fn digits(out: &mut [u8], mut number: u32) {
    for slot in out.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn take(rest: &mut &[u8], count: usize) -> Result<i16, Malformed> {
    if rest.len() < count {
        return Err(Malformed::Time);
    }
    let (head, tail) = rest.split_at(count);
    *rest = tail;
    head.iter().try_fold(0i16, |number, octet| match octet {
        b'0'..=b'9' => Ok(number * 10 + i16::from(octet - b'0')),
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

    proptest! {
        #[test]
        fn times_round_trip(at in 0i64..200_000_000_000) {
            let (tag, content) = round(at);
            prop_assert_eq!(parse(tag, &content), Ok(at));
        }

        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..24), generalized: bool) {
            let _ = parse(if generalized { tag::GENERALIZED_TIME } else { tag::UTC_TIME }, &bytes);
        }
    }
}
