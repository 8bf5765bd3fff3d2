//! A directory in the middle of a rollover, without its log (a backup, or a copy): which of two keys is which follows from
//! the certificates.

use super::Imported;
use crate::directory::Layout;
use crate::keys;
use crate::state::{Part, Second, State};
use pki::crl::RevocationList;
use pki::{Certificate, Serial, pem};
use std::sync::Arc;

/// What CA certificates are backdated by, seconds.
const BACKDATED: i64 = pki::issue::BACKDATED_SECONDS;

/// Finds the second key, if there is one: a certificate of `ca_crt.pem` whose key lies beside `ca_key.pem`, and its list.
pub(super) fn find(layout: &Layout, state: &mut State, imported: &mut Imported) {
    let bundle = Certificate::all_from_pem(state.bundle_pem().as_bytes()).unwrap_or_default();
    let issuer = state.issuer().clone();
    let is_kept = |one: &Certificate| {
        one.spki_der() != issuer.spki_der()
            && matches!(keys::named(layout, &keys::id(one.spki_der())), Ok(Some(_)))
    };
    let Some(certificate) = bundle.into_iter().find(is_kept) else { return };
    let subject = certificate.subject_rfc2253();
    let chain = state.lists().chain_pem.clone();
    let lists = RevocationList::all_from_pem(chain.as_bytes()).unwrap_or_default();
    let (mut own, others): (Vec<_>, Vec<_>) =
        lists.into_iter().partition(|list| list.verify(certificate.spki_der()).is_ok());
    let Some(list) = own.pop() else {
        imported.say(format!("ca_crl.pem has no list of {subject}; its certificates cannot be revoked here"));
        return;
    };
    // The newer of the two was made later.
    let is_former = (certificate.not_before(), certificate.serial()) < (issuer.not_before(), issuer.serial());
    let introduced = certificate.not_before().max(issuer.not_before()) + BACKDATED;
    let part = match is_former {
        true => Part::Former { first: first_of(&issuer, layout, &certificate), activated: introduced },
        false => Part::Next,
    };
    imported.say(match part {
        Part::Next => {
            format!("{subject} is a key that waits to be activated (`bunraku ca rollover --status`)")
        }
        Part::Former { .. } => format!("{subject} is a former key (`bunraku ca rollover --status`)"),
    });
    let infra = std::fs::read(layout.infra_lists()).ok();
    let infra = infra.and_then(|pem| RevocationList::all_from_pem(&pem).ok()).unwrap_or_default();
    let infra = infra.into_iter().find(|list| list.verify(certificate.spki_der()).is_ok());
    let chain: Arc<str> =
        others.iter().map(|list| pem::encode("X509 CRL", list.der())).collect::<String>().into();
    state.adopt_second(Second { certificate, part, introduced }, (list, infra), chain);
}

/// The first serial number that can be the newer key's: after its own certificate's, and after all that the former key is
/// known to have used.
fn first_of(issuer: &Certificate, layout: &Layout, former: &Certificate) -> Serial {
    let entries = std::fs::read_dir(layout.signed()).into_iter().flatten().flatten();
    let certificates =
        entries.filter_map(|entry| Certificate::from_pem(&std::fs::read(entry.path()).ok()?).ok());
    let theirs = certificates.filter(|one| {
        one.names_as_issuer(former) && one.authority_key_id().is_none_or(|id| id == former.key_identifier())
    });
    theirs.map(|one| one.serial()).chain([issuer.serial()]).max().unwrap_or(issuer.serial()).next()
}
