//! `bunraku ca sign`

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::endpoint::{Answer, Endpoint, for_each};
use super::report::{Misuse, Report};
use super::{NOTHING_DONE, Worst};
use crate::cli::SignArgs;
use crate::config::duration;

/// Names that are signed with one request, when no life is asked for.
const AT_ONCE: usize = 256;

/// Refuses flags that contradict each other; the TTL in seconds.
pub fn check(args: &SignArgs) -> anyhow::Result<Option<u64>> {
    let mut lines = Vec::new();
    match (args.all, args.certname.is_empty()) {
        (true, false) => lines.push("--all and --certname cannot be used together".to_string()),
        (false, true) => lines.push("No arguments given".to_string()),
        (false, false) => lines.extend(super::flags_among(&args.certname)),
        (true, true) => {}
    }
    Misuse::check("sign", lines)?;
    args.ttl.as_deref().map(ttl_seconds).transpose()
}

/// Seconds of a `--ttl`: a number, which may have one of the units s, m, h, d, y.
pub fn ttl_seconds(text: &str) -> anyhow::Result<u64> {
    let puppets = text.trim_end_matches(['s', 'm', 'h', 'd', 'y']);
    let known = text.len() - puppets.len() <= 1 && puppets.bytes().all(|byte| byte.is_ascii_digit());
    if !known || puppets.is_empty() {
        bail!("'{text}' is an invalid ttl value\nValue should match regex \"^(\\d+)(s|m|h|d|y)?$\"");
    }
    Ok(duration::parse(text).context("--ttl")?.as_secs())
}

/// Exit code 24 when `--all` finds nothing to sign, 1 when any request could not be signed.
pub async fn run(
    endpoint: &Arc<Endpoint>,
    args: SignArgs,
    ttl: Option<u64>,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let certnames = if args.all { waiting(endpoint).await? } else { args.certname };
    report.list("signed");
    if certnames.is_empty() {
        report.fail(None, "    No waiting certificate requests to sign");
        return Ok(NOTHING_DONE);
    }
    let mut worst = Worst::default();
    report.begin("signing", certnames.len());
    let mut bulk = ttl.is_none() && certnames.len() > 1;
    for group in certnames.chunks(AT_ONCE) {
        let signed = if bulk { sign_group(endpoint, group).await? } else { None };
        bulk = signed.is_some();
        let signed = signed.unwrap_or_default();
        // Whatever was not signed is asked for by itself: its answer says why not.
        let rest: Vec<String> = group.iter().filter(|name| !signed.contains(*name)).cloned().collect();
        let ask =
            move |endpoint: Arc<Endpoint>, name: String| async move { sign_one(&endpoint, &name, ttl).await };
        for certname in group.iter().filter(|name| signed.contains(*name)) {
            tell_signed(certname, report);
        }
        for_each(endpoint, &rest, ask, |certname, answer| tell(certname, &answer, report, &mut worst))
            .await?;
    }
    Ok(worst.code())
}

fn tell_signed(certname: &str, report: &mut Report) {
    report.say(&format!("Successfully signed certificate request for {certname}"));
    report.push("signed", certname);
    report.advance();
}

/// Tells what the CA answered to a request to sign.
pub fn tell(certname: &str, answer: &Answer, report: &mut Report, worst: &mut Worst) {
    match answer.status {
        200 | 204 => return tell_signed(certname, report),
        404 => {
            report.fail(Some(certname), &format!("    Could not find certificate request for {certname}"));
        }
        code => {
            let text = format!(
                "    When attempting to sign certificate request '{certname}', received\n      code: {code}\n      body: {}",
                answer.text()
            );
            report.fail(Some(certname), &text);
        }
    }
    worst.add(1);
    report.advance();
}

/// Asks for one signature.
pub async fn sign_one(endpoint: &Endpoint, certname: &str, ttl: Option<u64>) -> anyhow::Result<Answer> {
    let mut body = json!({"desired_state": "signed"});
    if let Some(seconds) = ttl {
        body["cert_ttl"] = json!(seconds);
    }
    endpoint.request("sign", "PUT", &super::status_path(certname), Some(&body)).await
}

/// Asks for many signatures at once. Returns those that were made; none when the CA knows no such request.
async fn sign_group(endpoint: &Endpoint, group: &[String]) -> anyhow::Result<Option<HashSet<String>>> {
    let body = json!({"certnames": group});
    let answer = endpoint.request("sign", "POST", "/puppet-ca/v1/sign", Some(&body)).await?;
    if answer.status != 200 {
        return Ok(None);
    }
    let result: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    let signed = result["signed"].as_array().into_iter().flatten();
    Ok(Some(signed.filter_map(|name| name.as_str().map(str::to_string)).collect()))
}

async fn waiting(endpoint: &Endpoint) -> anyhow::Result<Vec<String>> {
    let path = "/puppet-ca/v1/certificate_statuses/any_key?state=requested";
    let answer = endpoint.request("sign", "GET", path, None).await?;
    if answer.status != 200 {
        bail!("    code: {}\n    body: {}", answer.status, answer.text());
    }
    let statuses: Vec<Value> =
        serde_json::from_slice(&answer.body).context("the CA's list of requests is not JSON")?;
    let requested = statuses.iter().filter(|status| status["state"] == "requested");
    Ok(requested.filter_map(|s| s["name"].as_str().map(str::to_string)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_has_puppets_units_and_is_sent_in_seconds() {
        assert_eq!(ttl_seconds("1d").unwrap(), 86_400);
        assert_eq!(ttl_seconds("90").unwrap(), 90);
        assert_eq!(ttl_seconds("2y").unwrap(), 2 * 365 * 86_400);
        for wrong in ["1x", "", "d", "1dd", "10ms", "-1d", "1 d", "1d2h"] {
            assert!(ttl_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
