//! The access log: one line per request, in Combined Log Format with, in addition, the duration and the worker, or as a
//! JSON object with all that is known.
//!
//! A request never waits for the disk: lines go to a thread of their own through a bounded queue, and when that is
//! full they are dropped and counted.

mod logged;
mod record;
mod trail;
mod writer;

pub use logged::Logged;
pub use record::{Format, Record};
pub use trail::{End, Trail, Way};
pub use writer::AccessLog;
