//! The audit record as an operator reads and checks it: with the CA at work, stopped, and after somebody was there.

use super::agents::{Agent, Kind};
use super::deployment::{Deployment, text};

#[test]
fn who_did_what_is_shown_and_whoever_touches_the_record_is_found_out() {
    let mut deployment = Deployment::start(21_140, &[]);
    let agent = Agent::new(Kind::Bunraku, "one.example.com", &deployment);
    assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
    deployment.bunraku_ok(&["ca", "sign", "--certname", "one.example.com"]);
    deployment.bunraku_ok(&["ca", "clean", "--certname", "one.example.com"]);

    // 1. As sentences.
    let said = deployment.bunraku_ok(&["ca", "log", "--certname", "one.example.com"]);
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        (" one.example.com requested from 127.0.0.1: autosign", ""),
        (" one.example.com signed (serial 0x", ") by bunraku-operator from 127.0.0.1"),
        (" one.example.com revoked (serial 0x", ") by bunraku-operator from 127.0.0.1"),
        (" one.example.com deleted (serial 0x", ") by bunraku-operator from 127.0.0.1"),
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, (begin, end)) in lines.iter().zip(expected) {
        assert!(line[19..].starts_with(begin) && line.ends_with(end), "{line}");
    }
    let last = deployment.bunraku_ok(&["ca", "log", "--actor", "bunraku-operator", "--last", "1"]);
    assert_eq!(last.trim_end(), lines[3]);
    assert_eq!(deployment.bunraku_ok(&["ca", "log", "--since", "2999-01-01"]), "");
    let json = deployment.bunraku_ok(&["ca", "log", "--certname", "one.example.com", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let records = json["records"].as_array().unwrap();
    assert_eq!((records.len(), records[1]["event"].as_str()), (4, Some("signed")));
    let serial = records[1]["serial"].as_str().unwrap();
    let by_serial = deployment.bunraku_ok(&["ca", "log", "--serial", &format!("0x{serial}")]);
    assert_eq!(by_serial.lines().collect::<Vec<_>>(), lines[1..]);

    // 2. Checked, with the CA at work; the standby's too, which was fed by a snapshot.
    let whole = deployment.bunraku_ok(&["ca", "log", "--verify"]);
    assert!(whole.ends_with("The record is whole, compared with the running CA.\n"), "{whole}");
    let head = whole.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    let standby = deployment.standby_dir().display().to_string();
    let theirs = deployment.bunraku_ok(&["ca", "log", "--verify", "--cadir", &standby]);
    assert!(theirs.contains(&format!("head {head}\n")) && theirs.contains("not held here: "), "{theirs}");
    assert_eq!(deployment.bunraku_ok(&["ca", "log", "--verify", "--head", &head]).lines().count(), 4);

    // 3. Stopped.
    deployment.end();
    let cadir = deployment.primary_dir();
    let verify = |flags: &[&str]| {
        let place = cadir.display().to_string();
        deployment.bunraku(&[&["ca", "log", "--verify", "--cadir", &place], flags].concat())
    };
    let whole = verify(&["--head", &head]);
    let said = text(&whole.stdout);
    assert_eq!(whole.status.code(), Some(0), "{said}");
    assert!(said.ends_with("It has the line of the head that was given.\n"), "{said}");

    // 4. Somebody changes one octet.
    let file = cadir.join("bunraku/audit/000000000001.jsonl");
    let bytes = std::fs::read(&file).unwrap();
    let at = 200;
    let mut changed = bytes.clone();
    changed[at] ^= 1;
    std::fs::write(&file, &changed).unwrap();
    let damaged = verify(&["--json"]);
    assert_eq!(damaged.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&damaged.stdout).unwrap();
    let line = bytes[..at].iter().filter(|octet| **octet == b'\n').count() + 1;
    assert_eq!((&found["whole"], &found["damages"][0]["line"]), (&false.into(), &line.into()), "{found}");
    let fsck = deployment.bunraku(&["ca", "fsck", "--cadir", &cadir.display().to_string()]);
    assert_eq!(fsck.status.code(), Some(4));
    let problem = format!("problem: bunraku/audit/000000000001.jsonl line {line} ");
    assert!(text(&fsck.stdout).contains(&problem), "{}", text(&fsck.stdout));

    // 5. Or cuts off the end.
    let end = bytes[..bytes.len() - 1].iter().rposition(|octet| *octet == b'\n').unwrap() + 1;
    std::fs::write(&file, &bytes[..end]).unwrap();
    let cut = verify(&[]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut.stdout).contains("missing: line "), "{}", text(&cut.stdout));
}
