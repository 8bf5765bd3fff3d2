//! The files of Puppet Server's `conf.d`.

use super::super::hocon::{Node, Value};
use super::super::{auth_conf, packaged_rules};
use super::{Mapper, Verdict, shown};
use access::Rule;

/// Judges everything in one file, whatever its name: sections are known by their own names.
pub(super) fn read(mapper: &mut Mapper<'_>, file: &str, root: &Node) {
    for (section, node) in root.members() {
        match section.as_str() {
            "certificate-authority" => certificate_authority(mapper, file, node),
            "webserver" => webserver(mapper, file, node),
            "jruby-puppet" => jruby_puppet(mapper, file, node),
            "authorization" => authorization(mapper, file, node),
            other => {
                let why = match other {
                    "web-router-service" => "Puppet's paths are fixed",
                    "metrics" => "metrics are configured otherwise",
                    "global" => "logs go to [main] logdir",
                    "http-client" | "profiler" | "dropsonde" | "product" | "versioned-code" => {
                        "a part of Puppet Server that Bunraku does not have"
                    }
                    _ => "not known",
                };
                mapper.account(file, node.line, &shown(other, node), Verdict::NoEquivalent(why.into()));
            }
        }
    }
}

fn each(
    mapper: &mut Mapper<'_>,
    file: &str,
    section: &str,
    node: &Node,
    // Judged already, with others that it depends on.
    but: Option<&str>,
    judge: fn(&mut Mapper<'_>, &str, &Node, String) -> Verdict,
) {
    for (key, node) in node.members().iter().filter(|(key, _)| Some(key.as_str()) != but) {
        let origin = format!("{file}:{}", node.line);
        let verdict = match &node.value {
            Value::Unread(_) => {
                Verdict::Refused("substitutions and includes are not followed; write the value".into())
            }
            _ => judge(mapper, key, node, origin),
        };
        mapper.account(file, node.line, &format!("{section}.{}", shown(key, node)), verdict);
    }
}

fn certificate_authority(mapper: &mut Mapper<'_>, file: &str, node: &Node) {
    each(mapper, file, "certificate-authority", node, None, |mapper, key, node, origin| {
        let value = node.print();
        match key {
            "allow-subject-alt-names" => mapper.truth("allow_subject_alt_names", &value, origin),
            "allow-authorization-extensions" => {
                mapper.truth("allow_authorization_extensions", &value, origin)
            }
            "allow-auto-renewal" => mapper.truth("allow_auto_renewal", &value, origin),
            "auto-renewal-cert-ttl" => mapper.duration("auto_renewal_cert_ttl", &value, origin),
            "enable-infra-crl" => mapper.truth("enable_infra_crl", &value, origin),
            "access-control" | "certificate-status" => Verdict::NoEquivalent(
                "old form of authorization; operators have a certificate with pp_cli_auth".into(),
            ),
            _ => Verdict::NoEquivalent("no setting of Bunraku has this effect".into()),
        }
    });
}

fn webserver(mapper: &mut Mapper<'_>, file: &str, node: &Node) {
    each(mapper, file, "webserver", node, None, |mapper, key, node, origin| {
        let value = node.print();
        match key {
            "ssl-host" => {
                mapper.listen_host = Some((value, origin));
                Verdict::Taken("[front_end] listen".into())
            }
            "ssl-port" if value.parse::<u16>().is_ok() => {
                mapper.listen_port = Some((value, origin));
                Verdict::Taken("[front_end] listen".into())
            }
            "ssl-port" => Verdict::Refused("not a port".into()),
            "client-auth" if value == "want" => Verdict::BuiltIn("clients may show a certificate".into()),
            "client-auth" => {
                Verdict::NoEquivalent("clients may show a certificate; who has none can only enrol".into())
            }
            "ssl-cert" | "ssl-key" | "ssl-ca-cert" | "ssl-crl-path" | "ssl-cert-chain" => {
                Verdict::NoEquivalent(
                    "certificates, keys and lists are read from [main] ssldir, by [front_end] certname"
                        .into(),
                )
            }
            "access-log-config" => Verdict::NoEquivalent("access logs are written to [main] logdir".into()),
            "ssl-protocols" | "cipher-suites" => {
                Verdict::NoEquivalent("TLS 1.2 and 1.3 with their safe cipher suites, always".into())
            }
            "host" | "port" => Verdict::NoEquivalent("nothing is served without TLS".into()),
            "max-threads" | "selector-threads" | "acceptor-threads" | "queue-max-size" => {
                Verdict::NoEquivalent("there is no pool of threads to size".into())
            }
            _ => Verdict::NoEquivalent("no setting of Bunraku has this effect".into()),
        }
    });
}

/// Folders of gems for the environment of a policy executable; none when a reference cannot be followed.
fn gem_path(section: &Node, folders: &Node) -> Option<String> {
    let Value::List(folders) = &folders.value else { return None };
    let home = section.at(&["gem-home"]).map(Node::print);
    let folder = |node: &Node| match &node.value {
        Value::Text(text) => Some(text.clone()),
        // The packaged file has it so.
        Value::Unread(text) if text == "${jruby-puppet.gem-home}" => home.clone(),
        _ => None,
    };
    Some(folders.iter().map(folder).collect::<Option<Vec<String>>>()?.join(":"))
}

fn jruby_puppet(mapper: &mut Mapper<'_>, file: &str, node: &Node) {
    if let Some(folders) = node.at(&["gem-path"]) {
        let verdict = match gem_path(node, folders) {
            Some(path) => {
                mapper.set("ca", "autosign_gem_path", path, format!("{file}:{}", folders.line));
                Verdict::Taken("[ca] autosign_gem_path, for an executable autosign".into())
            }
            None => Verdict::Refused("substitutions and includes are not followed; write the folders".into()),
        };
        mapper.account(file, folders.line, &format!("jruby-puppet.{}", shown("gem-path", folders)), verdict);
    }
    each(mapper, file, "jruby-puppet", node, Some("gem-path"), |mapper, key, node, origin| {
        let folder = match key {
            "server-conf-dir" | "master-conf-dir" => "confdir",
            "server-code-dir" | "master-code-dir" => "codedir",
            "server-var-dir" | "master-var-dir" => "vardir",
            "server-log-dir" | "master-log-dir" => "logdir",
            "max-active-instances"
            | "max-requests-per-instance"
            | "borrow-timeout"
            | "max-queued-requests" => {
                return Verdict::NoEquivalent(
                    "there are no JRuby instances; add a [[catalog.worker]] for more".into(),
                );
            }
            _ => return Verdict::NoEquivalent("a part of Puppet Server that Bunraku does not have".into()),
        };
        mapper.folders.push((folder, node.print(), origin));
        Verdict::Taken(format!("Puppet's {folder}, followed where other settings name it"))
    });
}

fn authorization(mapper: &mut Mapper<'_>, file: &str, node: &Node) {
    for (key, node) in node.members() {
        let verdict = match (key.as_str(), &node.value) {
            ("rules", Value::List(rules)) => {
                authorization_rules(mapper, file, rules);
                continue;
            }
            ("version", Value::Text(text)) if text == "1" => Verdict::BuiltIn("the present form".into()),
            ("version", _) => Verdict::Refused("only version 1 is known".into()),
            ("allow-header-cert-info", Value::Text(text)) if text == "false" => {
                Verdict::BuiltIn("headers are believed of the front end alone".into())
            }
            ("allow-header-cert-info", _) => Verdict::NoEquivalent(
                "headers are believed of the front end alone, which is known by its certificate".into(),
            ),
            _ => Verdict::NoEquivalent("no setting of Bunraku has this effect".into()),
        };
        mapper.account(file, node.line, &format!("authorization.{}", shown(key, node)), verdict);
    }
}

/// The rules: the packaged ones stay what they are, the others are written down; where a packaged one is missing, all are.
fn authorization_rules(mapper: &mut Mapper<'_>, file: &str, nodes: &[Node]) {
    let read: Vec<(&Node, Result<auth_conf::Read, String>)> =
        nodes.iter().map(|node| (node, auth_conf::rule(node).and_then(valid))).collect();
    let rules: Vec<Rule> =
        read.iter().filter_map(|(_, read)| read.as_ref().ok()).map(|read| read.rule.clone()).collect();
    let packaged = packaged_rules::all_there(&rules);
    let mut taken: Vec<(Rule, String)> = Vec::new();
    for (node, read) in read {
        let name = node.at(&["name"]).map_or("(without a name)".to_string(), Node::print);
        let verdict = match read {
            Err(why) => Verdict::Refused(why),
            Ok(read) if taken.iter().any(|(rule, _)| rule.name == read.rule.name) => {
                Verdict::Refused("there is another rule with this name".into())
            }
            Ok(read) if packaged && packaged_rules::is_packaged(&read.rule) => {
                Verdict::BuiltIn("a packaged rule".into())
            }
            Ok(read) => {
                taken.push((read.rule, format!("{file}:{}", node.line)));
                let without = match read.left_out.as_slice() {
                    [] => String::new(),
                    parts => format!(", without {}", parts.join(", ")),
                };
                Verdict::Taken(format!("[[access.rule]]{without}"))
            }
        };
        mapper.account(file, node.line, &format!("authorization.rules: {name}"), verdict);
    }
    mapper.result.packaged_rules = packaged;
    mapper.result.rules = taken;
}

fn valid(read: auth_conf::Read) -> Result<auth_conf::Read, String> {
    match access::Rules::new(vec![read.rule.clone()]) {
        Ok(_) => Ok(read),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}
