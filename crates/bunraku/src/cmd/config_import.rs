//! `bunraku config import`: an existing Puppet Server's settings become a `bunraku.toml`, and every line is accounted for.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cli::ConfigImportArgs;
use crate::config::Config;
use crate::config_import::mapping::{self, Account, File, Host, Verdict};
use crate::console;
use crate::up::first_run;

/// Where Puppet's packages have their files: those of Puppet, those of Puppet Server.
const USUAL: [(&str, &str); 2] = [
    ("/etc/puppetlabs/puppet/puppet.conf", "/etc/puppetlabs/puppetserver/conf.d"),
    ("/etc/puppet/puppet.conf", "/etc/puppet/puppetserver/conf.d"),
];

/// Exit code 1 when a line could not be understood.
pub fn run(args: &ConfigImportArgs) -> anyhow::Result<u8> {
    let usual = USUAL.iter().find(|(conf, _)| Path::new(conf).exists());
    let named = args.puppet_conf.is_some() || args.ca_conf.is_some() || args.puppetserver_dir.is_some();
    // Naming one file asks for that one, not for those of another installation beside it.
    let usual = usual.filter(|_| !named);
    let puppet_conf = args.puppet_conf.clone().or(usual.map(|(conf, _)| PathBuf::from(conf)));
    let folder = args.puppetserver_dir.clone().or(usual.map(|(_, folder)| PathBuf::from(folder)));
    let mut paths = folder.map(|folder| conf_files(&folder)).transpose()?.unwrap_or_default();
    paths.extend(args.ca_conf.clone());
    if puppet_conf.is_none() && paths.is_empty() {
        bail!("nothing to import: name a file with --puppet-conf, or a folder with --puppetserver-dir");
    }
    let puppet_conf = puppet_conf.map(|path| read(&path)).transpose()?;
    let conf_d = paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<File>>>()?;
    let confdir = puppet_conf.as_ref().and_then(|file| Path::new(&file.name).parent());
    let exists = |path: &Path| path.symlink_metadata().is_ok_and(|about| !about.is_symlink());
    let host = Host {
        name: first_run::fqdn(),
        confdir: confdir.unwrap_or(Path::new("/etc/puppetlabs/puppet")).display().to_string(),
        exists: &exists,
    };
    let import = mapping::import(puppet_conf.as_ref(), &conf_d, &host);
    let text = mapping::to_toml(&import);
    // What is written must be readable; values that only Bunraku limits (a life of more than 50 years) are told here.
    let place = std::path::absolute(args.output.as_deref().unwrap_or(Path::new("bunraku.toml")))?;
    Config::parse(&place, &text)?;
    let refused = import.accounts.iter().any(|account| matches!(account.verdict, Verdict::Refused(_)));

    match &args.output {
        Some(path) => {
            let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| format!("could not write {}", path.display()))?;
        }
        None if !args.json => console::print(&text),
        None => {}
    }
    if args.json {
        let accounts: Vec<Value> = import.accounts.iter().map(document).collect();
        let toml = args.output.is_none().then_some(text);
        console::print(&format!("{}\n", json!({"lines": accounts, "toml": toml})));
    } else {
        let lines: String =
            import.accounts.iter().map(|account| format!("{}\n", sentence(account))).collect();
        // The file and its account are told apart: the one may be sent on, the other is for a person.
        if args.output.is_some() { console::print(&lines) } else { console::complain(&lines) }
    }
    Ok(u8::from(refused))
}

/// The `.conf` files of a folder, or of the `conf.d` in it.
fn conf_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let inner = folder.join("conf.d");
    let folder = if inner.is_dir() { &inner } else { folder };
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<File> {
    let path = std::path::absolute(path)?;
    let bytes = std::fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    Ok(File { name: path.display().to_string(), text: String::from_utf8_lossy(&bytes).into_owned() })
}

fn words(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Taken(text) => ("taken", text),
        Verdict::BuiltIn(text) => ("built in", text),
        Verdict::NoEquivalent(text) => ("no equivalent", text),
        Verdict::Ignored(text) => ("not needed", text),
        Verdict::Refused(text) => ("not understood", text),
    }
}

fn sentence(account: &Account) -> String {
    let (word, text) = words(&account.verdict);
    format!("{}:{}: {}: {word}: {text}", account.file, account.line, account.setting)
}

fn document(account: &Account) -> Value {
    let (word, text) = words(&account.verdict);
    json!({"file": account.file, "line": account.line, "setting": account.setting, "verdict": word, "text": text})
}
