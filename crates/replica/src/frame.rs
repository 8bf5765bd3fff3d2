//! What members and the front end say to each other, and its bytes.
//!
//! CBOR (RFC 8949) with numbered fields. Rolling upgrades: a decoder skips numbers it does not know, a new field is
//! optional or has a default, a number is never used again for something else. An unknown *kind* of body decodes as
//! `body: None`; the answer to it is [`Denial::Unsupported`]. Versions may differ by one ([`Frame::readable`]).

use minicbor::{Decode, Encode};
use thiserror::Error;

use crate::configuration::Configuration;
use crate::name::{ClusterId, Epoch, MemberName};
use crate::position::{Entry, Position};
use crate::report::{Fault, Report};

/// Version this build speaks.
pub const VERSION: u16 = 1;

/// One message. Every one says version, estate, epoch and sender; the receiver checks them before it looks further.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Frame {
    /// Protocol version of the sender.
    #[n(0)]
    pub version: u16,
    /// The sender's estate.
    #[n(1)]
    pub cluster: ClusterId,
    /// Epoch on the sender's disk (front end: in its register).
    #[n(2)]
    pub epoch: Epoch,
    /// Name of the sending member or front end. The receiver's IO loop has compared it with the peer's certificate.
    #[n(3)]
    pub sender: MemberName,
    /// The message; none when this build does not know its kind.
    #[n(4)]
    pub body: Option<Body>,
}

/// The message proper. Numbers below 16 ask, from 16 answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Body {
    /// Front end → member: what the register holds. Also the health probe. Answer: `Report` or `Stale`.
    #[n(0)]
    Configure(#[n(0)] Configure),
    /// Primary → standby: entries, commit index, heartbeat. Answer: `Appended`, `Mismatch`, `Stale`, `Denied`.
    #[n(1)]
    Append(#[n(0)] Append),
    /// Primary → standby: a part of a snapshot. Answer: `SnapshotReceived`, then as `Append`.
    #[n(2)]
    Snapshot(#[n(0)] Snapshot),
    /// Front end → primary: stop admitting, let `target` have everything, say so. Answer: `HandedOver` or `Denied`.
    #[n(3)]
    Handoff(#[n(0)] Handoff),
    /// The member's account of itself.
    #[n(16)]
    Report(#[n(0)] Report),
    /// Everything up to `end` is flushed here.
    #[n(17)]
    Appended(#[n(0)] Appended),
    /// `previous` is not in this log.
    #[n(18)]
    Mismatch(#[n(0)] Mismatch),
    /// The sender's epoch is over; this is the newer configuration on the answering member's disk.
    #[n(19)]
    Stale(#[n(0)] Configuration),
    /// How much of the snapshot is here.
    #[n(20)]
    SnapshotReceived(#[n(0)] SnapshotReceived),
    /// The target has everything up to here, and the primary takes nothing new.
    #[n(21)]
    HandedOver(#[n(0)] Position),
    /// Nothing was done.
    #[n(22)]
    Denied(#[n(0)] Denial),
}

/// See [`Body::Configure`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Configure {
    /// The register's value; none while it has never been set.
    #[n(0)]
    pub configuration: Option<Configuration>,
}

/// See [`Body::Append`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Append {
    /// The sender's configuration, in which it is primary.
    #[n(0)]
    pub configuration: Configuration,
    /// Position before the first entry; must be in the receiver's log.
    #[n(1)]
    pub previous: Position,
    /// Entries that follow it; none in a heartbeat.
    #[n(2)]
    pub entries: Vec<Entry>,
    /// Entries up to this index are committed.
    #[n(3)]
    pub commit: u64,
    /// Set when the receiver is about to enter the in-sync set: the incarnation that is meant. It notes `joined`.
    #[n(4)]
    pub admit: Option<u64>,
}

/// See [`Body::Snapshot`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Snapshot {
    /// The sender's configuration, in which it is primary.
    #[n(0)]
    pub configuration: Configuration,
    /// Position that the snapshot stands for.
    #[n(1)]
    pub position: Position,
    /// Bytes of the whole.
    #[n(2)]
    pub total: u64,
    /// Where `bytes` belong.
    #[n(3)]
    pub offset: u64,
    /// The part. Left empty by the state machine; the IO loop fills it (see [`crate::role::Action::SendSnapshot`]).
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// See [`Body::Handoff`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Handoff {
    /// The member that shall be primary next. Must be in the in-sync set.
    #[n(0)]
    pub target: MemberName,
    /// Epoch that the front end wants to end.
    #[n(1)]
    pub epoch: Epoch,
}

/// See [`Body::Appended`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Appended {
    /// Everything up to here is on this disk.
    #[n(0)]
    pub end: Position,
    /// Which disk ([`crate::configuration::Membership::incarnation`]).
    #[n(1)]
    pub incarnation: u64,
    /// Whether that disk has ever been complete.
    #[n(2)]
    pub joined: bool,
    /// As in [`Report`].
    #[n(3)]
    #[cbor(default)]
    pub level: u16,
}

/// See [`Body::Mismatch`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Mismatch {
    /// A position in this log that the primary may have too: the last one not after what it asked for.
    #[n(0)]
    pub hint: Position,
    /// Nothing that this log could still give up fits: only a snapshot helps.
    #[n(1)]
    pub needs_snapshot: bool,
    /// As in [`Appended`].
    #[n(2)]
    pub incarnation: u64,
    /// As in [`Appended`].
    #[n(3)]
    pub joined: bool,
    /// As in [`Appended`].
    #[n(4)]
    #[cbor(default)]
    pub level: u16,
}

/// See [`Body::SnapshotReceived`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotReceived {
    /// The snapshot that is being received.
    #[n(0)]
    pub position: Position,
    /// Bytes received from its beginning without a gap; the next offset wanted.
    #[n(1)]
    pub received: u64,
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Error)]
pub enum Denial {
    /// The sender belongs to another estate.
    #[error("member belongs to cluster {0}")]
    #[n(0)]
    OtherCluster(#[n(0)] ClusterId),
    /// The sender's protocol version is too far from this one.
    #[error("member speaks protocol version {0}")]
    #[n(1)]
    Version(#[n(0)] u16),
    /// This build does not know that kind of message.
    #[error("member does not know this kind of message")]
    #[n(2)]
    Unsupported,
    /// The peer may not send this message, or contradicts the configuration of its own epoch.
    #[error("sender may not say this")]
    #[n(3)]
    NotAllowed,
    /// Not now: a snapshot is being loaded, or a handoff cannot be made in this state.
    #[error("member is busy")]
    #[n(4)]
    Busy,
    /// The log cannot be written.
    #[error("{0}")]
    #[n(5)]
    Fault(#[n(0)] Fault),
    /// An entry's checksum does not fit its payload.
    #[error("frame is damaged")]
    #[n(6)]
    Damaged,
}

/// Why bytes are not a frame.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FrameFault {
    /// Not CBOR, or a field that must be there is missing or of another type.
    #[error("not a replication frame: {0}")]
    Malformed(String),
    /// Bytes after the end.
    #[error("{0} bytes after the end of a replication frame")]
    Trailing(usize),
}

impl Frame {
    /// A frame of this build's version.
    pub fn new(cluster: ClusterId, epoch: Epoch, sender: MemberName, body: Body) -> Frame {
        Frame { version: VERSION, cluster, epoch, sender, body: Some(body) }
    }

    /// Bytes of this frame.
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing CBOR into memory cannot fail")
    }

    /// Reads a frame; whoever calls has limited the size of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameFault> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let frame: Frame = decoder.decode().map_err(|fault| FrameFault::Malformed(fault.to_string()))?;
        match bytes.len() - decoder.position() {
            0 => Ok(frame),
            left => Err(FrameFault::Trailing(left)),
        }
    }

    /// Whether a frame of the sender's version can be understood here: at most one apart, in either direction.
    pub fn readable(&self) -> bool {
        self.version.abs_diff(VERSION) <= 1
    }

    /// Puts the bytes of a snapshot part into a frame of [`crate::role::Action::SendSnapshot`].
    pub fn fill_snapshot(&mut self, part: Vec<u8>) {
        if let Some(Body::Snapshot(snapshot)) = &mut self.body {
            snapshot.bytes = part;
        }
    }
}
