//! The evaluator: files are chapters of the language. `api.rs` is what builtin functions may call.

pub mod api;
pub mod closure;
pub mod scope;

use std::marker::PhantomData;

/// Evaluates the manifests of one node into a catalog.
pub struct Evaluator<'w> {
    world: PhantomData<&'w ()>,
}
