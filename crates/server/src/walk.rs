//! The files below several roots, as `file_metadatas` lists them: level by level, the first root of a path wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::metadata::Wanted;
use crate::parameters::Parameters;

/// How deep, and what to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    recurse: bool,
    limit: Option<usize>,
    ignore: Vec<String>,
}

impl Search {
    /// From the query of a request.
    pub fn parse(query: &Parameters) -> Search {
        let mut ignore: Vec<String> = query.all("ignore").into_iter().map(str::to_string).collect();
        ignore.extend(query.all("ignore[]").into_iter().map(str::to_string));
        Search {
            recurse: matches!(query.get("recurse"), Some("true") | Some("remote")),
            limit: query.get("recurselimit").and_then(|n| n.parse().ok()),
            ignore,
        }
    }

    /// Root and relative path of every file found. `.` stands for the roots themselves.
    pub fn run(&self, roots: &[PathBuf], bare: bool, wanted: Wanted) -> Vec<(PathBuf, String)> {
        let mut found: BTreeMap<(usize, String), PathBuf> = BTreeMap::new();
        for root in roots.iter().filter(|root| root.exists()) {
            found.entry((0, ".".to_string())).or_insert_with(|| root.clone());
            if self.recurse && !bare && wanted.stat(root).is_ok_and(|m| m.is_dir()) {
                self.descend(root, "", 1, wanted, &mut found);
            }
        }
        found.into_iter().map(|((_, relative), root)| (root, relative)).collect()
    }

    fn descend(
        &self,
        root: &Path,
        below: &str,
        depth: usize,
        wanted: Wanted,
        found: &mut BTreeMap<(usize, String), PathBuf>,
    ) {
        if self.limit.is_some_and(|limit| depth > limit) {
            return;
        }
        let Ok(entries) = std::fs::read_dir(root.join(below)) else { return };
        for entry in entries.filter_map(|entry| entry.ok()) {
            // A name that is not UTF-8 can't be written in JSON, and so not be served.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if self.ignore.iter().any(|pattern| glob(pattern.as_bytes(), name.as_bytes())) {
                continue;
            }
            let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
            let Ok(metadata) = wanted.stat(&root.join(&relative)) else { continue };
            found.entry((depth, relative.clone())).or_insert_with(|| root.to_path_buf());
            if metadata.is_dir() {
                self.descend(root, &relative, depth + 1, wanted, found);
            }
        }
    }
}

/// `*` and `?`, as in Ruby's `File.fnmatch?` without flags: a leading dot has to be named.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    matches(pattern, name)
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
        (Some((b'?', rest)), Some((_, name))) => matches(rest, name),
        (Some((wanted, rest)), Some((found, name))) => wanted == found && matches(rest, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str, roots: &[PathBuf]) -> Vec<String> {
        let parameters = Parameters::parse(query);
        let wanted = Wanted::parse(&parameters).unwrap();
        let found = Search::parse(&parameters).run(roots, false, wanted);
        found.into_iter().map(|(_, relative)| relative).collect()
    }

    #[test]
    fn lists_level_by_level_without_what_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["facter/demofact.rb", "puppet/functions/demo/x.rb", ".svn/entries"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let roots = [dir.path().to_path_buf()];
        let expected = [
            ".",
            "facter",
            "puppet",
            "facter/demofact.rb",
            "puppet/functions",
            "puppet/functions/demo",
            "puppet/functions/demo/x.rb",
        ];
        assert_eq!(search("recurse=true&ignore=.svn", &roots), expected);
        assert_eq!(search("recurse=true&recurselimit=1&ignore=.svn", &roots), expected[..3]);
        assert_eq!(search("recurse=false", &roots), ["."]);
    }

    #[test]
    fn globs_are_rubys() {
        assert!(glob(b"*.pyc", b"a.pyc") && glob(b"CVS", b"CVS") && glob(b"a?c", b"abc"));
        assert!(!glob(b"*", b".hidden") && !glob(b"*.pyc", b"a.py") && glob(b".*", b".git"));
    }
}
