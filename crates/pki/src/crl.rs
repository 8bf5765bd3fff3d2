//! Certificate revocation lists (RFC 5280 section 5), read and written.

mod draft;
mod index;
mod list;

pub use draft::{
    CrlDraft, CrlSuccessor, assemble, assemble_successor, issue, setup_tbs_der, successor_tbs_der, tbs_der,
};
pub use list::{CrlFault, RevocationList};

#[cfg(test)]
mod tests;
