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
mod relay;
mod revocation;
mod rules;
