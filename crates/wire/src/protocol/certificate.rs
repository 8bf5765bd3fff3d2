//! `GET /puppet-ca/v1/certificate/{name}`: a certificate in PEM, or with the name `ca` the CA's bundle, leaf first.

use super::{CA_PREFIX, ca_name, segment};

/// The name that means the CA's own bundle, not a node.
pub const CA: &str = "ca";

/// Its path.
pub fn path(name: &str) -> String {
    format!("{CA_PREFIX}/certificate/{}", segment::encode(name))
}

/// The name in a path of this endpoint, also of the legacy `/{environment}/certificate/{name}`; still encoded.
pub fn name_in(path: &str) -> Option<&str> {
    ca_name(path, "certificate")
}

/// Body of the 404 answer.
pub fn not_found(name: &str) -> String {
    format!("Could not find certificate {name}")
}
