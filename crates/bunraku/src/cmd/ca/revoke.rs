//! `bunraku ca revoke`

use std::sync::Arc;

use serde_json::json;

use super::endpoint::{Answer, Endpoint, for_each};
use super::report::Report;
use super::{NOTHING_DONE, Worst};

/// What the CA made of a revocation.
pub enum Outcome {
    Revoked,
    /// No certificate of that name.
    NotFound,
    /// Only a request of that name.
    Unsigned,
    Refused(Answer),
}

/// Exit code 1 for a name without a certificate, 24 when only a request was found.
pub async fn run(endpoint: &Arc<Endpoint>, certnames: &[String], report: &mut Report) -> anyhow::Result<u8> {
    let mut worst = Worst::default();
    report.list("revoked");
    report.begin("revoking", certnames.len());
    let ask = |endpoint: Arc<Endpoint>, name: String| async move { revoke(&endpoint, "revoke", &name).await };
    let told = for_each(endpoint, certnames, ask, |certname, outcome| {
        match outcome {
            Outcome::Revoked => {
                report.say(&format!("Certificate for {certname} has been revoked"));
                report.push("revoked", certname);
            }
            Outcome::NotFound => {
                report.fail(Some(certname), &format!("    Could not find certificate for {certname}"));
                worst.add(1);
            }
            Outcome::Unsigned => {
                report.fail(Some(certname), &format!("    Could not revoke unsigned csr for {certname}"));
                worst.add(NOTHING_DONE);
            }
            Outcome::Refused(answer) => {
                report.fail(Some(certname), &refusal(certname, &answer));
                worst.add(1);
            }
        }
        report.advance();
    });
    told.await?;
    Ok(worst.code())
}

/// Asks for the revocation of every certificate of `certname`.
pub async fn revoke(endpoint: &Endpoint, verb: &str, certname: &str) -> anyhow::Result<Outcome> {
    let path = super::status_path(certname);
    let body = json!({"desired_state": "revoked"});
    let answer = endpoint.request(verb, "PUT", &path, Some(&body)).await?;
    Ok(match answer.status {
        200 | 204 => Outcome::Revoked,
        404 => Outcome::NotFound,
        // A CA that may not change anything says 409 too, and then the revocation was refused.
        409 if answer.text().starts_with("Cannot revoke") => Outcome::Unsigned,
        _ => Outcome::Refused(answer),
    })
}

/// The text of an answer that nobody expects.
pub fn refusal(certname: &str, answer: &Answer) -> String {
    format!(
        "    When attempting to revoke certificate '{certname}', received:\n      code: {}\n      body: {}",
        answer.status,
        answer.text()
    )
}
