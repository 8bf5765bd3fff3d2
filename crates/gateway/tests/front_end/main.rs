//! The front end with real TLS, real sockets, and workers that are killed.

mod ca;
mod ca_member;
mod catalog;
mod catalog_worker;
mod estate;
mod etcd;
mod identity;
mod metrics;
mod operators;
mod page;
mod raw_worker;
mod relay;
mod retry_table;
mod revocation;
mod rules;
mod smuggling;
mod streaming;
