//! The front end: terminates TLS, says who is asking, chooses who answers, forwards; home of the register that says
//! which CA is active.
//!
//! Start reading at `path.rs`: the way of a request, step by step. What is decided is decided in pure code (`route`,
//! `retry`, `pool`, `health`, `ca_route::doubt`, and `replica::monitor`); what is done is done around it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod admin;
mod answer;
mod ca_route;
mod ca_ways;
mod cargo;
mod clock;
mod ejection;
mod error_log;
mod forward;
mod front_end;
mod headers;
mod health;
mod hold;
mod lone_ca;
mod memory;
mod metrics;
mod outlook;
pub mod overview;
mod own;
mod page;
mod path;
mod pool;
mod probe;
mod register;
mod relay;
mod reload;
mod retry;
mod revocation;
pub mod route;
mod rules;
mod services;
mod settings;
pub mod status;
mod supervisor;
mod unproven;
mod upstream;
mod workers;

pub use admin::Admin;
pub use ejection::Rules as EjectionRules;
pub use front_end::{FrontEnd, StartFault};
pub use health::Thresholds;
pub use pool::{Balance, Place, Traffic};
pub use register::{EtcdSettings, RegisterSettings, check_endpoint};
pub use reload::{Fixed, NewCourse, Reload, Reloaded, Reread};
pub use settings::{CaKind, FrontEndSettings, Tuning, WorkerAddress};
pub use status::Status;
