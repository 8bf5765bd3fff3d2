//! What enters the replicated log: one [`Envelope`] per decision, as CBOR with numbered fields.
//!
//! A field number, once used, keeps its meaning for ever: members of neighbouring versions read each other's
//! logs. New fields must be optional, new commands take new numbers (and a level: [`crate::level`]).

use minicbor::{Decode, Encode};
use thiserror::Error;

/// One decision: when, by whom, for which request, and the commands that carry it out together.
///
/// All commands of an envelope are applied or none, because the log stores an envelope as one entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Envelope {
    /// Time of the decision, Unix seconds, by the clock of the member that decided.
    #[n(0)]
    pub at: i64,
    /// Who asked.
    #[n(1)]
    pub actor: Actor,
    /// The front end's id of the request, and its answer when this envelope completes it.
    #[n(2)]
    pub request: Option<RequestRecord>,
    /// What is to be done, in order.
    #[n(3)]
    pub commands: Vec<Command>,
}

/// Who asked for a decision, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Actor {
    /// The certname that was authenticated, if any.
    #[n(0)]
    pub certname: Option<String>,
    /// The address the request came from; absent for the CA's own housekeeping and the local socket.
    #[n(1)]
    pub address: Option<String>,
    /// The request came through the local socket or an offline command.
    #[n(2)]
    pub local: bool,
}

/// Ties an envelope to the request that caused it, so that a request sent again is not carried out again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RequestRecord {
    /// The value of `X-Bunraku-Request`.
    #[n(0)]
    pub id: String,
    /// The answer, when the request is complete with this envelope; none while steps are still to come.
    #[n(1)]
    pub outcome: Option<Outcome>,
}

/// The answer a write gave, kept so that the same request id gets the same answer again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    /// HTTP status code.
    #[n(0)]
    pub status: u16,
    /// `Content-Type`, empty when the answer has none.
    #[n(1)]
    pub content_type: String,
    /// The body.
    #[n(2)]
    pub body: String,
}

/// How far the autosign decision on a saved request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AutosignMark {
    /// An operator has to sign it.
    #[n(0)]
    Manual,
    /// The policy executable has not answered yet; whoever is primary must (again) ask it.
    #[n(1)]
    Undecided,
    /// It will be signed without an operator; whoever is primary must finish this. In logs of versions that saved a
    /// request before they signed it.
    #[n(2)]
    Approved,
}

/// What the list of certificates shows besides the fingerprints; read from the X.509 object before the command
/// enters the log, so that applying it needs no parser that could fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Details {
    /// `DNS:name` and `IP:address`, in the order of the object.
    #[n(0)]
    pub alt_names: Vec<String>,
    /// Short name or OID, and the value, of each authorization extension.
    #[n(1)]
    pub authorization_extensions: Vec<(String, String)>,
}

/// One entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Revocation {
    /// The serial number, upper-case hexadecimal as Puppet prints it.
    #[n(0)]
    pub serial: String,
    /// When it was revoked, Unix seconds.
    #[n(1)]
    pub date: i64,
    /// Whose certificate it was; a list has entries of many revocations that came in at a time.
    #[n(2)]
    pub certname: Option<String>,
    /// Who asked for it, if another than the envelope's actor.
    #[n(3)]
    pub actor: Option<Actor>,
    /// Why, if that was said.
    #[n(4)]
    pub reason: Option<String>,
}

/// A change of the authority. Applying one cannot fail: everything that could be refused has been before.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Command {
    /// A certificate request has been accepted and waits to be signed.
    #[n(0)]
    RequestSaved {
        #[n(0)]
        certname: String,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        der: Vec<u8>,
        #[n(2)]
        autosign: AutosignMark,
        #[n(3)]
        details: Details,
    },
    /// A waiting request is dropped.
    #[n(1)]
    RequestDeleted {
        #[n(0)]
        certname: String,
    },
    /// The policy said no (or signing was refused by a rule): the request now waits for an operator.
    #[n(2)]
    AutosignDeclined {
        #[n(0)]
        certname: String,
    },
    /// Serial numbers below `next` may have been used from now on.
    #[n(3)]
    SerialsReserved {
        /// Upper-case hexadecimal.
        #[n(0)]
        next: String,
    },
    /// A certificate exists. Its request, if one waits, is dropped with it; unless it is a renewal.
    #[n(4)]
    CertificateIssued {
        #[n(0)]
        certname: String,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        der: Vec<u8>,
        /// Upper-case hexadecimal.
        #[n(2)]
        serial: String,
        #[n(3)]
        not_before: i64,
        #[n(4)]
        not_after: i64,
        #[n(5)]
        details: Details,
        /// It takes the place of an earlier one with the same key: a request that waits stays.
        #[n(6)]
        renewal: Option<bool>,
    },
    /// The file of a certificate is dropped; this does not revoke it.
    #[n(5)]
    CertificateRemoved {
        #[n(0)]
        certname: String,
    },
    /// A new revocation list. Its bytes are rebuilt from the old entries, `added`, `dropped` and the signature.
    #[n(6)]
    RevocationListIssued {
        #[n(0)]
        number: u64,
        #[n(1)]
        this_update: i64,
        #[n(2)]
        next_update: i64,
        /// Appended to the list, in this order.
        #[n(3)]
        added: Vec<Revocation>,
        /// Serials that leave the list, because their certificates have expired.
        #[n(4)]
        dropped: Vec<String>,
        /// Over the DER of the list's TBS part, by the CA's key.
        #[n(5)]
        #[cbor(with = "minicbor::bytes")]
        signature: Vec<u8>,
    },
    /// The operator has named the infrastructure's nodes.
    #[n(21)]
    InfraNodesChanged {
        /// `infra_inventory.txt`, as it is.
        #[n(0)]
        inventory: String,
    },
    /// A list of the infrastructure was there when this log began to keep it.
    #[n(22)]
    InfraListAdopted {
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        der: Vec<u8>,
    },
    /// A new list of the infrastructure, in the same entry as the full list that caused it. Rebuilt as that one is.
    #[n(23)]
    InfraListIssued {
        #[n(0)]
        number: u64,
        #[n(1)]
        this_update: i64,
        #[n(2)]
        next_update: i64,
        /// Appended to the list, in this order.
        #[n(3)]
        added: Vec<Revocation>,
        /// Serials that leave the list.
        #[n(4)]
        dropped: Vec<String>,
        #[n(5)]
        #[cbor(with = "minicbor::bytes")]
        signature: Vec<u8>,
    },
    /// The CA's own certificate has been renewed, and perhaps others of its chain: same subject, key and serial number.
    #[n(20)]
    AuthorityRenewed {
        /// The one that issues.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        issuer_der: Vec<u8>,
        /// `ca_crt.pem`, whole.
        #[n(1)]
        bundle_pem: String,
    },
    /// A second key is introduced: its certificate is trusted from now on, the present key goes on signing. The key itself
    /// is never in a log: whoever has this entry had it before (see [`crate::keys`]).
    #[n(24)]
    KeyIntroduced {
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        certificate_der: Vec<u8>,
        /// Its first revocation list.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        list_der: Vec<u8>,
        /// Its list of the infrastructure; empty where none is kept.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        infra_der: Vec<u8>,
        /// `ca_crt.pem`, whole.
        #[n(3)]
        bundle_pem: String,
    },
    /// The key that was introduced signs from now on; the one before goes on for its own revocation list. Serial numbers
    /// that were reserved before this entry are the former key's, all others the new one's.
    #[n(25)]
    KeyActivated {
        /// The new key's list, numbered above the former's.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        list_der: Vec<u8>,
        /// Its list of the infrastructure; empty where none is kept.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        infra_der: Vec<u8>,
        #[n(2)]
        bundle_pem: String,
    },
    /// The former key is not trusted any more.
    #[n(26)]
    KeyRetired {
        #[n(0)]
        bundle_pem: String,
    },
    /// The key that was introduced will not be used.
    #[n(27)]
    KeyAbandoned {
        #[n(0)]
        bundle_pem: String,
    },
    /// A new key is made, and its certificate has to come from an issuer elsewhere. Nothing trusts it yet; whoever has this
    /// entry has the key, as with [`Command::KeyIntroduced`], which ends the waiting.
    #[n(30)]
    KeyRequested {
        /// PKCS#10, with the subject of the new CA.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        request_der: Vec<u8>,
    },
    /// Nobody waits for the certificate of a new key any more.
    #[n(31)]
    KeyRequestDropped,
    /// As [`Command::RevocationListIssued`], for the second key.
    #[n(28)]
    SecondListIssued {
        #[n(0)]
        number: u64,
        #[n(1)]
        this_update: i64,
        #[n(2)]
        next_update: i64,
        #[n(3)]
        added: Vec<Revocation>,
        #[n(4)]
        dropped: Vec<String>,
        /// By the second key.
        #[n(5)]
        #[cbor(with = "minicbor::bytes")]
        signature: Vec<u8>,
    },
    /// As [`Command::InfraListIssued`], for the second key.
    #[n(29)]
    SecondInfraListIssued {
        #[n(0)]
        number: u64,
        #[n(1)]
        this_update: i64,
        #[n(2)]
        next_update: i64,
        #[n(3)]
        added: Vec<Revocation>,
        #[n(4)]
        dropped: Vec<String>,
        #[n(5)]
        #[cbor(with = "minicbor::bytes")]
        signature: Vec<u8>,
    },
    /// Serial numbers that were reserved and that no key has used, nor will: those from `to` up to before `from`.
    /// Counts only if nothing has been reserved since.
    #[n(8)]
    SerialsReturned {
        /// Upper-case hexadecimal.
        #[n(0)]
        from: String,
        /// Upper-case hexadecimal.
        #[n(1)]
        to: String,
    },
    /// The revocation lists of the issuers above ours are others now.
    #[n(7)]
    ChainListsReplaced {
        /// All of them, in their order.
        #[n(0)]
        lists_pem: String,
    },
    /// A revocation list of ours that another program issued takes the place of the present one.
    #[n(40)]
    RevocationListAdopted {
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        der: Vec<u8>,
    },
    /// A certificate by our key that another program issued, or that was put back.
    #[n(41)]
    CertificateAdopted {
        #[n(0)]
        certname: String,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        der: Vec<u8>,
        /// Upper-case hexadecimal.
        #[n(2)]
        serial: String,
        #[n(3)]
        not_before: i64,
        #[n(4)]
        not_after: i64,
        #[n(5)]
        details: Details,
        /// It gets a line in the inventory: it has none yet.
        #[n(6)]
        row: bool,
    },
    /// The inventory was written by others: what follows its first octets is this text, of which lines that the log
    /// knows already change nothing.
    #[n(42)]
    InventoryAdopted {
        #[n(0)]
        offset: u64,
        #[n(1)]
        text: String,
    },
    /// From here on the audit record is written, in this form. Logs of versions before have none.
    #[n(50)]
    AuditBegun {
        #[n(0)]
        format: u32,
    },
    /// Something that the actor may decide was refused by a rule. Changes nothing.
    #[n(51)]
    Refused {
        #[n(0)]
        certname: String,
        /// What was asked for: `sign`.
        #[n(1)]
        what: String,
        #[n(2)]
        reason: String,
    },
    /// Why the commands after it, up to the next of these, are there: what a decision of ours rests on.
    #[n(52)]
    Because {
        #[n(0)]
        text: String,
    },
    /// The same for what others did to the directory, and for repairs.
    #[n(43)]
    Noted {
        #[n(0)]
        text: String,
    },
}

impl Command {
    /// The one that begins the audit record.
    pub(crate) const AUDIT_BEGUN: Self = Self::AuditBegun { format: crate::audit::FORMAT };
}

/// A log entry that this version cannot read.
#[derive(Debug, Error)]
#[error("log entry cannot be read by this version: {0}")]
pub struct UnreadableEntry(#[from] minicbor::decode::Error);

impl Envelope {
    /// Before it enters the log: the audit record begins with it, if it has not begun. One that comes twice does no harm.
    pub(crate) fn with_record(mut self, state: &crate::state::State) -> Self {
        if !state.audit().is_begun() {
            self.commands.insert(0, Command::AUDIT_BEGUN);
        }
        self
    }

    /// The bytes of a log entry.
    pub fn encode(&self) -> Vec<u8> {
        // Writing into a Vec has no error of its own, and the derived encoders raise none.
        minicbor::to_vec(self).expect("encoding into memory cannot fail")
    }

    /// Reads a log entry.
    ///
    /// # Errors
    /// [`UnreadableEntry`] when the bytes are not an envelope, or one with a command of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableEntry> {
        Ok(minicbor::decode(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_survives_encoding() {
        let envelope = Envelope {
            at: 1_795_254_000,
            actor: Actor { certname: None, address: Some("192.0.2.7".into()), local: false },
            request: Some(RequestRecord {
                id: "6f1c".into(),
                outcome: Some(Outcome {
                    status: 200,
                    content_type: "text/plain".into(),
                    body: String::new(),
                }),
            }),
            commands: vec![
                Command::RequestSaved {
                    certname: "a.example.com".into(),
                    der: vec![1, 2, 3],
                    autosign: AutosignMark::Approved,
                    details: Details::default(),
                },
                Command::SerialsReserved { next: "0005".into() },
                Command::RevocationListIssued {
                    number: 3,
                    this_update: 5,
                    next_update: 6,
                    added: vec![Revocation {
                        serial: "0004".into(),
                        date: 5,
                        certname: Some("a.example.com".into()),
                        actor: None,
                        reason: None,
                    }],
                    dropped: vec![],
                    signature: vec![9],
                },
                Command::ChainListsReplaced { lists_pem: "-----BEGIN".into() },
            ],
        };
        assert_eq!(Envelope::decode(&envelope.encode()).unwrap(), envelope);
    }

    #[test]
    fn an_unknown_command_is_reported_and_not_skipped() {
        let mut bytes = Vec::new();
        let mut encoder = minicbor::Encoder::new(&mut bytes);
        encoder.array(4).unwrap().i64(1).unwrap().array(3).unwrap().null().unwrap().null().unwrap();
        encoder.bool(false).unwrap().null().unwrap().array(1).unwrap();
        encoder.array(2).unwrap().u32(200).unwrap().array(0).unwrap();
        assert!(Envelope::decode(&bytes).is_err());
    }
}
