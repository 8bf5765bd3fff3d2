//! Lambdas as functions receive them.

use crate::eval::scope::ScopeId;

/// A lambda together with the scope it was written in.
#[derive(Debug)]
pub struct Closure {
    /// Scope in which the lambda was written; its own variables get a new scope inside this one.
    pub(crate) scope: ScopeId,
    /// Parameters without a default, up to a splat (`*$rest`).
    required: usize,
    /// Most arguments that can be given; `None` with a splat.
    limit: Option<usize>,
}

impl Closure {
    /// How many arguments must be given at least.
    pub fn required_count(&self) -> usize {
        self.required
    }

    /// How many arguments can be given at most; `None` when any number can.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// How many parameters are declared, a splat counting as one: `each` on a hash gives one pair to a
    /// lambda of one parameter and key, value to one of two.
    pub fn parameter_count(&self) -> usize {
        self.limit.unwrap_or(self.required + 1)
    }

    /// Whether the last parameter is a splat.
    pub fn takes_rest(&self) -> bool {
        self.limit.is_none()
    }
}
