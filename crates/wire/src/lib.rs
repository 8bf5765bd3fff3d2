//! The `wire` crate: see ARCHITECTURE.md.
