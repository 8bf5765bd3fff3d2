//! Why an operation was not carried out, as facts. How a client is told stands in [`crate::answer`].

use super::{ListsFault, NewKeyFault, RolloverFault};
use crate::ledger::Refusal;
use crate::puppet_setup::InfraListFault;
use crate::state::Standing;
use pki::issue::SigningFault;
use pki::{CertnameFault, RequestFault};
use thiserror::Error;

/// A rule that an operation would break. The texts are Puppet Server's, where it has one.
#[derive(Debug, Error)]
pub enum Fault {
    /// The name has a request or certificate already.
    #[error("{certname} already has a {} certificate; ignoring certificate request", standing.as_str())]
    Duplicate { certname: String, standing: Standing },
    /// The request is for another name than the URL.
    #[error("Instance name \"{subject}\" does not match requested key \"{certname}\"")]
    HostnameMismatch { subject: String, certname: String },
    /// The name breaks Puppet's rules.
    #[error("{}", .0.puppet_text())]
    Certname(#[from] CertnameFault),
    /// `GET certificate/ca` is the CA's own certificate; a node of that name could never fetch its own.
    #[error("The name \"ca\" is reserved for the certificate authority")]
    ReservedName,
    /// The body is not one PKCS#10 request.
    #[error("The request body is not a certificate request: {0}")]
    NotARequest(#[from] RequestFault),
    /// Its content may not be signed.
    #[error("{}", .0.puppet_text())]
    Signing(#[from] SigningFault),
    /// There is neither a request nor a certificate of this name.
    #[error("Invalid certificate subject.")]
    UnknownName,
    /// To be renewed, but there is no certificate, or one that is no longer valid.
    #[error("No valid certificate found in renewal request")]
    NothingToRenew,
    /// To be renewed, but issued by somebody else.
    #[error("Certificate present, but does not match signature")]
    NotOurs,
    /// Revocation lists that are not taken in.
    #[error(transparent)]
    Lists(#[from] ListsFault),
    /// The CA's certificate is not renewed.
    #[error(transparent)]
    Rollover(#[from] RolloverFault),
    /// The infrastructure's revocation list is not begun.
    #[error(transparent)]
    InfraList(#[from] InfraListFault),
    /// A step of the way to a new key is not taken.
    #[error(transparent)]
    NewKey(#[from] NewKeyFault),
    /// To be signed, but no request waits.
    #[error("Cannot sign certificate for host {0} without a certificate request")]
    NothingToSign(String),
    /// To be revoked, but no certificate is there.
    #[error("Cannot revoke certificate for host {0} without a signed certificate")]
    NothingToRevoke(String),
}

/// Why an operation did not end in success.
#[derive(Debug, Error)]
pub enum Failure {
    /// A rule forbids it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// So many requests wait that no stranger's is taken in.
    #[error(
        "{limit} certificate requests are waiting for a decision, and this CA takes in no more from unknown clients. \
         For its operator: `bunraku ca list` shows them; `bunraku ca sign` those that you know and `bunraku ca clean` \
         the others, or raise max_pending in section [ca] of bunraku.toml."
    )]
    TooManyPending {
        limit: usize,
        /// When the client may ask again, seconds from now.
        retry_after: u32,
    },
    /// So many requests of one source wait that no more of its are taken in.
    #[error(
        "{limit} certificate requests from {origin} are waiting for a decision, and this CA takes in no more from \
         there. For its operator: `bunraku ca list` shows them; `bunraku ca sign` those that you know and \
         `bunraku ca clean` the others, or raise max_pending_per_source in section [ca] of bunraku.toml."
    )]
    TooManyPendingFrom {
        /// An address, or a network of addresses.
        origin: String,
        limit: usize,
        /// When the client may ask again, seconds from now.
        retry_after: u32,
    },
    /// Many requests for one name wait until it is known what becomes of the first of them.
    #[error(
        "{certname}: other requests for this name are being decided on, and {limit} wait for that. Ask again in a moment."
    )]
    NameCrowded {
        certname: String,
        limit: usize,
        /// When the client may ask again, seconds from now.
        retry_after: u32,
    },
    /// The log did not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key cannot be used.
    #[error("the CA's key cannot be used: {0}")]
    Key(String),
    /// The directory cannot be read or written.
    #[error("the CA directory cannot be used: {0}")]
    Directory(String),
    /// There is no state yet, or no file that the state says should be there.
    #[error("this member has no complete copy of the authority yet")]
    NoState,
}

impl From<ListsFault> for Failure {
    fn from(fault: ListsFault) -> Self {
        Self::Fault(fault.into())
    }
}

impl From<SigningFault> for Failure {
    fn from(fault: SigningFault) -> Self {
        Self::Fault(fault.into())
    }
}
