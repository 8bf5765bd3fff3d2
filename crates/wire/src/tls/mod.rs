//! TLS as Puppet's certificates need it: one bundle of trusted authorities, revocation that is known at every
//! request, names in the subject, no resumption. The only place that knows rustls and webpki.

mod client;
mod client_verifier;
mod client_verify;
mod counts;
mod draught;
mod identity;
mod revocation;
mod server;
mod server_verifier;
mod trust;
mod verdict;

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

pub use client::ClientTls;
pub use client_verify::{ClientVerify, Unproven};
pub(crate) use client_verify::{JudgedBy, Review, Reviewer};
pub(crate) use counts::OpenConnection;
pub use counts::TlsCounts;
pub use identity::{Identity, IdentityFault};
pub use revocation::{Issuer, RevocationIndex};
pub use server::{ClientCertificates, ServerTls};
pub use trust::{ListEnd, TrustBundle, TrustFault, VerifiedLists, key_name};

/// The one set of cryptography, passed explicitly everywhere: a process default could be set, or be missing, by
/// chance of the order of calls.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

/// Why a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be configured: {0}")]
pub struct TlsFault(String);

impl From<rustls::Error> for TlsFault {
    fn from(error: rustls::Error) -> Self {
        TlsFault(error.to_string())
    }
}
