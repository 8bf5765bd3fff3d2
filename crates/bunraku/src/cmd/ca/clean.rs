//! `bunraku ca clean`: revoke, then delete the certificate's and the request's files.

use std::sync::Arc;

use super::endpoint::{Answer, Endpoint, for_each};
use super::report::Report;
use super::revoke::{Outcome, refusal, revoke};
use super::{NOTHING_DONE, Worst};

/// Exit code 1 when a name had neither a certificate nor a request, or could not be cleaned; 24 when there was only a
/// request to clean.
pub async fn run(endpoint: &Arc<Endpoint>, certnames: &[String], report: &mut Report) -> anyhow::Result<u8> {
    let mut worst = Worst::default();
    report.list("revoked");
    report.list("cleaned");
    report.begin("cleaning", certnames.len());
    let ask = |endpoint: Arc<Endpoint>, name: String| async move { clean(&endpoint, &name).await };
    let told = for_each(endpoint, certnames, ask, |certname, (revoked, deleted)| {
        match &revoked {
            Outcome::Revoked => {
                report.say(&format!("Certificate for {certname} has been revoked"));
                report.push("revoked", certname);
            }
            Outcome::NotFound => {}
            Outcome::Unsigned => worst.add(NOTHING_DONE),
            Outcome::Refused(answer) => {
                report.fail(Some(certname), &refusal(certname, answer));
                worst.add(1);
            }
        }
        match deleted {
            Some(answer) if matches!(answer.status, 200 | 204) => {
                report.say(&format!("Cleaned files related to {certname}"));
                report.push("cleaned", certname);
            }
            Some(answer) if answer.status == 404 => {
                report.fail(Some(certname), &format!("    Could not find files to clean for {certname}"));
                worst.add(1);
            }
            Some(answer) => {
                let text = format!(
                    "    When attempting to clean certificate '{certname}', received:\n      code: {}\n      body: {}",
                    answer.status,
                    answer.text()
                );
                report.fail(Some(certname), &text);
                worst.add(1);
            }
            None => {}
        }
        report.advance();
    });
    told.await?;
    Ok(worst.code())
}

async fn clean(endpoint: &Endpoint, certname: &str) -> anyhow::Result<(Outcome, Option<Answer>)> {
    let revoked = revoke(endpoint, "clean", certname).await?;
    if matches!(revoked, Outcome::Refused(_)) {
        // Deleting the file of a certificate that is still valid would hide it from every later revoke.
        return Ok((revoked, None));
    }
    // A name that was never signed may have a request: its files go all the same.
    let answer = endpoint.request("clean", "DELETE", &super::status_path(certname), None).await?;
    Ok((revoked, Some(answer)))
}
