//! `bunraku ca renew-roles`: new certificates for front end, catalog workers, CA members and operator, for the keys they
//! have. Their processes take them into use by themselves.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use pki::Certificate;
use serde_json::{Value, json};
use wire::protocol::internal::{RENEW_PATH, ROLLOVER_PATH};

use super::endpoint::Endpoint;
use super::report::Report;
use crate::cli::RenewRolesArgs;
use crate::config::{Config, duration};

/// Checks the arguments; the time within which a certificate's end is too soon, seconds.
pub fn check(args: &RenewRolesArgs) -> anyhow::Result<i64> {
    let within = duration::parse(&args.within).context("--within")?;
    i64::try_from(within.as_secs()).context("--within")
}

/// Exit code 1 when one of them could not be renewed.
pub async fn run(
    endpoint: &Arc<Endpoint>,
    config: Option<&Config>,
    args: &RenewRolesArgs,
    within: i64,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let config = config.context("which roles there are is in bunraku.toml: name it with --config")?;
    let names = chosen(config, &args.certname)?;
    let (signer, overlap) = signer(endpoint).await?;
    let front_ends: Vec<String> = config.front_ends().into_iter().map(|one| one.certname).collect();
    report.list("renewed");
    let now = jiff::Timestamp::now().as_second();
    let (mut renewed, mut failed) = (0, false);
    for name in names {
        let path = config.certificate_path(&name);
        if !path.exists() || !config.key_path(&name).exists() {
            report.say(&format!("{name}: its files are not on this machine; run this where they are"));
            continue;
        }
        let until = overlap.as_deref().filter(|_| !args.force && front_ends.contains(&name));
        match renew(endpoint, &path, &signer, (args.all, within, until), now).await {
            Ok(None) => report.say(&format!("{name}: needs no renewal")),
            Ok(Some((old, new))) => {
                renewed += 1;
                let (before, after) = (old.serial().to_string(), new.serial().to_string());
                let end = ends(&new);
                report.say(&format!("{name}: serial {before} is now {after}, until {end}"));
                report.push(
                    "renewed",
                    json!({"certname": name, "serial": after, "former": before, "not_after": end}),
                );
            }
            Err(fault) => {
                failed = true;
                report.fail(Some(&name), &format!("  {name}: {fault:#}"));
            }
        }
    }
    if renewed > 0 {
        report.say("Their processes on this machine take the new certificates into use within seconds.");
    }
    Ok(u8::from(failed))
}

/// Everybody in the deployment who has a certificate, or those who were named.
fn chosen(config: &Config, named: &[String]) -> anyhow::Result<Vec<String>> {
    let mut all: Vec<String> = config.front_ends().into_iter().map(|one| one.certname).collect();
    let ours = config.catalog.iter().filter(|worker| worker.kind == crate::config::Kind::Bunraku);
    all.extend(ours.map(|worker| worker.certname.clone()));
    all.extend(config.ca.members.iter().map(|member| member.certname.clone()));
    all.push(config.main.operator_certname.clone());
    if named.is_empty() {
        return Ok(all);
    }
    if let Some(stranger) = named.iter().find(|name| !all.contains(name)) {
        bail!("{stranger} is no role of this deployment; there are {}", all.join(", "));
    }
    Ok(named.to_vec())
}

/// The certificate of the key that signs, and until when agents are given time to learn of it, if that is not over.
async fn signer(endpoint: &Arc<Endpoint>) -> anyhow::Result<(Certificate, Option<String>)> {
    let answer = endpoint.request("renew-roles", "GET", ROLLOVER_PATH, None).await?;
    if answer.status != 200 {
        bail!("{}", answer.text());
    }
    let status: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    let bundle = endpoint.request("renew-roles", "GET", "/puppet-ca/v1/certificate/ca", None).await?;
    let bundle = Certificate::all_from_pem(&bundle.body).context("the CA's certificates")?;
    let signs = status["keys"][0]["id"].as_str().unwrap_or_default();
    let signer = bundle.into_iter().find(|one| ca::keys::id(one.spki_der()) == signs);
    let signer = signer.context("the key that signs has no certificate among the CA's")?;
    let overlapping = status["overlapping"].as_bool() == Some(true);
    Ok((signer, status["overlap_until"].as_str().filter(|_| overlapping).map(str::to_owned)))
}

async fn renew(
    endpoint: &Arc<Endpoint>,
    path: &Path,
    signer: &Certificate,
    (all, within, until): (bool, i64, Option<&str>),
    now: i64,
) -> anyhow::Result<Option<(Certificate, Certificate)>> {
    let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
    let old = Certificate::from_pem(&pem).with_context(|| path.display().to_string())?;
    let is_by_signer = old.names_as_issuer(signer) && old.verify(signer.spki_der()).is_ok();
    if !all && is_by_signer && old.not_after() > now.saturating_add(within) {
        return Ok(None);
    }
    if let Some(until) = until.filter(|_| !is_by_signer) {
        bail!(
            "this is a front end's, and it would be of the CA's new key: agents that do not know that yet would stop at \
             it. They are given until {until} (docs/CA-ROLLOVER.md says how they learn of it); --force renews now"
        );
    }
    let body = Some(("application/x-pem-file", old.to_pem().into_bytes()));
    let answer = endpoint.send("renew-roles", "POST", RENEW_PATH, body).await?;
    if answer.status != 200 {
        return Err(anyhow!("{}", answer.text()));
    }
    let new = Certificate::from_pem(&answer.body).context("the CA's answer is not a certificate")?;
    if new.spki_der() != old.spki_der() {
        bail!("the CA's answer is a certificate of another key");
    }
    replace(path, &answer.body).with_context(|| path.display().to_string())?;
    Ok(Some((old, new)))
}

/// Writes beside the file and renames: whoever reads meanwhile has the old certificate or the new one, and both fit the
/// key.
fn replace(path: &Path, pem: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("pem.new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(pem)?;
    if let Ok(present) = std::fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        file.set_permissions(present.permissions())?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::fchown(&file, Some(present.uid()), Some(present.gid()))?;
        }
    }
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn ends(certificate: &Certificate) -> String {
    jiff::Timestamp::from_second(certificate.not_after()).map(|time| time.to_string()).unwrap_or_default()
}
