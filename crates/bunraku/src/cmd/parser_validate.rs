//! `bunraku parser validate FILE…`: Puppet's diagnostics, with the lines they are about.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::console::errln;
use anyhow::Context;
use syntax::diagnostic::{pretty, pretty_styled};
use syntax::{FileId, Source};

/// Exit code 1 when any file has errors.
pub fn run(files: &[PathBuf], oneline: bool) -> anyhow::Result<u8> {
    let mut all = Vec::new();
    for file in files {
        collect(file, &mut all)?;
    }
    let mut failed = false;
    let styled = std::io::stderr().is_terminal();
    for path in &all {
        let text = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
        let Ok(text) = String::from_utf8(text) else {
            errln!("{} {}: not UTF-8", crate::console::error_label(), path.display());
            failed = true;
            continue;
        };
        let diagnostics = if path.extension().is_some_and(|e| e == "epp") {
            syntax::parse_epp(&text, FileId(0)).1
        } else {
            syntax::parse(&text, FileId(0)).1
        };
        let source = Source::new(FileId(0), path.display().to_string(), text);
        for diagnostic in &diagnostics {
            failed |= diagnostic.is_error();
            if oneline {
                errln!("{}", diagnostic.one_line(&source));
            } else {
                let print = if styled { pretty_styled } else { pretty };
                errln!("{}", print(diagnostic, &source));
            }
        }
    }
    Ok(u8::from(failed))
}

/// `path` itself, or the manifests below it.
fn collect(path: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("could not read {}", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    for entry in entries {
        let manifest = entry.extension().is_some_and(|e| e == "pp" || e == "epp");
        if entry.is_dir() || manifest {
            collect(&entry, found)?;
        }
    }
    Ok(())
}
