//! Durations as Puppet writes them: a plain number of seconds, or a number with a unit (`5y`, `60d`, `30m`).

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a duration; write seconds (300) or a number with a unit: 250ms, 30s, 5m, 12h, 60d, 5y")]
pub struct DurationFault(pub String);

/// Parses `text`. Units: ms, s, m, h, d, y (a year has 365 days, as in Puppet's settings).
pub fn parse(text: &str) -> Result<Duration, DurationFault> {
    let fault = || DurationFault(text.to_string());
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let number: u64 = trimmed[..digits].parse().map_err(|_| fault())?;
    let millis = match trimmed[digits..].trim() {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        "y" => number.checked_mul(365 * 86_400_000),
        _ => None,
    };
    millis.map(Duration::from_millis).ok_or_else(fault)
}

/// The shortest form that [`parse`] reads back to the same value.
pub fn print(duration: Duration) -> String {
    let millis = duration.as_millis() as u64;
    if !millis.is_multiple_of(1000) {
        return format!("{millis}ms");
    }
    let seconds = millis / 1000;
    for (unit, size) in [("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds > 0 && seconds.is_multiple_of(size) {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_puppets_units() {
        assert_eq!(parse("5y"), Ok(Duration::from_secs(157_680_000)));
        assert_eq!(parse("60d"), Ok(Duration::from_secs(5_184_000)));
        assert_eq!(parse("300"), Ok(Duration::from_secs(300)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in ["", "y", "5 weeks", "-1", "1e3", "99999999999999999999y", "18446744073709551615y"] {
            assert_eq!(parse(text), Err(DurationFault(text.to_string())), "{text}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["5y", "60d", "12h", "5m", "30s", "250ms", "0s"] {
            assert_eq!(print(parse(text).unwrap()), text);
        }
    }
}
