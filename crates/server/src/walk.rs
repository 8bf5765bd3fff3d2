//! The files below several roots, as `file_metadatas` lists them: level by level, the first root of a path wins.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::glob::Glob;
use crate::metadata::Wanted;
use crate::parameters::Parameters;

/// So many files below a root are worth a warning, when the client sets no limit (Puppet's number).
const MANY: usize = 1000;

/// How deep, how many, and what to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    recurse: bool,
    limit: Option<usize>,
    max_files: MaxFiles,
    ignore: Vec<Glob>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MaxFiles {
    /// Not given, or 0: many are said to the log.
    Unset,
    /// -1
    Unlimited,
    AtMost(usize),
}

/// Files by depth and relative path, with the root that each is below.
type Found = BTreeMap<(usize, String), PathBuf>;

impl Search {
    /// From the query of a request.
    pub fn parse(query: &Parameters) -> Result<Search, Fault> {
        let bad = |message: &str| Err(Fault::BadParameter { message: message.to_string() });
        let number = |name: &str| query.get(name).map(str::parse::<usize>);
        let ignore = query.all("ignore").into_iter().chain(query.all("ignore[]")).map(Glob::parse).collect();
        let recurse = match query.get("recurse") {
            None | Some("false") => false,
            Some(text) if text.parse::<u64>().is_ok() => {
                return bad(
                    "Fileset recurse parameter must not be a number anymore, please use recurselimit",
                );
            }
            Some(_) => true,
        };
        let limit = match number("recurselimit") {
            None => None,
            Some(Ok(limit)) => Some(limit),
            Some(Err(_)) => return bad("recurselimit is not a number"),
        };
        let max_files = match (query.get("max_files"), number("max_files")) {
            (None, _) | (_, Some(Ok(0))) => MaxFiles::Unset,
            (Some("-1"), _) => MaxFiles::Unlimited,
            (_, Some(Ok(limit))) => MaxFiles::AtMost(limit),
            _ => return bad("max_files is not a number"),
        };
        Ok(Search { recurse, limit, max_files, ignore })
    }

    /// Root and relative path of every file found. `.` stands for the roots themselves.
    pub fn run(
        &self,
        roots: &[PathBuf],
        bare: bool,
        wanted: Wanted,
    ) -> Result<Vec<(PathBuf, String)>, Fault> {
        let mut found = Found::new();
        for root in roots {
            found.entry((0, ".".to_string())).or_insert_with(|| root.clone());
            if !self.recurse || bare {
                continue;
            }
            let Ok(metadata) = wanted.stat(root) else { continue };
            if metadata.is_dir() {
                let mut walk = Walk { search: self, root, wanted, above: Vec::new(), count: 0 };
                walk.descend("", &metadata, 1, &mut found);
                let count = walk.count;
                self.check(root, count)?;
            }
        }
        Ok(found.into_iter().map(|((_, relative), root)| (root, relative)).collect())
    }

    fn check(&self, root: &Path, found: usize) -> Result<(), Fault> {
        match self.max_files {
            MaxFiles::AtMost(limit) if found > limit => {
                Err(Fault::TooManyFiles { root: root.display().to_string(), found, limit })
            }
            MaxFiles::Unset if found > MANY => {
                tracing::warn!("the directory {} holds {found} entries: this is slow", root.display());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A walk below one root.
struct Walk<'a> {
    search: &'a Search,
    root: &'a Path,
    wanted: Wanted,
    /// Device and inode of the directories that the walk is in: a link to one of them is not entered again.
    above: Vec<(u64, u64)>,
    count: usize,
}

impl Walk<'_> {
    fn descend(&mut self, below: &str, directory: &Metadata, depth: usize, found: &mut Found) {
        if self.search.limit.is_some_and(|limit| depth > limit) {
            return;
        }
        let identity = (directory.dev(), directory.ino());
        if self.above.contains(&identity) {
            tracing::warn!("{} leads to a directory that it is in", self.root.join(below).display());
            return;
        }
        let Ok(entries) = std::fs::read_dir(self.root.join(below)) else { return };
        self.above.push(identity);
        for entry in entries.filter_map(|entry| entry.ok()) {
            // A name that is not UTF-8 can't be written in JSON, and so not be served.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if self.search.ignore.iter().any(|pattern| pattern.matches(&name)) {
                continue;
            }
            let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
            let Ok(metadata) = self.wanted.stat(&self.root.join(&relative)) else { continue };
            self.count += 1;
            found.entry((depth, relative.clone())).or_insert_with(|| self.root.to_path_buf());
            if metadata.is_dir() {
                self.descend(&relative, &metadata, depth + 1, found);
            }
        }
        self.above.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str, roots: &[PathBuf]) -> Vec<String> {
        let parameters = Parameters::parse(query);
        let wanted = Wanted::parse(&parameters).unwrap();
        let found = Search::parse(&parameters).unwrap().run(roots, false, wanted).unwrap();
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
    fn a_circle_of_links_is_walked_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        for link in ["a/up", "a/top"] {
            std::os::unix::fs::symlink("..", dir.path().join(link)).unwrap();
        }
        let found = search("recurse=true&links=follow", &[dir.path().to_path_buf()]);
        assert_eq!(found, [".", "a", "a/top", "a/up"]);
    }

    #[test]
    fn more_files_than_allowed_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let run = |query: &str| {
            let search = Search::parse(&Parameters::parse(query))?;
            search.run(&[dir.path().to_path_buf()], false, Wanted::parse(&Parameters::default())?)
        };
        assert_eq!(run("recurse=true&max_files=3").unwrap().len(), 4);
        assert_eq!(run("recurse=true&max_files=-1").unwrap().len(), 4);
        assert!(matches!(
            run("recurse=true&max_files=2"),
            Err(Fault::TooManyFiles { found: 3, limit: 2, .. })
        ));
        assert!(run("recurse=2").is_err() && run("recurse=true&recurselimit=x").is_err());
    }
}
