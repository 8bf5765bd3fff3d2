//! What the target of a request means to this CA, without answering it: for whoever wants to compare readers.

use super::{path, route};
use wire::http::{Method, Uri};

/// A target as this CA understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The path the rules are asked about: decoded, legacy forms in their present form.
    pub path: String,
    /// Whether there is such an endpoint.
    pub is_endpoint: bool,
    /// Whether it is handled as a request that may change something.
    pub changes: bool,
}

/// Reads the target of a request; none when it is refused for its form alone.
pub fn read_target(method: &Method, uri: &Uri) -> Option<Reading> {
    let target = path::target(method, uri).ok()?;
    let is_endpoint = route(method, &target.path).is_some();
    Some(Reading { path: target.path, is_endpoint, changes: changes(method) })
}

/// Whether a request with this method is handled as one that may change something.
pub(super) fn changes(method: &Method) -> bool {
    *method != Method::GET
}
