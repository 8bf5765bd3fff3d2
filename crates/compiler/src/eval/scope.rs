//! Scopes: top, node, class, define and lambda scopes, and the variables in them.

/// Names a scope of the running compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeId(pub(crate) u32);
