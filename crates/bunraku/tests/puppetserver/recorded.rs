//! The requests that were once recorded with Puppet Server, asked of a live one again.

use base64::Engine;
use serde_json::Value;

use super::case::{Case, Who};

/// Their outcome depends on the clock at the recording.
const CLOCK: [&str; 3] = ["crl-ims-equal", "crl-ims-equal_1", "crl-ims-newer"];

/// All of them, in their order.
pub fn cases() -> Vec<Case> {
    let exchanges: Vec<Value> =
        serde_json::from_str(include_str!("../../../../conformance/ca/exchanges.json")).unwrap();
    let label = |exchange: &Value| exchange["label"].as_str().unwrap().to_owned();
    exchanges.iter().filter(|one| !CLOCK.contains(&label(one).as_str())).map(read).collect()
}

fn read(exchange: &Value) -> Case {
    let text = |field: &str| exchange[field].as_str();
    let who = match text("client") {
        None => Who::Nobody,
        Some("puppet.example.com") => Who::Operator,
        Some("agent1.example.com") => Who::Node,
        Some(other) => panic!("nobody knows {other}"),
    };
    let mut case = Case::new(text("label").unwrap(), text("method").unwrap(), text("target").unwrap(), who);
    for (name, value) in exchange["headers"].as_object().unwrap() {
        case = case.header(name, value.as_str().unwrap());
    }
    case.body(match (text("body"), text("body_base64")) {
        (Some(body), _) => body.as_bytes().to_vec(),
        (None, Some(encoded)) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
        (None, None) => Vec::new(),
    })
}
