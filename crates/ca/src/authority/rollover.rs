//! The CA's own certificate gets a longer life: the same key, subject and serial number, so that everything that was
//! issued hangs on it as before, and nobody has to be touched (docs/CA-ROLLOVER.md).

pub(super) mod chain;

use super::{Authority, Caller, Failure, done};
use crate::answer;
use crate::command::{Command, Outcome};
use crate::time;
use chain::{Chain, Renewed};
use pki::{Certificate, PrivateKey};
use std::io;
use std::sync::Arc;
use thiserror::Error;
use tracing::info;

/// The longest life that can be asked for, seconds: 50 years, as for any certificate of Puppet's.
pub const LONGEST_LIFE: i64 = 50 * 365 * 24 * 60 * 60;

/// Why the CA's certificate stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RolloverFault {
    /// The issuer above has to sign, and its key is not in the directory.
    #[error(
        "The CA's certificate was issued by {issuer}, whose key is not in the CA directory of this member as \
         root_key.pem. Have the issuer sign this request (keep the subject, and serial number 0x{serial}: issued \
         certificates name it), then repeat with --certificate FILE:\n{request}"
    )]
    IssuerElsewhere {
        issuer: String,
        serial: String,
        /// PKCS#10 as PEM.
        request: String,
    },
    /// A shorter life than the present one is not what anybody wants.
    #[error("The new certificate would end on {}, the present one ends on {}", time::format(*.new), time::format(*.old))]
    NoLonger { old: i64, new: i64 },
    /// A life that makes no sense.
    #[error("The life of a CA certificate is at least a day and at most 50 years")]
    Life,
    /// What was handed in cannot take the present one's place.
    #[error("The certificate cannot take the place of the present one: {0}")]
    Unusable(String),
    /// `root_key.pem` is there and cannot be read.
    #[error("root_key.pem cannot be used: {0}")]
    RootKey(String),
}

/// What has become of the CA's certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewedAuthority {
    /// The certificate that issues.
    pub issuer: Certificate,
    /// The whole bundle, the issuer first.
    pub bundle: Vec<Certificate>,
    /// Those of the bundle that are new, by subject.
    pub renewed: Vec<String>,
}

impl Authority {
    /// Gives the CA's certificate another life, from now on: `life` seconds, or as long as it had. `submitted` (PEM) is
    /// what an issuer above has signed, with whatever else of the chain is new. A root whose key lies in the directory
    /// (`root_key.pem`) signs by itself, and gets as long a life where its own would end before.
    ///
    /// # Errors
    /// [`RolloverFault`] or another [`Failure`]; then everything stays as it was.
    pub async fn renew_authority(
        self: &Arc<Self>,
        caller: &Caller,
        life: Option<i64>,
        submitted: Option<&[u8]>,
    ) -> Result<Outcome, Failure> {
        // 1. One change of the chain at a time: its lists are judged by its certificates.
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        let found = self.ledger.read(|state| (state.issuer().clone(), state.bundle_pem().clone()));
        let (issuer, bundle_pem) = found.ok_or(Failure::NoState)?;
        let bundle = Certificate::all_from_pem(bundle_pem.as_bytes())
            .map_err(|fault| RolloverFault::Unusable(fault.to_string()))?;
        let present = Chain { issuer, bundle };

        // 2. What they will be.
        let now = time::now();
        let Renewed { issuer, bundle } = match submitted {
            Some(pem) => {
                let submitted = Certificate::all_from_pem(pem)
                    .map_err(|fault| RolloverFault::Unusable(fault.to_string()))?;
                present.with_submitted(&submitted, now)?
            }
            None => {
                let (own, above) = (self.key_of(&present.issuer)?, self.root_key()?);
                let chain = present.clone();
                let signing = move || chain.renew(own, above, life, now);
                tokio::task::spawn_blocking(signing)
                    .await
                    .map_err(|fault| Failure::Key(fault.to_string()))??
            }
        };
        let renewed = bundle.iter().filter(|one| !present.bundle.contains(one));
        let renewed: Vec<String> = renewed.map(Certificate::subject_rfc2253).collect();

        // 3. Every member has it before anybody is told.
        let command = Command::AuthorityRenewed {
            issuer_der: issuer.der().to_vec(),
            bundle_pem: bundle.iter().map(Certificate::to_pem).collect(),
        };
        let end = time::format(issuer.not_after());
        let told = RenewedAuthority { issuer, bundle, renewed };
        let outcome: Outcome = answer::authority_renewed(&told).into();
        let envelope = caller.envelope(done(answer::authority_renewed(&told)), vec![command]);
        self.ledger.complete(caller.epoch, envelope).await?;
        self.forget_ends();
        info!(renewed = told.renewed.join(", "), %end, "the CA's certificate has a new life");
        Ok(outcome)
    }

    /// A request (PKCS#10, PEM) for the issuer above: the CA's subject and key.
    ///
    /// # Errors
    /// [`Failure`]: the key cannot be used.
    pub fn authority_request(&self) -> Result<String, Failure> {
        let issuer = self.ledger.read(|state| state.issuer().clone()).ok_or(Failure::NoState)?;
        chain::request(&issuer, &*self.key_of(&issuer)?).map_err(Failure::from)
    }

    /// The key of a root that `puppetserver ca setup` left in the directory.
    pub(super) fn root_key(&self) -> Result<Option<Arc<PrivateKey>>, Failure> {
        let unusable = |fault: &dyn std::fmt::Display| RolloverFault::RootKey(fault.to_string());
        match std::fs::read(self.layout.root_key()) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(unusable(&fault).into()),
            Ok(pem) => {
                let key = PrivateKey::from_pem(&pem).map_err(|fault| unusable(&fault))?;
                Ok(Some(Arc::new(key)))
            }
        }
    }
}

impl From<RolloverFault> for Failure {
    fn from(fault: RolloverFault) -> Self {
        Self::Fault(super::Fault::Rollover(fault))
    }
}
