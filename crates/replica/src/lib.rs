//! The `replica` crate: see ARCHITECTURE.md.
