//! What is different in another configuration, and for whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{Config, settings};

/// One setting that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub section: &'static str,
    pub name: &'static str,
    /// A sentence part: the setting, what it was, what it is.
    pub text: String,
}

/// Which process asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    FrontEnd,
    Ca,
    Catalog,
}

/// What a change means to a process at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It goes by it at once.
    Now,
    /// Only when it is started again.
    Restart,
    /// It is about others.
    Elsewhere,
}

impl Change {
    /// What it means to `role`.
    pub fn effect(&self, role: Role) -> Effect {
        let now = match (self.section, self.name) {
            ("access", _) | ("log", "access_format") => true,
            ("catalog", _) => role == Role::FrontEnd,
            (
                "front_end",
                "probe_interval"
                | "probe_timeout"
                | "ca_hold"
                | "failback"
                | "failback_after"
                | "compile_retry"
                | "client_verify"
                | "max_connections"
                | "max_connections_per_source"
                | "max_header_size"
                | "handshake_timeout"
                | "header_timeout"
                | "stall_timeout"
                | "idle_timeout"
                | "answer_timeout",
            ) => role == Role::FrontEnd,
            _ => false,
        };
        let elsewhere = match (self.section, self.name) {
            // The command line's.
            ("main", "server" | "ca_server" | "operator_certname" | "hostcert" | "hostprivkey") => true,
            ("main", "reportdir" | "environmentpath" | "basemodulepath") => role != Role::Catalog,
            ("main", "serverport" | "ca_port") => true,
            ("ca", "member" | "cadir") => false,
            (
                "ca",
                "cacert" | "cacrl" | "cakey" | "capub" | "cert_inventory" | "csrdir" | "serial" | "signeddir",
            ) => {
                // They follow cadir.
                true
            }
            ("ca", _) => role != Role::Ca,
            ("catalog", _) => role == Role::Ca,
            ("front_end", "certname" | "further") => false,
            ("front_end", _) => role != Role::FrontEnd,
            ("register", _) => role != Role::FrontEnd,
            _ => false,
        };
        match (now, elsewhere) {
            (true, _) => Effect::Now,
            (false, true) => Effect::Elsewhere,
            (false, false) => Effect::Restart,
        }
    }
}

/// Everything that is different between `old` and `new`.
pub fn between(old: &Config, new: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let (before, after) = (settings::all(old), settings::all(new));
    for (was, is) in before.iter().zip(&after) {
        // Told one by one below.
        if matches!((is.section, is.name), ("catalog", "worker") | ("access", "rule"))
            || was.value == is.value
        {
            continue;
        }
        let text = format!("[{}] {}: {} → {}", is.section, is.name, shown(&was.value), shown(&is.value));
        changes.push(Change { section: is.section, name: is.name, text });
    }
    let each = |section, name, what: &str, was: &BTreeMap<String, String>, is: &BTreeMap<String, String>| {
        let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let told = names.into_iter().filter_map(|one| match (was.get(one), is.get(one)) {
            (Some(was), Some(is)) if was == is => None,
            (Some(_), Some(is)) => Some(format!("{what} {one} changed: {is}")),
            (None, Some(is)) => Some(format!("{what} {one} added: {is}")),
            _ => Some(format!("{what} {one} taken away")),
        });
        told.map(|text| Change { section, name, text }).collect::<Vec<_>>()
    };
    changes.extend(each("ca", "member", "CA member", &members(old), &members(new)));
    changes.extend(each("catalog", "worker", "catalog worker", &workers(old), &workers(new)));
    changes.extend(each("access", "rule", "access rule", &rules(old), &rules(new)));
    if changes.iter().all(|change| change.section != "access") && old.access != new.access {
        let text = "access rules in another order".to_string();
        changes.push(Change { section: "access", name: "rule", text });
    }
    changes
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(none)" } else { value }
}

fn members(config: &Config) -> BTreeMap<String, String> {
    let told =
        |one: &super::CaMember| format!("{} as {}, {}", one.address, one.certname, one.cadir.display());
    config.ca.members.iter().map(|one| (one.name.clone(), told(one))).collect()
}

fn workers(config: &Config) -> BTreeMap<String, String> {
    let told = |one: &super::CatalogWorker| {
        let gateway::Place { weight, tier, most, serves } = &one.place;
        let most = most.map_or(String::new(), |most| format!(", {most} requests at most"));
        let names = gateway::Traffic::ALL.iter().filter(|(_, traffic)| serves.contains(traffic));
        let serves: Vec<&str> = names.map(|(name, _)| *name).collect();
        format!(
            "{} as {}, weight {weight}, tier {tier}{most}, serves {}",
            one.address,
            one.certname,
            serves.join(" and ")
        )
    };
    config.catalog.iter().map(|one| (one.name.clone(), told(one))).collect()
}

fn rules(config: &Config) -> BTreeMap<String, String> {
    let told = |rule: &::access::Rule| {
        let text = super::access::written(rule);
        let lines = text.lines().filter(|line| !line.starts_with("[[") && !line.starts_with("name = "));
        lines.collect::<Vec<_>>().join(", ")
    };
    config.access.own.iter().map(|rule| (rule.name.clone(), told(rule))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(Path::new("/srv/b/bunraku.toml"), text).unwrap()
    }

    fn effects(old: &str, new: &str, role: Role) -> Vec<(String, Effect)> {
        let changes = between(&config(old), &config(new));
        changes.into_iter().map(|change| (change.text.clone(), change.effect(role))).collect()
    }

    const WORKER: &str = "[[catalog.worker]]\nname = \"w\"\naddress = \"h:1\"\ncertname = \"w\"\n";

    #[test]
    fn nothing_is_different_from_itself() {
        assert_eq!(between(&config(""), &config("")), []);
    }

    #[test]
    fn each_change_is_told_and_whom_it_concerns() {
        let old = format!("[front_end]\nca_hold = 9\n[ca]\nautosign = true\n{WORKER}");
        let new = format!(
            "[front_end]\nca_hold = 8\nlisten = \"h:2\"\n[ca]\nautosign = false\n{WORKER}weight = 2\n"
        );
        let told = effects(&old, &new, Role::FrontEnd);
        let of = |part: &str, told: &[(String, Effect)]| {
            told.iter().find(|(text, _)| text.contains(part)).map(|(_, effect)| *effect)
        };
        assert!(told.iter().any(|(text, _)| text == "[front_end] ca_hold: 9s → 8s"), "{told:?}");
        assert_eq!(of("ca_hold", &told), Some(Effect::Now));
        assert_eq!(of("listen", &told), Some(Effect::Restart));
        assert_eq!(of("autosign", &told), Some(Effect::Elsewhere));
        assert_eq!(of("catalog worker w changed: h:1 as w, weight 2", &told), Some(Effect::Now));
        let told = effects(&old, &new, Role::Ca);
        assert_eq!(of("autosign", &told), Some(Effect::Restart));
        assert_eq!(of("ca_hold", &told), Some(Effect::Elsewhere));
        assert_eq!(of("catalog worker", &told), Some(Effect::Elsewhere));
    }

    #[test]
    fn rules_and_workers_are_told_by_name() {
        let rule = "[[access.rule]]\nname = \"r\"\norder = 1\npath = \"/x\"\nallow = \"*\"\n";
        let told = effects(WORKER, &format!("{}{rule}", WORKER.replace("\"w\"", "\"v\"")), Role::FrontEnd);
        let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
        assert!(texts.contains(&"catalog worker w taken away"), "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("catalog worker v added: h:1 as v")), "{texts:?}");
        assert!(texts.contains(&"access rule r added: order = 1, path = \"/x\", allow = \"*\""), "{texts:?}");
        assert!(told.iter().all(|(_, effect)| *effect == Effect::Now));
    }
}
