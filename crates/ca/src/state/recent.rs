//! The answers of the latest writes, so that a write that is sent again is answered and not repeated.

use crate::command::Outcome;
use imbl::{HashMap, Vector};
use std::sync::Arc;

/// How many answers are kept. At 500 writes per second this is a minute, twice the time the front end holds a
/// request.
const KEPT: usize = 32_768;
/// Octets of their bodies that are kept: most have none, but a renewal's is its certificate.
const KEPT_OCTETS: usize = 32 * 1024 * 1024;

/// Request id → answer, oldest forgotten first.
#[derive(Clone, Debug, Default)]
pub struct RecentRequests {
    order: Vector<Arc<str>>,
    octets: usize,
    outcomes: HashMap<Arc<str>, Arc<Outcome>>,
}

impl RecentRequests {
    /// The answer that the request `id` got, if it is complete and not long ago.
    pub fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes.get(id).map(|outcome| &**outcome)
    }

    pub(super) fn remember(&mut self, id: String, outcome: Outcome) {
        let id: Arc<str> = id.into();
        self.octets += outcome.body.len();
        match self.outcomes.insert(Arc::clone(&id), Arc::new(outcome)) {
            Some(former) => self.octets -= former.body.len(),
            None => self.order.push_back(id),
        }
        // The latest stays, however long it is.
        while self.order.len() > KEPT || self.octets > KEPT_OCTETS && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            self.octets -= self.outcomes.remove(&oldest).map_or(0, |outcome| outcome.body.len());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Outcome>)> {
        self.order.iter().filter_map(|id| Some((id, self.outcomes.get(id)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_are_forgotten() {
        let outcome = Outcome { status: 200, content_type: String::new(), body: String::new() };
        let mut recent = RecentRequests::default();
        for id in 0..=KEPT {
            recent.remember(id.to_string(), outcome.clone());
        }
        assert_eq!(recent.outcome("0"), None);
        assert_eq!(recent.outcome("1"), Some(&outcome));
        assert_eq!(recent.iter().count(), KEPT);
    }

    #[test]
    fn long_answers_are_forgotten_sooner() {
        let outcome = Outcome { status: 200, content_type: String::new(), body: "x".repeat(KEPT_OCTETS / 4) };
        let mut recent = RecentRequests::default();
        for id in 0..6 {
            recent.remember(id.to_string(), outcome.clone());
            recent.remember(id.to_string(), outcome.clone());
        }
        assert_eq!(recent.iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["2", "3", "4", "5"]);
    }
}
