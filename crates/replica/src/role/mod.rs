//! A member's state machine: primary, standby, or neither yet. Pure: events in, actions out.
//!
//! ```text
//!              named, epoch new to this disk             marker on all guarantors
//!   standby ────────────────────────────────▶ starting ─────────────────────────▶ primary ⇄ handing over
//!      ▲    ▲                                   ▲   │                                │
//!      │    └───────────────────────────────────┼───┴── a newer epoch is learnt of ──┘
//!      │ admitted                               │
//!   joining          restarted, still named: asks the register for the next epoch
//! ```
//!
//! A member *named* in an epoch that is already on its disk does not act in it: an earlier life of its process did, and
//! frames of that life may still be under way with entries that this life knows nothing of. It has the register name
//! it anew, in the next epoch, and acts in that one. So entries of one epoch come from one memory, and a position's
//! `(epoch, index)` never stands for two entries.
//!
//! Not survived without an operator's word: a primary has asked the register to go on alone, the request lies with a
//! front end that stands still, the primary loses its disk, and only then the request is granted. The register then
//! counts on an empty disk, while the standby that was let go has everything. Everybody holds, and says so.
//!
//! Two situations make a named member refuse: its disk has never been complete (`Membership::joined`; it was lost, or
//! it is new), and its log cannot be written. Both are in its report; the monitor looks for another one.

mod action;
mod core;
mod event;
mod feeding;
mod follow;
mod member;
mod notice;
mod reign;
mod roster;
mod session;
mod settings;
mod tail;

pub use action::{Action, Refusal};
pub use event::{Event, Origin, Proposed, RegisterOutcome, SendFailure};
pub use member::Member;
pub use notice::{Notice, Silence};
pub use settings::{Restored, Settings, Timings};
