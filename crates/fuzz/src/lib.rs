//! Hostile input: for everything that reads what strangers (or broken disks) may write, a *target*, a function that
//! takes any octets at all and panics when a promise about them is broken.
//!
//! The same targets run twice. On the stable compiler, as a test, over the corpus and a fixed number of seeded
//! mutations of it ([`Mutator`]: no clock, no randomness, the same inputs every time). And for hours under libFuzzer,
//! which is told by the compiler which branches an input has reached (`fuzz/` at the root of the repository;
//! docs/FUZZING.md).
//!
//! What every target promises of its reader: it ends, it never panics, what it accepts it can write so that it reads
//! back the same. What each promises beyond that stands in its file.
#![forbid(unsafe_code)]

mod corpus;
mod mutator;
mod strict;
pub mod targets;

pub use corpus::corpus;
pub use mutator::Mutator;
pub use targets::{TARGETS, Target};
