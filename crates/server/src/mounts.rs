//! Puppet's file mounts: which directories stand behind `plugins`, `pluginfacts`, `locales` and `modules/NAME`.

use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// The directories whose files a search lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Directories, or one file; of equal relative paths the first wins.
    pub directories: Vec<PathBuf>,
    /// No module has such a folder: what stands here is a substitute, of which nothing inside may be shown.
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

/// The file or directory that `key` names (decoded segments; no `.` or `..` among them). Links are followed, also
/// out of the module, as Puppet does: what is in a module was put there by somebody who may change it.
pub fn find(model: &'static str, key: &[String], modulepath: &[PathBuf]) -> Result<Option<PathBuf>, Fault> {
    let (mount, rest) = split(false, model, key)?;
    let path = match mount {
        Mount::Plugins(folder) => modules(modulepath)
            .iter()
            .map(|module| join(&module.join(folder), rest))
            .find(|path| path.exists()),
        Mount::Module { folder, what } => in_module(folder, what, rest, modulepath)?,
    };
    Ok(path)
}

/// Where a search for `key` looks. A search of plugins is for all of them, whatever follows the mount's name.
/// `substitute` stands for the module path when there is none.
pub fn search(key: &[String], modulepath: &[PathBuf], substitute: &Path) -> Result<Roots, Fault> {
    let (mount, rest) = split(true, "file_metadata", key)?;
    let directories: Vec<PathBuf> = match mount {
        Mount::Plugins(folder) => {
            modules(modulepath).iter().map(|module| module.join(folder)).filter(|dir| dir.is_dir()).collect()
        }
        Mount::Module { folder, what } => {
            let found = in_module(folder, what, rest, modulepath)?;
            return Ok(Roots { directories: found.into_iter().collect(), bare: false });
        }
    };
    if !directories.is_empty() {
        return Ok(Roots { directories, bare: false });
    }
    // The agent needs a directory to compare its own with, even if no module brings any plugin.
    let existing: Vec<PathBuf> = modulepath.iter().filter(|dir| dir.is_dir()).cloned().collect();
    let directories = if existing.is_empty() { vec![substitute.to_path_buf()] } else { existing };
    Ok(Roots { directories, bare: true })
}

enum Mount {
    /// A folder of every module, all of them laid over each other.
    Plugins(&'static str),
    /// A folder of the module that the path begins with.
    Module { folder: &'static str, what: &'static str },
}

fn split<'k>(search: bool, model: &'static str, key: &'k [String]) -> Result<(Mount, &'k [String]), Fault> {
    let unknown = || Fault::UnknownMount { search, model, key: key.join("/") };
    let (name, rest) = key.split_first().ok_or_else(unknown)?;
    let mount = match (plugin_folder(name), name.as_str()) {
        (Some(folder), _) => Mount::Plugins(folder),
        (None, "modules") => Mount::Module { folder: "files", what: "module" },
        (None, "scripts") => Mount::Module { folder: "scripts", what: "module" },
        (None, "tasks") => Mount::Module { folder: "tasks", what: "task" },
        (None, _) => return Err(unknown()),
    };
    Ok((mount, rest))
}

fn in_module(
    folder: &str,
    what: &'static str,
    rest: &[String],
    modulepath: &[PathBuf],
) -> Result<Option<PathBuf>, Fault> {
    let (module, inside) = rest.split_first().ok_or(Fault::NothingSpecified { what })?;
    let path = module_directory(module, modulepath).map(|dir| join(&dir.join(folder), inside));
    Ok(path.filter(|path| path.exists()))
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

fn join(root: &Path, segments: &[String]) -> PathBuf {
    segments.iter().fold(root.to_path_buf(), |path, segment| path.join(segment))
}

/// `[a-z][a-z0-9_]*`: Puppet takes no other directory for a module.
fn is_module_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
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
        std::fs::write(first.join("demo/files/a"), "x").unwrap();
        let found = find("file_content", &key("modules/demo/a"), &path).unwrap();
        assert_eq!(found, Some(first.join("demo/files/a")));
        // Its `lib` is the hidden one's: no plugins at all.
        let roots = search(&key("plugins/x"), &path, Path::new("/nosuch")).unwrap();
        assert_eq!(roots, Roots { directories: vec![first.clone(), second], bare: true });
        let roots = search(&key("plugins"), &[], &first).unwrap();
        assert_eq!(roots, Roots { directories: vec![first], bare: true });
    }

    #[test]
    fn an_unknown_mount_is_a_fault_and_an_unknown_module_is_nothing() {
        let find = |text: &str, modulepath: &[PathBuf]| find("file_metadata", &key(text), modulepath);
        assert!(matches!(find("nosuchmount/x", &[]), Err(Fault::UnknownMount { .. })));
        assert_eq!(find("modules", &[]), Err(Fault::NothingSpecified { what: "module" }));
        assert_eq!(find("modules/nosuch/x", &[]), Ok(None));
        assert_eq!(find("modules/.git/x", &["/".into()]), Ok(None));
        assert_eq!(find("modules/etc", &["/".into()]), Ok(None), "/etc/files");
    }

    #[test]
    fn a_link_out_of_the_module_is_followed_as_puppet_does() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("m/demo/files")).unwrap();
        std::fs::write(dir.path().join("outside"), "x").unwrap();
        let link = dir.path().join("m/demo/files/link");
        std::os::unix::fs::symlink("../../../outside", &link).unwrap();
        let modulepath = [dir.path().join("m")];
        assert_eq!(find("file_content", &key("modules/demo/link"), &modulepath), Ok(Some(link)));
    }
}
