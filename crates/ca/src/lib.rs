//! Puppet's certificate authority: its decisions, its log and its directory.
//!
//! The log is the truth. A decision becomes an [`command::Envelope`]; once that is committed, applying it changes the
//! [`state::State`] and says what must change in the CA directory, which is always a complete projection in the
//! formats of Puppet Server.

#![forbid(unsafe_code)]

pub mod alone;
pub mod answer;
pub mod authority;
pub mod autosign;
pub mod command;
pub mod directory;
pub mod import;
pub mod inventory;
pub mod ledger;
pub mod projection;
pub mod state;
pub mod store;
mod time;
