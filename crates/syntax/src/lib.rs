//! The Puppet language: text → tokens → syntax tree and diagnostics.
//!
//! Pure and total: every text yields a tree, and what is wrong with it is said in diagnostics. See ARCHITECTURE.md.

#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod span;

pub use ast::{EppTemplate, Program};
pub use diagnostic::{Diagnostic, Severity};
pub use span::{FileId, Location, Source, Span};
