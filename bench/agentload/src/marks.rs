//! Moments that somebody else noted (a fault, a cure), related to the answers of a run.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::clock::milliseconds;
use crate::timeline::{Success, Timeline};

/// Something done from outside, between two moments (Unix microseconds): it cannot be seen when exactly it took hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    name: String,
    before: u64,
    after: u64,
}

/// How service went on after a mark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aftermath {
    pub name: String,
    /// From before the mark to the end of the first success of a request that began after it; `None`: there was none.
    pub first_success_ms: Option<f64>,
    /// The longest time without a success between the mark and the next one (or the end).
    pub longest_gap_ms: f64,
    /// The slowest of the successes in that time; it may have begun before.
    pub slowest_ms: Option<f64>,
}

/// Reads marks: lines of `NAME BEFORE AFTER`.
pub fn read(path: &Path) -> anyhow::Result<Vec<Mark>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    text.lines().map(|line| parse(line).with_context(|| format!("not a mark: {line}"))).collect()
}

fn parse(line: &str) -> Option<Mark> {
    let mut words = line.split_whitespace();
    let mark = Mark {
        name: words.next()?.to_owned(),
        before: words.next()?.parse().ok()?,
        after: words.next()?.parse().ok()?,
    };
    (words.next().is_none() && mark.before <= mark.after).then_some(mark)
}

/// What came after each mark. The time counts from before the mark, and only requests that began after it count: what
/// is reported is never too short.
pub fn relate(marks: &[Mark], timeline: &Timeline) -> Vec<Aftermath> {
    let after = |(number, mark): (usize, &Mark)| {
        let end = marks.get(number + 1).map_or(timeline.to, |next| next.before);
        let within =
            timeline.successes.iter().filter(|s| s.ended >= mark.before && s.ended < end.max(mark.before));
        let successes: Vec<Success> = within.copied().collect();
        let slowest = successes.iter().map(|s| s.ended - s.began).max();
        let window = Timeline { from: mark.before, to: end.max(mark.before), successes };
        let ends = timeline.successes.iter().filter(|s| s.began >= mark.after).map(|s| s.ended);
        Aftermath {
            name: mark.name.clone(),
            first_success_ms: ends.min().map(|end| milliseconds(end - mark.before)),
            longest_gap_ms: window.longest_gap().ms,
            slowest_ms: slowest.map(milliseconds),
        }
    };
    marks.iter().enumerate().map(after).collect()
}

/// For a person: a line for each mark.
pub fn text(aftermaths: &[Aftermath]) -> String {
    let line = |aftermath: &Aftermath| match aftermath.first_success_ms {
        Some(ms) => format!("{}: first success after {ms} ms\n", aftermath.name),
        None => format!("{}: no success after it\n", aftermath.name),
    };
    aftermaths.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_began_after_a_mark_count() {
        let success = |began, ended| Success { began, ended };
        // The first was under way when the fault came, the third began later than the second and was quicker.
        let successes = vec![success(900, 1_500), success(1_200, 9_000), success(1_300, 8_000)];
        let timeline = Timeline { from: 0, to: 10_000, successes };
        let marks = [parse("fault 1000 1100").unwrap(), parse("cure 2000 2000").unwrap()];
        let found = relate(&marks, &timeline);
        let fault = Aftermath {
            name: "fault".to_owned(),
            first_success_ms: Some(7.0),
            // From the mark to the end of the one that was under way; the others ended after the next mark.
            longest_gap_ms: 0.5,
            slowest_ms: Some(0.6),
        };
        assert_eq!(found[0], fault);
        assert_eq!(found[1].longest_gap_ms, 6.0);
        assert_eq!(found[1].first_success_ms, None);
    }

    #[test]
    fn what_is_no_mark_is_refused() {
        for line in ["", "fault", "fault 1", "fault 2 1", "fault 1 2 3", "fault a b"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
