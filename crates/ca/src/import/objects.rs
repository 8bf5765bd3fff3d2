//! `signed/` and `requests/`: what is what its name says is taken over, the rest stays where it is.

use super::{Imported, bytes};
use crate::authority::{details_of_certificate, details_of_request};
use crate::command::AutosignMark;
use crate::directory::Layout;
use crate::foreign::look;
use crate::foreign::reconcile::judge_request;
use crate::fsck::parallel;
use crate::import::ImportFault;
use crate::state::{Pending, Signed};
use pki::Certificate;
use pki::fingerprint::Digests;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// The certificates in `signed/`, read on all cores.
pub(super) fn signed(
    layout: &Layout,
    issuer: &Certificate,
    bundle: &[Certificate],
    imported: &mut Imported,
) -> Result<BTreeMap<String, Signed>, ImportFault> {
    let names = names(&layout.signed(), "signed", imported)?;
    let read = |name: &str| -> Result<Result<Signed, String>, ImportFault> {
        let pem = bytes(&layout.certificate(name))?;
        Ok(judge(name, &pem, issuer, bundle).map(|certificate| {
            let life = (certificate.not_before(), certificate.not_after());
            let details = details_of_certificate(&certificate);
            Signed::new(name, certificate.serial(), life, &details, Digests::of(certificate.der()))
        }))
    };
    let mut signed = BTreeMap::new();
    for (name, result) in parallel(&names, "certificates", &mut |_, _, _| {}, read) {
        match result? {
            Ok(one) => {
                signed.insert(name, one);
            }
            Err(what) => imported.say(format!("signed/{name}.pem {what}; left alone")),
        }
    }
    Ok(signed)
}

/// What makes it a certificate of this name by this CA, or why it is none.
fn judge(
    name: &str,
    pem: &[u8],
    issuer: &Certificate,
    bundle: &[Certificate],
) -> Result<Certificate, String> {
    let certificate = Certificate::from_pem(pem).map_err(|fault| format!("is not a certificate: {fault}"))?;
    if certificate.subject_cn() != Some(name) {
        let subject = certificate.subject_cn().unwrap_or_default();
        return Err(format!("is a certificate of another name, {subject:?}"));
    }
    // Who names our key is not asked to prove it: that would make the first start of a large CA take seconds, and only
    // somebody who may write here could have put it there. `bunraku ca fsck` has all of them prove it.
    let says_ours = certificate.names_as_issuer(issuer)
        && certificate.authority_key_id().is_some_and(|id| Some(id) == issuer.subject_key_id());
    let by =
        |one: &Certificate| certificate.names_as_issuer(one) && certificate.verify(one.spki_der()).is_ok();
    if says_ours || by(issuer) || bundle.iter().any(by) {
        return Ok(certificate);
    }
    Err("is a certificate that this CA has not signed".into())
}

/// The requests that wait. Those that have been signed already, and are still there because that was interrupted, are
/// noted to be set aside.
pub(super) fn pending(
    layout: &Layout,
    signed: &BTreeMap<String, Signed>,
    imported: &mut Imported,
) -> Result<BTreeMap<String, Pending>, ImportFault> {
    let mut pending = BTreeMap::new();
    for name in names(&layout.requests(), "requests", imported)? {
        let pem = bytes(&layout.request(&name))?;
        let request = match judge_request(&name, &pem) {
            Ok(request) => request,
            Err(what) => {
                imported.say(format!("requests/{name}.pem {what}; left alone"));
                continue;
            }
        };
        if signed.contains_key(&name) {
            let certificate = Certificate::from_pem(&bytes(&layout.certificate(&name))?);
            if certificate.is_ok_and(|certificate| certificate.spki_der() == request.spki_der()) {
                imported
                    .say(format!("requests/{name}.pem has been signed already; set aside in bunraku/found"));
                imported.leftovers.insert(name, pem);
                continue;
            }
        }
        let entry = Pending {
            der: request.der().to_vec(),
            autosign: AutosignMark::Manual,
            saved_by: None,
            source: None,
            details: details_of_request(&request),
            fingerprints: Digests::of(request.der()),
        };
        pending.insert(name, entry);
    }
    Ok(pending)
}

/// The names of the `NAME.pem` files of a directory; a directory that is not there has none.
fn names(directory: &Path, folder: &str, imported: &mut Imported) -> Result<Vec<String>, ImportFault> {
    let listing = match look::list(directory) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => look::Listing::default(),
        other => other.map_err(|source| ImportFault::io(directory, source))?,
    };
    let strange: BTreeSet<String> = listing.strange.into_iter().collect();
    for name in strange {
        imported.say(format!("{folder}/{name} is not a file that a CA has there; left alone"));
    }
    Ok(listing.objects.into_keys().collect())
}
