//! Compiles every case of conformance/catalog with Bunraku and with the installed Puppet, and compares the whole
//! catalogs, the error texts and the messages. Only what can't be equal is left out: version, UUID, and the order
//! of tags.
//!
//! `CASES=name,name` in the environment picks cases, `CASES_ROOT=directory` takes them from elsewhere.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use compiler::catalog::encode::{Form, encode_as};
use compiler::{Disk, Environment, EnvironmentSettings, NodeRequest, Trusted, compile};
use serde_json::{Map, Value, json};

/// What one of the two compilers said of a case.
#[derive(Debug, PartialEq)]
struct Outcome {
    catalog: Option<Value>,
    error: Option<String>,
    logs: Vec<(String, String)>,
}

#[test]
fn catalogs_equal_those_of_puppet() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/catalog");
    let oracle = root.join("oracle.rb");
    let root = std::env::var_os("CASES_ROOT").map_or(root, PathBuf::from);
    let root = root.canonicalize().expect("the cases are there");
    let cases = cases(&root);
    assert!(!cases.is_empty(), "no cases in {}", root.display());
    let theirs = puppet(&oracle, &cases);
    let mut failures = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = theirs.get(&name).unwrap_or_else(|| panic!("Puppet has not answered for {name}"));
        let ours = bunraku(case);
        if let Some(difference) = difference(expected, &ours) {
            failures.push(format!("== {name}\n{difference}"));
        }
    }
    println!("{} cases, {} differ", cases.len(), failures.len());
    assert!(
        failures.is_empty(),
        "{}\n{} of {} cases differ",
        failures.join("\n"),
        failures.len(),
        cases.len()
    );
}

fn cases(root: &Path) -> Vec<PathBuf> {
    let wanted = std::env::var("CASES").ok();
    let wanted: Option<Vec<&str>> = wanted.as_ref().map(|names| names.split(',').collect());
    let entries = std::fs::read_dir(root).expect("the cases can be listed");
    let mut cases: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&&*name))
        })
        .collect();
    cases.sort();
    cases
}

/// Asks Puppet about all cases at once.
fn puppet(oracle: &Path, cases: &[PathBuf]) -> BTreeMap<String, Outcome> {
    let mut child = Command::new("ruby")
        .arg(oracle)
        .args(cases)
        .stdout(Stdio::piped())
        .spawn()
        .expect("ruby with puppet must be installed for this test");
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let mut outcomes = BTreeMap::new();
    for line in output.lines() {
        let line = line.expect("the output is text");
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line}"));
        let logs = answer["logs"].as_array().cloned().unwrap_or_default();
        let logs = logs.iter().map(|log| (text(&log[0]), text(&log[1]))).collect();
        let catalog = answer.get_mut("catalog").map(|catalog| comparable(catalog.take()));
        let error = answer["error"].as_str().map(str::to_owned);
        outcomes.insert(text(&answer["case"]), Outcome { catalog, error, logs });
    }
    let status = child.wait().expect("ruby ends");
    assert!(status.success(), "the oracle failed: {status}");
    outcomes
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read_json(path: &Path) -> Map<String, Value> {
    match std::fs::read(path) {
        Ok(octets) => serde_json::from_slice(&octets).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        Err(_) => Map::new(),
    }
}

fn bunraku(case: &Path) -> Outcome {
    let node = read_json(&case.join("node.json"));
    let certname = node.get("certname").and_then(Value::as_str).unwrap_or("node.example.com").to_owned();
    let single = case.join("site.pp");
    let manifest = if single.exists() { single } else { case.join("manifests") };
    let settings = EnvironmentSettings {
        name: "production".to_owned(),
        directory: None,
        manifest,
        modulepath: vec![case.join("modules")],
        settings: Vec::new(),
    };
    let server_facts = json!({
        "serverversion": "7.23.0", "servername": "server.example.com", "serverip": "192.0.2.1",
    });
    let request = NodeRequest {
        facts: read_json(&case.join("facts.json")),
        trusted: Trusted { certname: certname.clone(), ..Trusted::default() },
        server_facts: server_facts.as_object().cloned().unwrap_or_default(),
        now_millis: 1_700_000_000_000,
        certname: certname.clone(),
        ..NodeRequest::default()
    };
    let environment = match Environment::load(&Disk, settings) {
        Ok(environment) => environment,
        Err(failure) => {
            let error = Some(format!("{failure} on node {certname}"));
            return Outcome { catalog: None, error, logs: Vec::new() };
        }
    };
    let plain = |log: compiler::Log| (log.level.as_str().to_owned(), log.message);
    let mut logs: Vec<(String, String)> = Vec::new();
    match compile(&environment, &Disk, &request) {
        Ok(compiled) => {
            logs.extend(compiled.logs.into_iter().map(plain));
            let encoded = encode_as(&compiled.catalog, Form::Plain).expect("plain catalogs can be written");
            logs.extend(encoded.warnings.into_iter().map(|warning| ("warning".to_owned(), warning)));
            Outcome { catalog: Some(comparable(encoded.json)), error: None, logs: shown(logs) }
        }
        Err(failure) => {
            logs.extend(failure.logs.iter().cloned().map(plain));
            Outcome { catalog: None, error: Some(failure.message), logs: shown(logs) }
        }
    }
}

/// Debug and info messages aren't collected from Puppet.
fn shown(mut logs: Vec<(String, String)>) -> Vec<(String, String)> {
    logs.retain(|(level, _)| level != "debug" && level != "info");
    logs
}

/// Without what differs from run to run, tags sorted.
fn comparable(mut catalog: Value) -> Value {
    let sort = |tags: &mut Value| {
        if let Value::Array(tags) = tags {
            tags.sort_by_key(Value::to_string);
        }
    };
    if let Value::Object(entries) = &mut catalog {
        for key in ["version", "catalog_uuid", "code_id"] {
            entries.remove(key);
        }
    }
    sort(&mut catalog["tags"]);
    if let Some(resources) = catalog["resources"].as_array_mut() {
        resources.iter_mut().for_each(|resource| sort(&mut resource["tags"]));
    }
    catalog
}

fn difference(theirs: &Outcome, ours: &Outcome) -> Option<String> {
    let mut lines = Vec::new();
    if theirs.error.as_deref().map(without_addresses) != ours.error.as_deref().map(without_addresses) {
        lines.push(format!("  error, Puppet:  {}", theirs.error.as_deref().unwrap_or("none")));
        lines.push(format!("  error, Bunraku: {}", ours.error.as_deref().unwrap_or("none")));
    }
    if let (Some(theirs), Some(ours)) = (&theirs.catalog, &ours.catalog) {
        compare("", theirs, ours, &mut lines);
    }
    if theirs.logs != ours.logs {
        for log in theirs.logs.iter().filter(|log| !ours.logs.contains(log)) {
            lines.push(format!("  only Puppet says:  {log:?}"));
        }
        for log in ours.logs.iter().filter(|log| !theirs.logs.contains(log)) {
            lines.push(format!("  only Bunraku says: {log:?}"));
        }
        if lines.is_empty() {
            lines.push("  the messages come in another order".to_owned());
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Puppet prints the address of a Ruby object where it means the code that has set a parameter; what Bunraku
/// prints there is left out too.
fn without_addresses(message: &str) -> String {
    let Some((before, rest)) = message.split_once("' is already set on ") else { return message.to_owned() };
    let (Some(by), Some(end)) = (rest.find(" by "), rest.find("; cannot redefine")) else {
        return message.to_owned();
    };
    let at = rest.find(" at (").filter(|at| *at < end).unwrap_or(end);
    format!("{before}' is already set on {} by …{}", &rest[..by], &rest[at..])
}

/// Says where two values differ.
fn compare(path: &str, theirs: &Value, ours: &Value, lines: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                compare(&format!("{path}.{key}"), value, b.get(key).unwrap_or(&Value::Null), lines);
            }
            for key in b.keys().filter(|key| !a.contains_key(*key)) {
                lines.push(format!("  {path}.{key}: only Bunraku has {}", b[key]));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, lines);
            }
        }
        _ if theirs == ours => {}
        _ => lines.push(format!("  {path}:\n    Puppet:  {theirs}\n    Bunraku: {ours}")),
    }
}
