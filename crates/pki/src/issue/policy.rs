//! What a request may ask for: Puppet Server's rules, in the order in which it applies them.

use super::{BACKDATED_SECONDS, LeafLayout, LeafProfile};
use crate::alt_name::AltName;
use crate::certname::Certname;
use crate::extension::Extension;
use crate::oid;
use crate::request::Request;
use crate::serial::Serial;
use crate::verify::VerifyFault;

/// The CA's settings about what requests may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SigningPolicy {
    /// `allow-subject-alt-names`: names beside the certname itself.
    pub allow_subject_alt_names: bool,
    /// `allow-authorization-extensions`: extensions below 1.3.6.1.4.1.34380.1.3, except `pp_cli_auth`, which no
    /// request ever gets.
    pub allow_authorization_extensions: bool,
}

/// Why a request is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// The common name is not the certname it is to be signed for.
    #[error("the request for {requested} names {found:?} as its subject")]
    SubjectMismatch {
        /// The certname.
        requested: Certname,
        /// The subject's common name; empty when it has none.
        found: String,
    },
    /// It asks for alternative names beside its own.
    #[error("the request for {certname} asks for the alternative names {}, which are disallowed", .names.join(", "))]
    DisallowedAltNames {
        /// The certname.
        certname: Certname,
        /// The names beside its own.
        names: Vec<String>,
    },
    /// It asks for an authorization extension.
    #[error("the request for {certname} asks for an authorization extension, which is disallowed")]
    DisallowedAuthorizationExtensions {
        /// The certname.
        certname: Certname,
    },
    /// It asks for extensions no request may have.
    #[error("the request asks for extensions that no request may have: {}", .oids.join(", "))]
    DisallowedExtensions {
        /// Their identifiers, in the order of the request.
        oids: Vec<String>,
    },
    /// An alternative name is not one.
    #[error("the request for {certname} has an alternative name that is not valid: {name}")]
    InvalidAltName {
        /// The certname.
        certname: Certname,
        /// The name as far as it can be shown.
        name: String,
    },
    /// The signature was not made with the private key belonging to the public key in the request.
    #[error("the request for {certname} is not signed with its own key: {fault}")]
    InvalidSignature {
        /// The certname.
        certname: Certname,
        /// What is wrong with the signature.
        fault: VerifyFault,
    },
}

impl SigningFault {
    /// What Puppet Server answers.
    pub fn puppet_text(&self) -> String {
        match self {
            SigningFault::SubjectMismatch { requested, found } => {
                format!("Instance name \"{found}\" does not match requested key \"{requested}\"")
            }
            SigningFault::DisallowedAltNames { certname, names } => format!(
                "CSR '{certname}' contains extra subject alternative names ({}), which are disallowed. To allow \
                 subject alternative names, set allow-subject-alt-names to true in your ca.conf file. Then restart \
                 the puppetserver and try signing this certificate again.",
                names.join(", ")
            ),
            SigningFault::DisallowedAuthorizationExtensions { certname } => format!(
                "CSR '{certname}' contains an authorization extension, which is disallowed. To allow authorization \
                 extensions, set allow-authorization-extensions to true in your ca.conf file. Then restart the \
                 puppetserver and try signing this certificate again."
            ),
            SigningFault::DisallowedExtensions { oids } => {
                format!("Found extensions that are not permitted: {}", oids.join(", "))
            }
            // Puppet Server has no text of its own here: it fails inside Java's library.
            SigningFault::InvalidAltName { certname, name } => {
                format!("CSR '{certname}' contains an invalid subject alternative name ({name}).")
            }
            // Nor here: Java's library knows more of them, some of which nobody should use any more.
            SigningFault::InvalidSignature { certname, fault } if fault.is_unsupported() => {
                format!("CSR '{certname}' has a signature that cannot be checked: {fault}")
            }
            SigningFault::InvalidSignature { .. } => {
                "CSR contains a public key that does not correspond to the signing key".to_owned()
            }
        }
    }
}

/// Judges a request for a certname and, if it may be signed, says what the certificate will be: valid from a day
/// before `now` (Unix seconds) until `ttl_seconds` after.
///
/// # Errors
/// The first rule that is broken.
pub fn draft_from_request(
    request: &Request,
    certname: &Certname,
    policy: &SigningPolicy,
    serial: Serial,
    now: i64,
    ttl_seconds: i64,
) -> Result<LeafProfile, SigningFault> {
    let found = request.subject_cn().unwrap_or_default();
    if found != certname.as_str() {
        return Err(SigningFault::SubjectMismatch { requested: certname.clone(), found: found.to_owned() });
    }
    let requested = AltName::in_puppet_order(request.subject_alt_names());
    let own = AltName::Dns(certname.as_str().to_owned());
    // Exactly one name, the own one, is allowed without a setting: agents ask for it by habit.
    if !policy.allow_subject_alt_names && !requested.is_empty() && requested[..] != [own.clone()] {
        let extra = requested.iter().filter(|name| **name != own);
        let names = extra.map(legible).collect();
        return Err(SigningFault::DisallowedAltNames { certname: certname.clone(), names });
    }
    let authorizing =
        request.extensions().iter().any(|extension| extension.oid.is_below(&oid::AUTHORIZATION_ARC));
    if authorizing && !policy.allow_authorization_extensions {
        return Err(SigningFault::DisallowedAuthorizationExtensions { certname: certname.clone() });
    }
    let oids: Vec<String> = request
        .extensions()
        .iter()
        .filter(|extension| !may_be_requested(extension))
        .map(|extension| extension.oid.to_string())
        .collect();
    if !oids.is_empty() {
        return Err(SigningFault::DisallowedExtensions { oids });
    }
    if let Some(name) = requested.iter().find(|name| !name.is_well_formed()) {
        return Err(SigningFault::InvalidAltName { certname: certname.clone(), name: legible(name) });
    }
    if let Err(fault) = request.verify_signature() {
        return Err(SigningFault::InvalidSignature { certname: certname.clone(), fault });
    }
    // Puppet's extensions inform whoever knows them. One that is critical makes everybody else - TLS libraries above all
    // - refuse the certificate, so that is not copied.
    let copied = request.extensions().iter().filter(|extension| extension.oid.is_puppet_extension());
    let copied = copied.map(|extension| Extension {
        critical: false,
        value: extension.typed_value(),
        oid: extension.oid.clone(),
    });
    Ok(LeafProfile {
        serial,
        certname: certname.clone(),
        spki_der: request.spki_der().to_vec(),
        not_before: now.saturating_sub(BACKDATED_SECONDS),
        not_after: now.saturating_add(ttl_seconds),
        alt_names: with_own_name(requested, own),
        extensions: copied.collect(),
        cli_auth: false,
        layout: LeafLayout::Request,
    })
}

/// A name that a stranger has asked for, in a sentence that others read: it brings no line of its own along.
fn legible(name: &AltName) -> String {
    let mut shown = String::new();
    for c in name.to_string().chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

fn may_be_requested(extension: &Extension) -> bool {
    extension.oid == oid::SUBJECT_ALT_NAME
        || (extension.oid.is_puppet_extension() && extension.oid != oid::PP_CLI_AUTH)
}

/// Every certificate has its certname among its alternative names: where it is missing it becomes the last of the
/// DNS names, or the last of all where there are none.
fn with_own_name(mut names: Vec<AltName>, own: AltName) -> Vec<AltName> {
    if !names.contains(&own) {
        let last_dns = names.iter().rposition(|name| matches!(name, AltName::Dns(_)));
        names.insert(last_dns.map_or(names.len(), |index| index + 1), own);
    }
    names
}

#[cfg(test)]
mod tests;
