//! Evaluates every expression of conformance/expressions with Bunraku and with the installed Puppet, and compares
//! the value (as text, its type, and as source text) or the error with its place.
//!
//! A table has one expression per line; lines that start with `#` say what follows. `ONLY=text` in the environment
//! picks the expressions with that text in them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use compiler::world::{Entry, EntryKind};
use compiler::{Environment, EnvironmentSettings, Level, NodeRequest, World, compile};
use serde_json::{Value, json};

/// A world of one file.
struct OneFile(String);

const MANIFEST: &str = "/site.pp";

impl World for OneFile {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(MANIFEST) {
            return Ok(self.0.clone().into_bytes());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn kind(&self, path: &Path) -> Option<EntryKind> {
        (path == Path::new(MANIFEST)).then_some(EntryKind::File)
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    notices: Vec<String>,
    error: Option<String>,
}

/// The value as text and its type; what can be JSON also as source text.
fn manifest(expression: &str) -> String {
    format!(
        "with({expression}) |$it| {{ notice($it, ' | ', type($it), ' | ', \
         $it ? {{ Data => String($it, {{ Any => '%p' }}), default => '-' }}) }}"
    )
}

#[test]
fn expressions_have_the_values_that_puppet_gives_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/expressions");
    let expressions = expressions(&root);
    assert!(expressions.len() >= 400 || std::env::var("ONLY").is_ok(), "{} expressions", expressions.len());
    let theirs = puppet(&root, &expressions);
    let mut differences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((table, expression), expected) in expressions.iter().zip(theirs) {
        let ours = bunraku(expression);
        if ours != expected {
            let text = format!("  {expression}\n    puppet:  {expected:?}\n    bunraku: {ours:?}");
            differences.entry(table.clone()).or_default().push(text);
        }
    }
    let count: usize = differences.values().map(Vec::len).sum();
    println!("{} expressions, {count} differ", expressions.len());
    let report: Vec<String> =
        differences.iter().map(|(table, texts)| format!("{table}:\n{}", texts.join("\n"))).collect();
    assert!(count == 0, "{}\n{count} of {} expressions differ", report.join("\n"), expressions.len());
}

fn expressions(root: &Path) -> Vec<(String, String)> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut tables: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("the tables are there")
        .map(|entry| entry.expect("the tables can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    tables.sort();
    let mut expressions = Vec::new();
    for path in tables {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a table is text");
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let lines = lines.filter(|line| line.contains(&only));
        expressions.extend(lines.map(|line| (name.clone(), line.to_owned())));
    }
    expressions
}

/// Asks Puppet about all expressions at once.
fn puppet(root: &Path, expressions: &[(String, String)]) -> Vec<Outcome> {
    let mut child = Command::new("ruby")
        .arg(root.join("oracle.rb"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ruby with puppet must be installed for this test");
    let mut input = child.stdin.take().expect("the input is piped");
    let questions: Vec<String> =
        expressions.iter().map(|(_, expression)| json!(manifest(expression)).to_string()).collect();
    let writer = std::thread::spawn(move || {
        for question in questions {
            writeln!(input, "{question}").expect("the oracle listens");
        }
    });
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let mut outcomes = Vec::new();
    for line in output.lines() {
        let line = line.expect("the output is text");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line}"));
        let notices = answer["notices"].as_array().into_iter().flatten();
        outcomes.push(Outcome {
            notices: notices.map(|notice| notice.as_str().unwrap_or_default().to_owned()).collect(),
            error: answer["error"].as_str().map(without_file),
        });
    }
    writer.join().expect("all questions were asked");
    let status = child.wait().expect("ruby ends");
    assert!(status.success(), "the oracle failed: {status}");
    assert_eq!(outcomes.len(), expressions.len(), "the oracle must answer every question");
    outcomes
}

fn bunraku(expression: &str) -> Outcome {
    let world = OneFile(manifest(expression));
    let settings = EnvironmentSettings {
        name: "production".to_owned(),
        directory: None,
        manifest: MANIFEST.into(),
        modulepath: Vec::new(),
        settings: Vec::new(),
    };
    let facts = json!({ "networking": { "fqdn": "node.example.com" }, "os": { "family": "Debian" } });
    let request = NodeRequest {
        certname: "node.example.com".to_owned(),
        facts: facts.as_object().cloned().unwrap_or_default(),
        ..NodeRequest::default()
    };
    let environment = match Environment::load(&world, settings) {
        Ok(environment) => environment,
        Err(failure) => {
            return Outcome { notices: Vec::new(), error: Some(without_file(&failure.to_string())) };
        }
    };
    let (logs, error) = match compile(&environment, &world, &request) {
        Ok(compiled) => (compiled.logs, None),
        Err(failure) => (failure.logs, Some(without_file(&failure.message))),
    };
    let notices = logs.into_iter().filter(|log| log.level == Level::Notice).map(|log| {
        let prefix = "Scope(Class[main]): ";
        log.message.strip_prefix(prefix).unwrap_or(&log.message).to_owned()
    });
    Outcome { notices: notices.collect(), error }
}

/// The one has a file, a node and an environment, the other none.
fn without_file(text: &str) -> String {
    let text = text.trim_start_matches("Could not parse for environment production: ");
    text.replace("file: /site.pp, ", "")
        .replace("file: unknown, ", "")
        .trim_end_matches(" on node node.example.com")
        .to_owned()
}
