//! The CA's own certificates: when they have changed (a renewal, a second key), they are trusted here at once, and the
//! deployment's copy (`ssl/certs/ca.pem`) follows, for whoever reads it next.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wire::tls::TrustBundle;

use super::RevocationKeeper;
use super::confirm::write_atomically;
use crate::hold::Target;

/// What is fetched.
const PATH: &str = "/puppet-ca/v1/certificate/ca";
/// Time between two looks.
const LOOK: Duration = Duration::from_secs(10);

impl RevocationKeeper {
    /// Trusts the active CA's certificates as they are now. False when that member is not active any more.
    pub(super) async fn follow_authorities(&self, target: &Target) -> Result<bool, String> {
        let Some(bundle) = self.get(target, PATH).await? else { return Ok(false) };
        match self.trust.replace_authorities(&bundle) {
            Ok(true) => {
                let names: Vec<String> =
                    self.trust.certificates().iter().map(|one| one.subject_rfc2253()).collect();
                self.error_log
                    .say(format!("The CA's certificates have changed; trusted now: {}", names.join("; ")));
            }
            Ok(false) => {}
            Err(fault) => return Err(format!("the active CA's certificates cannot be trusted: {fault}")),
        }
        self.bell.bundle.notify_one();
        Ok(true)
    }

    /// Keeps the file `path` like the active CA's bundle, for ever.
    pub async fn follow_bundle(self: Arc<Self>, path: std::path::PathBuf) {
        let mut said: Option<String> = None;
        loop {
            tokio::select! {
                () = self.bell.bundle.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            let Some(target) = self.helm.course().target.clone() else { continue };
            // Whoever does not answer has been complained of by the others.
            let Ok(Some(bundle)) = self.get(&target, PATH).await else { continue };
            match replace(&path, &bundle, &self.trust) {
                Ok(true) => {
                    self.error_log.say(format!("{} has the CA's renewed certificates", path.display()))
                }
                Ok(false) => said = None,
                Err(why) if said.as_ref() != Some(&why) => {
                    self.error_log.say(why.clone());
                    said = Some(why);
                }
                Err(_) => {}
            }
        }
    }
}

/// Writes `bundle` to `path` if it is another one, of the same authority: at least one key of those trusted is in it.
fn replace(path: &Path, bundle: &[u8], trusted: &TrustBundle) -> Result<bool, String> {
    if std::fs::read(path).is_ok_and(|present| present == bundle) {
        return Ok(false);
    }
    let shown = path.display();
    let known = trusted
        .has_authority_of(bundle)
        .map_err(|fault| format!("{shown} stays: the active CA's certificates cannot be read: {fault}"))?;
    if !known {
        return Err(format!("{shown} stays: the active CA's certificates are another authority's"));
    }
    write_atomically(path, bundle).map_err(|fault| format!("{shown} could not be written: {fault}"))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::issue::{Authority, renewed_ca, self_signed_ca};
    use pki::{KeyKind, PrivateKey};

    #[test]
    fn only_the_same_authority_takes_its_own_place() {
        let key = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
        let old = self_signed_ca("Puppet CA: x", &*key, 1.into(), 0, 1000).unwrap();
        let authority = Authority { certificate: old.clone(), signer: key };
        let new = renewed_ca(&old, &authority, 0, 5000).unwrap();
        let stranger = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let stranger = self_signed_ca("Puppet CA: x", &stranger, 1.into(), 0, 5000).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, old.to_pem()).unwrap();
        let trusted = &TrustBundle::from_pem(old.to_pem().as_bytes()).unwrap();
        assert_eq!(replace(&path, old.to_pem().as_bytes(), trusted), Ok(false));
        assert!(replace(&path, stranger.to_pem().as_bytes(), trusted).is_err());
        assert!(replace(&path, b"-----BEGIN CERTIFICATE-----\n!", trusted).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old.to_pem());
        assert_eq!(replace(&path, new.to_pem().as_bytes(), trusted), Ok(true));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), new.to_pem());
    }
}
