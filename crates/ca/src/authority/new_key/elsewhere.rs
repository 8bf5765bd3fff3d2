//! A new key below an issuer whose key is elsewhere, an estate's root in a safe above all: the key is made and every member
//! has it, and a request waits until somebody brings what that issuer has signed. That may take weeks, and a failover.

use super::{NewKeyFault, bundle};
use crate::authority::{Authority, Caller, Failure};
use crate::command::{Command, Outcome};
use crate::state::State;
use crate::{keys, time};
use pki::issue;
use pki::{Certificate, PrivateKey, Request, RequestContent, Signer as _, oid};
use std::sync::Arc;
use tracing::info;

impl Authority {
    /// Leaves a request for the certificate of `key`.
    pub(super) async fn request_certificate(
        self: &Arc<Self>,
        caller: &Caller,
        name: &str,
        key: &Arc<PrivateKey>,
    ) -> Result<Outcome, Failure> {
        let request = Request::build(name, &**key, &RequestContent::default())
            .map_err(|fault| Failure::Key(fault.to_string()))?;
        let command = Command::KeyRequested { request_der: request.der().to_vec() };
        let outcome = self.take_step_with_key(caller, command, key).await?;
        info!(name, key = keys::id(key.spki_der()), "a new key of the CA waits for its certificate");
        Ok(outcome)
    }

    /// Takes what the issuer above has signed for the key that waits (PEM), with whatever of the chain is new, and lets
    /// everybody trust it.
    ///
    /// # Errors
    /// [`NewKeyFault`] or another [`Failure`]; then everything stays as it was.
    pub async fn certify_key(
        self: &Arc<Self>,
        caller: &Caller,
        submitted: &[u8],
    ) -> Result<Outcome, Failure> {
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let unusable = |fault: String| Failure::from(NewKeyFault::Unusable(fault));
        let submitted = Certificate::all_from_pem(submitted).map_err(|fault| unusable(fault.to_string()))?;
        let (certificate, others) = fitting(&state, &submitted, time::now())?;
        let key = self.keys.get(certificate.spki_der()).map_err(|fault| Failure::Key(fault.to_string()))?;
        let issuing = issue::Authority { certificate: certificate.clone(), signer: key.clone() };
        let trusted =
            move |_: &[Certificate]| others.iter().chain([&certificate]).map(Certificate::to_pem).collect();
        self.let_in(caller, &key, &issuing, trusted).await
    }

    /// Whether one of these certificates (PEM) is for the key that waits.
    pub fn awaits(&self, submitted: &[u8]) -> bool {
        let Ok(submitted) = Certificate::all_from_pem(submitted) else { return false };
        let is_for = |state: &State| {
            let awaited = state.awaited()?.request.spki_der();
            Some(submitted.iter().any(|one| one.spki_der() == awaited))
        };
        self.ledger.read(is_for).flatten().unwrap_or_default()
    }
}

/// The certificate of the key that waits, if it can be that of a CA below the issuer that the present one has; and the
/// present certificates, of which those of the issuers may have been renewed.
fn fitting(
    state: &State,
    submitted: &[Certificate],
    now: i64,
) -> Result<(Certificate, Vec<Certificate>), Failure> {
    let awaited = state.awaited().ok_or(NewKeyFault::NotAwaited)?;
    let unusable = |why: String| Failure::from(NewKeyFault::Unusable(why));
    let new = submitted.iter().find(|one| one.spki_der() == awaited.request.spki_der());
    let new = new.ok_or_else(|| unusable("none of the certificates is for the key that waits".to_owned()))?;

    // 1. What it is.
    if !(new.is_ca() && new.may_sign_certificates() && new.may_sign_lists()) {
        let what =
            "it is not a CA's: it needs basicConstraints CA:TRUE, and keyCertSign and cRLSign in keyUsage";
        return Err(unusable(what.to_owned()));
    }
    if new.not_before() > now {
        return Err(unusable(format!("it is not valid before {}", time::format(new.not_before()))));
    }
    if new.not_after() <= now.saturating_add(super::DAY) {
        return Err(unusable(format!("it ends on {}", time::format(new.not_after()))));
    }
    let known = [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE];
    if let Some(other) = new.extensions().iter().find(|one| one.critical && !known.contains(&one.oid)) {
        return Err(unusable(format!("its extension {} is critical, and agents do not know it", other.oid)));
    }
    if !new.may_issue_for_tls() {
        return Err(unusable(
            "its extendedKeyUsage leaves out clientAuth or serverAuth, which every node needs".to_owned(),
        ));
    }

    // 2. Its name: agents find a CA's certificate and its revocation list by that.
    let present = bundle(state)?;
    let retired = state.retired().iter().map(|one| &one.certificate);
    if new.subject_cn().is_none() {
        return Err(unusable("its subject has no common name".to_owned()));
    }
    if present.iter().chain(retired).any(|one| one.subject_der() == new.subject_der()) {
        let what = "agents find a CA's revocation list by its name, and this one is taken";
        return Err(unusable(format!("its subject is {}: {what}", new.subject_rfc2253())));
    }

    // 3. Who has signed it. Another root would need its own revocation list at every agent.
    let mut chain = Vec::with_capacity(present.len());
    for had in &present {
        let renewed = submitted.iter().find(|one| {
            one.spki_der() == had.spki_der()
                && one.subject_der() == had.subject_der()
                && one.not_after() > had.not_after()
                && had.spki_der() != state.issuer().spki_der()
        });
        chain.push(renewed.unwrap_or(had).clone());
    }
    let above = chain.iter().find(|one| new.names_as_issuer(one) && new.verify(one.spki_der()).is_ok());
    let above = above.ok_or_else(|| {
        unusable(format!(
            "it is not signed by a CA of ca_crt.pem (it names {}); the issuer has to be one that agents trust already",
            new.issuer_rfc2253()
        ))
    })?;
    if above.spki_der() == state.issuer().spki_der() {
        return Err(unusable("it is signed by the CA's present key, which it is to follow".to_owned()));
    }
    if above.not_after() <= now {
        let end = time::format(above.not_after());
        return Err(unusable(format!("{} above it has ended on {end}", above.subject_rfc2253())));
    }
    if above.path_length_limit() == Some(0) {
        let what = "may have no CA below it (pathlen:0)";
        return Err(unusable(format!("{} above it {what}", above.subject_rfc2253())));
    }
    // A renewed issuer comes from its own issuer, or is a root.
    for one in chain.iter().filter(|one| !present.contains(one)) {
        let signed =
            chain.iter().any(|above| one.names_as_issuer(above) && one.verify(above.spki_der()).is_ok());
        if !signed {
            return Err(unusable(format!("{} is not signed by a CA of the chain", one.subject_rfc2253())));
        }
    }
    Ok((new.clone(), chain))
}
