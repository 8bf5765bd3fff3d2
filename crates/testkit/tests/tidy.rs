//! House rules that a reader should not have to enforce by eye. Each failure names the file and what to do instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 1000;

/// What each crate may name of ours, as ARCHITECTURE.md's code map says.
const EDGES: [(&str, &[&str]); 13] = [
    ("pki", &[]),
    ("access", &["pki"]),
    ("wire", &["pki"]),
    ("replica", &[]),
    ("ca", &["pki", "access", "wire", "replica"]),
    ("gateway", &["access", "wire", "replica"]),
    ("syntax", &[]),
    ("compiler", &["syntax"]),
    ("server", &["wire", "compiler", "pki", "access"]),
    ("agent", &["wire", "pki"]),
    (
        "bunraku",
        &["pki", "access", "wire", "replica", "ca", "gateway", "syntax", "compiler", "server", "agent"],
    ),
    ("testkit", &[]),
    ("fuzz", &["pki", "access", "wire", "replica", "ca", "gateway"]),
];

/// (crate whose sources are searched, forbidden word, what to use instead)
const BANNED: [(&str, &str, &str); 11] = [
    ("access", "std::fs", "rules that the caller passes in"),
    ("pki", "SystemTime::now", "a time that the caller passes in"),
    ("pki", "std::fs", "bytes that the caller passes in"),
    ("syntax", "std::fs", "text that the caller passes in"),
    ("compiler", "SystemTime::now", "NodeRequest's time"),
    ("compiler", "std::fs", "the World trait"),
    ("ca", "rustls::", "wire::tls"),
    ("gateway", "rustls::", "wire::tls"),
    ("gateway", "hyper::", "wire"),
    ("server", "hyper::", "wire"),
    ("agent", "hyper::", "wire"),
];

#[test]
fn no_source_file_is_longer_than_a_thousand_lines() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{}: {lines} lines; split it by subject", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn crates_name_only_what_the_map_allows() {
    let allowed: BTreeMap<_, _> = EDGES.into_iter().collect();
    for (name, _) in EDGES {
        let manifest: String = read(&root().join("crates").join(name).join("Cargo.toml"));
        let runtime = manifest.split("[dev-dependencies]").next().unwrap();
        for (other, _) in EDGES {
            let names_it = runtime.lines().any(|l| l.starts_with(&format!("{other}.workspace")));
            assert!(
                !names_it || allowed[name].contains(&other),
                "{name} names {other}: draw the edge in ARCHITECTURE.md with its reason, then here"
            );
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_code() {
    for (name, _) in EDGES {
        let src = root().join("crates").join(name).join("src");
        let entry = ["lib.rs", "main.rs"].map(|f| src.join(f)).into_iter().find(|p| p.exists()).unwrap();
        assert!(read(&entry).contains("#![forbid(unsafe_code)]"), "{}", entry.display());
    }
}

#[test]
fn banned_words_are_not_used() {
    for (name, word, instead) in BANNED {
        for path in rust_files(&root().join("crates").join(name).join("src")) {
            let text = read(&path);
            // Unit tests at the end of a file may read fixtures.
            let code = text.split("#[cfg(test)]").next().unwrap();
            // The one file behind the World trait that reads the real disk.
            if path.ends_with("compiler/src/world.rs") {
                continue;
            }
            let used = code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(word));
            assert!(!used, "{} uses {word}; use {instead}", path.display());
        }
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "HACK", "TODO"];
    for path in sources() {
        if path.ends_with("testkit/tests/tidy.rs") {
            continue;
        }
        let text = read(&path);
        for (number, line) in text.lines().enumerate() {
            let mark = marks.iter().find(|m| line.contains(**m));
            assert!(mark.is_none(), "{}:{}: {}", path.display(), number + 1, mark.unwrap());
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> = list(&root()).into_iter().filter(|p| is(p, "md")).collect();
    documents.extend(list(&root().join("docs")).into_iter().filter(|p| is(p, "md")));
    assert!(documents.len() > 5);
    for document in documents {
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let path = document.parent().unwrap().join(file);
            assert!(path.exists(), "{} links to {target}, which is not there", document.display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn sources() -> Vec<PathBuf> {
    let mut found = rust_files(&root().join("crates"));
    found.extend(rust_files(&root().join("bench")));
    assert!(found.len() > 100, "the search for sources is broken: {} found", found.len());
    found
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in list(dir) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if is(&path, "rs") {
            found.push(path);
        }
    }
    found
}

fn list(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    entries
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
