//! `$trusted`: what the client's certificate proves, in contrast to what its facts claim.

use compiler::{Authenticated, Trusted};
use wire::identity::Requester;

/// Puppet's `$trusted` for the node behind `requester`.
pub fn trusted_facts(requester: &Requester) -> Trusted {
    let extensions = requester.certificate.as_ref().map(|c| c.trusted_extensions()).unwrap_or_default();
    Trusted {
        authenticated: if requester.authenticated { Authenticated::Remote } else { Authenticated::No },
        certname: requester.certname.clone().unwrap_or_default(),
        extensions,
        ..Trusted::default()
    }
}
