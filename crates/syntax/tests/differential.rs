//! Our trees and findings against Puppet's own, over the corpus in `conformance/syntax`.
//!
//! Needs the real Puppet (`ruby` with its libraries); without it the test fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use syntax::{Diagnostic, FileId, Severity, Source, dump, parse, parse_epp};

fn corpus() -> Vec<PathBuf> {
    let folder = std::env::var("SYNTAX_CORPUS")
        .map(PathBuf::from)
        .unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/syntax"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "pp" || e == "epp"))
        .collect();
    files.sort();
    files
}

/// What Puppet makes of each file.
fn oracle(files: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle.rb");
    let output = Command::new("ruby")
        .arg("-W0")
        .arg(&script)
        .args(files)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("ruby must be installed for this test");
    assert!(output.status.success(), "oracle failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut answers = BTreeMap::new();
    for part in text.split("=== /").skip(1) {
        let (path, answer) = part.split_once('\n').expect("a path on each first line");
        answers.insert(PathBuf::from(format!("/{path}")), answer.trim_end().to_string());
    }
    answers
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Deprecation => "deprecation",
    }
}

fn line(diagnostic: &Diagnostic, source: &Source) -> String {
    let place = match diagnostic.span {
        Some(span) => {
            let location = source.location(span.start);
            format!("{}:{}", location.line, location.column)
        }
        None => ":".to_string(),
    };
    format!("{} {place} {}", severity(diagnostic), diagnostic.message.replace('\n', "\\n"))
}

/// What we make of a file, in the oracle's form. When Puppet stopped at an error, only our first error counts.
fn ours(path: &Path, stopped: bool) -> String {
    let text = std::fs::read_to_string(path).expect("readable file");
    let source = Source::new(FileId(0), path.to_string_lossy(), text.as_str());
    let (dump, diagnostics) = if path.extension().is_some_and(|e| e == "epp") {
        let (template, diagnostics) = parse_epp(&text, FileId(0));
        (dump::template(&template), diagnostics)
    } else {
        let (program, diagnostics) = parse(&text, FileId(0));
        (dump::program(&program), diagnostics)
    };
    if stopped {
        let first = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        return first.map_or("no error".to_string(), |first| line(first, &source));
    }
    let mut lines: Vec<String> = diagnostics.iter().map(|diagnostic| line(diagnostic, &source)).collect();
    lines.push(dump);
    lines.join("\n").trim_end().to_string()
}

/// A number that fits no 64 bits is an error on both sides, but only Puppet's tree has it. What is wrong with a text
/// in JSON is said by Ruby's library, with a line of its own source.
fn comparable(report: &str) -> String {
    if let Some((before, _)) = report.split_once("Cannot parse invalid JSON string.") {
        return before.to_string();
    }
    if !report.contains("Integer max range") {
        return report.to_string();
    }
    report.lines().filter(|line| line.starts_with("error ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn trees_and_findings_equal_puppets() {
    let files = corpus();
    assert!(files.len() >= 120, "the corpus has only {} files", files.len());
    let answers = oracle(&files);
    let mut wrong = Vec::new();
    for file in &files {
        let expected =
            answers.get(&file.canonicalize().expect("existing file")).or_else(|| answers.get(file));
        let expected = expected.unwrap_or_else(|| panic!("no answer for {}", file.display()));
        let stopped = expected.starts_with("error ") && expected.lines().count() == 1;
        let actual = ours(file, stopped);
        if comparable(expected) != comparable(&actual) {
            wrong.push(format!("{}\n--- Puppet\n{expected}\n--- ours\n{actual}\n", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}
