//! The same requests, one after the other, to Puppet Server and to Bunraku, which begin with the same CA directory.

use std::collections::{BTreeMap, BTreeSet};

use pki::{AltName, KeyKind, PrivateKey, RequestContent};

use super::case::{Askers, Case, Seen, Who};
use super::compare::{self, Difference};
use super::directory;
use super::divergences::{self, RULES};
use super::generated;
use super::hosts::{self, Host, NODE, SERVER, csr, csr_with};
use super::ours::Ours;
use super::real_clients::{self, Side};
use super::recorded;
use super::theirs::PuppetServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_requests_are_answered_alike_and_leave_the_same_directory() {
    let root = hosts::temporary();
    let there = Host::set_up(&root.path().join("puppetserver"));
    let puppet = PuppetServer::start(&there);
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let node = begin(&there.askers(puppet.port, None), &key).await;
    // Both have begun with what Puppet Server has written up to here.
    let here = Host { root: root.path().join("bunraku") };
    std::fs::create_dir(&here.root).unwrap();
    for part in ["ca", "ssl"] {
        hosts::copy(&there.root.join(part), &here.root.join(part));
    }
    let shared: BTreeSet<String> =
        [SERVER, NODE, "agent2.example.com", "agent3.example.com"].map(str::to_owned).into();
    let bunraku = Ours::start(&here).await;

    let (puppets, bunrakus) = (Side::new(&there, puppet.port), Side::new(&here, bunraku.port));
    let mut seen =
        Explained { unexplained: real_clients::differences(&puppets, &bunrakus), ..Explained::default() };
    let theirs = there.askers(puppet.port, Some((&node, &key)));
    let ours = here.askers(bunraku.port, Some((&node, &key)));
    let (cases, last) = cases();
    for (number, case) in cases.iter().chain(&last).enumerate() {
        if number == cases.len() {
            let differences = directory::settled_differences(&there.cadir(), &here.cadir());
            seen.unexplained.extend(differences.into_iter().map(|line| format!("directory: {line}")));
        }
        let answers = (theirs.ask(case).await, ours.ask(case).await);
        let differences = compare::answers(&answers.0, &answers.1, &shared);
        seen.note(case, &answers, differences);
    }
    bunraku.stop().await;
    puppet.stop();
    eprintln!(
        "{} requests; what was explained, and how often: {:#?}",
        cases.len() + last.len(),
        seen.explained
    );
    let unexplained = seen.unexplained.join("\n");
    assert!(unexplained.is_empty(), "{} differences:\n{unexplained}", seen.unexplained.len());
    let explained: BTreeSet<&str> = seen.explained.into_keys().collect();
    let listed = divergences::keys();
    let gone: Vec<&&str> = listed.difference(&explained).collect();
    assert!(gone.is_empty(), "no longer different; take them out of DIVERGENCES.md: {gone:?}");
}

/// Certificates of three nodes, one of them revoked, and a request that waits. The certificate of [`NODE`].
async fn begin(puppet: &Askers, key: &PrivateKey) -> String {
    puppet.submit(NODE, csr_with(NODE, key, &RequestContent::default())).await;
    puppet.submit("agent2.example.com", csr("agent2.example.com")).await;
    puppet.submit("agent3.example.com", csr("agent3.example.com")).await;
    for name in [NODE, "agent2.example.com", "agent3.example.com"] {
        puppet.change(name, "signed").await;
    }
    puppet.change("agent3.example.com", "revoked").await;
    let content = RequestContent {
        alt_names: vec![
            AltName::Dns("gen2.example.com".into()),
            AltName::Dns("gen2alt.example.com".into()),
            AltName::Ip("10.0.0.9".parse().unwrap()),
        ],
        ..RequestContent::default()
    };
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    puppet.submit("gen2.example.com", csr_with("gen2.example.com", &key, &content)).await;
    puppet.certificate(NODE).await
}

/// The recorded ones and the generated ones. What only one side carries out must not colour what comes after it: the
/// request with a wrong signature is dropped at once, and what only one side signs comes last, when the directories have
/// been compared.
fn cases() -> (Vec<Case>, Vec<Case>) {
    let take = |cases: &mut Vec<Case>, ids: &[&str]| -> Vec<Case> {
        cases.extract_if(.., |case| ids.contains(&case.id.as_str())).collect()
    };
    let mut rest = recorded::cases();
    let mut cases = take(&mut rest, &["csr-bad-signature", "sign-bad-signature"]);
    let forget = "/puppet-ca/v1/certificate_status/new3.example.com";
    cases.push(Case::new("forget-bad-signature", "DELETE", forget, Who::Operator));
    let last = take(&mut rest, &["csr-name-ca", "sign-name-ca"]);
    cases.extend(rest);
    cases.extend(generated::cases());
    (cases, generated::of_one_side().into_iter().chain(last).collect())
}

#[derive(Default)]
struct Explained {
    explained: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Explained {
    fn note(&mut self, case: &Case, (theirs, ours): &(Seen, Seen), differences: Vec<Difference>) {
        let mut rest = Vec::new();
        for one in differences {
            match RULES.iter().find(|rule| (rule.explains)(case, theirs, ours, &one.what)) {
                Some(rule) => *self.explained.entry(rule.key).or_default() += 1,
                None => rest.push(one.text),
            }
        }
        if !rest.is_empty() {
            self.unexplained.push(format!("{}\n    {}", case.line(), rest.join("\n    ")));
        }
    }
}

#[test]
fn every_rule_has_its_line_and_every_line_its_rule() {
    assert_eq!(divergences::listed(), divergences::keys());
}
