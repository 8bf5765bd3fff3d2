//! The `syntax` crate: see ARCHITECTURE.md.
