//! What a new user does first.

use super::agents::{Agent, BOTH};
use super::deployment::Deployment;
use super::http;

const GREETING: &str = "Bunraku is set up and serving catalogs.";

#[test]
fn an_agent_asks_is_signed_and_gets_its_first_catalog() {
    let deployment = Deployment::start(21_140, &[]);
    for kind in BOTH {
        let certname = format!("mock-{kind:?}.example.com").to_lowercase();
        let agent = Agent::new(kind, &certname, &deployment);

        let first = agent.run(&["--waitforcert", "0"]);
        assert_eq!(first.code, 1);
        assert!(first.said.contains("Couldn't fetch certificate from CA server"), "{kind:?}");

        let listed = deployment.bunraku_ok(&["ca", "list"]);
        assert!(listed.starts_with("Requested Certificates:\n"), "{listed}");
        assert!(listed.contains(&format!("    {certname}       (SHA256)  ")), "{listed}");

        let signed = deployment.bunraku_ok(&["ca", "sign", "--certname", &certname]);
        assert_eq!(signed, format!("Successfully signed certificate request for {certname}\n"));

        let second = agent.run(&[]);
        assert!(matches!(second.code, 0 | 2), "{kind:?}");
        assert!(second.said.contains(&format!("Notice: {GREETING}")), "{kind:?}");
        assert!(second.said.contains("Notice: Applied catalog in "), "{kind:?}");

        let noop = agent.run(&["--noop"]);
        assert_eq!(noop.code, 0, "{kind:?}");
        assert!(noop.said.contains("(noop)"), "{kind:?}");
    }
    // Both nodes' reports were kept.
    let reports = std::fs::read_dir(deployment.dir().join("reports")).unwrap().count();
    assert_eq!(reports, 2);
}

#[test]
fn certificates_go_to_the_ca_and_catalogs_to_both_workers() {
    let deployment = Deployment::start(21_140, &["--autosign", "true"]);
    for kind in BOTH {
        let agent = Agent::new(kind, &format!("spread-{kind:?}.example.com").to_lowercase(), &deployment);
        for _ in 0..3 {
            assert!(matches!(agent.run(&[]).code, 0 | 2));
        }
    }
    let ca = deployment.worker_log(3);
    assert!(ca.contains("\"PUT /puppet-ca/v1/certificate_request/spread-puppet.example.com"), "{ca}");
    assert!(!ca.contains("/puppet/v3/"), "{ca}");
    let catalogs = |slot| deployment.worker_log(slot).matches("/puppet/v3/catalog/").count();
    assert_eq!(catalogs(1) + catalogs(2), 6);
    assert!(catalogs(1) > 0 && catalogs(2) > 0, "{} and {}", catalogs(1), catalogs(2));
    for slot in [1, 2] {
        assert!(!deployment.worker_log(slot).contains("/puppet-ca/"));
    }
    let all = deployment.log("front_end_access.log");
    assert_eq!(all.matches("/puppet/v3/catalog/").count(), 6, "{all}");
}

#[test]
fn the_urls_of_old_agents_are_answered() {
    let deployment = Deployment::start(21_140, &[]);
    let url = format!("https://localhost:{}/production/certificate/ca", deployment.port);
    let (status, content_type, _) = http::curl(&url);
    assert_eq!(status, 200);
    assert!(content_type.starts_with("text/plain"), "{content_type}");
}
