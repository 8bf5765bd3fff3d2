//! `/puppet-ca/v1/certificate_request/{name}`: `PUT` hands in a signing request in PEM (empty answer), `GET` shows it,
//! `DELETE` withdraws it.

use super::{CA_PREFIX, ca_name, segment};

/// Largest body of a `PUT`, in bytes. A request of an RSA-4096 key with many extensions has 4 kB.
pub const MAX_BYTES: usize = 256 * 1024;

/// Its path.
pub fn path(name: &str) -> String {
    format!("{CA_PREFIX}/certificate_request/{}", segment::encode(name))
}

/// The name in a path of this endpoint, also of the legacy `/{environment}/certificate_request/{name}`; still
/// encoded.
pub fn name_in(path: &str) -> Option<&str> {
    ca_name(path, "certificate_request")
}

/// Body of the 404 answer.
pub fn not_found(name: &str) -> String {
    format!("Could not find certificate_request {name}")
}

/// What a name already has when a further request for it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// A request that waits.
    Requested,
    /// A certificate.
    Signed,
    /// A certificate that was revoked.
    Revoked,
}

/// Body of the 400 answer to a further request. Agents go on to fetch their certificate when they read it.
pub fn already(name: &str, existing: Existing) -> String {
    let state = match existing {
        Existing::Requested => "requested",
        Existing::Signed => "signed",
        Existing::Revoked => "revoked",
    };
    format!("{name} already has a {state} certificate; ignoring certificate request")
}

/// Whether a 400 answer says that the CA knows this node already, so that an agent may go on.
pub fn is_already(body: &str) -> bool {
    body.contains(" already has a ") && body.ends_with("; ignoring certificate request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_further_request_is_recognised() {
        let text = already("a.example.com", Existing::Signed);
        assert_eq!(text, "a.example.com already has a signed certificate; ignoring certificate request");
        assert!(is_already(&text));
        assert!(!is_already("Certificate names must be lower case."));
    }
}
