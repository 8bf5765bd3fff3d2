//! What may still be done with a CA request after an attempt: the rule that keeps a write from happening twice.
//!
//! A write carries an id, and the CA's log keeps the id of each write it carried out, with its outcome. That makes it
//! safe to ask a *later* primary again: it has the whole log, and knows. It does not make it safe to ask the same
//! primary in the same epoch again, where the first copy may still be on its way. So nothing that was written is sent
//! twice within an epoch.

use crate::hold::Target;
use crate::route::CaAccess;

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No byte of it left, or the member said that it did nothing (421).
    NotDone,
    /// It was written and no answer came; also when we stopped waiting because another member became active.
    Unknown,
}

/// What is known of one CA request over all its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    access: CaAccess,
    /// The latest epoch in which a write may have been carried out unseen.
    since_epoch: Option<u64>,
}

impl Doubt {
    /// Of a request that has not been tried.
    pub fn none(access: CaAccess) -> Self {
        Self { access, since_epoch: None }
    }

    /// Takes in how an attempt on `target` ended.
    pub fn after(&mut self, target: &Target, outcome: Outcome) {
        if self.access == CaAccess::Write && outcome == Outcome::Unknown {
            self.since_epoch = self.since_epoch.max(Some(target.epoch));
        }
    }

    /// Whether the request may be sent to `target`.
    pub fn permits(&self, target: &Target) -> bool {
        self.since_epoch.is_none_or(|epoch| target.epoch > epoch)
    }

    /// Whether the request may have been carried out without our knowing.
    pub fn any(&self) -> bool {
        self.since_epoch.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(epoch: u64) -> Target {
        Target { member: 0, epoch, through: Vec::new() }
    }

    #[test]
    fn a_write_without_an_answer_waits_for_a_later_epoch() {
        let mut doubt = Doubt::none(CaAccess::Write);
        doubt.after(&target(3), Outcome::NotDone);
        assert!(doubt.permits(&target(3)) && !doubt.any());
        doubt.after(&target(3), Outcome::Unknown);
        assert!(!doubt.permits(&target(3)) && doubt.any());
        assert!(doubt.permits(&target(4)));
        doubt.after(&target(4), Outcome::NotDone);
        assert!(doubt.permits(&target(4)) && doubt.any(), "the doubt of epoch 3 is not cleared by a refusal");
    }

    #[test]
    fn a_read_may_go_anywhere_at_any_time() {
        let mut doubt = Doubt::none(CaAccess::Read);
        doubt.after(&target(3), Outcome::Unknown);
        assert!(doubt.permits(&target(3)) && !doubt.any());
    }

    proptest! {
        #[test]
        fn no_epoch_sees_a_write_twice(attempts in prop::collection::vec((1u64..6, any::<bool>()), 0..20)) {
            let mut doubt = Doubt::none(CaAccess::Write);
            let mut written = std::collections::BTreeSet::new();
            for (epoch, answered) in attempts {
                if !doubt.permits(&target(epoch)) {
                    continue;
                }
                let outcome = if answered { Outcome::NotDone } else { Outcome::Unknown };
                if outcome == Outcome::Unknown {
                    prop_assert!(written.insert(epoch), "epoch {} was written to twice", epoch);
                }
                doubt.after(&target(epoch), outcome);
            }
        }
    }
}
