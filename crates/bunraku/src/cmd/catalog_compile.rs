//! `bunraku catalog compile [NODE]`: prints the catalog that the node would get, without a server.

use crate::console::outln;
use std::path::PathBuf;

use anyhow::{Context, bail};
use compiler::{Authenticated, Disk, Environment, EnvironmentSettings, Log, NodeRequest, Trusted};
use serde_json::{Map, Value};

use crate::cli::CompileArgs;
use crate::config::Config;
use crate::up::fqdn;

/// Exit code 1 with Puppet's error when it does not compile.
pub fn run(config_file: Option<PathBuf>, args: &CompileArgs) -> anyhow::Result<u8> {
    let certname = args.node.clone().unwrap_or_else(fqdn).to_lowercase();
    let config = crate::cmd::load(config_file).ok();
    let facts = match (&args.facts, &config) {
        (Some(path), _) => facts(path)?,
        (None, Some(config)) => last_facts(config, &certname)?,
        (None, None) => Map::new(),
    };
    let settings = places(config.as_ref(), args)?;
    let environment = Environment::load(&Disk, settings)?;
    let node = NodeRequest {
        certname: certname.clone(),
        facts,
        trusted: Trusted { authenticated: Authenticated::Local, certname, ..Trusted::default() },
        catalog_uuid: uuid::Uuid::new_v4().to_string(),
        now_millis: jiff::Timestamp::now().as_millisecond(),
        ..NodeRequest::default()
    };
    let compiled = match compiler::compile(&environment, &Disk, &node) {
        Ok(compiled) => compiled,
        Err(failure) => {
            say(&failure.logs);
            bail!("{failure}");
        }
    };
    say(&compiled.logs);
    outln!("{}", serde_json::to_string_pretty(&compiler::catalog::encode::encode(&compiled.catalog))?);
    Ok(0)
}

/// Messages of the manifests go to stderr: stdout is the catalog's.
fn say(logs: &[Log]) {
    for log in logs {
        eprintln!("{}: {}", log.level.as_str(), log.message);
    }
}

/// Where the code is: the flags, then the configuration's environment.
fn places(config: Option<&Config>, args: &CompileArgs) -> anyhow::Result<EnvironmentSettings> {
    let dir = config.map(|c| c.main.environmentpath.join(&args.environment));
    let manifest = match (&args.manifest, &dir) {
        (Some(manifest), _) => manifest.clone(),
        (None, Some(dir)) if dir.is_dir() => dir.join("manifests"),
        _ => bail!("environment '{}' was not found; name a manifest with --manifest FILE", args.environment),
    };
    if !manifest.exists() {
        bail!("there is no manifest {}", manifest.display());
    }
    let modulepath: Vec<PathBuf> = match (&args.modulepath, &dir, config) {
        (Some(path), _, _) => path.split(':').map(PathBuf::from).collect(),
        (None, Some(dir), Some(config)) => {
            std::iter::once(dir.join("modules")).chain(config.main.basemodulepath.iter().cloned()).collect()
        }
        _ => Vec::new(),
    };
    let modulepath = modulepath.into_iter().filter(|dir| dir.is_dir()).collect();
    let directory = dir.filter(|dir| dir.is_dir());
    let name = args.environment.clone();
    Ok(EnvironmentSettings { name, directory, manifest, modulepath, settings: Vec::new() })
}

/// The facts that the node sent last; none when it never did.
fn last_facts(config: &Config, certname: &str) -> anyhow::Result<Map<String, Value>> {
    let path = config.factsdir().join(format!("{certname}.json"));
    if path.exists() { facts(&path) } else { Ok(Map::new()) }
}

fn facts(path: &std::path::Path) -> anyhow::Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let document: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    match document {
        // The form that `puppet facts` prints.
        Value::Object(mut document) if document.get("values").is_some_and(Value::is_object) => {
            match document.remove("values") {
                Some(Value::Object(values)) => Ok(values),
                _ => bail!("{}: 'values' is not an object", path.display()),
            }
        }
        Value::Object(facts) => Ok(facts),
        _ => bail!("{} is not a JSON object", path.display()),
    }
}
