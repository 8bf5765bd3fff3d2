//! An authority from elsewhere: its key, certificates up to a root, and revocation lists.

use super::{Parts, PuppetSetup, PuppetSetupFault, files, finish, first_list};
use crate::time;
use pki::crl::RevocationList;
use pki::{Certificate, PrivateKey, Signer as _, issue, pem, verify};
use std::path::Path;
use std::sync::Arc;

/// What is to be imported, read and checked.
pub struct ImportParts {
    bundle: Vec<Certificate>,
    key: Arc<PrivateKey>,
    issuer: Certificate,
    lists: Vec<RevocationList>,
}

/// Reads the three files and tells all that is wrong with them.
///
/// # Errors
/// [`PuppetSetupFault::Import`].
pub fn read_import(bundle: &Path, key: &Path, lists: &Path) -> Result<ImportParts, PuppetSetupFault> {
    let mut errors = Vec::new();
    let mut content = |path: &Path| match std::fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            errors.push(format!("Could not read file '{}'", path.display()));
            None
        }
    };
    let read = (content(bundle), content(key), content(lists));
    let (Some(bundle_pem), Some(key_pem), Some(lists_pem)) = read else {
        return Err(PuppetSetupFault::Import(errors));
    };
    let bundle = objects(bundle, &bundle_pem, "CERTIFICATE", "certs", Certificate::from_der, &mut errors);
    let key = PrivateKey::from_pem(&key_pem)
        .map_err(|fault| errors.push(format!("Could not parse {}\n{fault}", key.display())))
        .ok();
    let lists = objects(lists, &lists_pem, "X509 CRL", "crls", RevocationList::from_der, &mut errors);
    let issuer = match &key {
        Some(key) if !bundle.is_empty() => {
            let found = bundle.iter().find(|one| one.spki_der() == key.spki_der()).cloned();
            if found.is_none() {
                errors.push("Could not find certificate matching private key".to_owned());
            }
            found
        }
        _ => None,
    };
    match (key, issuer) {
        (Some(key), Some(issuer)) if errors.is_empty() => {
            let parts = ImportParts { bundle, key: Arc::new(key), issuer, lists };
            parts.check_chain().map_err(PuppetSetupFault::Import)?;
            Ok(parts)
        }
        _ => Err(PuppetSetupFault::Import(errors)),
    }
}

/// The objects of one kind in a PEM file; what stands around them is left out.
fn objects<T, E>(
    path: &Path,
    bytes: &[u8],
    label: &str,
    word: &str,
    read: impl Fn(&[u8]) -> Result<T, E>,
    errors: &mut Vec<String>,
) -> Vec<T> {
    let before = errors.len();
    let mut found = Vec::new();
    let mut faults = Vec::new();
    match pem::parse_all(bytes) {
        Ok(blocks) => {
            for block in blocks.iter().filter(|block| block.label == label) {
                match read(&block.der) {
                    Ok(object) => found.push(object),
                    Err(_) => faults.push(format!(
                        "Could not parse entry:\n{}",
                        pem::encode(&block.label, &block.der).trim_end()
                    )),
                }
            }
        }
        Err(fault) => faults.push(fault.to_string()),
    }
    if found.is_empty() {
        faults.push(format!("Could not detect any {word} within {}", path.display()));
    }
    if !faults.is_empty() {
        errors.insert(before, format!("Could not parse {}", path.display()));
        errors.extend(faults);
    }
    found
}

impl ImportParts {
    /// The certificates lead to a root, none of them is revoked, and each authority has a revocation list (but for
    /// the one that signs: a new list is made for it).
    fn check_chain(&self) -> Result<(), Vec<String>> {
        let invalid = |reason: String| {
            vec![
                "Leaf certificate could not be validated".to_owned(),
                format!("Validating cert store returned: {reason}"),
            ]
        };
        let now = time::now();
        let root = self.issuer.is_self_issued() && self.issuer.verify(self.issuer.spki_der()).is_ok();
        let above = if root {
            vec![self.issuer.clone()]
        } else {
            verify::verify_chain(&self.issuer, &self.bundle, now)
                .map_err(|fault| invalid(fault.to_string()))?
        };
        let mut below = &self.issuer;
        for authority in &above {
            let name = authority.subject_rfc2253();
            let mut lists = self.lists.iter().filter(|list| list.is_issued_by(authority)).peekable();
            if lists.peek().is_none() {
                return Err(invalid(format!("unable to get certificate CRL of {name}")));
            }
            for list in lists {
                if list.verify(authority.spki_der()).is_err() {
                    return Err(invalid(format!("CRL signature failure, of the CRL of {name}")));
                }
                if list.next_update().is_some_and(|end| end < now) {
                    return Err(invalid(format!("CRL has expired, of {name}")));
                }
                if list.contains(&below.serial()) {
                    return Err(invalid(format!("certificate revoked: {}", below.subject_rfc2253())));
                }
            }
            below = authority;
        }
        if !self.issuer.is_ca() {
            return Err(invalid(format!("{} is no CA certificate", self.issuer.subject_rfc2253())));
        }
        Ok(())
    }
}

/// Makes a directory of what was read, and the server's certificate.
///
/// # Errors
/// [`PuppetSetupFault`].
pub fn import_chain(setup: &PuppetSetup, import: ImportParts) -> Result<(), PuppetSetupFault> {
    files::check(setup, false)?;
    let now = time::now();
    let ImportParts { bundle, key, issuer, mut lists } = import;
    let own = |list: &RevocationList| list.is_issued_by(&issuer);
    if !lists.iter().any(own) {
        let authority = issue::Authority { certificate: issuer.clone(), signer: key.clone() };
        lists.insert(0, first_list(&authority, now, setup.ttl)?);
    }
    finish(setup, Parts { bundle, lists, issuer, key, root_key: None }, now)
}
