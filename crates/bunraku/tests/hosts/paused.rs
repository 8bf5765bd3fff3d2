//! Processes that stand still and wake again.

use std::time::Duration;

use super::agent::puppet_agent_succeeds;
use super::estate::{Estate, FRONT_END, Plan};
use super::network::CA_PORT;
use super::story::Story;

/// `BUNRAKU_PAUSE_SECONDS=60` makes it the minute; 5 in every run.
fn pause_seconds() -> u64 {
    std::env::var("BUNRAKU_PAUSE_SECONDS").map_or(5, |text| text.parse().unwrap())
}

#[test]
fn primary_paused_for_a_minute_then_wakes() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    let epoch = estate.status()["epoch"].as_u64().unwrap();
    estate.pause("ca-1");
    // In its socket lies what somebody sends to it directly, in the epoch that it knows.
    let direct = ask_directly(estate, epoch);
    estate.wait_until_active("ca-2");
    puppet_agent_succeeds(estate, "during.example.com");
    std::thread::sleep(Duration::from_secs(pause_seconds()));
    story.load.wait_for_more(10);
    estate.wake("ca-1");
    let answer = direct.wait_with_output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    // It may have waited too long; what must not be is that it was signed by a primary that is none any more.
    assert!(answer != "200", "the deposed primary confirmed a request");
    let estate = story.ends_well();
    assert!(!estate.cadir("ca-1").join("signed/direct.example.com.pem").exists());
}

/// As the front end would ask, but of `ca-1` whatever it is.
fn ask_directly(estate: &Estate, epoch: u64) -> std::process::Child {
    let ssl = estate.host("front").join("ssl");
    let key = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap();
    let request =
        pki::Request::build("direct.example.com", &key, &pki::RequestContent::default()).unwrap().to_pem();
    let file = estate.root().join("direct.pem");
    std::fs::write(&file, request).unwrap();
    let limit = (pause_seconds() + 30).to_string();
    let url = format!("https://10.77.0.2:{CA_PORT}/puppet-ca/v1/certificate_request/direct.example.com");
    let mut curl = estate.network.command("front", "curl");
    curl.args([
        "--silent",
        "--insecure",
        "--max-time",
        &limit,
        "-X",
        "PUT",
        "-H",
        "Content-Type: text/plain",
    ]);
    curl.args(["-H", &format!("X-Bunraku-Epoch: {epoch}"), "-H", "X-Client-Verify: NONE"]);
    curl.args(["-H", "X-Bunraku-Request: 6a0c3a57-6a53-4a4f-9d5e-1d6f6c9c7e01"]);
    curl.arg("--cert").arg(ssl.join(format!("certs/{FRONT_END}.pem")));
    curl.arg("--key").arg(ssl.join(format!("private_keys/{FRONT_END}.pem")));
    curl.arg("--data-binary").arg(format!("@{}", file.display()));
    curl.args(["--output", "/dev/null", "--write-out", "%{http_code}", &url]);
    curl.stdout(std::process::Stdio::piped()).spawn().unwrap()
}

#[test]
fn standby_paused_then_wakes() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    estate.pause("ca-2");
    estate.wait_until_out("ca-2");
    story.load.wait_for_more(10);
    estate.wake("ca-2");
    story.ends_well();
}
