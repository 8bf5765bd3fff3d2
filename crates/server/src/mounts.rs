//! Puppet's file mounts: which directories stand behind `plugins`, `pluginfacts`, `locales` and `modules/NAME`.

use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// What a key of `file_metadata`, `file_metadatas` or `file_content` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Candidate directories or files; the first that exists is the file, all that exist are searched.
    pub roots: Vec<PathBuf>,
    /// No module has such a folder: the roots are the module path itself, of which nothing inside may be shown.
    pub bare: bool,
}

/// Folder of a module behind each of the mounts that look into all modules.
fn plugin_folder(mount: &str) -> Option<&'static str> {
    match mount {
        "plugins" => Some("lib"),
        "pluginfacts" => Some("facts.d"),
        "locales" => Some("locales"),
        _ => None,
    }
}

/// Resolves `key` (decoded segments; no `.` or `..` among them) in an environment with this module path.
pub fn resolve(model: &'static str, key: &[String], modulepath: &[PathBuf]) -> Result<Target, Fault> {
    let unknown = || Fault::UnknownMount { model, key: key.join("/") };
    let (mount, rest) = key.split_first().ok_or_else(unknown)?;
    if let Some(folder) = plugin_folder(mount) {
        return Ok(plugins(folder, rest, modulepath));
    }
    let folder = match mount.as_str() {
        "modules" => "files",
        "tasks" => "tasks",
        "scripts" => "scripts",
        _ => return Err(unknown()),
    };
    let (module, inside) = match rest.split_first() {
        Some((module, inside)) => (module, inside),
        None => return Ok(Target { roots: Vec::new(), bare: false }),
    };
    let root = module_directory(module, modulepath).map(|dir| join(&dir.join(folder), inside));
    Ok(Target { roots: root.into_iter().collect(), bare: false })
}

/// The first directory of `modulepath` that holds a module of this name: a module hides its namesakes further back.
pub fn module_directory(module: &str, modulepath: &[PathBuf]) -> Option<PathBuf> {
    if !is_module_name(module) {
        return None;
    }
    modulepath.iter().map(|dir| dir.join(module)).find(|dir| dir.is_dir())
}

/// All modules of the module path, by name, each once.
pub fn modules(modulepath: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for dir in modulepath {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_module_name(name) && dir.join(name).is_dir())
            .collect();
        names.sort();
        found.extend(names.into_iter().filter(|n| seen.insert(n.clone())).map(|n| dir.join(n)));
    }
    found
}

fn plugins(folder: &str, rest: &[String], modulepath: &[PathBuf]) -> Target {
    let roots: Vec<PathBuf> = modules(modulepath)
        .into_iter()
        .map(|module| module.join(folder))
        .filter(|dir| dir.is_dir())
        .collect();
    if roots.is_empty() && rest.is_empty() {
        // The agent needs a directory to compare its own with, even if no module brings any plugin.
        let existing = modulepath.iter().filter(|dir| dir.is_dir()).cloned().collect();
        return Target { roots: existing, bare: true };
    }
    Target { roots: roots.iter().map(|root| join(root, rest)).collect(), bare: false }
}

fn join(root: &Path, segments: &[String]) -> PathBuf {
    segments.iter().fold(root.to_path_buf(), |path, segment| path.join(segment))
}

/// `[a-z][a-z0-9_]*`, and capitals as old modules have them.
fn is_module_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Vec<String> {
        text.split('/').map(str::to_string).collect()
    }

    #[test]
    fn a_module_hides_its_namesake_further_back() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        std::fs::create_dir_all(first.join("demo/files")).unwrap();
        std::fs::create_dir_all(second.join("demo/lib")).unwrap();
        let path = [first.clone(), second.clone()];
        let target = resolve("file_content", &key("modules/demo/a/b"), &path).unwrap();
        assert_eq!(target.roots, [first.join("demo/files/a/b")]);
        // Its `lib` is the hidden one's: no plugins at all.
        let target = resolve("file_metadatas", &key("plugins"), &path).unwrap();
        assert_eq!(target, Target { roots: vec![first, second], bare: true });
    }

    #[test]
    fn an_unknown_mount_is_a_fault_and_an_unknown_module_is_nothing() {
        assert!(resolve("file_metadata", &key("nosuchmount/x"), &[]).is_err());
        assert!(resolve("file_metadata", &key("modules/nosuch/x"), &[]).unwrap().roots.is_empty());
        assert!(resolve("file_metadata", &key("modules/.git/x"), &["/".into()]).unwrap().roots.is_empty());
    }
}
