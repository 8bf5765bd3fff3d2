//! Versions (semver.org 2.0.0) and ranges of them, as Puppet's `SemVer` and `SemVerRange` understand them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use regex::Regex;

/// A version as semver.org 2.0.0 has it. Build data takes no part in precedence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SemVer {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    pub prerelease: Option<String>,
    pub build: Option<String>,
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r"\A(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)",
        r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?\n?\z"
    ))
});

static PARTIAL: LazyLock<Regex> = LazyLock::new(|| {
    compiled(concat!(
        r"\A(x|X|\*|0|[1-9][0-9]*)(?:\.(x|X|\*|0|[1-9][0-9]*)(?:\.(x|X|\*|0|[1-9][0-9]*)",
        r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?)?)?\z"
    ))
});

static SIMPLE: LazyLock<Regex> = LazyLock::new(|| compiled(r"\A([<>=~^]|<=|>=|~>|~=)?([0-9xX*].*)\z"));
static HYPHEN: LazyLock<Regex> = LazyLock::new(|| compiled(r"\A(\S+)\s+-\s+(\S+)\z"));
static LOOSE_OPERATOR: LazyLock<Regex> = LazyLock::new(|| compiled(r"([><=~^])(?:\s+|\s*v)"));
static ALTERNATIVE: LazyLock<Regex> = LazyLock::new(|| compiled(r"\s*\|\|\s*"));

fn compiled(pattern: &'static str) -> Regex {
    Regex::new(pattern).expect("a constant pattern compiles")
}

impl SemVer {
    /// A version without pre-release and build.
    pub fn stable(major: u64, minor: u64, patch: u64) -> SemVer {
        SemVer { major, minor, patch, prerelease: None, build: None }
    }

    /// Reads `1.2.3-rc.1+build`.
    ///
    /// # Errors
    /// Puppet's text for what isn't a version.
    pub fn parse(text: &str) -> Result<SemVer, String> {
        let unparsable = || format!("Unable to parse '{text}' as a semantic version identifier");
        let groups = VERSION.captures(text).ok_or_else(unparsable)?;
        let number = |i: usize| groups[i].parse::<u64>().map_err(|_| unparsable());
        let prerelease = groups.get(4).map(|found| checked_prerelease(found.as_str())).transpose()?;
        Ok(SemVer {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            prerelease,
            build: groups.get(5).map(|found| found.as_str().to_owned()),
        })
    }

    fn same_release(&self, other: &SemVer) -> bool {
        (self.major, self.minor, self.patch) == (other.major, other.minor, other.patch)
    }

    fn next_patch(&self) -> SemVer {
        SemVer::stable(self.major, self.minor, self.patch + 1)
    }
}

fn checked_prerelease(text: &str) -> Result<String, String> {
    let numeric = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if text.split('.').any(|part| numeric(part) && part.len() > 1 && part.starts_with('0')) {
        return Err("Numeric pre-release identifiers MUST NOT contain leading zeroes".to_owned());
    }
    Ok(text.to_owned())
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if let Some(prerelease) = &self.prerelease {
            write!(f, "-{prerelease}")?;
        }
        if let Some(build) = &self.build {
            write!(f, "+{build}")?;
        }
        Ok(())
    }
}

impl SemVer {
    /// Precedence (semver.org 2.0.0, 11): build data is left out, so this is no `Ord` that fits `Eq`.
    pub fn precedence(&self, other: &SemVer) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(
            || match (&self.prerelease, &other.prerelease) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) => prerelease_precedence(a, b),
            },
        )
    }
}

fn prerelease_precedence(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// One end of an interval: the version and whether it is left out.
type End = Option<(SemVer, bool)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Interval {
    lower: End,
    upper: End,
}

impl Interval {
    const ALL: Interval = Interval { lower: None, upper: None };

    /// The interval without any version.
    fn nothing() -> Interval {
        Interval {
            lower: None,
            upper: Some((SemVer { prerelease: Some(String::new()), ..SemVer::stable(0, 0, 0) }, true)),
        }
    }

    fn from(lower: SemVer, exclusive: bool) -> Interval {
        Interval { lower: Some((lower, exclusive)), upper: None }
    }

    fn to(upper: SemVer, exclusive: bool) -> Interval {
        Interval { lower: None, upper: Some((upper, exclusive)) }
    }

    fn between(lower: SemVer, below: SemVer) -> Interval {
        Interval { lower: Some((lower, false)), upper: Some((below, true)) }
    }

    fn contains(&self, version: &SemVer) -> bool {
        let above = self.lower.as_ref().is_none_or(|(end, exclusive)| match version.precedence(end) {
            Ordering::Greater => true,
            Ordering::Equal => !exclusive,
            Ordering::Less => false,
        });
        above
            && self.upper.as_ref().is_none_or(|(end, exclusive)| match version.precedence(end) {
                Ordering::Less => true,
                Ordering::Equal => !exclusive,
                Ordering::Greater => false,
            })
    }

    /// A pre-release is only in a range that speaks of pre-releases of the same version.
    fn admits_prerelease(&self, version: &SemVer) -> bool {
        if *self == Interval::ALL {
            return true;
        }
        let speaks = |end: &End| {
            end.as_ref().is_some_and(|(end, _)| end.prerelease.is_some() && end.same_release(version))
        };
        speaks(&self.lower) || speaks(&self.upper)
    }

    fn intersection(&self, other: &Interval) -> Option<Interval> {
        let lower = later(&self.lower, &other.lower);
        let upper = earlier(&self.upper, &other.upper);
        if let (Some((low, low_out)), Some((high, high_out))) = (&lower, &upper) {
            match low.precedence(high) {
                Ordering::Greater => return None,
                Ordering::Equal if *low_out || *high_out => return None,
                _ => {}
            }
        }
        Some(Interval { lower, upper })
    }

    fn covers(&self, other: &Interval) -> bool {
        let low = match (&self.lower, &other.lower) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((a, _)), Some((b, _))) => a.precedence(b) != Ordering::Greater,
        };
        low && match (&self.upper, &other.upper) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((a, a_out)), Some((b, b_out))) => match a.precedence(b) {
                Ordering::Greater => true,
                Ordering::Equal => !a_out || *b_out,
                Ordering::Less => false,
            },
        }
    }

    fn merge(&self, other: &Interval) -> Option<Interval> {
        let touches = |end: &End, start: &End| match (end, start) {
            (Some((end, end_out)), Some((start, start_out))) => match end.precedence(start) {
                Ordering::Equal => !(*end_out && *start_out),
                _ => !end_out && !start_out && end.next_patch() == *start,
            },
            _ => false,
        };
        let overlaps = self.intersection(other).is_some();
        if !overlaps && !touches(&self.upper, &other.lower) && !touches(&other.upper, &self.lower) {
            return None;
        }
        Some(Interval {
            lower: if later(&self.lower, &other.lower) == self.lower {
                other.lower.clone()
            } else {
                self.lower.clone()
            },
            upper: if earlier(&self.upper, &other.upper) == self.upper {
                other.upper.clone()
            } else {
                self.upper.clone()
            },
        })
    }
}

fn later(a: &End, b: &End) -> End {
    match (a, b) {
        (None, other) | (other, None) => other.clone(),
        (Some((x, x_out)), Some((y, _))) => match x.precedence(y) {
            Ordering::Greater => a.clone(),
            Ordering::Less => b.clone(),
            Ordering::Equal => {
                if *x_out {
                    a.clone()
                } else {
                    b.clone()
                }
            }
        },
    }
}

fn earlier(a: &End, b: &End) -> End {
    match (a, b) {
        (None, other) | (other, None) => other.clone(),
        (Some((x, x_out)), Some((y, _))) => match x.precedence(y) {
            Ordering::Less => a.clone(),
            Ordering::Greater => b.clone(),
            Ordering::Equal => {
                if *x_out {
                    a.clone()
                } else {
                    b.clone()
                }
            }
        },
    }
}

/// A range of versions. Prints as it was written; equal when the same versions are in it.
#[derive(Clone, Debug)]
pub struct SemVerRange {
    text: String,
    intervals: Vec<Interval>,
}

impl PartialEq for SemVerRange {
    fn eq(&self, other: &SemVerRange) -> bool {
        self.intervals == other.intervals
    }
}

impl Eq for SemVerRange {}

impl Hash for SemVerRange {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.intervals.hash(state);
    }
}

impl fmt::Display for SemVerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SemVerRange {
    /// Reads a range: `1.x`, `>=1.0.0 <2.0.0`, `1.0.0 - 2.0.0`, `~1.2`, `^1.2.3`, alternatives with `||`.
    ///
    /// # Errors
    /// Puppet's text for what isn't a range.
    pub fn parse(text: &str) -> Result<SemVerRange, String> {
        let unparsable = || format!("Unparsable version range: \"{text}\"");
        let tight = LOOSE_OPERATOR.replace_all(text, "$1");
        if tight.is_empty() {
            return Ok(SemVerRange { text: "*".to_owned(), intervals: vec![Interval::ALL] });
        }
        let mut intervals: Vec<Interval> = Vec::new();
        for alternative in ALTERNATIVE.split(&tight) {
            let found = match HYPHEN.captures(alternative) {
                Some(groups) => Interval::from(full_version(&groups[1])?, false)
                    .intersection(&Interval::to(full_version(&groups[2])?, false)),
                None => {
                    let mut all = Some(Interval::ALL);
                    for simple in alternative.split_whitespace() {
                        let groups = SIMPLE.captures(simple).ok_or_else(unparsable)?;
                        let one = simple_interval(groups.get(1).map_or("", |m| m.as_str()), &groups[2])
                            .map_err(|_| unparsable())?;
                        all = all.and_then(|all| all.intersection(&one));
                    }
                    all
                }
            };
            if let Some(found) = found.filter(|found| !intervals.contains(found)) {
                intervals.push(found);
            }
        }
        if intervals.is_empty() {
            intervals.push(Interval::nothing());
        }
        Ok(SemVerRange { text: text.to_owned(), intervals: merged(intervals) })
    }

    /// From `min` to `max`, `None` being without end. (Puppet's text of such a range names the upper end first.)
    pub fn between(min: Option<SemVer>, max: Option<SemVer>, exclude_max: bool) -> SemVerRange {
        let low = min.as_ref().map_or("0.0.0-".to_owned(), SemVer::to_string);
        let high = max.as_ref().map_or("Infinity.0.0".to_owned(), SemVer::to_string);
        let text = if exclude_max { format!(">={high} <{low}") } else { format!("{high} - {low}") };
        let lower = min.map_or(Interval::ALL, |min| Interval::from(min, false));
        let upper = max.map_or(Interval::ALL, |max| Interval::to(max, exclude_max));
        let interval = lower.intersection(&upper).unwrap_or_else(Interval::nothing);
        SemVerRange { text, intervals: vec![interval] }
    }

    /// The range of exactly one version.
    pub fn exactly(version: &SemVer) -> SemVerRange {
        let interval =
            Interval { lower: Some((version.clone(), false)), upper: Some((version.clone(), false)) };
        SemVerRange { text: format!("{version} - {version}"), intervals: vec![interval] }
    }

    /// Whether the version is in the range.
    pub fn contains(&self, version: &SemVer) -> bool {
        self.intervals.iter().any(|interval| {
            interval.contains(version)
                && (version.prerelease.is_none() || interval.admits_prerelease(version))
        })
    }

    /// Both as one range, when each is a single interval and they overlap or touch.
    fn merged_with(&self, other: &SemVerRange) -> Option<SemVerRange> {
        let ([a], [b]) = (self.intervals.as_slice(), other.intervals.as_slice()) else { return None };
        let both = a.merge(b)?;
        let end = |end: &End| end.as_ref().map(|(version, _)| version.clone());
        let exclude = both.upper.as_ref().is_some_and(|(_, exclude)| *exclude);
        Some(SemVerRange {
            intervals: vec![both.clone()],
            ..SemVerRange::between(end(&both.lower), end(&both.upper), exclude)
        })
    }

    /// Whether all versions of `other` are in the range.
    pub fn covers(&self, other: &SemVerRange) -> bool {
        other.intervals.iter().all(|theirs| self.intervals.iter().any(|ours| ours.covers(theirs)))
    }
}

/// Ranges with those that overlap or touch made one.
pub(super) fn merge_all(mut ranges: Vec<SemVerRange>) -> Vec<SemVerRange> {
    let mut result = Vec::new();
    while let Some(mut range) = ranges.pop() {
        let mut apart = Vec::new();
        for other in ranges {
            match range.merged_with(&other) {
                Some(both) => range = both,
                None => apart.push(other),
            }
        }
        result.push(range);
        ranges = apart;
    }
    result.reverse();
    result
}

fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    loop {
        let pair = (0..intervals.len()).find_map(|i| {
            (i + 1..intervals.len()).find_map(|j| intervals[i].merge(&intervals[j]).map(|both| (i, j, both)))
        });
        let Some((i, j, both)) = pair else { return intervals };
        intervals.remove(j);
        intervals[i] = both;
    }
}

struct Partial {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    prerelease: Option<String>,
    build: Option<String>,
}

fn partial(text: &str) -> Result<Partial, String> {
    let unparsable = || format!("Unparsable version range: \"{text}\"");
    let groups = PARTIAL.captures(text).ok_or_else(unparsable)?;
    let digit = |i: usize| groups.get(i).and_then(|found| found.as_str().parse().ok());
    Ok(Partial {
        major: digit(1),
        minor: digit(2),
        patch: digit(3),
        prerelease: groups.get(4).map(|found| checked_prerelease(found.as_str())).transpose()?,
        build: groups.get(5).map(|found| found.as_str().to_owned()),
    })
}

fn full_version(text: &str) -> Result<SemVer, String> {
    let read = partial(text)?;
    Ok(SemVer {
        major: read.major.unwrap_or(0),
        minor: read.minor.unwrap_or(0),
        patch: read.patch.unwrap_or(0),
        prerelease: read.prerelease,
        build: read.build,
    })
}

fn simple_interval(operator: &str, operand: &str) -> Result<Interval, String> {
    let read = partial(operand)?;
    let Some(major) = read.major else {
        return Ok(match operator {
            ">=" => Interval::from(full_version(operand)?, false),
            "<" => Interval::to(full_version(operand)?, true),
            ">" => Interval::nothing(),
            _ => Interval::ALL,
        });
    };
    let whole_major = Interval::between(SemVer::stable(major, 0, 0), SemVer::stable(major + 1, 0, 0));
    let Some(minor) = read.minor else {
        return Ok(match operator {
            ">" => Interval::from(SemVer::stable(major + 1, 0, 0), false),
            ">=" => Interval::from(full_version(operand)?, false),
            "<" => Interval::to(full_version(operand)?, true),
            "<=" => Interval::to(SemVer::stable(major + 1, 0, 0), true),
            _ => whole_major,
        });
    };
    let below_minor = SemVer::stable(major, minor + 1, 0);
    let Some(patch) = read.patch else {
        let low = SemVer::stable(major, minor, 0);
        return Ok(match operator {
            ">" => Interval::from(below_minor, false),
            ">=" => Interval::from(full_version(operand)?, false),
            "<" => Interval::to(full_version(operand)?, true),
            "<=" => Interval::to(below_minor, true),
            "^" if major != 0 => Interval::between(low, SemVer::stable(major + 1, 0, 0)),
            _ => Interval::between(low, below_minor),
        });
    };
    let version = SemVer { major, minor, patch, prerelease: read.prerelease, build: read.build };
    Ok(match operator {
        ">" => Interval::from(version, true),
        ">=" => Interval::from(version, false),
        "<" => Interval::to(version, true),
        "<=" => Interval::to(version, false),
        "^" if major != 0 => Interval::between(version, SemVer::stable(major + 1, 0, 0)),
        "^" | "~" | "~>" | "~=" => Interval::between(version, below_minor),
        _ => Interval { lower: Some((version.clone(), false)), upper: Some((version, false)) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, version: &str) -> bool {
        let range = SemVerRange::parse(range).unwrap();
        range.contains(&SemVer::parse(version).unwrap())
    }

    #[test]
    fn precedence_follows_the_standard() {
        let order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1"];
        for pair in order.windows(2) {
            let (a, b) = (SemVer::parse(pair[0]).unwrap(), SemVer::parse(pair[1]).unwrap());
            assert_eq!(a.precedence(&b), Ordering::Less, "{pair:?}");
        }
        assert!(SemVer::parse("1.0").is_err());
    }

    #[test]
    fn ranges_hold_what_they_say() {
        assert!(holds("1.x", "1.9.9"));
        assert!(!holds("1.x", "2.0.0"));
        assert!(holds(">=1.0.0 <2.0.0", "1.5.0"));
        assert!(holds("1.0.0 - 2.0.0", "2.0.0"));
        assert!(holds("~1.2", "1.2.9"));
        assert!(!holds("~1.2", "1.3.0"));
        assert!(holds("^1.2.3", "1.9.0"));
        assert!(!holds("^0.2.3", "0.3.0"));
        assert!(holds("<1.0.0 || >2.0.0", "2.0.1"));
        assert!(!holds(">=1.0.0", "1.5.0-rc1"));
        assert!(holds(">=1.5.0-alpha", "1.5.0-rc1"));
    }
}
