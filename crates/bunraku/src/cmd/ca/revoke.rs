//! `bunraku ca revoke`

use crate::console::outln;
use serde_json::json;

use super::NOTHING_DONE;
use super::endpoint::{Answer, Endpoint};

/// What the CA made of a revocation.
pub enum Outcome {
    Revoked,
    /// No certificate of that name.
    NotFound,
    /// Only a request of that name.
    Unsigned(Answer),
    Refused(Answer),
}

/// Exit code 1 for a name without a certificate, 24 when only a request was found.
pub async fn run(endpoint: &mut Endpoint, certnames: &[String]) -> anyhow::Result<u8> {
    let mut code = 0;
    for certname in certnames {
        match revoke(endpoint, "revoke", certname).await? {
            Outcome::Revoked => outln!("Certificate for {certname} has been revoked"),
            Outcome::NotFound => {
                eprintln!("Error:\n    Could not find certificate for {certname}");
                code = 1;
            }
            Outcome::Unsigned(answer) => {
                eprintln!("Error:\n    {}", answer.text());
                code = code.max(NOTHING_DONE);
            }
            Outcome::Refused(answer) => {
                eprintln!("{}", refusal(certname, &answer));
                code = 1;
            }
        }
    }
    Ok(code)
}

/// Asks for the revocation of every certificate of `certname`.
pub async fn revoke(endpoint: &mut Endpoint, verb: &str, certname: &str) -> anyhow::Result<Outcome> {
    let path = format!("/puppet-ca/v1/certificate_status/{certname}");
    let body = json!({"desired_state": "revoked"});
    let answer = endpoint.request(verb, "PUT", &path, Some(&body)).await?;
    Ok(match answer.status {
        204 => Outcome::Revoked,
        404 => Outcome::NotFound,
        // A CA that may not change anything says 409 too, and then the revocation was refused.
        409 if answer.text().starts_with("Cannot revoke") => Outcome::Unsigned(answer),
        _ => Outcome::Refused(answer),
    })
}

/// The text of an answer that nobody expects.
pub fn refusal(certname: &str, answer: &Answer) -> String {
    format!(
        "Error:\n    When attempting to revoke certificate '{certname}', received:\n      code: {}\n      body: {}",
        answer.status,
        answer.text()
    )
}
