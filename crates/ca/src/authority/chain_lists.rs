//! The revocation lists of the issuers above ours: newer ones are taken in, ours is never touched.

use super::{Authority, Caller, Failure, done};
use crate::command::Command;
use crate::{answer, time};
use pki::Certificate;
use pki::crl::{CrlFault, RevocationList};
use std::sync::Arc;
use thiserror::Error;
use tracing::{info, warn};

/// How far the clock of another issuer may be ahead, seconds.
const CLOCK_SKEW: i64 = 15 * 60;
/// deltaCRLIndicator (RFC 5280, 5.2.4).
const DELTA_INDICATOR: &str = "2.5.29.27";

/// Why submitted lists are not taken in. The texts are Puppet Server's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListsFault {
    /// There is none in what was sent.
    #[error("No valid CRLs submitted.")]
    Nothing,
    /// A list of changes only.
    #[error("Cannot support delta CRL.")]
    Delta,
    /// It cannot be told which list it would replace.
    #[error("One or more submitted CRLs do not have an authority key identifier.")]
    NoKeyIdentifier,
    /// Two have the highest number; the one that is here counts, too.
    #[error("Could not determine newest CRL.")]
    NoNewest,
    /// With them, the chain of the CA would not be valid.
    #[error("Invalid certs and/or CRLs: {0}")]
    Invalid(String),
}

impl Authority {
    /// Takes in the newest of the submitted lists (PEM, any number) for each issuer above ours.
    ///
    /// # Errors
    /// [`ListsFault`] or another [`Failure`]; then everything stays as it was. Lists that are not newer are no fault.
    pub async fn update_chain_lists(
        self: &Arc<Self>,
        caller: &Caller,
        submitted_pem: &[u8],
    ) -> Result<(), Failure> {
        // 1. What was sent?
        let submitted = read(submitted_pem)?;

        // 2. What is here, and what will be?
        let _one_at_a_time = self.chain_lists.lock().await;
        if self.answered(caller).is_some() {
            return Ok(());
        }
        let found = self.ledger.read(|state| {
            (state.issuer().clone(), state.bundle_pem().clone(), state.lists().chain_pem.clone())
        });
        let (issuer, bundle_pem, chain_pem) = found.ok_or(Failure::NoState)?;
        let invalid = |fault: &dyn std::fmt::Display| ListsFault::Invalid(fault.to_string());
        let bundle = Certificate::all_from_pem(bundle_pem.as_bytes()).map_err(|fault| invalid(&fault))?;
        let present = RevocationList::all_from_pem(chain_pem.as_bytes()).map_err(|fault| invalid(&fault))?;
        let chosen = choose(&issuer, present.clone(), submitted)?;
        if chosen == present {
            warn!("none of the submitted revocation lists is newer than those of the chain");
            return Ok(());
        }
        judge(&bundle, &present, &chosen, time::now())?;

        // 3. Every member has it before the operator is told.
        let lists_pem = chosen.iter().map(RevocationList::to_pem).collect();
        let commands = vec![Command::ChainListsReplaced { lists_pem }];
        let envelope = caller.envelope(done(answer::lists_updated()), commands);
        self.ledger.complete(caller.epoch, envelope).await?;
        for list in chosen.iter().filter(|list| !present.contains(list)) {
            info!(
                issuer = list.issuer_rfc2253(),
                number = list.long_number().map(tracing::field::display),
                "revocation list of the chain updated"
            );
        }
        Ok(())
    }
}

fn read(pem: &[u8]) -> Result<Vec<RevocationList>, ListsFault> {
    let mut lists: Vec<RevocationList> = Vec::new();
    for block in pki::pem::parse_all(pem).map_err(|_| ListsFault::Nothing)? {
        if block.label != "X509 CRL" && block.label != "CRL" {
            continue;
        }
        let list = RevocationList::from_der(&block.der).map_err(|fault| match fault {
            CrlFault::UnknownCriticalExtension(oid) if oid.to_string() == DELTA_INDICATOR => {
                ListsFault::Delta
            }
            other => ListsFault::Invalid(other.to_string()),
        })?;
        if list.authority_key_id().is_none() {
            return Err(ListsFault::NoKeyIdentifier);
        }
        // The same list twice is one list.
        if !lists.contains(&list) {
            lists.push(list);
        }
    }
    if lists.is_empty() { Err(ListsFault::Nothing) } else { Ok(lists) }
}

/// For each list of the chain the newest of the same issuer. Lists of issuers that have none here are passed over, and
/// those of `own` too.
fn choose(
    own: &Certificate,
    present: Vec<RevocationList>,
    submitted: Vec<RevocationList>,
) -> Result<Vec<RevocationList>, ListsFault> {
    let others = present.into_iter().filter(|list| list.authority_key_id() != Some(own.key_identifier()));
    others
        .map(|here| {
            let same = submitted.iter().filter(|list| list.authority_key_id() == here.authority_key_id());
            let candidates: Vec<&RevocationList> = same.collect();
            if candidates.is_empty() {
                return Ok(here);
            }
            let number = RevocationList::long_number;
            let highest = candidates.iter().map(|list| number(list)).max().flatten().max(number(&here));
            let mut newest = candidates.into_iter().chain([&here]).filter(|list| number(list) == highest);
            match (newest.next(), newest.next()) {
                (Some(newest), None) => Ok(newest.clone()),
                _ => Err(ListsFault::NoNewest),
            }
        })
        .collect()
}

/// Whether the CA's chain is valid with these lists: each of them that is new is its issuer's and current, and for each
/// certificate but the root there is one that does not name it.
fn judge(
    bundle: &[Certificate],
    present: &[RevocationList],
    chosen: &[RevocationList],
    now: i64,
) -> Result<(), ListsFault> {
    let invalid = |list: &RevocationList, what: &str| {
        ListsFault::Invalid(format!("the CRL of {} {what}", list.issuer_rfc2253()))
    };
    let check = |list: &RevocationList| {
        let signed =
            bundle.iter().any(|issuer| list.is_issued_by(issuer) && list.verify(issuer.spki_der()).is_ok());
        if !signed {
            return Err(invalid(list, "is not signed by an issuer of the CA's chain"));
        }
        if list.this_update() > now + CLOCK_SKEW {
            return Err(invalid(list, "is not valid yet"));
        }
        if list.next_update().is_some_and(|end| end < now) {
            return Err(invalid(list, "has expired"));
        }
        Ok(())
    };
    chosen.iter().filter(|list| !present.contains(list)).try_for_each(check)?;
    for certificate in bundle.iter().filter(|certificate| !certificate.is_self_issued()) {
        let issuer = bundle
            .iter()
            .find(|one| certificate.names_as_issuer(one) && certificate.verify(one.spki_der()).is_ok());
        // A chain that ends before its root is not ours to complete.
        let Some(issuer) = issuer else { continue };
        let list = chosen
            .iter()
            .find(|list| list.is_issued_by(issuer))
            .ok_or_else(|| ListsFault::Invalid(format!("there is no CRL of {}", issuer.subject_rfc2253())))?;
        check(list)?;
        if list.contains(&certificate.serial()) {
            return Err(invalid(list, &format!("revokes {}", certificate.subject_rfc2253())));
        }
    }
    Ok(())
}
