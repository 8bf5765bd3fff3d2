//! A certificate that may operate the CA (`pp_cli_auth`), made while the CA runs. No request that comes over the network can
//! ever lead to one: whoever has stolen an operator's certificate must not be able to make more of them. It takes the
//! CA's own machine, as `puppetserver ca generate --ca-client` takes the CA's own files.

use super::{Authority, Caller, Failure, Fault, submit};
use crate::time;
use pki::issue::{LeafLayout, LeafProfile, SigningFault};
use pki::{Request, Serial};
use serde::Deserialize;
use std::sync::Arc;

/// What is to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorRequest {
    pub certname: String,
    /// PKCS#10, PEM: key and alternative names count, nothing else of it.
    pub request: String,
    /// Life, seconds.
    pub ttl: i64,
}

impl Authority {
    /// Signs it. The certificate is in the directory then.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn issue_operator(
        self: &Arc<Self>,
        caller: &Caller,
        wanted: &OperatorRequest,
    ) -> Result<(), Failure> {
        let request = Request::from_pem(wanted.request.as_bytes()).map_err(Fault::from)?;
        let _name = self.names.hold(&wanted.certname).await;
        let has_certificate = self.ledger.read(|state| state.signed().contains_key(wanted.certname.as_str()));
        if has_certificate.ok_or(Failure::NoState)? {
            let standing = self.standing(&wanted.certname).ok_or(Failure::NoState)?;
            return Err(Fault::Duplicate { certname: wanted.certname.clone(), standing }.into());
        }
        let certname = submit::judge_subject(&request, &wanted.certname)?;
        request.verify_signature().map_err(|fault| {
            Fault::Signing(SigningFault::InvalidSignature { certname: certname.clone(), fault })
        })?;
        // Whoever signs puts the serial in.
        let (serial, spki) = (Serial::from_u64(0), request.spki_der().to_vec());
        let own = LeafProfile::own(certname, spki, serial, time::now(), wanted.ttl);
        let alt_names = request.subject_alt_names().to_vec();
        let profile = LeafProfile { alt_names, layout: LeafLayout::Setup, cli_auth: true, ..own };
        let reason = "generate --ca-client: it may operate the CA".to_owned();
        self.sign_judged(caller, profile, None, true, Some(reason)).await
    }
}
