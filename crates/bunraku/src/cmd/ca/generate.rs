//! `bunraku ca generate`: keys are made here, certificates by the CA; with `--ca-client` by its key, while it is stopped.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pki::{AltName, Certname, KeyKind, PrivateKey, Request, RequestContent};

use super::endpoint::Endpoint;
use super::host_files::HostFiles;
use super::report::{Misuse, Report};
use super::{Worst, alt_names, offline, sign};
use crate::cli::GenerateArgs;
use crate::config::Config;

/// Where a host's files are, and those of the CA if they are on this machine.
pub struct Places {
    pub files: HostFiles,
    pub cadir: Option<PathBuf>,
    /// Kind of its key.
    pub key: KeyKind,
}

/// The kind of key that is asked for, by flag or by `keylength` of a `puppet.conf`.
pub fn key(config: Option<&Config>, args: &GenerateArgs) -> KeyKind {
    args.key.unwrap_or_else(|| config.map(|config| config.made.key).unwrap_or(KeyKind::Rsa4096))
}

/// The life of a certificate that may operate the CA, seconds.
pub fn life(config: Option<&Config>, ttl: Option<u64>) -> anyhow::Result<i64> {
    ttl.map_or(Ok(offline::ca_ttl(config)), i64::try_from).context("--ttl")
}

/// Refuses names that no certificate may have; the TTL in seconds.
pub fn check(args: &GenerateArgs) -> anyhow::Result<Option<u64>> {
    let mut lines = super::flags_among(&args.certname);
    if args.certname.is_empty() {
        lines.push("    At least one certname is required to generate".to_string());
    }
    for certname in &args.certname {
        if certname.chars().any(char::is_uppercase) {
            lines.push("    Certificate names must be lower case".to_string());
        }
        // Printable ASCII without the slash, which would lead out of the folders.
        if certname.is_empty() || !certname.bytes().all(|b| matches!(b, b' '..=b'.' | b'0'..=b'~')) {
            lines.push(format!("  Certname {certname} must not contain unprintable or non-ASCII characters"));
        }
    }
    Misuse::check("generate", lines)?;
    args.ttl.as_deref().map(sign::ttl_seconds).transpose()
}

/// Has certificates signed by the CA as anybody could: a request is sent, signed, and its certificate fetched.
pub async fn through_ca(
    endpoint: &Endpoint,
    args: &GenerateArgs,
    places: Places,
    ttl: Option<u64>,
    report: &mut Report,
) -> anyhow::Result<u8> {
    places.files.make_folders()?;
    report.list("generated");
    report.begin("generating", args.certname.len());
    let mut worst = Worst::default();
    for certname in &args.certname {
        if !one_through_ca(endpoint, args, certname, &places, ttl, report, &mut worst).await? {
            worst.add(1);
        }
        report.advance();
    }
    Ok(worst.code())
}

async fn one_through_ca(
    endpoint: &Endpoint,
    args: &GenerateArgs,
    certname: &str,
    places: &Places,
    ttl: Option<u64>,
    report: &mut Report,
    worst: &mut Worst,
) -> anyhow::Result<bool> {
    let files = &places.files;
    if exists_already(certname, files, places.cadir.as_deref(), report) {
        return Ok(false);
    }
    let names = alt_names::of_host(certname, args.subject_alt_names.as_deref())?;

    // 1. The key, kept first: a CA may have taken in a request whose sender then fails.
    let key = PrivateKey::generate(places.key)?;
    let content = RequestContent { alt_names: names, ..RequestContent::default() };
    let request = Request::build(certname, &key, &content)?;
    save_keys(certname, &key.to_pem(), &key.public_pem(), files, report)?;

    // 2. The request.
    let path = format!("/puppet-ca/v1/certificate_request/{}", wire::protocol::segment::encode(certname));
    let body = Some(("text/plain", request.to_pem().into_bytes()));
    let answer = endpoint.send("generate", "PUT", &path, body).await?;
    if !matches!(answer.status, 200 | 204) {
        let text = format!(
            "    When attempting to submit certificate request for '{certname}', received:\n      code: {}\n      body: {}",
            answer.status,
            answer.text()
        );
        report.fail(Some(certname), &text);
        return Ok(false);
    }
    report.say(&format!("Successfully submitted certificate request for {certname}"));

    // 3. The certificate: it is there at once where requests are signed without an operator.
    let mut certificate = fetch(endpoint, certname).await?;
    let autosigned = certificate.is_ok();
    if !autosigned {
        let answer = sign::sign_one(endpoint, certname, ttl).await?;
        sign::tell(certname, &answer, report, worst);
        certificate = fetch(endpoint, certname).await?;
    }
    match certificate {
        Ok(pem) => {
            let path = files.certificate(certname);
            files.write(&path, &pem)?;
            saved("certificate", certname, &path, report);
            report.push("generated", certname);
            if autosigned {
                report.say(&format!("Certificate for {certname} was autosigned."));
            }
            if autosigned && let Some(ttl) = &args.ttl {
                report.warn(&format!(
                    "ttl was specified, but the CA autosigned the CSR. Unable to specify {ttl} for {certname}"
                ));
            }
            Ok(true)
        }
        Err(lines) => {
            report.fail(Some(certname), &lines);
            Ok(false)
        }
    }
}

/// The certificate of a name, or why there is none.
pub async fn fetch(endpoint: &Endpoint, certname: &str) -> anyhow::Result<Result<String, String>> {
    let path = format!("/puppet-ca/v1/certificate/{}", wire::protocol::segment::encode(certname));
    let answer = endpoint.request("generate", "GET", &path, None).await?;
    Ok(match answer.status {
        200 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        404 => Err(format!("    Signed certificate {certname} could not be found on the CA")),
        code => Err(format!(
            "    When attempting to download certificate '{certname}', received:\n      code: {code}\n      body: {}",
            answer.text()
        )),
    })
}

/// Makes certificates that may operate the CA, with the CA's key, in a directory that no CA owns.
pub fn with_ca_key(
    config: Option<&Config>,
    args: &GenerateArgs,
    cadir: &Path,
    files: &HostFiles,
    ttl: Option<u64>,
    report: &mut Report,
) -> anyhow::Result<u8> {
    files.make_folders()?;
    report.list("generated");
    report.begin("generating", args.certname.len());
    let (ttl, key) = (life(config, ttl)?, key(config, args));
    let mut worst = Worst::default();
    for certname in &args.certname {
        if exists_already(certname, files, Some(cadir), report) {
            worst.add(1);
            continue;
        }
        let alt_names: Vec<AltName> = alt_names::of_host(certname, args.subject_alt_names.as_deref())?;
        let name = Certname::parse(certname)
            .map_err(|fault| anyhow::anyhow!("'{certname}': {}", fault.puppet_text()))?;
        let request = ca::RoleRequest { certname: name, key, alt_names, cli_auth: true, ttl };
        let made = ca::issue_client_certificate(cadir, &offline::member(config, cadir), &request)
            .with_context(|| cadir.display().to_string())?;
        let path = files.certificate(certname);
        files.write(&path, &made.certificate_pem)?;
        saved("certificate", certname, &path, report);
        saved("certificate", certname, &signed_path(cadir, certname), report);
        save_keys(certname, &made.key_pem, &made.public_key_pem, files, report)?;
        report.push("generated", certname.as_str());
        report.advance();
    }
    Ok(worst.code())
}

pub fn save_keys(
    certname: &str,
    key_pem: &str,
    public_pem: &str,
    files: &HostFiles,
    report: &mut Report,
) -> anyhow::Result<()> {
    let path = files.private_key(certname);
    files.write(&path, key_pem)?;
    saved("private key", certname, &path, report);
    let path = files.public_key(certname);
    files.write(&path, public_pem)?;
    saved("public key", certname, &path, report);
    Ok(())
}

pub fn saved(kind: &str, certname: &str, path: &Path, report: &mut Report) {
    report.say(&format!("Successfully saved {kind} for {certname} to {}", path.display()));
}

pub fn signed_path(cadir: &Path, certname: &str) -> PathBuf {
    cadir.join("signed").join(format!("{certname}.pem"))
}

/// Nothing that is there is ever written over; whoever wants another takes it away first.
pub fn exists_already(certname: &str, files: &HostFiles, cadir: Option<&Path>, report: &mut Report) -> bool {
    let mut places =
        vec![files.certificate(certname), files.private_key(certname), files.public_key(certname)];
    places.extend(cadir.map(|cadir| signed_path(cadir, certname)));
    let mut lines: Vec<String> = places
        .iter()
        .filter(|place| place.exists())
        .map(|place| format!("Existing file at '{}'", place.display()))
        .collect();
    if lines.is_empty() {
        return false;
    }
    lines
        .push(format!("Please delete these files if you really want to generate a new cert for {certname}."));
    report.fail(Some(certname), &lines.join("\n"));
    true
}
