//! `bunraku up`: the deployment of one machine, from nothing, with one command.

mod addresses;
pub mod first_run;
mod readiness;
mod report;
mod supervisor;

pub use first_run::fqdn;
pub use supervisor::SUPERVISOR_VARIABLE;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

use crate::cli::UpArgs;
use crate::config::{Config, Kind, Layout, render};

/// Makes what is missing, starts every role as a process of its own, and keeps them running until it is told to end.
pub fn run(args: UpArgs) -> anyhow::Result<u8> {
    let started = Instant::now();
    std::fs::create_dir_all(&args.dir).with_context(|| format!("could not make {}", args.dir.display()))?;
    let dir = std::fs::canonicalize(&args.dir)?;
    let _lock = lock(&dir)?;
    let config = configuration(&dir, &args)?;
    if config.ca_kind() == Kind::PuppetServer {
        bail!(
            "{} leaves the CA to a Puppet Server, so 'up' has none to make certificates with. Give the front end a \
             certificate of that CA (certname {}), and start it with 'bunraku serve --role front-end --name {}'",
            config.path.display(),
            config.front_end.certname,
            config.front_end.name
        );
    }
    if args.prepare {
        first_run::make_missing(&config, args.ca_key.unwrap_or(config.ca.key))?;
        return Ok(0);
    }
    addresses::check_free(&config)?;
    first_run::make_missing(&config, args.ca_key.unwrap_or(config.ca.key))?;
    // One thread: the kernel ties "end with your parent" to the thread that started the child.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervisor::run(config, &args, started))
}

/// Refuses a second `up` on the same directory. The lock is the kernel's: it cannot be left behind.
fn lock(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join("up.lock");
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
    if file.try_lock().is_err() {
        let mut owner = String::new();
        file.read_to_string(&mut owner)?;
        bail!(
            "{} is already served by 'bunraku up' (pid {}); end that one, or choose another --dir",
            dir.display(),
            owner.trim()
        );
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Reads the directory's `bunraku.toml`, or writes it on the first run.
fn configuration(dir: &Path, args: &UpArgs) -> anyhow::Result<Config> {
    let path = dir.join("bunraku.toml");
    if !path.exists() {
        refuse_foreign(dir)?;
        let layout = first_layout(args)?;
        std::fs::write(&path, render(&layout))?;
        return Ok(Config::load(&path)?);
    }
    let config = Config::load(&path)?;
    let ours = Layout::default();
    let asked = Layout {
        listen: args.listen.map_or(ours.listen.clone(), |ip| ip.to_string()),
        port: args.port.unwrap_or(ours.port),
        ..ours
    };
    // Certificates, register and standby all know the addresses: a flag may not silently contradict the file.
    if (args.listen.is_some() || args.port.is_some()) && asked.address(0) != config.front_end.listen {
        bail!(
            "{} was made for {}; edit the addresses there, or leave out --listen and --port",
            path.display(),
            config.front_end.listen
        );
    }
    if let Some(autosign) = &args.autosign
        && autosign_of(autosign)? != autosign_in_force(&config)
    {
        bail!("{} says autosign = {}; change it there", path.display(), autosign_in_force(&config));
    }
    Ok(config)
}

fn first_layout(args: &UpArgs) -> anyhow::Result<Layout> {
    let ours = Layout::default();
    Ok(Layout {
        listen: args.listen.map_or(ours.listen, |ip| ip.to_string()),
        port: args.port.unwrap_or(ours.port),
        autosign: args.autosign.as_deref().map_or(Ok(ours.autosign), autosign_of)?,
        cluster: uuid::Uuid::new_v4().to_string(),
        ca_name: format!("Puppet CA: {}", first_run::fqdn()),
        // For this machine only, whatever the roles listen on: it asks nobody who he is.
        admin: Some(format!("127.0.0.1:{}", args.port.unwrap_or(Layout::default().port) + 1_000)),
    })
}

/// `true`, `false`, or the absolute path of a file that exists.
fn autosign_of(value: &str) -> anyhow::Result<String> {
    if matches!(value, "true" | "false") {
        return Ok(value.to_string());
    }
    let path: PathBuf = std::fs::canonicalize(value)
        .with_context(|| format!("--autosign takes true, false or a file; there is no file '{value}'"))?;
    Ok(path.display().to_string())
}

fn autosign_in_force(config: &Config) -> String {
    match &config.ca.autosign {
        crate::config::Autosign::Always => "true".to_string(),
        crate::config::Autosign::Never => "false".to_string(),
        crate::config::Autosign::File(path) => path.display().to_string(),
    }
}

/// A directory that holds something, but no deployment, is somebody's: nothing is written into it.
fn refuse_foreign(dir: &Path) -> anyhow::Result<()> {
    let foreign: Vec<String> = std::fs::read_dir(dir)?
        .filter_map(|entry| entry.ok())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "up.lock")
        .take(3)
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    bail!(
        "{} has no bunraku.toml, but is not empty ({}); choose an empty or a new --dir",
        dir.display(),
        foreign.join(", ")
    )
}
