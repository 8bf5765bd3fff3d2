//! Our trees and findings against Puppet's own, over the corpus in `conformance/syntax`.
//!
//! Needs the real Puppet (`ruby` with its libraries); without it the test fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use syntax::{Diagnostic, FileId, Severity, Source, dump, parse, parse_epp};

/// The corpus; `SYNTAX_CORPUS` may name another folder to compare over.
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

/// Compares over files, leaving out what `skip` says about Puppet's answer.
fn compare(files: &[PathBuf], skip: impl Fn(&str) -> bool) {
    let answers = oracle(files);
    let mut wrong = Vec::new();
    for file in files {
        let expected =
            answers.get(&file.canonicalize().expect("existing file")).or_else(|| answers.get(file));
        let expected = expected.unwrap_or_else(|| panic!("no answer for {}", file.display()));
        if skip(expected) {
            continue;
        }
        let stopped = expected.starts_with("error ") && expected.lines().count() == 1;
        let actual = ours(file, stopped);
        if comparable(expected) != comparable(&actual) {
            wrong.push(format!("{}\n--- Puppet\n{expected}\n--- ours\n{actual}\n", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn trees_and_findings_equal_puppets() {
    let files = corpus();
    assert!(std::env::var("SYNTAX_CORPUS").is_ok() || files.len() >= 120, "only {} files", files.len());
    compare(&files, |_| false);
}

/// A small generator of numbers, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Names, numbers, blanks, and single characters.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = |c: char| (c.is_ascii_alphanumeric() || c == '_', c == ' ' || c == '\n');
        let grouped = class(first) != (false, false);
        let length = match grouped {
            true => rest.find(|c| class(c) != class(first)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[test]
fn first_errors_of_damaged_texts_equal_puppets() {
    let texts: Vec<(String, String)> = corpus()
        .iter()
        .map(|path| {
            let kind = path.extension().expect("extension").to_string_lossy().into_owned();
            (std::fs::read_to_string(path).expect("readable file"), kind)
        })
        .collect();
    let all: Vec<&str> = texts.iter().flat_map(|(text, _)| pieces(text)).collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut numbers = Numbers(20_240_229);
    let mut files = Vec::new();
    for count in 0..1_000 {
        let (text, kind) = &texts[numbers.below(texts.len())];
        let mut parts = pieces(text);
        for _ in 0..=numbers.below(2) {
            let at = numbers.below(parts.len());
            match numbers.below(4) {
                0 if !parts.is_empty() => drop(parts.remove(at)),
                1 if !parts.is_empty() => parts[at] = all[numbers.below(all.len())],
                2 if !parts.is_empty() => {
                    let other = numbers.below(parts.len());
                    parts.swap(at, other);
                }
                _ => parts.insert(at, all[numbers.below(all.len())]),
            }
        }
        let path = folder.path().join(format!("{count}.{kind}"));
        std::fs::write(&path, parts.concat()).expect("written file");
        files.push(path);
    }
    // Puppet's own crashes (an invalid regular expression, a name that ends the file with `::`) have no counterpart.
    compare(&files, |answer| answer.contains("crash "));
}
