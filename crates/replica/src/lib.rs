//! A log copied from one primary to hot standbys, and the decision who is primary.
//!
//! Primary-backup replication with an external register (docs/FAILOVER.md tells the why). This crate is the pure part:
//! state machines without clock, randomness or network, which `ca` and `gateway` drive; and the files they need
//! ([`log`], [`membership`], [`register`]). Payloads are opaque. Nothing here knows what a certificate is.
//!
//! # The argument, in short
//!
//! 1. An **epoch** is one process life of one primary. The register names one primary per epoch; a member that finds
//!    itself named in an epoch that was already on its disk when it started has itself named anew in the next one
//!    before it acts. So `(epoch, index)` names one entry for all time, and late frames of an earlier life are stale.
//! 2. A primary acknowledges an entry when its own disk and the disks of its **guarantors** have it: a set in memory
//!    (and on disk) that is at every moment a superset of the registered in-sync set and of every set it has asked the
//!    register for and that may still be granted.
//! 3. The next primary comes from the registered in-sync set, so it has everything acknowledged. Once it has the new
//!    epoch on its disk it answers `Stale` to the old primary: from then on nothing can be acknowledged in the old one.
//! 4. The new primary begins its epoch with a **marker** (an entry with empty payload). It acts once the marker is on
//!    every guarantor: that proves that all of them have its log and left the old epoch, makes everything before final,
//!    and makes leftovers of old epochs on standbys collide with something so that they are cut off even when no
//!    command follows. Hence also: of two logs, the one whose last position is greater is the newer history.
//!
//! # What `ca` must do: the IO loop of a [`Member`](role::Member)
//!
//! Start: read the membership file (absent: `Membership::blank(random)` and store it), open the log, tell the member
//! with [`role::Restored`]; then per event `step(event, now_ms)` and carry the actions out **in the order given**:
//!
//! - `PersistMembership`: durable *before any later action is begun*, of this step or of later ones. (Run it in line.)
//! - `Append`, `Truncate`, `Flush` go to the log in order, on a thread of their own; `Event::Flushed` after the flush.
//!   Later actions (`Send` above all) do *not* wait: local flush and network run at the same time. Several appends
//!   queued behind a running flush may share the next one; report `Flushed` with the greatest `up_to` of them.
//! - An append that fails: the log cuts itself back; report `LogFailed { fault, kept: log.last() }`, drop what is
//!   queued behind it, ask nothing more of the log until the actions of that `step` (a `Truncate` to `kept` first, for
//!   whoever keeps entries that wait to be applied) are done. From time to time try to write, then
//!   `LogRecovered`. A *flush* that fails: end the process; its next life reads what is really there.
//! - `Send`: one frame, one answer. `FrameAnswered` exactly once per ticket, also after a time-out. Frames to one member
//!   may use one kept connection; a time-out closes it.
//! - `FrameReceived` takes the sender from the peer's certificate; `Configure` and `Handoff` only from a configured
//!   front end (`Origin::FrontEnd`), everything else only from a configured member, whose name must equal the frame's
//!   `sender`. Every request is answered by one `Reply`, perhaps steps later.
//! - `Commit`: apply, in order, markers skipped. `Accepted` follows the `Commit` that covers it; the client is told
//!   then. `Refused` says whether anything may have happened ([`role::Refusal::nothing_done`]).
//! - Store how far has been applied (lazily is enough; a state that has applied more than it remembers must bear to see
//!   the same entries again). If at a start that position is not in the log ([`log::Log::contains`]), a snapshot was
//!   interrupted between its halves: reset the log to it. After a restart apply nothing after `Restored::applied` before
//!   `Commit` says so: the rest may never have been acknowledged, and may be cut off.
//! - `TakeSnapshot`: of the applied state; `StoreSnapshot` into a temporary file; `LoadSnapshot`: make the snapshot
//!   durable, replace the state, `Log::reset(position)`, then `SnapshotLoaded`. A crash in between must leave either
//!   the old state with the old log or (after recovery at the next start) the new state with the new log. A *new* member
//!   always begins with a snapshot, so what joining hands over besides the log can travel with it.
//! - Decisions about new commands are made only after `RoleChanged { role: Primary }` and until the next `RoleChanged`.
//! - The first member of an estate has a log that is not empty (set-up writes a first entry or a snapshot base); all
//!   others start with an empty one. An empty log never makes a primary.
//!
//! # What `gateway` must do: the IO loop of a [`Monitor`](monitor::Monitor)
//!
//! Open the [`EmbeddedRegister`](register::EmbeddedRegister), feed `Event::Register` with its value, then `Tick`s,
//! probe results, and connect failures of real requests at once when they happen. Serve members' compare-and-set
//! requests with `Author::Member(name from the certificate)`, and feed `Event::Register` after each that changed
//! something. Requests go to `view().active` with `view().epoch`; while that is `None` they are held.
//!
//! ```text
//! member:  Propose ─▶ Append+Flush ─────────────▶ Flushed ─┐
//!                  └▶ Send(Append) ─▶ standby: Append+Flush ┴▶ Commit, Accepted
//! monitor: Probed(Err(Refused)) ─▶ CompareAndSet(epoch+1) ─▶ Register ─▶ Probe(new primary) ─▶ its Report: active
//! ```

#![forbid(unsafe_code)]

pub mod configuration;
#[doc(hidden)]
pub mod flaws;
pub mod frame;
pub mod log;
pub mod membership;
pub mod monitor;
pub mod name;
pub mod position;
pub mod register;
pub mod report;
pub mod role;
pub mod storage;
#[doc(hidden)]
pub mod witness;

pub use configuration::{Configuration, Membership};
pub use frame::Frame;
pub use name::{ClusterId, Epoch, MemberName};
pub use position::{Entry, Position};
pub use report::{Fault, Report, Role};
