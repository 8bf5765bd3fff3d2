//! The `pki` crate: see ARCHITECTURE.md.
