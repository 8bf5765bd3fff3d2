//! The decisions. Each operation is one function read from top to bottom: look, judge, write the judgement into
//! the log, act, write the result into the log.
//!
//! Everything that may be refused is refused before a command enters the log; applying a command cannot fail.
//! No outside process and no signature runs under a lock that another certname could need.

mod chain_lists;
mod delete_many;
mod expiry;
mod fault;
pub(crate) mod foreign;
pub(crate) mod infra;
mod names;
mod new_key;
mod operator;
mod prune;
mod remove;
mod renew;
mod reserve;
mod revoke;
mod rollover;
mod room;
mod sign;
mod signers;
mod submit;
mod upkeep;

pub use chain_lists::ListsFault;
pub use delete_many::{Deleted, Deletion};
pub use fault::{Failure, Fault};
pub use new_key::{KeyPart, KeyStatus, KeyView, Leftover, NewKey, NewKeyFault, OVERLAP, Phase, RequestView};
pub use operator::OperatorRequest;
pub use prune::{PruneRequest, Pruned};
pub use rollover::{LONGEST_LIFE, RenewedAuthority, RolloverFault};
pub use sign::SignedMany;
pub use submit::Submitted;

use crate::autosign::Autosigner;
use crate::command::{Actor, Command, Details, Envelope, Outcome, RequestRecord};
use crate::directory::Layout;
use crate::keys::Keys;
use crate::ledger::{Ledger, Proposal};
use crate::source::Source;
use crate::state::Side;
use crate::{answer, time};
use names::NameLocks;
use pki::issue::{LeafProfile, SigningPolicy};
use pki::{AltName, Certificate, PrivateKey, Request, Serial};
use reserve::Reservation;
use signers::Signers;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

/// What the configuration says about issuing.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Life of a certificate whose signer names no other, seconds.
    pub ca_ttl: i64,
    /// Life of a certificate that renews itself, seconds; none where that is not allowed.
    pub auto_renewal_ttl: Option<i64>,
    /// Who signs without an operator.
    pub autosign: Arc<Autosigner>,
    /// Which names and extensions a request may carry.
    pub signing: SigningPolicy,
    /// A request may come in for a name that has one, or a certificate, already.
    pub allow_duplicate_certs: bool,
    /// Requests that may wait before strangers are turned away.
    pub max_pending: usize,
    /// ... and from one address.
    pub max_pending_per_source: usize,
    /// A list of the infrastructure's revocations is kept, and given to agents (`enable-infra-crl`).
    pub infra_list: bool,
    /// Certnames of the estate's own roles: their ends are warned of one by one.
    pub roles: Vec<String>,
}

/// On whose behalf, under which request id, and as primary of which epoch an operation runs.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    /// `X-Bunraku-Request`, if a front end gave one.
    pub request_id: Option<String>,
    /// The epoch in which this member was primary when the operation began.
    pub epoch: u64,
    /// Where the client itself is, when that is known: a front end's own address never stands for its clients.
    pub source: Option<Source>,
    /// Requests that it brings must find room; only operators' need not.
    pub is_limited: bool,
}

impl Caller {
    /// The CA itself, or whoever is on its own machine.
    pub fn unlimited(actor: Actor, request_id: Option<String>, epoch: u64) -> Caller {
        Caller { actor, request_id, epoch, source: None, is_limited: false }
    }

    fn envelope(&self, outcome: Option<Outcome>, commands: Vec<Command>) -> Envelope {
        let request = self.request_id.clone().map(|id| RequestRecord { id, outcome });
        Envelope { at: time::now(), actor: self.actor.clone(), request, commands }
    }
}

/// The authority. Cheap to share; every operation takes `&Arc<Self>`.
pub struct Authority {
    policy: Policy,
    ledger: Ledger,
    layout: Layout,
    keys: Keys,
    names: NameLocks,
    reservation: Mutex<Reservation>,
    /// When it was last said that too many requests wait, Unix seconds.
    complained: AtomicI64,
    /// What ends when, as it was looked at last.
    ends: Mutex<expiry::Kept>,
    /// One change of the chain, its certificates or revocation lists, at a time.
    chain_lists: tokio::sync::Mutex<()>,
    /// One change of our own lists, or of whose key signs them, at a time. Taken after the one above.
    own_lists: tokio::sync::Mutex<()>,
    foreign: foreign::Foreign,
    revocations: mpsc::UnboundedSender<revoke::Placed>,
    signers: Signers<Proposal>,
}

impl Authority {
    /// Starts the authority over a log. Must be called inside a tokio runtime.
    pub fn start(policy: Policy, ledger: Ledger, layout: Layout) -> Arc<Self> {
        let (revocations, orders) = mpsc::unbounded_channel();
        let log = ledger.clone();
        let authority = Arc::new(Self {
            policy,
            ledger,
            keys: Keys::new(layout.clone()),
            layout,
            names: NameLocks::default(),
            reservation: Mutex::new(Reservation::default()),
            complained: AtomicI64::new(0),
            ends: Mutex::default(),
            chain_lists: tokio::sync::Mutex::default(),
            own_lists: tokio::sync::Mutex::default(),
            foreign: foreign::Foreign::default(),
            revocations,
            signers: Signers::new(move |signed| log.propose(signed)),
        });
        tokio::spawn(revoke::run(Arc::downgrade(&authority), orders));
        authority
    }

    /// The log below.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Where its files are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// To be called when this member has become the one that decides: finishes what the one before has begun.
    pub fn begin_term(self: &Arc<Self>, epoch: u64) {
        let authority = Arc::clone(self);
        if !self.foreign_is_outstanding() {
            return self.finish_autosigning(epoch);
        }
        tokio::spawn(async move {
            authority.settle_foreign(epoch).await;
            authority.finish_autosigning(epoch);
        });
    }

    fn finish_autosigning(self: &Arc<Self>, epoch: u64) {
        let unfinished = self.ledger.read(submit::unfinished).unwrap_or_default();
        if !unfinished.is_empty() {
            info!(count = unfinished.len(), epoch, "finishing interrupted autosigning");
        }
        for certname in unfinished {
            let authority = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(failure) = authority.finish_autosign(epoch, &certname).await {
                    warn!(%certname, %failure, "an interrupted autosigning could not be finished");
                }
            });
        }
    }

    /// The answer that this very request has got already, if it is sent again.
    pub fn answered(&self, caller: &Caller) -> Option<Outcome> {
        let id = caller.request_id.as_deref()?;
        self.ledger.read(|state| state.recent().outcome(id).cloned()).flatten()
    }

    /// The key of one of the CA's certificates, read at its first signature.
    fn key_of(&self, certificate: &Certificate) -> Result<Arc<PrivateKey>, Failure> {
        self.keys.get(certificate.spki_der()).map_err(|problem| Failure::Key(problem.to_string()))
    }

    /// What signs for one of the CA's keys.
    fn issuing(&self, side: Side) -> Result<pki::issue::Authority, Failure> {
        let certificate = self.ledger.read(|state| state.authority_of(side).cloned()).flatten();
        let certificate = certificate.ok_or(Failure::NoState)?;
        let signer = self.key_of(&certificate)?;
        Ok(pki::issue::Authority { certificate, signer })
    }

    /// What signs the certificate with this serial.
    fn issuing_for(&self, serial: &Serial) -> Result<pki::issue::Authority, Failure> {
        let side = self.ledger.read(|state| state.side_of(serial)).ok_or(Failure::NoState)?;
        self.issuing(side)
    }

    /// Makes one certificate. The profile's serial must have been reserved.
    async fn issue(self: &Arc<Self>, profile: LeafProfile) -> Result<Certificate, Failure> {
        let issuing = self.issuing_for(&profile.serial)?;
        let is_fast = issuing.signer.algorithm().is_fast();
        let sign = move || pki::issue::sign_leaf(&issuing, &profile);
        if is_fast {
            return sign().map_err(|fault| Failure::Key(fault.to_string()));
        }
        let (answer, asked) = oneshot::channel();
        self.signers
            .run(move || {
                if !answer.is_closed() {
                    // Whoever gave up waiting needs no result.
                    let _ = answer.send(sign());
                }
                None
            })
            .map_err(|fault| Failure::Key(fault.to_string()))?;
        match asked.await {
            Ok(Ok(certificate)) => Ok(certificate),
            Ok(Err(fault)) => Err(Failure::Key(fault.to_string())),
            Err(_) => Err(Failure::Key("the signing was broken off".to_owned())),
        }
    }
}

/// The command that records a certificate.
pub(crate) fn issued(certname: &str, certificate: &Certificate) -> Command {
    Command::CertificateIssued {
        certname: certname.to_owned(),
        der: certificate.der().to_vec(),
        serial: certificate.serial().to_string(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        details: details_of_certificate(certificate),
        renewal: None,
    }
}

/// What a list shows of a certificate.
pub(crate) fn details_of_certificate(certificate: &Certificate) -> Details {
    Details {
        alt_names: printed(certificate.subject_alt_names()),
        authorization_extensions: certificate.authorization_extensions(),
    }
}

/// What a list shows of a request.
pub(crate) fn details_of_request(request: &Request) -> Details {
    Details {
        alt_names: printed(request.subject_alt_names()),
        authorization_extensions: request.authorization_extensions(),
    }
}

fn printed(names: &[AltName]) -> Vec<String> {
    names.iter().map(AltName::to_string).collect()
}

/// The outcome that is recorded with a completed write.
fn done(outcome: answer::Answer) -> Option<Outcome> {
    Some(outcome.into())
}
