//! How resources are looked at and changed: one file per type.

pub mod file;
mod notify;

use crate::catalog::Resource;
use crate::session::Session;

/// One property that is not as it should be, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The resource it is about, when that is one below the applied one (a file of a directory's source).
    pub of: Option<String>,
    pub property: String,
    pub previous: String,
    pub desired: String,
    /// Puppet's words: `mode changed '0644' to '0600'`.
    pub message: String,
    pub success: bool,
    /// Only looked at (`--noop`).
    pub noop: bool,
}

/// Why a resource could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    #[error("this agent can't apply resources of type {0} yet; it and what depends on it were left alone")]
    UnsupportedType(String),
    #[error("this agent does not support the attribute '{attribute}' of {kind} yet")]
    UnsupportedAttribute { kind: String, attribute: String },
    #[error("{attribute}: '{value}' {problem}")]
    Invalid { attribute: &'static str, value: String, problem: &'static str },
    #[error("{0}")]
    Failed(String),
}

/// Attributes that every resource may have, and that concern the order or the log, not the thing itself.
const METAPARAMETERS: [&str; 12] = [
    "alias",
    "audit",
    "before",
    "loglevel",
    "noop",
    "notify",
    "require",
    "schedule",
    "stage",
    "subscribe",
    "tag",
    "name",
];

/// Looks at `resource` and, unless `noop`, changes what differs.
pub async fn apply(resource: &Resource, noop: bool, session: &Session) -> Result<Vec<Event>, ProviderFault> {
    match resource.kind.as_str() {
        "Notify" => notify::apply(resource, noop),
        "File" => file::apply(resource, noop, session).await,
        other => Err(ProviderFault::UnsupportedType(other.to_string())),
    }
}

/// Refuses attributes that are neither known to the type nor metaparameters: leaving one out silently would be a
/// half-applied resource.
fn check_attributes(resource: &Resource, known: &[&str]) -> Result<(), ProviderFault> {
    let unknown = resource
        .parameters
        .keys()
        .find(|name| !known.contains(&name.as_str()) && !METAPARAMETERS.contains(&name.as_str()));
    match unknown {
        None => Ok(()),
        Some(attribute) => Err(ProviderFault::UnsupportedAttribute {
            kind: resource.kind.clone(),
            attribute: attribute.clone(),
        }),
    }
}
