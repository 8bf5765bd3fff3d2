//! How results and faults are told to clients: Puppet Server's status codes, content types and texts.

use crate::authority::{Deleted, Failure, Fault, RenewedAuthority, SignedMany};
use crate::command::Outcome;
use crate::ledger::Refusal;
use crate::time;

/// `text/plain`: what Puppet Server's own answers have.
pub const PLAIN: &str = "text/plain";
/// What its error answers have.
pub const PLAIN_UTF8: &str = "text/plain;charset=utf-8";
/// What it has where it makes JSON itself.
pub const JSON: &str = "application/json";
/// What its lists have.
pub const JSON_UTF8: &str = "application/json;charset=utf-8";
/// What its unknown routes have.
pub const HTML_UTF8: &str = "text/html;charset=utf-8";

/// A complete answer without its headers of transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// None: no `Content-Type` at all, as in refusals by the authorization rules.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// Whether the answer depends on `Accept`, and says so.
    pub vary_accept: bool,
    /// For refusals of a member that does not decide: the epoch and the primary it knows.
    pub stale: Option<(u64, Option<String>)>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// `Allow`: the methods that the endpoint has.
    pub allow: Option<&'static str>,
}

impl Answer {
    /// An answer with a content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: Some(content_type.to_owned()),
            body: body.into(),
            vary_accept: false,
            stale: None,
            retry_after: None,
            allow: None,
        }
    }

    /// The same, with or without `Vary: Accept`.
    pub fn vary(self, vary_accept: bool) -> Self {
        Self { vary_accept, ..self }
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type.unwrap_or_default(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let content_type = Some(outcome.content_type).filter(|value| !value.is_empty());
        Self {
            status: outcome.status,
            content_type,
            body: outcome.body.into_bytes(),
            vary_accept: false,
            stale: None,
            retry_after: None,
            allow: None,
        }
    }
}

/// A request was taken in.
pub fn request_saved() -> Answer {
    Answer::new(200, PLAIN, "")
}

/// A request was refused: always 400, which is the only fault after which an agent goes on to fetch its certificate.
pub fn submission_refused(fault: &Fault) -> Answer {
    Answer::new(400, PLAIN_UTF8, fault.to_string())
}

/// Signed or revoked.
pub fn status_changed() -> Answer {
    Answer::new(204, PLAIN, "")
}

/// Certificate and request are dropped.
pub fn status_deleted() -> Answer {
    Answer::new(204, JSON_UTF8, "")
}

/// Revoked and dropped; `unknown` are the names that had no certificate.
pub fn cleaned(unknown: &[String]) -> Answer {
    if unknown.is_empty() {
        return Answer::new(200, PLAIN, "Successfully cleaned all certs.");
    }
    let names: Vec<String> = unknown.iter().map(|name| format!("{name:?}")).collect();
    let text = format!("The following certs do not exist and cannot be revoked: [{}]", names.join(" "));
    Answer::new(200, PLAIN, text)
}

/// Signed certificates were dropped: the JSON body.
pub fn deleted_many(result: &Deleted) -> String {
    serde_json::json!({"deleted": result.deleted, "missing": result.missing}).to_string()
}

/// Many were signed at once.
pub fn signed_many(result: &SignedMany) -> Answer {
    let text = serde_json::json!({
        "signed": result.signed,
        "no-csr": result.without_request,
        "signing-errors": result.refused,
    });
    Answer::new(200, JSON, text.to_string())
}

/// Revocation lists of the chain were taken in, or were no newer than ours.
pub fn lists_updated() -> Answer {
    Answer::new(200, PLAIN_UTF8, "Successfully updated CRLs.")
}

/// They were not.
pub fn lists_refused(fault: &Fault) -> Answer {
    Answer::new(400, PLAIN_UTF8, fault.to_string())
}

/// Renewed: the new certificate.
pub fn renewed(pem: &str) -> Answer {
    Answer::new(200, PLAIN, pem)
}

/// Certificates are not renewed here; what an agent only notes, and goes on.
pub fn renewal_is_off() -> Answer {
    Answer::new(404, PLAIN, "Not Found")
}

/// Not renewed.
pub fn renewal_refused(fault: &Fault) -> Answer {
    let status = if matches!(fault, Fault::NotOurs) { 403 } else { 400 };
    Answer::new(status, PLAIN, fault.to_string())
}

/// The CA's own certificate has a new life.
pub fn authority_renewed(renewed: &RenewedAuthority) -> Answer {
    let described = |certificate: &pki::Certificate| {
        serde_json::json!({
            "subject": certificate.subject_rfc2253(),
            "serial": certificate.serial().to_string(),
            "not_before": time::format(certificate.not_before()),
            "not_after": time::format(certificate.not_after()),
            "fingerprint": pki::fingerprint::sha256(certificate.der()),
        })
    };
    let bundle: Vec<serde_json::Value> = renewed.bundle.iter().map(described).collect();
    let text = serde_json::json!({
        "issuer": described(&renewed.issuer), "renewed": renewed.renewed, "bundle": bundle
    });
    Answer::new(200, JSON_UTF8, text.to_string())
}

/// There is no such status to read or delete.
pub fn resource_not_found(content_type: &str) -> Answer {
    Answer::new(404, content_type, "Resource not found.")
}

/// The endpoint has no such method; `allow` are those it has.
pub fn method_not_allowed(allow: &'static str) -> Answer {
    Answer { allow: Some(allow), ..Answer::new(405, PLAIN_UTF8, "Method not allowed.") }
}

/// Signing or revoking was refused.
pub fn status_refused(fault: &Fault) -> Answer {
    let status = if matches!(fault, Fault::UnknownName) { 404 } else { 409 };
    Answer::new(status, PLAIN_UTF8, fault.to_string())
}

/// Anything that is not a rule's verdict.
pub fn failure(failure: &Failure) -> Answer {
    match failure {
        Failure::Fault(fault) => status_refused(fault),
        Failure::Refused(refusal) => refused(refusal),
        // Not 400, which tells an agent that its request is here already; nor 429, which it knows no better.
        Failure::TooManyPending { retry_after, .. }
        | Failure::TooManyPendingFrom { retry_after, .. }
        | Failure::NameCrowded { retry_after, .. } => {
            Answer { retry_after: Some(*retry_after), ..Answer::new(503, PLAIN_UTF8, failure.to_string()) }
        }
        Failure::NoState => not_ready(0, None),
        Failure::Key(_) | Failure::Directory(_) => {
            Answer::new(500, PLAIN_UTF8, format!("Internal Server Error: {failure}"))
        }
    }
}

fn refused(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NotPrimary { epoch, primary } => not_ready(*epoch, primary.clone()),
        // Whoever asks again with the same request id, at the primary of that epoch, gets the one true answer.
        Refusal::Deposed { epoch, primary } => {
            let text = format!(
                "Another CA member took over before this was confirmed; ask {primary} what became of it"
            );
            Answer { stale: Some((*epoch, Some(primary.clone()))), ..Answer::new(421, PLAIN_UTF8, text) }
        }
        Refusal::Stopping => {
            let text = "This CA member is stopping; ask the next primary what became of this";
            Answer { stale: Some((0, None)), ..Answer::new(421, PLAIN_UTF8, text) }
        }
        Refusal::TooNew { .. } => Answer::new(409, PLAIN_UTF8, refusal.to_string()),
        Refusal::Unconfirmed => {
            Answer::new(503, PLAIN_UTF8, "The change was not confirmed by all members in time")
        }
        Refusal::Log(_) => Answer::new(503, PLAIN_UTF8, format!("Internal Server Error: {refusal}")),
    }
}

/// This member is not the one to ask: 421, and who is, as far as it knows. Nothing has been done.
pub fn not_ready(epoch: u64, primary: Option<String>) -> Answer {
    let text = match &primary {
        Some(primary) => format!("This CA member is a standby; the primary is {primary}"),
        None => "This CA member does not know yet who is primary".to_owned(),
    };
    Answer { stale: Some((epoch, primary)), ..Answer::new(421, PLAIN_UTF8, text) }
}
