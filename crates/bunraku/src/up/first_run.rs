//! Makes what a deployment needs and does not have yet: folders, the CA, certificates, a first manifest.

use std::io::IsTerminal;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use ca::{RoleCertificate, RoleRequest, SetupOptions, SetupStep};
use pki::{AltName, Certname, KeyKind};

use crate::config::{Config, Kind};

const SITE: &str = include_str!("site.pp");

/// Makes what is missing; says what takes time.
pub fn make_missing(config: &Config, ca_key: KeyKind) -> anyhow::Result<()> {
    make_folders(config)?;
    let cadir = match present_ca(config)? {
        Some(cadir) => cadir,
        None => {
            let preferred = &config.ca.members[0];
            make_ca(config, &preferred.cadir, ca_key)?;
            &preferred.cadir
        }
    };
    make_certificates(config)?;
    for (file, name) in [("ca_crt.pem", config.ca_bundle_path()), ("ca_crl.pem", config.crl_path())] {
        if !name.exists() {
            let from = cadir.join(file);
            std::fs::copy(&from, &name).with_context(|| format!("could not copy {}", from.display()))?;
        }
    }
    Ok(())
}

fn make_folders(config: &Config) -> anyhow::Result<()> {
    let main = &config.main;
    let production = main.environmentpath.join("production");
    let private = [main.ssldir.clone(), main.ssldir.join("private_keys")];
    let public = [
        main.ssldir.join("certs"),
        main.logdir.clone(),
        main.reportdir.clone(),
        production.join("manifests"),
        production.join("modules"),
    ];
    for path in private {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o750).create(&path);
        made.with_context(|| format!("could not make {}", path.display()))?;
    }
    for path in public.iter().chain(&main.basemodulepath) {
        std::fs::create_dir_all(path).with_context(|| format!("could not make {}", path.display()))?;
    }
    let site = production.join("manifests/site.pp");
    if !has_manifests(&production.join("manifests")) {
        std::fs::write(&site, SITE).with_context(|| format!("could not write {}", site.display()))?;
    }
    Ok(())
}

/// Code that is there already is the operator's.
fn has_manifests(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}

/// The directory of the deployment's CA; none before there is one. A new CA in place of one that is gone (its file system
/// is not mounted, its disk is new, `cadir` was changed) would be a stranger to every node, and to the deployment itself.
fn present_ca(config: &Config) -> anyhow::Result<Option<&Path>> {
    let preferred = &config.ca.members[0];
    if ["ca_crt.pem", "ca_key.pem", "bunraku/configuration"]
        .iter()
        .any(|file| preferred.cadir.join(file).exists())
    {
        // Whether it is complete, its member judges.
        return Ok(Some(&preferred.cadir));
    }
    let place = preferred.cadir.display();
    if let Some(other) = config.ca.members.iter().find(|one| one.cadir.join("ca_crt.pem").exists()) {
        say(&format!("{place} has no CA: {} gets everything from {}", preferred.name, other.name));
        return Ok(Some(&other.cadir));
    }
    if let Some(trace) =
        [config.ca_bundle_path(), config.front_end.register.clone()].iter().find(|one| one.exists())
    {
        bail!(
            "there is no CA in {place}, but this deployment has had one ({} is there): is a file system not mounted, or cadir \
             not what it was? Put the directory back, from a backup if need be. Only if it is to be given up, with all of its \
             certificates: move {} and {} away, and start again, which makes a new CA",
            trace.display(),
            config.main.ssldir.display(),
            config.front_end.register.display()
        );
    }
    Ok(None)
}

fn make_ca(config: &Config, cadir: &Path, key: KeyKind) -> anyhow::Result<()> {
    let options = SetupOptions {
        ca_name: config.ca.ca_name.clone(),
        key,
        ca_ttl: i64::try_from(config.ca.ca_ttl.as_secs()).context("ca_ttl")?,
    };
    let made = ca::setup(cadir, &options, |step| match step {
        SetupStep::Key => say(match key {
            KeyKind::EcP256 => "making the CA's key (P-256)",
            KeyKind::EcP384 => "making the CA's key (P-384)",
            KeyKind::Rsa2048 => "making the CA's key (RSA, 2048 bits)",
            KeyKind::Rsa3072 => "making the CA's key (RSA, 3072 bits): some seconds",
            KeyKind::Rsa4096 => "making the CA's key (RSA, 4096 bits): some seconds",
            KeyKind::Rsa8192 => "making the CA's key (RSA, 8192 bits): a minute or more",
        }),
        SetupStep::Certificate => say("making the CA's certificate and an empty CRL"),
        SetupStep::Directory => say(&format!("writing {}", cadir.display())),
    });
    made.with_context(|| format!("could not make a CA in {}", cadir.display()))
}

/// Certificates of the roles and the operator that are missing.
fn make_certificates(config: &Config) -> anyhow::Result<()> {
    let mut wanted: Vec<RoleRequest> = Vec::new();
    for (certname, names, cli_auth) in holders(config) {
        match (config.certificate_path(&certname).exists(), config.key_path(&certname).exists()) {
            (true, true) => continue,
            (false, false) => {}
            (certificate, _) => bail!(
                "{} has a {} but no {}; restore the missing file, or remove the other and clean the name on the CA",
                certname,
                if certificate { "certificate" } else { "private key" },
                if certificate { "private key" } else { "certificate" }
            ),
        }
        let certname = Certname::parse(&certname).map_err(|e| anyhow::anyhow!("'{certname}': {e}"))?;
        let ttl = i64::try_from(config.ca.ca_ttl.as_secs()).context("ca_ttl")?;
        wanted.push(RoleRequest { certname, key: KeyKind::EcP256, alt_names: names, cli_auth, ttl });
    }
    if wanted.is_empty() {
        return Ok(());
    }
    say("making certificates of the roles and the operator (P-256)");
    let preferred = &config.ca.members[0];
    let made = ca::issue_role_certificates(&preferred.cadir, &preferred.name, &wanted)
        .with_context(|| preferred.cadir.display().to_string())?;
    for certificate in &made {
        write(config, certificate)?;
    }
    Ok(())
}

/// Everybody in the deployment who needs a certificate: its name, other names, whether it may operate the CA. Front ends
/// and workers are also called by their names in the server's domain, as `bunraku dns-records` calls them.
fn holders(config: &Config) -> Vec<(String, Vec<AltName>, bool)> {
    let host = fqdn();
    let short = host.split('.').next().unwrap_or(&host).to_string();
    let mut names: Vec<String> = vec!["puppet".to_string(), "localhost".to_string(), short, host];
    names.push(config.main.server.clone());
    names.sort();
    names.dedup();
    let domain = config.main.server.split_once('.').map(|(_, domain)| domain);
    let in_domain = |role: &str| domain.map(|domain| AltName::Dns(format!("{role}.{domain}")));
    let mut all = Vec::new();
    for front_end in config.front_ends() {
        let mut own: Vec<AltName> = names.iter().cloned().map(AltName::Dns).collect();
        own.extend(in_domain(&front_end.name));
        if let Some((address, _)) = front_end.listen.rsplit_once(':') {
            match address.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
                Ok(ip) if ip.is_unspecified() => {}
                Ok(ip) => own.push(AltName::Ip(ip)),
                Err(_) if names.iter().any(|name| name == address) => {}
                Err(_) => own.push(AltName::Dns(address.to_string())),
            }
        }
        all.push((front_end.certname, own, false));
    }
    let ours = config.catalog.iter().filter(|w| w.kind == Kind::Bunraku);
    all.extend(ours.map(|w| (w.certname.clone(), Vec::from_iter(in_domain(&w.name)), false)));
    all.extend(config.ca.members.iter().map(|m| (m.certname.clone(), Vec::new(), false)));
    all.push((config.main.operator_certname.clone(), Vec::new(), true));
    all
}

/// The key first: a certificate without its key could never be used, nor made again under its name.
fn write(config: &Config, made: &RoleCertificate) -> anyhow::Result<()> {
    use std::io::Write;
    let name = made.certname.as_str();
    let files = [
        (config.key_path(name), &made.key_pem, 0o600),
        (config.certificate_path(name), &made.certificate_pem, 0o644),
    ];
    for (path, pem, mode) in files {
        let mut options = std::fs::OpenOptions::new();
        let written = options.write(true).create_new(true).mode(mode).open(&path).and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        });
        written.with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// This host's full name, as `hostname -f` tells it; the bare host name when there is no domain.
pub fn fqdn() -> String {
    let asked = Command::new("hostname").arg("-f").output().ok().filter(|output| output.status.success());
    let full = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_lowercase());
    full.filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().to_lowercase())
}

/// Progress goes to stderr: `--json` owns stdout.
fn say(text: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("{text} …");
    } else {
        eprintln!("{text}");
    }
}
