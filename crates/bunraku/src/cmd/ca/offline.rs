//! What the verbs have in common that work without a CA: which directory, whose files, and that nobody else uses it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use wire::client::{Client, ClientFault, Timeouts};
use wire::tls::ClientTls;

use super::host_files::HostFiles;
use crate::cli::{self, CaTarget};
use crate::config::Config;

/// What `puppetserver ca` gives the certificates that it makes itself: 15 years.
const FIFTEEN_YEARS: i64 = 15 * 365 * 86_400;

/// The configuration, if there is one: a directory that `--cadir` names may be on a machine without.
pub fn config(file: Option<PathBuf>, target: &CaTarget) -> anyhow::Result<Option<Config>> {
    let named = file.is_some();
    match crate::cmd::load_for_ca(file) {
        Ok(config) => Ok(Some(config)),
        Err(_) if !named && target.cadir.is_some() => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The CA directory to work on.
pub fn cadir(config: Option<&Config>, target: &CaTarget) -> anyhow::Result<PathBuf> {
    let configured = config.map(|config| config.ca.members[0].cadir.clone());
    let chosen = target.cadir.clone().or(configured).context("which CA directory? --cadir DIR")?;
    Ok(std::path::absolute(chosen)?)
}

/// Hosts' files.
pub fn host_files(config: Option<&Config>, host: &cli::HostFiles) -> anyhow::Result<HostFiles> {
    Ok(HostFiles::below(ssldir(config, host)?))
}

/// Puppet's `ssldir`.
pub fn ssldir(config: Option<&Config>, host: &cli::HostFiles) -> anyhow::Result<PathBuf> {
    let configured = config.map(|config| config.main.ssldir.clone());
    let chosen = host.ssldir.clone().or(configured);
    let chosen = chosen.context("where do certificates and keys of hosts go? --ssldir DIR")?;
    Ok(std::path::absolute(chosen)?)
}

/// The name of the CA member whose directory this is.
pub fn member(config: Option<&Config>, cadir: &Path) -> String {
    let known = config.and_then(|config| config.ca_member_of(cadir).or(config.ca.members.first()));
    known.map_or("ca-1", |member| &member.name).to_string()
}

/// Life of certificates that are made without a CA, seconds: the configured one where somebody chose it, else what
/// `puppetserver ca` takes.
pub fn ca_ttl(config: Option<&Config>) -> i64 {
    let configured = config.and_then(|config| i64::try_from(config.ca.ca_ttl.as_secs()).ok());
    configured.filter(|seconds| *seconds != ca::FIVE_YEARS).unwrap_or(FIFTEEN_YEARS)
}

/// Whom new files belong to: Puppet's user, when this is root and there is one.
pub fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    ["pe-puppet", "puppet"].into_iter().find_map(|user| account(&accounts, user))
}

/// User and group id of `user` in the text of `/etc/passwd`.
fn account(accounts: &str, user: &str) -> Option<(u32, u32)> {
    let mut lines = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&user))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// Refuses while a CA answers, be it ours or a Puppet Server on the same directory.
pub async fn refuse_while_served(
    config: Option<&Config>,
    target: &CaTarget,
    cadir: &Path,
    force: bool,
) -> anyhow::Result<()> {
    if std::os::unix::net::UnixStream::connect(ca::socket_path(cadir)).is_ok() {
        bail!(
            "{} is in use by a running CA. Please stop it before attempting to run this command.",
            cadir.display()
        );
    }
    // A directory named by hand need not be the one that answers at the configured address.
    let Some(config) = config.filter(|_| target.cadir.is_none()) else { return Ok(()) };
    let timeouts = Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(10) };
    for front_end in config.front_ends() {
        let client = Client::new(&format!("https://{}", front_end.listen), ClientTls::insecure()?, timeouts)?;
        match client.get("/status/v1/simple/ca", "text/plain").await {
            Ok(answer) if answer.text().trim() == "running" => bail!(
                "The CA at {} is running. Please stop it before attempting to run this command.",
                front_end.listen
            ),
            Ok(_) | Err(ClientFault::Connect { fault: wire::client::ConnectFault::Refused, .. }) => {}
            Err(_) if force => {}
            Err(fault) => bail!(
                "Could not determine whether the CA is online: {fault}. If you are certain that it is stopped, name its \
                 directory with --cadir, or run 'generate' with --force."
            ),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/bash\npuppeteer:x:7:8::/:\npuppet:x:104:110::/var/lib/puppet:\n";
        assert_eq!(super::account(accounts, "puppet"), Some((104, 110)));
        assert_eq!(super::account(accounts, "pe-puppet"), None);
    }
}
