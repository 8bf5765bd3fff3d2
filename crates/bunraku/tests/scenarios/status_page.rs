//! The status page in a real browser, with the operator's certificate.

use std::process::Command;
use std::time::Duration;

use super::browser::Browser;
use super::deployment::{Deployment, text, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn an_operator_signs_and_drains_in_the_browser_and_sees_a_failover_without_a_reload() {
    let mut deployment = Deployment::start(21_140, &["--no-restart"]);
    let ssl = deployment.dir().join("ssl");
    let (certificate, key) =
        (ssl.join("certs/bunraku-operator.pem"), ssl.join("private_keys/bunraku-operator.pem"));
    let request = deployment.root().join("request.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-subj",
            "/CN=web1.example.com",
        ])
        .args(["-out", &request.display().to_string()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let site = "https://localhost:21140";
    let sent = Command::new("curl")
        .args(["--silent", "--fail", "-k", "-X", "PUT", "-H", "Content-Type: text/plain", "--data-binary"])
        .args([
            format!("@{}", request.display()),
            format!("{site}/puppet-ca/v1/certificate_request/web1.example.com"),
        ])
        .output()
        .unwrap();
    assert!(sent.status.success(), "{}", text(&sent.stderr));

    let home = deployment.root().join("browser");
    let browser = Browser::open(&home, site, &ssl.join("certs/ca.pem"), (&certificate, &key));
    // The plain listener: no names, no buttons.
    browser.go("http://localhost:22140/");
    let seen = browser.seen();
    assert!(
        seen.contains("All is well.") && seen.contains("catalog-2") && !seen.contains("web1.example.com"),
        "{seen}"
    );
    assert_eq!(browser.script("return document.querySelectorAll('button').length"), 0);

    browser.go(&format!("{site}/bunraku/"));
    let wait = |what: &str| wait_until(what, PATIENCE, || browser.seen().contains(what));
    wait("web1.example.com");
    // Style and script are used as the policy allows them.
    let style = "return getComputedStyle(document.querySelector('.card')).borderRadius";
    assert_eq!(browser.script(style), "8px");
    wait_until("the script lives", PATIENCE, || {
        browser.script("return document.documentElement.className") == "live"
    });
    browser.click("Sign the request of web1.example.com");
    wait("Nobody waits for a certificate.");
    assert!(deployment.bunraku_ok(&["ca", "list", "--all"]).contains("web1.example.com"));
    assert!(deployment.bunraku_ok(&["ca", "log"]).contains("bunraku-operator"), "the deed has its doer");
    browser.click("Send no new requests to catalog-2");
    wait("catalog-2 is drained.");
    let worker = |deployment: &Deployment| deployment.status()["workers"][1]["state"].clone();
    assert_eq!(worker(&deployment), "draining");
    browser.click("Put catalog-2 back into use");
    wait("All is well.");
    assert_eq!(worker(&deployment), "up");

    browser.script("window.untouched = true");
    deployment.kill("ca-1");
    wait("ca-1 is down.");
    wait("ca-1 \u{2192} ca-2");
    assert_eq!(browser.script("return window.untouched"), true, "nothing was loaded anew");
    // What is old is not taken for new.
    deployment.end();
    wait("The front end does not answer");
}
