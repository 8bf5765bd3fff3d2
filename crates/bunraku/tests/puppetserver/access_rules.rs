//! The same `auth.conf` given to Puppet Server and, by `bunraku config import`, to Bunraku: who is let pass is the same.

use std::process::Command;

use access::{LiveRules, Question, Rules, Verdict, seen};
use pki::{Certificate, Extension, KeyKind, Oid, PrivateKey, RequestContent};

use super::case::{Case, Who};
use super::hosts::{self, Host, NODE, SERVER, csr_with};
use super::ours::Ours;
use super::theirs::PuppetServer;

// The program is no library; this file of it depends on nothing else of it.
#[path = "../../src/config/access.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod toml_form;

/// Rules before the packaged ones, one for each thing that a rule can say.
const OWN: &str = r#"
    { match-request: { path: "/puppet/v3/environments", type: path, method: get, query-params: { who: [anybody, "a b"] } }
      allow-unauthenticated: true, sort-order: 100, name: "by query" }
    { match-request: { path: "/puppet/v3/environments", type: path, method: get }
      deny: "agent1.example.com", sort-order: 110, name: "only a denial" }
    { match-request: { path: "^/puppet/v3/node/(\\w+)\\.(.+)$", type: regex, method: [get] }
      allow: [ "$1.$2", { extensions: { pp_cli_auth: "true" } } ], sort-order: 120, name: "two groups" }
    { match-request: { path: "/puppet/v3/file_metadata/", type: path }
      allow: { extensions: { pp_role: [db, web], pp_datacenter: "one" } }, sort-order: 130, name: "all of several extensions" }
    { match-request: { path: "/puppet/v3/file_metadatas/", type: path }
      allow: [ "*.example.com" ], deny: [ "/^agent[0-9]/" ], sort-order: 130, name: "deny goes before allow" }
    { match-request: { path: "/puppet/v3/file_content/", type: path }
      allow: [ "localhost" ], sort-order: 135, name: "by an alternative name" }
    { match-request: { path: "/puppet/v3/static_file_content", type: path }
      allow: { extensions: { subject-alt-name: { dns-name: [ "nobody", "puppet" ] } } }, sort-order: 135, name: "asks for alternative names" }
    { match-request: { path: "/puppet-ca/v1/expirations", type: path, method: get }
      allow: [ "*.Example.COM" ], sort-order: 140, name: "domain, in any case" }
    { match-request: { path: "/puppet-ca/v1/certificate_status", type: path, method: get }
      allow: { certname: "agent1.example.com" }, sort-order: 150, name: "a name as an object" }
    { match-request: { path: "/puppet-ca/v1/certificate_statuses", type: path, method: get }
      allow: { extensions: { "1.3.6.1.4.1.34380.1.1.13": web } }, sort-order: 150, name: "an extension by its number" }
    { match-request: { path: "/puppet-ca/v1/clean", type: path }
      allow: { rbac: { permission: "cert_requests:accept_reject:*" } }, sort-order: 160, name: "a permission of RBAC" }
    { match-request: { path: "ertificate/c", type: regex, method: get }
      deny: "*", sort-order: 400, name: "found anywhere in the path" }
    { match-request: { path: "/puppet-ca/v1/certificate_revocation_list", type: path, method: get }
      allow: "*", sort-order: 400, name: "b comes second" }
    { match-request: { path: "/puppet-ca/v1/certificate_revocation_list", type: path, method: get }
      allow: "puppet.example.com", sort-order: 400, name: "a comes first" }
    { match-request: { path: "/puppet/v3/catalog/puppet", type: path }
      allow: "puppet", sort-order: 501, name: "never reached" }
"#;

/// What is asked for; of each with every method that Puppet Server's router knows there.
const TARGETS: [(&str, &[&str]); 22] = [
    ("/puppet/v3/environments", &["GET"]),
    ("/puppet/v3/environments?who=anybody", &["GET"]),
    ("/puppet/v3/environments?x=1&who=a+b&who=c", &["GET"]),
    ("/puppet/v3/node/agent1.example.com?environment=production", &["GET"]),
    ("/puppet/v3/node/AGENT1.example.com?environment=production", &["GET"]),
    ("/puppet/v3/node/other.example.com?environment=production", &["GET"]),
    ("/puppet/v3/node/puppet?environment=production", &["GET"]),
    ("/puppet/v3/file_metadata/modules/a/b?environment=production", &["GET"]),
    ("/puppet/v3/file_metadatas/modules/a?environment=production", &["GET"]),
    ("/puppet/v3/file_content/modules/a/b?environment=production", &["GET"]),
    ("/puppet/v3/static_file_content/modules/a/b", &["GET"]),
    (
        "/puppet/v3/file_bucket_file/md5/0123456789abcdef0123456789abcdef?environment=production",
        &["GET", "HEAD"],
    ),
    ("/puppet/v3/catalog/puppet.example.com?environment=production", &["GET"]),
    ("/puppet/v3/facts/agent1.example.com", &["PUT"]),
    ("/puppet/v3/facts/agent2.example.com", &["PUT"]),
    ("/puppet/v3/environment_classes?environment=production", &["GET"]),
    ("/puppet-ca/v1/expirations", &["GET", "HEAD", "PUT", "POST", "DELETE"]),
    ("/puppet-ca/v1/certificate_status/agent1.example.com", &["GET", "HEAD", "POST"]),
    ("/puppet-ca/v1/certificate_statuses/all", &["GET", "HEAD", "PUT", "POST", "DELETE"]),
    ("/puppet-ca/v1/clean", &["GET", "PUT", "POST"]),
    ("/puppet-ca/v1/certificate/ca", &["GET", "HEAD", "PUT", "POST", "DELETE"]),
    ("/puppet-ca/v1/certificate_revocation_list/ca", &["GET", "HEAD", "POST", "DELETE"]),
];

/// The rules that `bunraku config import` makes of the files in a folder.
fn imported(folder: &std::path::Path) -> (Rules, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bunraku"))
        .args(["config", "import", "--json", "--puppetserver-dir"])
        .arg(folder)
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(output.status.success(), "{told}");
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(default)]
        access: toml_form::RawAccess,
    }
    let file: File = toml::from_str(told["toml"].as_str().unwrap()).unwrap();
    let mut faults = Vec::new();
    let access = toml_form::resolve(file.access, &mut faults);
    assert!(faults.is_empty() && access.packaged, "{faults:?}");
    (access.rules().unwrap(), told["lines"].to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_auth_conf_lets_the_same_requests_pass() {
    let root = hosts::temporary();
    let there = Host::set_up(&root.path().join("puppetserver"));
    let own = |text: String| text.replacen("rules: [", &format!("rules: [{OWN}"), 1);
    let puppet = PuppetServer::start_with(&there, |conf_d| {
        let path = conf_d.join("auth.conf");
        let packaged = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, own(packaged)).unwrap();
    });
    let conf_d = root.path().join("conf.d");
    std::fs::create_dir(&conf_d).unwrap();
    std::fs::copy(there.root.join("conf.d/auth.conf"), conf_d.join("auth.conf")).unwrap();
    let (rules, lines) = imported(&conf_d);
    assert!(lines.contains("without permission cert_requests:accept_reject:*"), "{lines}");
    assert!(!lines.contains("not understood") && !lines.contains("no equivalent"), "{lines}");

    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let stranger = there.askers(puppet.port, None);
    let extension = |name: &str, value: &str| Extension::utf8(Oid::from_name(name).unwrap(), value);
    let extensions = vec![extension("pp_role", "web"), extension("pp_datacenter", "one")];
    let content = RequestContent { extensions, ..RequestContent::default() };
    stranger.submit(NODE, csr_with(NODE, &key, &content)).await;
    stranger.change(NODE, "signed").await;
    let node = stranger.certificate(NODE).await;
    let theirs = there.askers(puppet.port, Some((&node, &key)));
    let here = Host { root: root.path().join("bunraku") };
    std::fs::create_dir(&here.root).unwrap();
    for part in ["ca", "ssl"] {
        hosts::copy(&there.root.join(part), &here.root.join(part));
    }
    let live = LiveRules::new(rules.clone());
    let bunraku = Ours::start_with(&here, |settings| settings.rules = live).await;
    let ours = here.askers(bunraku.port, Some((&node, &key)));

    let node = Certificate::from_pem(node.as_bytes()).unwrap();
    let operator = Certificate::from_pem(&there.server_pems().0).unwrap();
    let mut wrong = Vec::new();
    let (mut passed, mut refused) = (0, 0);
    for (target, methods) in TARGETS {
        for method in methods {
            for who in [Who::Nobody, Who::Node, Who::Operator] {
                let case = Case::new("access", method, target, who)
                    .header("accept", "application/json, text/plain, */*")
                    .header("content-type", "application/json");
                let asked = theirs.ask(&case).await;
                // Puppet Server has other answers with 403, in other words.
                let by_rule = *method == "HEAD" || asked.text().starts_with("Forbidden request: ");
                let theirs_passes = asked.status != 403 || !by_rule;
                let (certname, certificate) = match who {
                    Who::Nobody => (None, None),
                    Who::Node => (Some(NODE), Some(&node)),
                    Who::Operator => (Some(SERVER), Some(&operator)),
                };
                let (raw, query) = target.split_once('?').unwrap_or((target, ""));
                let (path, _) = seen(method, raw);
                let question = Question { method, path: &path, query, certname, certificate };
                let engine = matches!(rules.decide(&question), Verdict::Allowed(_));
                *(if theirs_passes { &mut passed } else { &mut refused }) += 1;
                if engine != theirs_passes {
                    wrong.push(format!(
                        "{}: {} there, {:?} here",
                        case.line(),
                        asked.status,
                        rules.decide(&question)
                    ));
                }
                if target.starts_with("/puppet-ca/") {
                    let answer = ours.ask(&case).await;
                    if (answer.status != 403) != theirs_passes {
                        wrong.push(format!(
                            "{}: {} there, {} by our CA",
                            case.line(),
                            asked.status,
                            answer.status
                        ));
                    }
                    if answer.status == 403 && answer.text() != asked.text() {
                        wrong.push(format!(
                            "{}: {:?} there, {:?} here",
                            case.line(),
                            asked.text(),
                            answer.text()
                        ));
                    }
                }
            }
        }
    }
    bunraku.stop().await;
    puppet.stop();
    eprintln!("{passed} requests passed, {refused} did not");
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(passed > 20 && refused > 40, "the suite is poor: {passed} passed, {refused} did not");
}
