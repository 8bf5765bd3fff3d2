//! The `ca` crate: see ARCHITECTURE.md.
