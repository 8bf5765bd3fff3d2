//! `bunraku ca setup` and `bunraku ca import`: a new CA directory, as `puppetserver ca` makes it.

use std::path::PathBuf;

use anyhow::anyhow;
use ca::{HostPlaces, NewAuthority, PuppetSetup};
use pki::{Certname, KeyKind};

use super::report::{Misuse, Report};
use super::{alt_names, offline};
use crate::cli::{self, CaTarget, ImportArgs, SetupArgs};
use crate::config::Config;
use crate::up::first_run;

/// What the configuration calls a CA that nobody has named.
const UNNAMED: &str = "Puppet CA: localhost";

/// Makes a root, an intermediate CA and the server's certificate.
pub fn setup(config: Option<&Config>, args: &SetupArgs, report: &mut Report) -> anyhow::Result<u8> {
    let setup =
        new_directory(config, &args.certname, &args.subject_alt_names, args.key, &args.host, &args.target)?;
    let configured = config.map(|config| config.ca.ca_name.clone()).filter(|name| name != UNNAMED);
    let configured_root = config.and_then(|config| config.made.root_ca_name.clone());
    let names = NewAuthority {
        ca_name: given(&args.ca_name)
            .or(configured)
            .unwrap_or_else(|| format!("Puppet CA: {}", setup.host.certname)),
        root_ca_name: given(&args.root_ca_name).or(configured_root).unwrap_or_else(random_root_name),
    };
    ca::setup_chain(&setup, &names)?;
    done("Generation", &setup, report);
    Ok(0)
}

/// Makes a CA of what comes from elsewhere, and the server's certificate.
pub fn import(config: Option<&Config>, args: &ImportArgs, report: &mut Report) -> anyhow::Result<u8> {
    let (Some(bundle), Some(key), Some(lists)) = (&args.cert_bundle, &args.private_key, &args.crl_chain)
    else {
        let lines =
            ["    Missing required argument", "    --cert-bundle, --private-key, --crl-chain are required"];
        return Err(Misuse { verb: "import", lines: lines.map(str::to_string).to_vec() }.into());
    };
    let parts = ca::read_import(bundle, key, lists)?;
    let setup =
        new_directory(config, &args.certname, &args.subject_alt_names, args.key, &args.host, &args.target)?;
    ca::import_chain(&setup, parts)?;
    done("Import", &setup, report);
    Ok(0)
}

fn new_directory(
    config: Option<&Config>,
    certname: &Option<String>,
    alt_names: &Option<String>,
    key: Option<KeyKind>,
    host: &cli::HostFiles,
    target: &CaTarget,
) -> anyhow::Result<PuppetSetup> {
    let made = config.map(|config| config.made.clone()).unwrap_or_default();
    let certname = given(certname).or(made.certname).unwrap_or_else(first_run::fqdn);
    let alt_names = given(alt_names).or(made.alt_names);
    Ok(PuppetSetup {
        cadir: offline::cadir(config, target)?,
        alt_names: alt_names::of_server(&certname, alt_names.as_deref())?,
        host: HostPlaces {
            ssldir: offline::ssldir(config, host)?,
            certname: Certname::parse(&certname)
                .map_err(|fault| anyhow!("'{certname}': {}", fault.puppet_text()))?,
        },
        key: key.unwrap_or(made.key),
        ttl: offline::ca_ttl(config),
        owner: offline::owner(),
    })
}

/// What a flag says. Nothing (`--ca-name "$UNSET"`) is as good as no flag.
fn given(flag: &Option<String>) -> Option<String> {
    flag.clone().filter(|text| !text.trim().is_empty())
}

fn done(what: &str, setup: &PuppetSetup, report: &mut Report) {
    let cadir: &PathBuf = &setup.cadir;
    report.say(&format!("{what} succeeded. Find your files in {}", cadir.display()));
    report.set("cadir", cadir.display().to_string());
    report.set("certname", setup.host.certname.to_string());
}

fn random_root_name() -> String {
    let digits = uuid::Uuid::new_v4().simple().to_string();
    // The first twelve digits and the last two: the others hold the version.
    format!("Puppet Root CA: {}{}", &digits[..12], &digits[30..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_with_nothing_in_it_is_none() {
        assert_eq!(given(&Some(String::new())), None);
        assert_eq!(given(&Some("Own CA".into())).as_deref(), Some("Own CA"));
    }
}
