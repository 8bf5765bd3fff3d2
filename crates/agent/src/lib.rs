//! A small, real agent: gets a certificate, sends facts, fetches its catalog, applies it, sends a report.
//!
//! The run, top to bottom, is [`run`](run::run): ssl → facts → catalog → transaction → report.

#![forbid(unsafe_code)]

mod catalog;
mod console;
mod disabled;
mod facts;
mod graph;
mod lock;
mod provider;
mod report;
mod route;
mod run;
mod session;
mod settings;
mod ssl;
mod transaction;

pub use run::{run, set_disabled};
pub use settings::Settings;
