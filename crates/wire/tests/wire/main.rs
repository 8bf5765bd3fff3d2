//! The crate as its users see it: real TLS over loopback, real clients beside our own.

mod access_log;
mod client;
mod client_verify;
mod drain;
mod estate;
mod framing;
mod hostile;
mod http_features;
mod identity;
mod listener;
mod rest;
mod revocation;
mod tls;
