//! A `puppet.conf` in the place of a `bunraku.toml`, for `bunraku ca --config puppet.conf`: where the CA answers, where its
//! directory is, whose certificate the operator shows. What such a file can say and Bunraku has not is refused, not passed
//! over: a command that looked elsewhere than the file says would act on another CA.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pki::KeyKind;

use super::mapping::{self, File, Host, Lookup, Verdict};
use super::puppet_conf::Unresolved;
use crate::config::{CaMember, Config, MadeHere};
use crate::up::first_run;

/// Places that Bunraku takes from `ssldir` and `cadir` alone, and where these have them.
const PLACES: [(&str, &str); 16] = [
    ("certdir", "$ssldir/certs"),
    ("privatekeydir", "$ssldir/private_keys"),
    ("publickeydir", "$ssldir/public_keys"),
    ("localcacert", "$ssldir/certs/ca.pem"),
    ("hostcrl", "$ssldir/crl.pem"),
    ("hostcert", "$ssldir/certs/$certname.pem"),
    ("hostprivkey", "$ssldir/private_keys/$certname.pem"),
    ("hostpubkey", "$ssldir/public_keys/$certname.pem"),
    ("cacert", "$cadir/ca_crt.pem"),
    ("cakey", "$cadir/ca_key.pem"),
    ("capub", "$cadir/ca_pub.pem"),
    ("cacrl", "$cadir/ca_crl.pem"),
    ("rootkey", "$cadir/root_key.pem"),
    ("serial", "$cadir/serial"),
    ("cert_inventory", "$cadir/inventory.txt"),
    ("signeddir", "$cadir/signed"),
];

/// Whether a file that `--config` names is a `puppet.conf`: told by `.conf` at its end, as a `bunraku.toml` has `.toml`.
pub fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "conf")
}

/// Reads it.
///
/// # Errors
/// It cannot be read, or says something that cannot be followed; all such lines at once.
pub fn read(path: &Path) -> anyhow::Result<Config> {
    let path = std::path::absolute(path)?;
    let Ok(bytes) = std::fs::read(&path) else { bail!("Could not read file '{}'", path.display()) };
    let file = File { name: path.display().to_string(), text: String::from_utf8_lossy(&bytes).into_owned() };
    let exists = |path: &Path| path.symlink_metadata().is_ok_and(|about| !about.is_symlink());
    let confdir = path.parent().unwrap_or(Path::new("/etc/puppetlabs/puppet"));
    let host = Host { name: first_run::fqdn(), confdir: confdir.display().to_string(), exists: &exists };
    of(&path, &file, &host)
}

fn of(path: &Path, file: &File, host: &Host<'_>) -> anyhow::Result<Config> {
    let import = mapping::import(Some(file), &[], host);
    let lookup = Lookup::new(file, host);
    let mut faults: Vec<String> = import
        .accounts
        .iter()
        .filter_map(|account| match &account.verdict {
            Verdict::Refused(why) => {
                Some(format!("{}:{}: {}: {why}", account.file, account.line, account.setting))
            }
            _ => None,
        })
        .collect();
    let unresolved =
        |Unresolved(name)| anyhow::anyhow!("{}: ${name} is not known, or leads in a circle", file.name);
    let given = |name: &str| lookup.given(name).map_err(unresolved);
    let value = |name: &str| lookup.value(name).map_err(unresolved);

    // 1. Whom the operator is, and where everything lies.
    let (certname, ssldir, cadir) = (value("certname")?, value("ssldir")?, value("cadir")?);
    for (name, usual) in PLACES {
        let usual =
            usual.replace("$ssldir", &ssldir).replace("$cadir", &cadir).replace("$certname", &certname);
        if let Some(other) = given(name)?.filter(|other| Path::new(other) != Path::new(&usual)) {
            faults.push(format!("{name} = {other}: Bunraku has it in {usual}"));
        }
    }

    // 2. Where the CA answers.
    let list = given("server_list")?.unwrap_or_default();
    let first = list.split(',').next().map(str::trim).unwrap_or_default();
    let (first_server, first_port) = first.split_once(':').unwrap_or((first, ""));
    let or = |found: &str| (!found.is_empty()).then(|| found.to_string());
    let server = match given("ca_server")?.or_else(|| or(first_server)) {
        Some(server) => server,
        None => value("server")?,
    };
    let port = given("ca_port")?.or_else(|| or(first_port));
    let port = match port {
        Some(port) => port,
        None => given("serverport")?.or(given("masterport")?).unwrap_or_else(|| "8140".to_string()),
    };
    if port.parse::<u16>().is_err() {
        faults.push(format!("'{port}' is not a port"));
    }

    // 3. What is made here.
    let mut made = MadeHere { certname: Some(certname.clone()), ..MadeHere::default() };
    if let Some(length) = given("keylength")? {
        match KeyKind::named(&format!("rsa{length}")) {
            Some(kind) => made.key = kind,
            None => faults.push(format!(
                "keylength = {length}: the kinds of keys are {}; choose one with --key and leave this out",
                crate::cli::key_kinds()
            )),
        }
    }
    made.root_ca_name = given("root_ca_name")?;
    made.alt_names = given("dns_alt_names")?;
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }

    let mut config = Config::parse(path, &mapping::to_toml(&import)).context("as a bunraku.toml")?;
    config.main.operator_certname = certname;
    config.main.server = server.clone();
    config.main.ssldir = PathBuf::from(ssldir);
    config.front_end.listen =
        if server.contains(':') { format!("[{server}]:{port}") } else { format!("{server}:{port}") };
    config.front_end.certname = server;
    let member = CaMember { cadir: PathBuf::from(cadir), ..config.ca.members[0].clone() };
    config.ca.members = vec![member];
    config.made = made;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> anyhow::Result<Config> {
        let file = File { name: "puppet.conf".into(), text: text.into() };
        let host = Host {
            name: "host.example.com".into(),
            confdir: "/etc/puppetlabs/puppet".into(),
            exists: &|_| false,
        };
        of(Path::new("/etc/puppetlabs/puppet/puppet.conf"), &file, &host)
    }

    #[test]
    fn an_empty_file_means_puppets_defaults() {
        let config = config("").unwrap();
        assert_eq!(config.front_end.listen, "puppet:8140");
        assert_eq!(config.front_end.certname, "puppet");
        assert_eq!(config.main.operator_certname, "host.example.com");
        assert_eq!(config.main.ssldir, Path::new("/etc/puppetlabs/puppet/ssl"));
        assert_eq!(config.ca.members[0].cadir, Path::new("/etc/puppetlabs/puppetserver/ca"));
        assert_eq!(config.ca.members.len(), 1);
    }

    #[test]
    fn the_ca_is_where_agents_look_for_it() {
        let listen = |text: &str| config(text).unwrap().front_end.listen;
        assert_eq!(listen("[main]\nserver = a\nserverport = 1\n[agent]\nca_server = b\nca_port=2\n"), "b:2");
        assert_eq!(listen("[agent]\nserver = a\n[server]\nserver = c\nmasterport = 3\n"), "c:3");
        assert_eq!(listen("server_list = d:4, e\nserver = a\n"), "d:4");
    }

    #[test]
    fn what_is_made_follows_the_file() {
        let text = "certname = x.example.com\nkeylength = 2048\ndns_alt_names = a,b\nca_ttl = 10y\nca_name = Own CA\n\
                    hostcert = $ssldir/certs/x.example.com.pem\n";
        let config = config(text).unwrap();
        assert_eq!((config.made.key, config.made.alt_names.as_deref()), (KeyKind::Rsa2048, Some("a,b")));
        assert_eq!(config.ca.ca_name, "Own CA");
        assert_eq!(config.ca.ca_ttl.as_secs(), 10 * 365 * 86_400);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_all_at_once() {
        let text = "certdir = /elsewhere\nkeylength = 1000\nca_port = x\nca_ttl = soon\n";
        let fault = config(text).unwrap_err().to_string();
        for word in ["certdir = /elsewhere", "keylength = 1000", "'x' is not a port", "ca_ttl"] {
            assert!(fault.contains(word), "{word}: {fault}");
        }
        assert!(config("ssldir = $nosuch/ssl\n").is_err());
    }
}
