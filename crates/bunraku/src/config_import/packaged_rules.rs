//! The rules of the `auth.conf` that Puppet Server's packages bring. Bunraku has the same rules built in, and no others:
//! a rule that is one of these changes nothing, any other has no equivalent.

use super::hocon::{Node, Value};

/// Path, type (`path` stands for all that begins with it), methods (none: every one), whom it lets pass.
type Rule = (&'static str, &'static str, &'static [&'static str], Whom);

/// Whom a rule lets pass, as its line reads.
type Whom = &'static str;

const ANYBODY: Whom = "allow-unauthenticated: true";
const NODES: Whom = "allow: *";
const ITSELF: Whom = "allow: $1";
const OPERATORS: Whom = "allow: {extensions: {pp_cli_auth: true}}";
const NOBODY: Whom = "deny: *";

/// Of Puppet Server 7 to 9.
const RULES: [Rule; 28] = [
    ("^/puppet/v3/catalog/([^/]+)$", "regex", &["get", "post"], ITSELF),
    ("^/puppet/v4/catalog/?$", "regex", &["post"], NOBODY),
    ("/puppet-ca/v1/certificate/", "path", &["get"], ANYBODY),
    ("/puppet-ca/v1/certificate_revocation_list/ca", "path", &["get"], ANYBODY),
    ("/puppet-ca/v1/certificate_request", "path", &["get", "put"], ANYBODY),
    ("/puppet-ca/v1/certificate_renewal", "path", &["post"], NODES),
    ("/puppet-ca/v1/certificate_status", "path", &["get", "put", "delete"], OPERATORS),
    ("^/puppet-ca/v1/certificate_revocation_list$", "regex", &["put"], OPERATORS),
    ("/puppet-ca/v1/certificate_statuses", "path", &["get"], OPERATORS),
    ("/puppet-ca/v1/expirations", "path", &["get"], NODES),
    ("/puppet-ca/v1/clean", "path", &["put"], OPERATORS),
    ("/puppet-ca/v1/sign", "path", &["post"], OPERATORS),
    ("/puppet-ca/v1/sign/all", "path", &["post"], OPERATORS),
    ("/status/v1/services", "path", &["get"], ANYBODY),
    ("/status/v1/simple", "path", &["get"], ANYBODY),
    ("/puppet/v3/environments", "path", &["get"], NODES),
    ("/puppet/v3/file_bucket_file", "path", &["get", "head", "post", "put"], NODES),
    ("/puppet/v3/file_content", "path", &["get", "post"], NODES),
    ("/puppet/v3/file_metadata", "path", &["get", "post"], NODES),
    ("^/puppet/v3/node/([^/]+)$", "regex", &["get"], ITSELF),
    ("^/puppet/v3/report/([^/]+)$", "regex", &["put"], ITSELF),
    ("^/puppet/v3/facts/([^/]+)$", "regex", &["put"], ITSELF),
    ("/puppet/v3/static_file_content", "path", &["get"], NODES),
    ("/puppet/v3/tasks", "path", &[], NODES),
    ("/puppet/v3/plans", "path", &[], NODES),
    ("/puppet/v3/compile", "path", &[], NODES),
    ("/puppet/experimental", "path", &[], NODES),
    ("/", "path", &[], NOBODY),
];

/// Whether a rule of an `auth.conf` is a packaged one.
pub fn is_packaged(rule: &Node) -> bool {
    let text = |path: &[&str]| rule.at(path).map(Node::print).unwrap_or_default();
    let mut methods: Vec<String> = match rule.at(&["match-request", "method"]).map(|node| &node.value) {
        Some(Value::List(nodes)) => nodes.iter().map(Node::print).collect(),
        Some(Value::Text(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    methods.sort();
    let whom: Vec<String> = rule
        .members()
        .iter()
        .filter(|(key, _)| key.starts_with("allow") || key == "deny")
        .map(|(key, node)| format!("{key}: {}", node.print()))
        .collect();
    // Anything else that narrows the request makes it another rule.
    let known = rule.at(&["match-request"]).map(Node::members).unwrap_or_default();
    known.iter().all(|(key, _)| ["path", "type", "method"].contains(&key.as_str()))
        && RULES.iter().any(|(path, kind, allowed, who)| {
            let mut allowed: Vec<&str> = allowed.to_vec();
            allowed.sort_unstable();
            text(&["match-request", "path"]) == *path
                && text(&["match-request", "type"]) == *kind
                && methods == allowed
                && whom == [*who]
        })
}

#[cfg(test)]
mod tests {
    use super::super::hocon::parse;
    use super::*;

    fn packaged(rule: &str) -> bool {
        is_packaged(&parse(rule).unwrap())
    }

    #[test]
    fn a_packaged_rule_is_known_by_what_it_does() {
        let request = "match-request: { path: \"/puppet-ca/v1/certificate_status\", type: path, method: [put, get, delete] }";
        let operators = "allow: { extensions: { pp_cli_auth: \"true\" } }";
        assert!(packaged(&format!("{request}, {operators}, sort-order: 500, name: \"any name\"")));
        assert!(!packaged(&format!("{request}, allow: \"*\"")));
        assert!(!packaged(&format!("{request}, allow: [ admin.example.com ]")));
        assert!(packaged("match-request { path: \"/\", type: path }\ndeny: \"*\""));
        assert!(!packaged("match-request { path: \"/\", type: path, query-params: {a: b} }\ndeny: \"*\""));
    }
}
