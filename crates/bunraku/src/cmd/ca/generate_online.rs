//! `bunraku ca generate --ca-client --online`: the running CA signs certificates that may operate it. It does so on its
//! local socket alone, so the command runs on the machine of the active member.

use std::path::PathBuf;

use anyhow::{Context, bail};
use pki::{PrivateKey, Request, RequestContent};
use serde_json::json;
use wire::client::{Client, Timeouts};
use wire::protocol::internal::OPERATOR_PATH;

use super::endpoint::Endpoint;
use super::generate::{exists_already, fetch, key, save_keys, saved, signed_path};
use super::host_files::HostFiles;
use super::report::Report;
use super::{Worst, alt_names};
use crate::cli::{CaTarget, GenerateArgs};
use crate::config::Config;

/// Exit code 1 when any was not made.
pub async fn run(
    config: Option<&Config>,
    args: &GenerateArgs,
    files: &HostFiles,
    ttl: i64,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let (endpoint, cadir) = active(config, &args.target).await?;
    files.make_folders()?;
    report.list("generated");
    report.begin("generating", args.certname.len());
    let mut worst = Worst::default();
    for certname in &args.certname {
        report.advance();
        if exists_already(certname, files, Some(&cadir), report) {
            worst.add(1);
            continue;
        }
        // The key is kept first: a CA may have signed for somebody who then fails.
        let made = PrivateKey::generate(key(config, args))?;
        let alt_names = alt_names::of_host(certname, args.subject_alt_names.as_deref())?;
        let content = RequestContent { alt_names, ..RequestContent::default() };
        let request = Request::build(certname, &made, &content)?;
        save_keys(certname, &made.to_pem(), &made.public_pem(), files, report)?;
        let asked = json!({"certname": certname, "request": request.to_pem(), "ttl": ttl});
        let answer = endpoint.request("generate", "POST", OPERATOR_PATH, Some(&asked)).await?;
        if answer.status != 204 {
            report.fail(Some(certname), &format!("    {}", answer.text()));
            worst.add(1);
            continue;
        }
        match fetch(&endpoint, certname).await? {
            Ok(pem) => {
                let path = files.certificate(certname);
                files.write(&path, &pem)?;
                saved("certificate", certname, &path, report);
                saved("certificate", certname, &signed_path(&cadir, certname), report);
                report.push("generated", certname.as_str());
            }
            Err(lines) => {
                report.fail(Some(certname), &lines);
                worst.add(1);
            }
        }
    }
    Ok(worst.code())
}

/// The active CA of this machine, and its directory.
async fn active(config: Option<&Config>, target: &CaTarget) -> anyhow::Result<(Endpoint, PathBuf)> {
    let configured =
        config.into_iter().flat_map(|config| config.ca.members.iter().map(|one| one.cadir.clone()));
    let cadirs: Vec<PathBuf> = match &target.cadir {
        Some(cadir) => vec![cadir.clone()],
        None => configured.collect(),
    };
    let mut seen = Vec::new();
    for cadir in cadirs {
        let cadir = std::path::absolute(cadir)?;
        let socket = ca::socket_path(&cadir);
        if std::os::unix::net::UnixStream::connect(&socket).is_err() {
            seen.push(format!("no CA has {}", cadir.display()));
            continue;
        }
        let endpoint = Endpoint::Served(Box::new(Client::local(&socket, Timeouts::default())));
        // Nothing at all is asked for: a member that does not decide says that, the one that decides misses the rest.
        let nothing = Some(("application/json", b"{}".to_vec()));
        let answer = endpoint.ask("generate", "POST", OPERATOR_PATH, nothing).await;
        match answer.with_context(|| cadir.display().to_string())?.status {
            400 => return Ok((endpoint, cadir)),
            _ => seen.push(format!("the CA of {} is not the active one", cadir.display())),
        }
    }
    bail!(
        "{}. A certificate that may operate the CA is made on the machine of the active CA alone ('bunraku status' says \
         which one that is), as the user that it runs as",
        if seen.is_empty() { "no CA directory is known: --cadir DIR".to_string() } else { seen.join("; ") }
    )
}
