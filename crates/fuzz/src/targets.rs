//! One file for each reader.

mod access_rules;
mod autosign;
mod body_framing;
mod certificate;
mod client_headers;
mod configuration;
mod crl;
mod envelope;
mod frame;
mod inventory;
mod pem;
mod puppet_conf;
mod request;
mod request_head;
mod router;
mod serial;
mod signing;
mod snapshot;

/// A reader under attack.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// What its input is made of.
    pub words: &'static [&'static [u8]],
}

/// All of them.
pub const TARGETS: [Target; 18] = [
    access_rules::TARGET,
    autosign::TARGET,
    body_framing::TARGET,
    certificate::TARGET,
    client_headers::TARGET,
    configuration::TARGET,
    crl::TARGET,
    envelope::TARGET,
    frame::TARGET,
    inventory::TARGET,
    pem::TARGET,
    puppet_conf::TARGET,
    request::TARGET,
    request_head::TARGET,
    router::TARGET,
    serial::TARGET,
    signing::TARGET,
    snapshot::TARGET,
];
