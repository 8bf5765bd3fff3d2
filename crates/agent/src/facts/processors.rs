//! `processors`, and its old flat names.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::read;

/// Adds them.
pub fn add(facts: &mut Map<String, Value>) {
    let cpuinfo = read("/proc/cpuinfo");
    let values = |key: &str| -> Vec<String> {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().to_string())
            .collect()
    };
    let models = values("model name");
    let count = values("processor").len().max(1);
    let sockets = values("physical id").into_iter().collect::<BTreeSet<_>>().len().max(1);
    let processors = json!({
        "count": count, "physicalcount": sockets, "models": models, "isa": std::env::consts::ARCH,
    });
    facts.insert("processorcount".to_string(), json!(count));
    facts.insert("physicalprocessorcount".to_string(), json!(sockets));
    facts.insert("processors".to_string(), processors);
}
