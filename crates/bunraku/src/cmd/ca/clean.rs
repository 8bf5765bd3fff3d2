//! `bunraku ca clean`: revoke, then delete the certificate's and the request's files.

use super::endpoint::Endpoint;
use super::revoke::{Outcome, refusal, revoke};
use crate::console::outln;

/// Exit code 1 when a name had neither a certificate nor a request, or could not be cleaned.
pub async fn run(endpoint: &mut Endpoint, certnames: &[String]) -> anyhow::Result<u8> {
    let mut failed = false;
    for certname in certnames {
        match revoke(endpoint, "clean", certname).await? {
            Outcome::Revoked => outln!("Certificate for {certname} has been revoked"),
            // A name that was never signed may have a request: its files go all the same.
            Outcome::NotFound | Outcome::Unsigned(_) => {}
            Outcome::Refused(answer) => {
                // Deleting the file of a certificate that is still valid would hide it from every later revoke.
                eprintln!("{}", refusal(certname, &answer));
                failed = true;
                continue;
            }
        }
        let path = format!("/puppet-ca/v1/certificate_status/{certname}");
        let answer = endpoint.request("clean", "DELETE", &path, None).await?;
        match answer.status {
            204 => outln!("Cleaned files related to {certname}"),
            404 => {
                eprintln!("Error:\n    Could not find files to clean for {certname}");
                failed = true;
            }
            code => {
                eprintln!(
                    "Error:\n    When attempting to clean certificate '{certname}', received:\n      code: {code}\n      body: {}",
                    answer.text()
                );
                failed = true;
            }
        }
    }
    Ok(u8::from(failed))
}
