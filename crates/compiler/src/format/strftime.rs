//! Points in time as text after a format, as Ruby's `Time#strftime` does it.

use super::timespan::SECOND;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A point in time, taken apart in the (proleptic Gregorian) calendar at some offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nanos: u32,
    /// Day of the week, Sunday being 0.
    pub weekday: u32,
    /// Day of the year from 1.
    pub ordinal: u32,
    /// Seconds east of UTC; `None` is UTC itself.
    pub offset: Option<i32>,
}

/// Days since 1970-01-01 of a date.
pub fn days_of(year: i64, month: u32, day: u32) -> i64 {
    // Years from March on, so that the leap day comes last.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let in_era = y.rem_euclid(400);
    let from_march = (i64::from(month) + 9) % 12;
    let in_year = (153 * from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

fn date_of(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let in_era = shifted.rem_euclid(146_097);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = (in_year - (153 * from_march + 2) / 5 + 1) as u32;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u32;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl Civil {
    /// Takes nanoseconds since the epoch apart.
    pub fn at(nanos: i128, offset: Option<i32>) -> Civil {
        let local = nanos + i128::from(offset.unwrap_or(0)) * SECOND;
        let seconds = local.div_euclid(SECOND) as i64;
        let days = seconds.div_euclid(86_400);
        let of_day = seconds.rem_euclid(86_400) as u32;
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanos: local.rem_euclid(SECOND) as u32,
            weekday: (days + 4).rem_euclid(7) as u32,
            ordinal: (days - days_of(year, 1, 1) + 1) as u32,
            offset,
        }
    }

    fn epoch(&self) -> i64 {
        let of_day = i64::from(self.hour * 3600 + self.minute * 60 + self.second);
        days_of(self.year, self.month, self.day) * 86_400 + of_day - i64::from(self.offset.unwrap_or(0))
    }

    /// Year and week of ISO 8601.
    fn iso_week(&self) -> (i64, u32) {
        let from_monday = (self.weekday + 6) % 7;
        let week = (i64::from(self.ordinal) - i64::from(from_monday) + 9) / 7;
        let weeks = |year: i64| {
            let first = (days_of(year, 1, 1) + 4).rem_euclid(7);
            let leap = days_of(year + 1, 1, 1) - days_of(year, 1, 1) == 366;
            if first == 4 || (leap && first == 3) { 53 } else { 52 }
        };
        if week < 1 {
            (self.year - 1, weeks(self.year - 1))
        } else if week > i64::from(weeks(self.year)) {
            (self.year + 1, 1)
        } else {
            (self.year, week as u32)
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    no_pad: bool,
    pad: Option<char>,
    upper: bool,
    swap: bool,
    colons: usize,
    width: Option<usize>,
}

/// The time in the format; what is no directive stays as it is.
pub fn strftime(time: &Civil, format: &str) -> String {
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '%' {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        let mut flags = Flags::default();
        while let Some(c) = chars.get(at) {
            match c {
                '-' => flags.no_pad = true,
                '_' => flags.pad = Some(' '),
                '^' => flags.upper = true,
                '#' => flags.swap = true,
                ':' => flags.colons += 1,
                '0' if flags.width.is_none() => flags.pad = Some('0'),
                '0'..='9' => {
                    let digit = *c as usize - '0' as usize;
                    flags.width = Some((flags.width.unwrap_or(0) * 10 + digit).min(1024));
                }
                'E' | 'O' if chars.get(at + 1).is_some() => {}
                _ => break,
            }
            at += 1;
        }
        let text = chars.get(at).and_then(|directive| one(time, *directive, flags));
        match text {
            Some(text) => out.push_str(&text),
            None => out.extend(&chars[start..(at + 1).min(chars.len())]),
        }
        at += 1;
    }
    out
}

fn one(time: &Civil, directive: char, flags: Flags) -> Option<String> {
    let number = |n: i64, width: usize, pad: char| Some(padded(n, width, pad, flags));
    let words = |text: &str| Some(cased(text, flags));
    let hour12 = i64::from((time.hour + 11) % 12 + 1);
    let nested = |format: &str| Some(cased(&strftime(time, format), flags));
    match directive {
        'Y' => number(time.year, if time.year < 0 { 5 } else { 4 }, '0'),
        'C' => number(time.year.div_euclid(100), 2, '0'),
        'y' => number(time.year.rem_euclid(100), 2, '0'),
        'm' => number(time.month.into(), 2, '0'),
        'B' => words(MONTHS[time.month as usize - 1]),
        'b' | 'h' => words(&MONTHS[time.month as usize - 1][..3]),
        'd' => number(time.day.into(), 2, '0'),
        'e' => number(time.day.into(), 2, ' '),
        'j' => number(time.ordinal.into(), 3, '0'),
        'H' => number(time.hour.into(), 2, '0'),
        'k' => number(time.hour.into(), 2, ' '),
        'I' => number(hour12, 2, '0'),
        'l' => number(hour12, 2, ' '),
        'P' => Some(cased(if time.hour < 12 { "am" } else { "pm" }, flags)),
        'p' => {
            let text = if time.hour < 12 { "AM" } else { "PM" };
            Some(if flags.swap {
                cased(&text.to_lowercase(), Flags { swap: false, ..flags })
            } else {
                cased(text, flags)
            })
        }
        'M' => number(time.minute.into(), 2, '0'),
        'S' => number(time.second.into(), 2, '0'),
        'L' => Some(fraction(time.nanos, flags.width.unwrap_or(3))),
        'N' => Some(fraction(time.nanos, flags.width.unwrap_or(9))),
        'z' => Some(zone(time.offset.unwrap_or(0), flags)),
        // Ruby has a name for UTC only; other offsets are nameless.
        'Z' => Some(if time.offset.is_none() { cased("UTC", flags) } else { String::new() }),
        'A' => words(DAYS[time.weekday as usize]),
        'a' => words(&DAYS[time.weekday as usize][..3]),
        'u' => number(if time.weekday == 0 { 7 } else { time.weekday.into() }, 1, '0'),
        'w' => number(time.weekday.into(), 1, '0'),
        'G' => number(time.iso_week().0, 4, '0'),
        'g' => number(time.iso_week().0.rem_euclid(100), 2, '0'),
        'V' => number(time.iso_week().1.into(), 2, '0'),
        'U' => number(i64::from((time.ordinal + 6 - time.weekday) / 7), 2, '0'),
        'W' => number(i64::from((time.ordinal + 6 - (time.weekday + 6) % 7) / 7), 2, '0'),
        's' => number(time.epoch(), 1, '0'),
        'n' => Some("\n".to_owned()),
        't' => Some("\t".to_owned()),
        '%' => Some("%".to_owned()),
        'c' => nested("%a %b %e %H:%M:%S %Y"),
        'D' | 'x' => nested("%m/%d/%y"),
        'F' => nested("%Y-%m-%d"),
        'v' => nested("%e-%^b-%Y"),
        'r' => nested("%I:%M:%S %p"),
        'R' => nested("%H:%M"),
        'T' | 'X' => nested("%H:%M:%S"),
        '+' => nested("%a %b %e %H:%M:%S %Z %Y"),
        _ => None,
    }
}

fn padded(n: i64, width: usize, pad: char, flags: Flags) -> String {
    if flags.no_pad {
        return n.to_string();
    }
    let width = flags.width.unwrap_or(width);
    match flags.pad.unwrap_or(pad) {
        ' ' => format!("{n:>width$}"),
        _ => format!("{n:0width$}"),
    }
}

fn cased(text: &str, flags: Flags) -> String {
    let text = if flags.upper || flags.swap { text.to_uppercase() } else { text.to_owned() };
    let width = flags.width.unwrap_or(0);
    match flags.pad {
        Some('0') => format!("{text:0>width$}"),
        _ => format!("{text:>width$}"),
    }
}

fn fraction(nanos: u32, digits: usize) -> String {
    let text = format!("{nanos:09}");
    if digits <= 9 { text[..digits].to_owned() } else { format!("{text:0<digits$}") }
}

fn zone(offset: i32, flags: Flags) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes, seconds) = (offset.abs() / 3600, offset.abs() / 60 % 60, offset.abs() % 60);
    match flags.colons {
        0 => format!("{sign}{hours:02}{minutes:02}"),
        1 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// Month (from 1) whose English name, or its first three letters, the text starts with; and how much that takes.
pub(super) fn month_at(text: &str) -> Option<(u32, usize)> {
    name_at(text, &MONTHS).map(|(i, len)| (i + 1, len))
}

/// Like [`month_at`] for days of the week (Sunday is 0).
pub(super) fn weekday_at(text: &str) -> Option<(u32, usize)> {
    name_at(text, &DAYS)
}

fn name_at(text: &str, names: &[&str]) -> Option<(u32, usize)> {
    let lower = text.to_ascii_lowercase();
    names.iter().enumerate().find_map(|(i, name)| {
        let name = name.to_ascii_lowercase();
        let len = if lower.starts_with(&name) { name.len() } else { 3 };
        lower.starts_with(&name[..3]).then_some((i as u32, len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        let time = Civil::at(1_451_606_400 * SECOND + 5_000_000, None);
        assert_eq!(strftime(&time, "%FT%T.%N %Z"), "2016-01-01T00:00:00.005000000 UTC");
        assert_eq!(strftime(&time, "%a %^b %-d %j %V %G %s %L %%"), "Fri JAN 1 001 53 2015 1451606400 005 %");
        let east = Civil::at(1_451_606_400 * SECOND, Some(5400));
        assert_eq!(strftime(&east, "%H:%M %z %:z|%Z|"), "01:30 +0130 +01:30||");
    }
}
