//! `/puppet-ca/v1/certificate_status/{name}` and `/puppet-ca/v1/certificate_statuses/{any}`: what the CA knows of a
//! name; `PUT` signs or revokes, `DELETE` forgets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::{CA_PREFIX, ca_name, segment};

/// Path of one name.
pub fn path(name: &str) -> String {
    format!("{CA_PREFIX}/certificate_status/{}", segment::encode(name))
}

/// Path of all names. The last segment is a word that must be there and means nothing.
pub fn list_path(state: Option<State>) -> String {
    match state {
        None => format!("{CA_PREFIX}/certificate_statuses/any_key"),
        Some(state) => format!("{CA_PREFIX}/certificate_statuses/any_key?state={}", state.as_str()),
    }
}

/// The name in a path of one status, also of the legacy form; still encoded.
pub fn name_in(path: &str) -> Option<&str> {
    ca_name(path, "certificate_status")
}

/// The (meaningless) name in a path of all statuses, also of the legacy form.
pub fn list_name_in(path: &str) -> Option<&str> {
    ca_name(path, "certificate_statuses")
}

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A request waits.
    Requested,
    /// It has a certificate.
    Signed,
    /// Its certificate was revoked.
    Revoked,
}

impl State {
    /// As it stands in JSON and in queries.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Requested => "requested",
            State::Signed => "signed",
            State::Revoked => "revoked",
        }
    }

    /// Reads [`State::as_str`].
    pub fn parse(text: &str) -> Option<State> {
        [State::Requested, State::Signed, State::Revoked].into_iter().find(|state| state.as_str() == text)
    }
}

/// Digests of a certificate or request, upper-case with colons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    /// SHA-1.
    #[serde(rename = "SHA1")]
    pub sha1: String,
    /// SHA-256.
    #[serde(rename = "SHA256")]
    pub sha256: String,
    /// SHA-512.
    #[serde(rename = "SHA512")]
    pub sha512: String,
    /// The one of the CA's digest setting (SHA-256).
    pub default: String,
}

/// What the CA knows of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Alternative names of kind DNS, as "DNS:name".
    pub dns_alt_names: Vec<String>,
    /// All alternative names, with their kind.
    pub subject_alt_names: Vec<String>,
    /// Authorization extensions by short name.
    pub authorization_extensions: Map<String, Value>,
    /// The default digest.
    pub fingerprint: String,
    /// All digests.
    pub fingerprints: Fingerprints,
    /// Serial number; only with a certificate. A JSON number of any size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<Number>,
    /// Begin of validity, `2026-11-21T09:52:39UTC`; only with a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// End of validity, in the same form; only with a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
}

/// Body of a `PUT`, from the side of the one who asks. (The CA reads the JSON itself: its refusals depend on what
/// exactly is wrong.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `signed` or `revoked`.
    pub desired_state: State,
    /// Validity of the new certificate, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_ttl: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_written_as_recorded() {
        let sign = Change { desired_state: State::Signed, cert_ttl: None };
        assert_eq!(serde_json::to_string(&sign).unwrap(), r#"{"desired_state":"signed"}"#);
    }

    #[test]
    fn statuses_are_read_in_any_order_of_fields() {
        let text = r#"{"name":"p.example.com","dns_alt_names":["DNS:p"],"state":"signed",
            "authorization_extensions":{"pp_cli_auth":"true"},"subject_alt_names":["DNS:p"],
            "not_before":"2026-11-21T09:52:39UTC",
            "fingerprints":{"SHA1":"9A","SHA256":"1D","SHA512":"19","default":"1D"},
            "not_after":"2041-11-18T09:52:50UTC","serial_number":1,"fingerprint":"1D"}"#;
        let status: Status = serde_json::from_str(text).unwrap();
        assert_eq!((status.state, status.serial_number), (State::Signed, Some(1.into())));
        assert_eq!(status.authorization_extensions["pp_cli_auth"], "true");
    }

    #[test]
    fn a_request_has_no_validity() {
        let status = Status {
            name: "a".to_owned(),
            state: State::Requested,
            dns_alt_names: Vec::new(),
            subject_alt_names: Vec::new(),
            authorization_extensions: Map::new(),
            fingerprint: "0C".to_owned(),
            fingerprints: Fingerprints {
                sha1: "2E".to_owned(),
                sha256: "0C".to_owned(),
                sha512: "74".to_owned(),
                default: "0C".to_owned(),
            },
            serial_number: None,
            not_before: None,
            not_after: None,
        };
        assert_eq!(
            serde_json::to_string(&status).unwrap(),
            r#"{"name":"a","state":"requested","dns_alt_names":[],"subject_alt_names":[],"authorization_extensions":{},"fingerprint":"0C","fingerprints":{"SHA1":"2E","SHA256":"0C","SHA512":"74","default":"0C"}}"#
        );
    }

    #[test]
    fn the_list_can_be_limited_to_a_state() {
        let path = list_path(Some(State::Requested));
        assert_eq!(path, "/puppet-ca/v1/certificate_statuses/any_key?state=requested");
        assert_eq!(State::parse("revoked"), Some(State::Revoked));
        assert_eq!(State::parse("Revoked"), None);
    }
}
