//! The front end with real TLS, real sockets, and workers that are killed.

mod ca;
mod ca_member;
mod catalog;
mod catalog_worker;
mod estate;
mod etcd;
mod identity;
mod listener_reload;
mod metrics;
mod metrics_reload;
mod operators;
mod page;
mod raw_worker;
mod relay;
mod retry_table;
mod retry_table_ca;
mod revocation;
mod rules;
mod services;
mod smuggling;
mod streaming;
