//! Rules that may be exchanged while they are asked.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::Rules;

/// The rules in force. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct LiveRules(Arc<ArcSwap<Rules>>);

impl LiveRules {
    /// Beginning with these.
    pub fn new(rules: Rules) -> LiveRules {
        LiveRules(Arc::new(ArcSwap::from_pointee(rules)))
    }

    /// The packaged ones.
    pub fn packaged() -> LiveRules {
        LiveRules::new(Rules::packaged())
    }

    /// The rules now.
    pub fn now(&self) -> Guard<Arc<Rules>> {
        self.0.load()
    }

    /// Other rules from now on; a request that is being looked at is looked at with the old ones.
    pub fn replace(&self, rules: Rules) {
        self.0.store(Arc::new(rules));
    }
}
