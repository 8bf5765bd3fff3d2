//! Spans of time: their formats (`%D-%H:%M:%S.%-N`), printing and reading.

use std::sync::LazyLock;

use crate::format::number::leading_integer;
use crate::value::{Key, Value};

/// Nanoseconds of a second.
pub const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// Formats that are tried in this order when none is given.
const DEFAULTS: [&str; 8] =
    ["%D-%H:%M:%S.%-N", "%H:%M:%S.%-N", "%M:%S.%-N", "%S.%-N", "%D-%H:%M:%S", "%H:%M:%S", "%D-%H:%M", "%S"];

static DEFAULT_FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    DEFAULTS.iter().map(|text| Format::parse(text).expect("a constant format parses")).collect()
});

/// `D-HH:MM:SS.N`, as spans print.
pub fn display(span: i128) -> String {
    DEFAULT_FORMATS[0].write(span)
}

/// The span in the given format.
///
/// # Errors
/// `Bad format specifier …`.
pub fn format(span: i128, format: &str) -> Result<String, String> {
    Ok(Format::parse(format)?.write(span))
}

/// Reads a span in the first of the formats that fits; without formats, in one of the default ones.
///
/// # Errors
/// `Unable to parse …`.
pub fn parse(text: &str, formats: &[&str], listed: bool) -> Result<i128, String> {
    if formats.is_empty() {
        return DEFAULT_FORMATS.iter().find_map(|format| format.read(text).ok()).ok_or_else(|| {
            format!("Unable to parse '{text}' using any of the formats {}", DEFAULTS.join(", "))
        });
    }
    if let ([format], false) = (formats, listed) {
        return Format::parse(format)?.read(text);
    }
    for format in formats {
        if let Ok(span) = Format::parse(format)?.read(text) {
            return Ok(span);
        }
    }
    Err(format!("Unable to parse '{text}' using any of the formats {}", formats.join(", ")))
}

/// A limit of a `Timespan` type: text, seconds, a hash of fields, or `default`.
///
/// # Errors
/// Puppet's text for what is no span.
pub fn bound(value: &Value) -> Result<Option<i128>, String> {
    Ok(match value {
        Value::Timespan(span) => Some(*span),
        Value::Undef | Value::Default => None,
        Value::String(text) => Some(parse(text, &[], false)?),
        Value::Int(seconds) => Some(i128::from(*seconds) * SECOND),
        Value::Float(seconds) => Some((seconds * SECOND as f64) as i128),
        Value::Hash(_) => Some(from_fields(value)),
        other => {
            let class = crate::types::ruby_class(other);
            return Err(format!("Unable to create a Puppet::Pops::Time::Timespan from a {class}"));
        }
    })
}

/// From `{days => 1, hours => 2, …, negative => true}`.
pub fn from_fields(fields: &Value) -> i128 {
    let field = |name: &str| match fields.as_hash().and_then(|hash| hash.get(&Key(name))) {
        Some(Value::Int(n)) => i128::from(*n),
        _ => 0,
    };
    let negative = fields.as_hash().and_then(|hash| hash.get(&Key("negative"))) == Some(&Value::Bool(true));
    let hours = field("days") * 24 + field("hours");
    let seconds = (hours * 60 + field("minutes")) * 60 + field("seconds");
    let micros = (seconds * 1000 + field("milliseconds")) * 1000 + field("microseconds");
    let nanos = micros * 1000 + field("nanoseconds");
    if negative { -nanos } else { nanos }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Nano,
    Milli,
    Second,
    Minute,
    Hour,
    Day,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    Field { unit: Unit, pad: Option<char>, width: Option<usize>, total: bool },
}

#[derive(Debug)]
struct Format {
    text: String,
    segments: Vec<Segment>,
}

impl Format {
    fn parse(text: &str) -> Result<Format, String> {
        let chars: Vec<char> = text.chars().collect();
        let mut segments: Vec<Segment> = Vec::new();
        let mut highest: Option<Unit> = None;
        let mut at = 0;
        let literal = |segments: &mut Vec<Segment>, c: char| match segments.last_mut() {
            Some(Segment::Literal(text)) => text.push(c),
            _ => segments.push(Segment::Literal(c.to_string())),
        };
        while at < chars.len() {
            let start = at;
            at += 1;
            if chars[start] != '%' {
                literal(&mut segments, chars[start]);
                continue;
            }
            let (mut pad, mut width, mut padded) = (Some('0'), None::<usize>, false);
            loop {
                let bad = || {
                    let end = at.min(chars.len());
                    let position = if at < chars.len() { at } else { chars.len() - 1 };
                    let part: String = chars[start..position.max(start).min(end)].iter().collect();
                    format!("Bad format specifier '{part}' in '{text}', at position {position}")
                };
                let Some(c) = chars.get(at).copied() else { return Err(bad()) };
                let unit = match c {
                    '%' => {
                        at += 1;
                        literal(&mut segments, '%');
                        break;
                    }
                    '-' | '_' if !padded => {
                        pad = (c == '_').then_some(' ');
                        padded = true;
                        at += 1;
                        continue;
                    }
                    '0' if !padded => {
                        padded = true;
                        at += 1;
                        continue;
                    }
                    '0'..='9' => {
                        let digit = c as usize - '0' as usize;
                        width = Some(width.map_or(digit, |width| width * 10 + digit));
                        padded = true;
                        at += 1;
                        continue;
                    }
                    'D' => Unit::Day,
                    'H' => Unit::Hour,
                    'M' => Unit::Minute,
                    'S' => Unit::Second,
                    'L' => Unit::Milli,
                    'N' => Unit::Nano,
                    _ => return Err(bad()),
                };
                at += 1;
                highest = highest.max(Some(unit));
                segments.push(Segment::Field { unit, pad, width, total: false });
                break;
            }
        }
        // The first field of the highest unit shows all of the span, not just its share.
        for segment in &mut segments {
            if let Segment::Field { unit, total, .. } = segment
                && Some(*unit) == highest
            {
                *total = true;
                break;
            }
        }
        Ok(Format { text: text.to_owned(), segments })
    }

    fn write(&self, span: i128) -> String {
        let mut text = if span < 0 { "-".to_owned() } else { String::new() };
        let nanos = span.abs();
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Field { unit, pad, width, total } => {
                    text.push_str(&field(nanos, *unit, *pad, *width, *total));
                }
            }
        }
        text
    }

    fn read(&self, text: &str) -> Result<i128, String> {
        let unable = || format!("Unable to parse '{text}' using format '{}'", self.text);
        let pattern: String = self.segments.iter().map(Segment::pattern).collect();
        let pattern = regex::Regex::new(&format!(r"\A-?{pattern}\z")).map_err(|_| unable())?;
        let groups = pattern.captures(text).ok_or_else(unable)?;
        let mut nanos = 0;
        for (i, segment) in self.segments.iter().enumerate() {
            let Segment::Field { unit, total, .. } = segment else { continue };
            let digits = groups.get(i + 1).map_or("", |group| group.as_str()).trim_start();
            if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
                return Err(unable());
            }
            let n = i128::from(leading_integer(digits));
            nanos += match unit {
                Unit::Day => n * DAY,
                Unit::Hour => n * HOUR,
                Unit::Minute => n * MINUTE,
                Unit::Second => n * SECOND,
                Unit::Milli | Unit::Nano if *total => {
                    return Err(
                        "Format specifiers %L and %N denotes fractions and must be used together with a \
                                specifier of higher magnitude"
                            .to_owned(),
                    );
                }
                Unit::Milli | Unit::Nano => n * 10i128.pow(9u32.saturating_sub(digits.len() as u32)),
            };
        }
        Ok(if text.starts_with('-') { -nanos } else { nanos })
    }
}

impl Segment {
    fn pattern(&self) -> String {
        match self {
            Segment::Literal(text) => format!("({})", regex::escape(text)),
            Segment::Field { unit, pad, width, total } => match (width, pad) {
                (None, Some(' ')) if *total => r"\s*([0-9]+)".to_owned(),
                (None, _) if *total => "([0-9]+)".to_owned(),
                (None, Some(' ')) => format!("([0-9\\s]{{1,{}}})", unit.digits()),
                (None, _) => format!("([0-9]{{1,{}}})", unit.digits()),
                (Some(width), None) => format!("([0-9]{{1,{width}}})"),
                (Some(width), Some('0')) => format!("([0-9]{{{width}}})"),
                (Some(width), Some(_)) => format!("([0-9\\s]{{{width}}})"),
            },
        }
    }
}

impl Unit {
    fn digits(self) -> usize {
        match self {
            Unit::Day => 1,
            Unit::Hour | Unit::Minute | Unit::Second => 2,
            Unit::Milli => 3,
            Unit::Nano => 9,
        }
    }
}

fn field(nanos: i128, unit: Unit, pad: Option<char>, width: Option<usize>, total: bool) -> String {
    let digits = width.unwrap_or(unit.digits());
    let share = |unit: i128, whole: i128| if total { nanos / unit } else { nanos / unit % whole };
    let n = match unit {
        Unit::Day => nanos / DAY,
        Unit::Hour => share(HOUR, 24),
        Unit::Minute => share(MINUTE, 60),
        Unit::Second => share(SECOND, 60),
        Unit::Milli => share(1_000_000, 1000),
        Unit::Nano if digits < 9 => share(10i128.pow(9 - digits as u32), 10i128.pow(digits as u32)),
        Unit::Nano => share(1, SECOND),
    };
    if matches!(unit, Unit::Milli | Unit::Nano) {
        // Fractions: padded on the right, and trailing zeros are dropped unless zeros pad.
        let mut text = n.to_string();
        if !total && pad != Some('0') {
            let kept = text.trim_end_matches('0');
            text = if kept.is_empty() { "0".to_owned() } else { kept.to_owned() };
        }
        return if pad.is_some() { format!("{text:<digits$}") } else { text };
    }
    match pad {
        None => n.to_string(),
        Some(' ') => format!("{n:>digits$}"),
        Some(_) => format!("{n:0>digits$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads() {
        assert_eq!(display(DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 500_000_000), "1-02:03:04.5");
        assert_eq!(display(-SECOND), "-0-00:00:01.0");
        assert_eq!(
            parse("1-02:03:04.5", &[], false),
            Ok(DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 500_000_000)
        );
        assert_eq!(parse("10:00:00", &[], false), Ok(10 * HOUR));
        assert_eq!(format(90 * MINUTE, "%M m"), Ok("90 m".to_owned()));
        assert!(format(0, "%Q").is_err());
    }
}
