//! The `gateway` crate: see ARCHITECTURE.md.
