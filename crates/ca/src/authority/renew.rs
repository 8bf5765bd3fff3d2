//! A certificate is renewed: the same name, key and extensions, a new serial and life.

use super::{Authority, Caller, Failure, Fault, done, issued};
use crate::command::Command;
use crate::{answer, time};
use pki::issue::{BACKDATED_SECONDS, LeafLayout, LeafProfile};
use pki::{AltName, Certificate, Certname, Extension, Oid, Serial, oid};
use std::sync::Arc;
use tracing::info;

/// What every certificate gets from its issuer, and so is made anew; everything else is copied.
const ISSUERS: [Oid; 8] = [
    oid::SUBJECT_ALT_NAME,
    oid::NETSCAPE_COMMENT,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::BASIC_CONSTRAINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::KEY_USAGE,
    // Not copied among the others, but said by a flag.
    oid::PP_CLI_AUTH,
];

impl Authority {
    /// Whether certificates may be renewed by those who have them.
    pub fn renews(&self) -> bool {
        self.policy.auto_renewal_ttl.is_some()
    }

    /// Renews `old`, which its owner has proved to have the key of. The old one is not revoked: its owner may lose
    /// the answer. Gives the new one as PEM.
    ///
    /// # Errors
    /// [`Fault::NothingToRenew`], [`Fault::NotOurs`], or another [`Failure`].
    pub async fn renew(
        self: &Arc<Self>,
        caller: &Caller,
        old: Option<&Certificate>,
    ) -> Result<String, Failure> {
        let ttl = self.policy.auto_renewal_ttl.ok_or(Fault::NothingToRenew)?;
        let old = old.ok_or(Fault::NothingToRenew)?;
        self.renew_for(caller, old, ttl, false).await
    }

    /// Renews `old` because an operator says so, for as long as any certificate lives here; also one that has expired.
    ///
    /// # Errors
    /// As [`Authority::renew`].
    pub async fn renew_by_operator(
        self: &Arc<Self>,
        caller: &Caller,
        old: &Certificate,
    ) -> Result<String, Failure> {
        self.renew_for(caller, old, self.policy.ca_ttl, true).await
    }

    async fn renew_for(
        self: &Arc<Self>,
        caller: &Caller,
        old: &Certificate,
        ttl: i64,
        expired_too: bool,
    ) -> Result<String, Failure> {
        let certname = Certname::parse(old.subject_cn().unwrap_or_default()).map_err(Fault::from)?;

        // 1. From here on this name is ours. Has this very request been here before?
        let _name = self.names.hold(certname.as_str()).await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome.body);
        }

        // 2. It is ours, and valid still.
        let now = time::now();
        let found = self.ledger.read(|state| {
            let issuer = state.authority_of(state.side_of(&old.serial()));
            (issuer.is_some_and(|issuer| is_ours(old, issuer)), state.is_revoked(&old.serial()))
        });
        let (ours, revoked) = found.ok_or(Failure::NoState)?;
        if !ours {
            return Err(Fault::NotOurs.into());
        }
        if revoked || now > old.not_after() && !expired_too {
            return Err(Fault::NothingToRenew.into());
        }

        // 3. A serial, committed before it is used.
        let (serials, reserve) = self.reserve(caller.epoch, 1)?;
        self.ledger.record(caller.epoch, caller.envelope(None, vec![reserve])).await?;

        // 4. The signature; then nobody sees the certificate before every in-sync member has it.
        let certificate = self.issue(profile(old, certname.clone(), serials[0], now, ttl)).await?;
        let pem = certificate.to_pem();
        let mut command = issued(certname.as_str(), &certificate);
        if let Command::CertificateIssued { renewal, .. } = &mut command {
            *renewal = Some(true);
        }
        let envelope = caller.envelope(done(answer::renewed(&pem)), vec![command]);
        self.ledger.complete(caller.epoch, envelope).await?;
        info!(%certname, old = %old.serial(), new = %certificate.serial(), "certificate renewed");
        Ok(pem)
    }
}

/// Whether `certificate` is one that `issuer` gave to a node. Puppet Server looks at the key identifiers alone; the
/// signature is what proves it.
fn is_ours(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.names_as_issuer(issuer)
        && certificate.authority_key_id().is_none_or(|id| id == issuer.key_identifier())
        && certificate.verify(issuer.spki_der()).is_ok()
        && !certificate.is_ca()
}

fn profile(old: &Certificate, certname: Certname, serial: Serial, now: i64, ttl: i64) -> LeafProfile {
    let mut alt_names = old.subject_alt_names().to_vec();
    if alt_names.is_empty() {
        // Certificates of Puppet 3 have none.
        alt_names.push(AltName::Dns(certname.as_str().to_owned()));
    }
    let copied = old.extensions().iter().filter(|extension| !ISSUERS.contains(&extension.oid));
    let cli_auth = old.extension(&oid::PP_CLI_AUTH).and_then(Extension::text).as_deref() == Some("true");
    LeafProfile {
        serial,
        certname,
        spki_der: old.spki_der().to_vec(),
        not_before: now.saturating_sub(BACKDATED_SECONDS),
        not_after: now.saturating_add(ttl),
        alt_names,
        extensions: copied.cloned().collect(),
        cli_auth,
        layout: LeafLayout::Request,
    }
}
