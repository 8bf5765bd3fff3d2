//! The catalog worker: Puppet's v3 API over the compiler.
//!
//! A request's way: [`worker`] (who asks, which endpoint) → `api/<endpoint>` → compiler, mounts or report store.

#![forbid(unsafe_code)]

mod accept;
mod api;
mod authorization;
mod bucket;
mod checksum;
mod compress;
mod environment_cache;
mod facts_store;
mod fault;
mod glob;
mod metadata;
mod mounts;
mod parameters;
mod path;
mod regular;
mod route;
mod send;
mod settings;
mod trusted;
mod walk;
mod worker;
mod world;

pub use settings::ServerSettings;
pub use trusted::trusted_facts;
pub use worker::CatalogWorker;
pub use world::DiskWorld;
