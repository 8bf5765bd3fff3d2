//! `bunraku ca sign`

use crate::console::outln;
use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::NOTHING_DONE;
use super::endpoint::Endpoint;
use crate::config::duration;

/// Refuses flags that contradict each other; the TTL in seconds.
pub fn check(all: bool, certnames: &[String], ttl: Option<&str>) -> anyhow::Result<Option<u64>> {
    match (all, certnames.is_empty()) {
        (true, false) => bail!("--all and --certname cannot be used together"),
        (false, true) => bail!("No arguments given; name requests with --certname NAME[,NAME], or use --all"),
        (false, false) => super::names_given(certnames, "sign")?,
        (true, true) => {}
    }
    ttl.map(|text| Ok(duration::parse(text).context("--ttl")?.as_secs())).transpose()
}

/// Exit code 24 when `--all` finds nothing to sign, 1 when any request could not be signed.
pub async fn run(
    endpoint: &mut Endpoint,
    all: bool,
    certnames: Vec<String>,
    ttl: Option<u64>,
) -> anyhow::Result<u8> {
    let certnames = if all { waiting(endpoint).await? } else { certnames };
    if certnames.is_empty() {
        eprintln!("Error:\n    No waiting certificate requests to sign");
        return Ok(NOTHING_DONE);
    }
    let mut body = json!({"desired_state": "signed"});
    if let Some(seconds) = ttl {
        body["cert_ttl"] = json!(seconds);
    }
    let mut failed = false;
    for certname in &certnames {
        let path = format!("/puppet-ca/v1/certificate_status/{certname}");
        let answer = endpoint.request("sign", "PUT", &path, Some(&body)).await?;
        match answer.status {
            204 => outln!("Successfully signed certificate request for {certname}"),
            404 => {
                eprintln!("Error:\n    Could not find certificate request for {certname}");
                failed = true;
            }
            code => {
                eprintln!(
                    "Error:\n    When attempting to sign certificate request '{certname}', received\n      code: {code}\n      body: {}",
                    answer.text()
                );
                failed = true;
            }
        }
    }
    Ok(u8::from(failed))
}

async fn waiting(endpoint: &mut Endpoint) -> anyhow::Result<Vec<String>> {
    let path = "/puppet-ca/v1/certificate_statuses/any_key?state=requested";
    let answer = endpoint.request("sign", "GET", path, None).await?;
    if answer.status != 200 {
        bail!("could not list the waiting requests: {} {}", answer.status, answer.text());
    }
    let statuses: Vec<Value> =
        serde_json::from_slice(&answer.body).context("the CA's list of requests is not JSON")?;
    Ok(statuses.iter().filter_map(|s| s["name"].as_str().map(str::to_string)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_has_puppets_units_and_is_sent_in_seconds() {
        let names = ["a".to_string()];
        assert_eq!(check(false, &names, Some("1d")).unwrap(), Some(86_400));
        assert_eq!(check(false, &names, Some("90")).unwrap(), Some(90));
        assert!(check(false, &names, Some("1x")).is_err());
    }

    #[test]
    fn a_flag_is_not_a_certname() {
        assert!(check(false, &["--all".to_string()], None).is_err());
        assert!(check(false, &[], None).is_err());
        assert!(check(true, &["a".to_string()], None).is_err());
    }
}
