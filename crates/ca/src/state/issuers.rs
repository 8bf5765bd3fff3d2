//! Changes of the CA's own certificates.

use super::{DirectoryEffect, State};
use pki::{Certificate, SignatureAlgorithm};

impl State {
    /// The CA's certificate, and what stands above it, are others from now on.
    pub(super) fn replace_authority(
        &mut self,
        issuer_der: &[u8],
        bundle_pem: &str,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        // Whoever wrote the command had it read already: a fault means a foreign log, and changes nothing.
        let Ok(issuer) = Certificate::from_der(issuer_der) else { return };
        self.algorithm = SignatureAlgorithm::for_public_key(issuer.spki_der()).ok();
        self.issuer = issuer;
        self.bundle_pem = bundle_pem.into();
        effects.push(DirectoryEffect::WriteBundle { pem: self.bundle_pem.clone() });
    }
}
