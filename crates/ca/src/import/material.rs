//! The CA itself: its key, its certificate, its revocation lists.

use super::{Imported, bytes};
use crate::directory::{Layout, PRIVATE_MODE};
use crate::import::ImportFault;
use crate::state::RevocationLists;
use crate::time;
use pki::crl::RevocationList;
use pki::{Certificate, KeyFault, PrivateKey, Signer as _, pem};
use std::path::{Path, PathBuf};

/// Where openvox-ca keeps the key.
const OPENVOX_KEY: &str = "private/ca_key.pem";
/// Where the Ruby CA keeps the password of the key that it encrypts.
const RUBY_PASSWORD: &str = "private/ca.pass";

/// The key's file: Puppet's, or that of openvox-ca where there is none of Puppet's.
pub(super) fn key_path(layout: &Layout) -> Option<PathBuf> {
    [layout.key(), layout.root().join(OPENVOX_KEY)].into_iter().find(|path| path.exists())
}

/// Reads the key; one that lies elsewhere is noted to be copied to where Puppet has it.
pub(super) fn key(layout: &Layout, imported: &mut Imported) -> Result<PrivateKey, ImportFault> {
    let path = key_path(layout).unwrap_or_else(|| layout.key());
    let pem = bytes(&path)?;
    let key = PrivateKey::from_pem(&pem).map_err(|fault| match fault {
        KeyFault::Encrypted => {
            ImportFault::Encrypted { command: decrypt_command(layout, &path), path: path.clone() }
        }
        fault => ImportFault::Key { path: path.clone(), fault },
    })?;
    if path != layout.key() {
        imported.say(format!("{OPENVOX_KEY} is copied to ca_key.pem, where Puppet has the CA's key"));
        imported.mend(layout.key(), pem, PRIVATE_MODE);
    }
    Ok(key)
}

fn decrypt_command(layout: &Layout, path: &Path) -> String {
    let password = layout.root().join(RUBY_PASSWORD);
    let pass =
        if password.exists() { format!(" -passin file:{}", password.display()) } else { String::new() };
    let (key, plain) = (path.display(), path.with_extension("plain"));
    let plain = plain.display();
    // `cat` leaves the file's owner and mode as they are.
    format!(
        "umask 077; openssl pkey -in {key}{pass} -traditional -out {plain} && cat {plain} > {key} && rm {plain}"
    )
}

/// The certificate of the bundle that belongs to the key: the first one in well-kept directories.
pub(super) fn issuer(
    layout: &Layout,
    bundle: &str,
    key: &PrivateKey,
    imported: &mut Imported,
) -> Result<Certificate, ImportFault> {
    let path = layout.bundle();
    let certificates =
        Certificate::all_from_pem(bundle.as_bytes()).map_err(|fault| ImportFault::content(&path, fault))?;
    // A renewed one may stand beside the one before.
    let of_key = certificates.into_iter().filter(|one| one.spki_der() == key.spki_der());
    let Some(issuer) = of_key.max_by_key(|one| one.not_after()) else {
        let reason = "no certificate in it belongs to the key in ca_key.pem: one of the two is of another CA; put a pair there \
                      for which `openssl x509 -in ca_crt.pem -noout -pubkey` and `openssl pkey -in ca_key.pem -pubout` \
                      print the same";
        return Err(ImportFault::content(&path, reason));
    };
    if !issuer.is_ca() || !issuer.may_sign_certificates() {
        let reason = format!("{} is not the certificate of a CA", issuer.subject_rfc2253());
        return Err(ImportFault::content(&path, reason));
    }
    if issuer.not_after() < time::now() {
        imported.say(format!(
            "the CA's certificate has expired ({}): nobody trusts what it signs; `bunraku ca rollover` gives it a longer life",
            time::format(issuer.not_after())
        ));
    }
    Ok(issuer)
}

/// `ca_crl.pem`: ours is the newest that our key has signed.
pub(super) fn lists(
    layout: &Layout,
    issuer: &Certificate,
    imported: &mut Imported,
) -> Result<RevocationLists, ImportFault> {
    let path = layout.revocation_lists();
    let blocks = pem::parse_all(&bytes(&path)?).map_err(|fault| ImportFault::content(&path, fault))?;
    let mut own: Option<RevocationList> = None;
    let mut chain_pem = String::new();
    for block in blocks.iter().filter(|block| block.label == "X509 CRL") {
        let list =
            RevocationList::from_der(&block.der).map_err(|fault| ImportFault::content(&path, fault))?;
        if list.verify(issuer.spki_der()).is_err() {
            chain_pem.push_str(&pem::encode(&block.label, &block.der));
        } else if list.long_number().is_some() && list.number().is_none() {
            let reason =
                "the number of this CA's own list is longer than 64 bits: the next one could not follow it";
            return Err(ImportFault::content(&path, reason));
        } else if let Some(other) = &own {
            imported.say("ca_crl.pem has several lists of this CA; the newest counts".to_owned());
            if list.number() > other.number() {
                own = Some(list);
            }
        } else {
            own = Some(list);
        }
    }
    let own = own.ok_or_else(|| {
        let reason = "no revocation list in it is signed by the key in ca_key.pem; restore it, because without it all that was \
                      revoked would count again";
        ImportFault::content(&path, reason)
    })?;
    Ok(RevocationLists { own, second: None, chain_pem: chain_pem.into() })
}
