//! The access log: one line per request, in Combined Log Format with, in addition, the duration and the worker.
//!
//! A request never waits for the disk: lines go to a thread of their own through a bounded queue, and when that is
//! full they are dropped and counted.

mod logged;
mod record;
mod writer;

pub use logged::{Logged, WorkerName};
pub use record::Record;
pub use writer::AccessLog;
