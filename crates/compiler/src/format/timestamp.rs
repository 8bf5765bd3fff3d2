//! Points in time: printing, and reading text after formats (Ruby's `DateTime._strptime`, the part in use).

use super::strftime::{Civil, days_of, month_at, strftime, weekday_at};
use super::timespan::SECOND;
use crate::value::Value;

/// Formats that are tried in this order; the first five also read a zone.
const FORMATS: [&str; 10] = [
    "%FT%T.%N %Z",
    "%FT%T %Z",
    "%F %T.%N %Z",
    "%F %T %Z",
    "%F %Z",
    "%FT%T.%N",
    "%FT%T",
    "%F %T.%N",
    "%F %T",
    "%F",
];

/// `YYYY-MM-DDTHH:MM:SS.NNNNNNNNN UTC`, as timestamps print.
pub fn display(at: i128) -> String {
    strftime(&Civil::at(at, None), FORMATS[0])
}

/// In a format, at a zone if one is given.
///
/// # Errors
/// `Illegal timezone …`.
pub fn format(at: i128, format: &str, zone: Option<&str>) -> Result<String, String> {
    let offset = match zone.filter(|zone| !zone.is_empty()) {
        Some(zone) => Some(offset_of(zone)?),
        None => None,
    };
    Ok(strftime(&Civil::at(at, offset), format))
}

/// A limit of a `Timestamp` type.
///
/// # Errors
/// Puppet's text for what is no point in time.
pub fn bound(value: &Value) -> Result<Option<i128>, String> {
    Ok(match value {
        Value::Timestamp(at) => Some(*at),
        Value::Undef | Value::Default => None,
        Value::String(text) => Some(parse(text, &[], false, None)?),
        Value::Int(seconds) => Some(i128::from(*seconds) * SECOND),
        Value::Float(seconds) => Some((seconds * SECOND as f64) as i128),
        other => {
            let class = crate::types::ruby_class(other);
            return Err(format!("Unable to create a Puppet::Pops::Time::Timestamp from a {class}"));
        }
    })
}

/// Reads a point in time in the first of the formats that fits; without formats, in one of the default ones.
/// Without a zone in text or argument it is UTC.
///
/// # Errors
/// `Unable to parse …`, `Illegal timezone …`.
pub fn parse(text: &str, formats: &[&str], listed: bool, zone: Option<&str>) -> Result<i128, String> {
    let zone = zone.filter(|zone| !zone.is_empty());
    if let ([format], false) = (formats, listed) {
        let read = strptime(text, format)
            .ok_or_else(|| format!("Unable to parse '{text}' using format '{format}'"))?;
        if zone.is_some() && read.zone.is_some() {
            return Err(
                "Using a Timezone designator in format specification is mutually exclusive to providing an \
                        explicit timezone argument"
                    .to_owned(),
            );
        }
        return read.at(zone);
    }
    let formats = match (formats.is_empty(), zone) {
        (true, None) => &FORMATS[..],
        (true, Some(_)) => &FORMATS[5..],
        (false, _) => formats,
    };
    for format in formats {
        if let Some(read) = strptime(text, format).filter(|read| zone.is_none() || read.zone.is_none()) {
            return read.at(zone);
        }
    }
    Err(format!("Unable to parse '{text}' using any of the formats {}", formats.join(", ")))
}

/// Seconds east of UTC of a zone: `+01:00`, `-0130`, or one of the names that say their offset.
fn offset_of(zone: &str) -> Result<i32, String> {
    let illegal = || format!("Illegal timezone '{zone}'");
    if zone.eq_ignore_ascii_case("current") {
        // The server's own zone plays no part in a deterministic compilation.
        return Err("The timezone 'current' is not supported by Bunraku yet".to_owned());
    }
    zone_at(zone).filter(|(_, len)| *len == zone.len()).and_then(|(offset, _)| offset).ok_or_else(illegal)
}

/// The zone that the text starts with: its offset if known, and how much it takes.
fn zone_at(text: &str) -> Option<(Option<i32>, usize)> {
    let bytes = text.as_bytes();
    if let Some(sign @ (b'+' | b'-')) = bytes.first() {
        let digit = |i: usize| bytes.get(i).filter(|b| b.is_ascii_digit()).map(|b| i32::from(b - b'0'));
        let hours = digit(1)? * 10 + digit(2)?;
        let start = if bytes.get(3) == Some(&b':') { 4 } else { 3 };
        let (minutes, len) = match (digit(start), digit(start + 1)) {
            (Some(tens), Some(ones)) => (tens * 10 + ones, start + 2),
            _ => (0, 3),
        };
        let offset = hours * 3600 + minutes * 60;
        return Some((Some(if *sign == b'-' { -offset } else { offset }), len));
    }
    let len = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let hours = match text[..len].to_ascii_uppercase().as_str() {
        "" => return None,
        "UTC" | "GMT" | "Z" | "UT" | "WET" => 0,
        "CET" | "BST" | "MET" => 1,
        "EET" | "CEST" | "MEST" | "SAST" => 2,
        "MSK" | "EEST" | "EAT" => 3,
        "JST" => 9,
        "EST" | "CDT" => -5,
        "EDT" => -4,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return Some((None, len)),
    };
    Some((Some(hours * 3600), len))
}

#[derive(Default)]
struct Read {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
    minute: Option<u32>,
    second: Option<u32>,
    nanos: u32,
    afternoon: Option<bool>,
    zone: Option<Option<i32>>,
}

impl Read {
    fn at(&self, zone: Option<&str>) -> Result<i128, String> {
        let offset = match (zone, self.zone) {
            (Some(zone), _) => offset_of(zone)?,
            (None, Some(Some(offset))) => offset,
            (None, Some(None)) => return Err("Illegal timezone".to_owned()),
            (None, None) => 0,
        };
        // Seconds since the epoch are read, but Puppet makes no time of them.
        let Some(year) = self.year else {
            return Err("no implicit conversion of nil into Integer".to_owned());
        };
        let hour = match (self.hour.unwrap_or(0), self.afternoon) {
            (hour, Some(true)) => hour % 12 + 12,
            (hour, Some(false)) => hour % 12,
            (hour, None) => hour,
        };
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let of_day = i64::from(hour * 3600 + minute * 60 + second);
        let seconds = days_of(year, month, day) * 86_400 + of_day - i64::from(offset);
        Ok(i128::from(seconds) * SECOND + i128::from(self.nanos))
    }
}

/// Reads the whole text after a format.
fn strptime(text: &str, format: &str) -> Option<Read> {
    let mut read = Read::default();
    let rest = read_format(text, format, &mut read)?;
    let within =
        |field: Option<u32>, least: u32, most: u32| field.is_none_or(|n| (least..=most).contains(&n));
    let valid = within(read.month, 1, 12)
        && within(read.day, 1, 31)
        && within(read.hour, 0, 24)
        && within(read.minute, 0, 59)
        && within(read.second, 0, 60);
    (rest.is_empty() && valid).then_some(read)
}

fn read_format<'t>(text: &'t str, format: &str, read: &mut Read) -> Option<&'t str> {
    let mut rest = text;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if c != '%' {
            rest = rest.strip_prefix(c)?;
            continue;
        }
        while matches!(chars.peek(), Some('-' | '_' | '^' | '#' | ':' | '0')) {
            chars.next();
        }
        let directive = chars.next()?;
        rest = read_one(rest, directive, read)?;
    }
    Some(rest)
}

fn digits(text: &str, most: usize) -> Option<(i64, &str)> {
    let len = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    Some((text[..len].parse().ok()?, &text[len..]))
}

fn read_one<'t>(text: &'t str, directive: char, read: &mut Read) -> Option<&'t str> {
    let small = |most: usize| digits(text.trim_start(), most).map(|(n, rest)| (n as u32, rest));
    Some(match directive {
        'Y' => {
            let (negative, unsigned) = match text.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix('+').unwrap_or(text)),
            };
            let (year, rest) = digits(unsigned, 4)?;
            read.year = Some(if negative { -year } else { year });
            rest
        }
        'y' => {
            let (year, rest) = digits(text, 2)?;
            read.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            rest
        }
        'm' => put(&mut read.month, small(2)?),
        'd' | 'e' => put(&mut read.day, small(2)?),
        'H' | 'k' | 'I' | 'l' => put(&mut read.hour, small(2)?),
        'M' => put(&mut read.minute, small(2)?),
        'S' => put(&mut read.second, small(2)?),
        'B' | 'b' | 'h' => {
            let (month, len) = month_at(text)?;
            read.month = Some(month);
            &text[len..]
        }
        'A' | 'a' => {
            let (_, len) = weekday_at(text)?;
            &text[len..]
        }
        'p' | 'P' => {
            let half = text.get(..2)?.to_ascii_lowercase();
            read.afternoon = Some(match half.as_str() {
                "am" => false,
                "pm" => true,
                _ => return None,
            });
            &text[2..]
        }
        'N' | 'L' => {
            let len = text.bytes().take_while(u8::is_ascii_digit).count();
            let kept = &text[..len.min(9)];
            let n: u32 = kept.parse().ok()?;
            read.nanos = n * 10u32.pow(9 - kept.len() as u32);
            &text[len..]
        }
        's' => {
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            digits(unsigned, 18)?.1
        }
        'z' | 'Z' => {
            let (offset, len) = zone_at(text)?;
            read.zone = Some(offset);
            &text[len..]
        }
        'F' => read_format(text, "%Y-%m-%d", read)?,
        'T' | 'X' => read_format(text, "%H:%M:%S", read)?,
        'R' => read_format(text, "%H:%M", read)?,
        'D' | 'x' => read_format(text, "%m/%d/%y", read)?,
        'r' => read_format(text, "%I:%M:%S %p", read)?,
        'n' | 't' => text.trim_start(),
        '%' => text.strip_prefix('%')?,
        _ => return None,
    })
}

fn put<'t>(field: &mut Option<u32>, found: (u32, &'t str)) -> &'t str {
    *field = Some(found.0);
    found.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_default_formats() {
        let at = 1_451_606_400 * SECOND;
        assert_eq!(parse("2016-01-01", &[], false, None), Ok(at));
        assert_eq!(parse("2016-01-01T00:00:00.5", &[], false, None), Ok(at + SECOND / 2));
        assert_eq!(parse("2016-01-01 01:00:00 CET", &[], false, None), Ok(at));
        assert_eq!(parse("2016-01-01 01:00:00", &[], false, Some("+01:00")), Ok(at));
        assert_eq!(
            parse("nope", &["%F"], false, None).unwrap_err(),
            "Unable to parse 'nope' using format '%F'"
        );
        assert_eq!(display(at), "2016-01-01T00:00:00.000000000 UTC");
    }
}
