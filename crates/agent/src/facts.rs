//! Core facts, by Facter's names: what manifests commonly ask.

mod memory;
mod networking;
mod os;
mod processors;

use serde_json::{Map, Value, json};

use crate::session::PUPPET_VERSION;
use crate::settings::Settings;

/// The facts of this machine, and those that Puppet's agent adds about itself.
pub fn collect(settings: &Settings, environment: &str) -> Map<String, Value> {
    let mut facts = Map::new();
    os::add(&mut facts);
    networking::add(&mut facts);
    processors::add(&mut facts);
    memory::add(&mut facts);
    let mut set = |name: &str, value: Value| facts.insert(name.to_string(), value);
    set("clientcert", json!(settings.certname));
    set("clientversion", json!(PUPPET_VERSION));
    set("clientnoop", json!(settings.noop));
    set("agent_specified_environment", json!(environment));
    set("bunraku_version", json!(env!("CARGO_PKG_VERSION")));
    set("path", json!(std::env::var("PATH").unwrap_or_default()));
    facts
}

/// A file of /proc, /sys or /etc; empty when it is not there.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_agree_with_this_machine() {
        let mut facts = Map::new();
        os::add(&mut facts);
        networking::add(&mut facts);
        processors::add(&mut facts);
        memory::add(&mut facts);
        assert_eq!(facts["kernel"], "Linux");
        let cores = std::thread::available_parallelism().unwrap().get() as u64;
        assert!(facts["processors"]["count"].as_u64().unwrap() >= cores);
        assert!(facts["memory"]["system"]["total_bytes"].as_u64().unwrap() > 1 << 20);
        assert_eq!(facts["networking"]["interfaces"]["lo"]["ip"], "127.0.0.1");
        assert_eq!(facts["os"]["family"], facts["osfamily"]);
    }
}
