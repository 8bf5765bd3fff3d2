//! What went wrong, counted by kind.

use std::collections::BTreeMap;

use serde::Serialize;

/// Failures by what was said. Every answer but 200 is one, and every request without an answer.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<String, u64>);

/// Further kinds are counted together: a run against a broken server must not fill memory with its texts.
const KINDS: usize = 50;

impl Tally {
    pub fn add(&mut self, what: &str) {
        let what = match self.0.len() < KINDS || self.0.contains_key(what) {
            true => what,
            false => "other",
        };
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// For a person: a line each, none when all went well.
    pub fn text(&self) -> String {
        self.0.iter().map(|(what, count)| format!("  {count} x {what}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_kinds_is_bounded_and_nothing_is_lost() {
        let mut tally = Tally::default();
        for n in 0..200 {
            tally.add(&format!("fault {n}"));
            tally.add("fault 0");
        }
        assert_eq!(tally.total(), 400);
        assert_eq!(tally.0.len(), KINDS + 1);
        assert_eq!(tally.0["fault 0"], 201);
    }
}
