//! Environments: where their code is, and their parsed manifests, kept until a file of theirs changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use compiler::{Environment, EnvironmentSettings};

use crate::fault::Fault;
use crate::settings::ServerSettings;
use crate::world::DiskWorld;

/// The environment of nodes that belong to no other.
const DEFAULT: &str = "production";

/// A parsed environment and the world it was read from.
pub struct Loaded {
    pub environment: Environment,
    pub world: DiskWorld,
}

/// Parsed environments by name.
pub struct EnvironmentCache {
    environmentpath: PathBuf,
    basemodulepath: Vec<PathBuf>,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
}

/// Where an environment's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub manifest: PathBuf,
    /// Directories that exist.
    pub modulepath: Vec<PathBuf>,
    /// All that are named.
    pub full_modulepath: Vec<PathBuf>,
}

impl EnvironmentCache {
    /// A cache over the directories that `settings` name.
    pub fn new(settings: &ServerSettings) -> EnvironmentCache {
        EnvironmentCache {
            environmentpath: settings.environmentpath.clone(),
            basemodulepath: settings.basemodulepath.clone(),
            loaded: Mutex::default(),
        }
    }

    /// Names of all environments, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.environmentpath)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_environment_name(name) && self.environmentpath.join(name).is_dir())
            .collect();
        names.sort();
        names
    }

    /// Where the code of environment `name` is, by its `environment.conf` or Puppet's defaults.
    pub fn places(&self, name: &str) -> Result<Places, Fault> {
        let unknown = || Fault::UnknownEnvironment { name: name.to_string() };
        let dir = self.environmentpath.join(name);
        if !is_environment_name(name) || !dir.is_dir() {
            return Err(unknown());
        }
        let conf = match std::fs::read_to_string(dir.join("environment.conf")) {
            Ok(text) => EnvironmentConf::parse(&text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => EnvironmentConf::default(),
            Err(e) => return Err(Fault::Internal { detail: format!("environment.conf of '{name}': {e}") }),
        };
        let manifest = dir.join(conf.manifest.as_deref().unwrap_or("manifests"));
        let full_modulepath: Vec<PathBuf> = match conf.modulepath {
            None => std::iter::once(dir.join("modules")).chain(self.basemodulepath.iter().cloned()).collect(),
            Some(text) => self.expand(&dir, &text),
        };
        let modulepath = full_modulepath.iter().filter(|dir| dir.is_dir()).cloned().collect();
        Ok(Places { manifest, modulepath, full_modulepath })
    }

    /// `name`, if there is such an environment, else Puppet's default: the agent sees in its catalog that it is in
    /// another environment than it thought, and starts anew in that one.
    pub fn or_default(&self, name: &str) -> Result<String, Fault> {
        match self.places(name) {
            Ok(_) => Ok(name.to_string()),
            Err(unknown @ Fault::UnknownEnvironment { .. }) => match self.places(DEFAULT) {
                Ok(_) => Ok(DEFAULT.to_string()),
                Err(_) => Err(unknown),
            },
            Err(other) => Err(other),
        }
    }

    /// The parsed environment `name`, read again when anything that it was read from has changed.
    pub fn load(&self, name: &str) -> Result<Arc<Loaded>, Fault> {
        let places = self.places(name)?;
        let known = self.lock().get(name).cloned();
        if let Some(loaded) = known
            && loaded.environment.settings().modulepath == places.modulepath
            && loaded.environment.settings().manifest == places.manifest
            && loaded.world.is_fresh()
        {
            return Ok(loaded);
        }
        let world = DiskWorld::default();
        let settings = EnvironmentSettings {
            name: name.to_string(),
            directory: Some(self.environmentpath.join(name)),
            manifest: places.manifest,
            modulepath: places.modulepath,
            settings: Vec::new(),
        };
        let environment = Environment::load(&world, settings)
            .map_err(|failure| Fault::Compilation { message: failure.to_string() })?;
        let loaded = Arc::new(Loaded { environment, world });
        self.lock().insert(name.to_string(), loaded.clone());
        Ok(loaded)
    }

    fn expand(&self, dir: &Path, modulepath: &str) -> Vec<PathBuf> {
        modulepath
            .split(':')
            .filter(|part| !part.is_empty())
            .flat_map(|part| match part {
                "$basemodulepath" => self.basemodulepath.clone(),
                part => vec![dir.join(part)],
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Loaded>>> {
        self.loaded.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The settings of an `environment.conf` that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct EnvironmentConf {
    manifest: Option<String>,
    modulepath: Option<String>,
}

impl EnvironmentConf {
    fn parse(text: &str) -> EnvironmentConf {
        let mut conf = EnvironmentConf::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("").trim();
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = Some(value.trim().trim_matches(['"', '\'']).to_string());
            match name.trim() {
                "manifest" => conf.manifest = value,
                "modulepath" => conf.modulepath = value,
                _ => {}
            }
        }
        conf
    }
}

/// Puppet's environment names: `\A\w+\Z`.
pub fn is_environment_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_conf_moves_modules_and_manifest() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("production");
        for sub in ["site", "modules", "manifests"] {
            std::fs::create_dir_all(dir.join(sub)).unwrap();
        }
        let base = root.path().join("base");
        std::fs::create_dir(&base).unwrap();
        let cache = EnvironmentCache {
            environmentpath: root.path().to_path_buf(),
            basemodulepath: vec![base.clone()],
            loaded: Mutex::default(),
        };
        let places = cache.places("production").unwrap();
        assert_eq!(places.modulepath, [dir.join("modules"), base.clone()]);
        let conf = "# code\nmodulepath = site:nosuch:$basemodulepath\nmanifest = main.pp # one file\n";
        std::fs::write(dir.join("environment.conf"), conf).unwrap();
        let places = cache.places("production").unwrap();
        assert_eq!(places.modulepath, [dir.join("site"), base.clone()]);
        assert_eq!(places.full_modulepath, [dir.join("site"), dir.join("nosuch"), base]);
        assert_eq!(places.manifest, dir.join("main.pp"));
        assert_eq!(cache.or_default("nosuch"), Ok("production".to_string()));
        std::fs::create_dir(root.path().join("test")).unwrap();
        assert_eq!(cache.or_default("test"), Ok("test".to_string()));
        assert!(cache.places("nosuch").is_err() && cache.places("../production").is_err());
    }
}
