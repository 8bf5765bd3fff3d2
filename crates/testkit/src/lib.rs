//! The `testkit` crate: see ARCHITECTURE.md.
