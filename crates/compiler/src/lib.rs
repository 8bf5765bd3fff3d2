//! The Puppet compiler: (syntax tree, [`World`](world::World), node) → catalog and messages.
//!
//! Deterministic: no clock, no network, and every read of a file goes through the world.
//! See ARCHITECTURE.md for where it stands among the other crates.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod environment;
pub mod eval;
pub mod failure;
pub mod format;
pub mod function;
pub mod label;
pub mod regex;
pub mod resource_types;
pub mod types;
pub mod value;
pub mod world;

pub use environment::{Environment, EnvironmentSettings, LoadFailure};
pub use eval::api::Level;
pub use eval::compile::{Authenticated, CompileFailure, Compiled, NodeRequest, Trusted, compile};
pub use eval::log::Log;
pub use world::{Disk, World};
