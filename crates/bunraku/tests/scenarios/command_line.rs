//! The command line, by its outputs and exit codes.

use super::agents::{Agent, Kind};
use super::deployment::{BUNRAKU, Deployment, text, wait_until};
use std::time::Duration;

#[test]
fn certificates_are_listed_signed_revoked_and_cleaned_as_puppetserver_ca_does() {
    let deployment = Deployment::start(21_140, &[]);
    let nothing = deployment.bunraku(&["ca", "sign", "--all"]);
    assert_eq!(nothing.status.code(), Some(24));
    assert!(text(&nothing.stderr).contains("No waiting certificate requests to sign"));
    assert_eq!(deployment.bunraku_ok(&["ca", "list"]), "No certificates to list\n");

    let agent = Agent::new(Kind::Bunraku, "one.example.com", &deployment);
    assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
    let missing = deployment.bunraku(&["ca", "list", "--certname", "one.example.com,nosuch.example.com"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stdout).ends_with("Missing Certificates:\n    nosuch.example.com\n"));

    assert_eq!(
        deployment.bunraku_ok(&["ca", "sign", "--all"]),
        "Successfully signed certificate request for one.example.com\n"
    );
    let again = deployment.bunraku(&["ca", "sign", "--certname", "one.example.com"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains(
        "code: 409\n      body: Cannot sign certificate for host one.example.com without a certificate request"
    ));

    let all = deployment.bunraku_ok(&["ca", "list", "--all", "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    let signed: Vec<&str> =
        all["signed"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(signed.contains(&"one.example.com") && signed.contains(&"bunraku-operator"), "{signed:?}");

    assert_eq!(
        deployment.bunraku_ok(&["ca", "revoke", "--certname", "one.example.com"]),
        "Certificate for one.example.com has been revoked\n"
    );
    // The revoked node is refused from now on.
    let refused = agent.run(&[]);
    assert_eq!(refused.code, 1, "{}", refused.said);

    assert_eq!(
        deployment.bunraku_ok(&["ca", "clean", "--certname", "one.example.com"]),
        "Certificate for one.example.com has been revoked\nCleaned files related to one.example.com\n"
    );
    let gone = deployment.bunraku(&["ca", "clean", "--certname", "one.example.com"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains("Could not find files to clean for one.example.com"));
}

#[test]
fn names_that_only_wait_are_told_from_others_by_exit_code_24() {
    let deployment = Deployment::start(21_140, &[]);
    for name in ["waits.example.com", "other.example.com"] {
        let agent = Agent::new(Kind::Bunraku, name, &deployment);
        assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
    }
    let code = |args: &[&str]| {
        let output = deployment.bunraku(&[&["ca"], args].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(
        code(&["revoke", "--certname", "waits.example.com"]),
        (Some(24), String::new(), "Error:\n    Could not revoke unsigned csr for waits.example.com\n".into())
    );
    let (worst, _, said) = code(&["revoke", "--certname", "waits.example.com,nosuch.example.com"]);
    assert_eq!(worst, Some(1));
    assert!(said.ends_with("Error:\n    Could not find certificate for nosuch.example.com\n"), "{said}");
    assert_eq!(
        code(&["clean", "--certname", "waits.example.com"]),
        (Some(24), "Cleaned files related to waits.example.com\n".into(), String::new())
    );
    // A member that decides nothing is named once, with what to do; not once for each name.
    let standby = deployment.standby_dir().display().to_string();
    let (failed, _, said) =
        code(&["revoke", "--cadir", &standby, "--certname", "a.example.com,b.example.com"]);
    assert_eq!(failed, Some(1));
    assert_eq!(said.matches("is a standby; the primary is ca-1").count(), 1, "{said}");
    assert!(said.contains("Leave --cadir out"), "{said}");
    let (failed, out, _) = code(&["sign", "--json", "--certname", "other.example.com,nosuch.example.com"]);
    assert_eq!(failed, Some(1));
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let message = "Could not find certificate request for nosuch.example.com";
    let expected = serde_json::json!({
        "signed": ["other.example.com"],
        "errors": [{"message": message, "certname": "nosuch.example.com"}],
    });
    assert_eq!(told, expected);
    for wrong in [
        &["sign"][..],
        &["sign", "--all", "--certname", "a"],
        &["sign", "--certname=--all"],
        &["sign", "--certname", "a", "--ttl", "1x"],
        &["revoke", "--certname=--config"],
        &["clean"],
        &["list", "--format", "yaml"],
        &["nosuch"],
    ] {
        assert_eq!(code(wrong).0, Some(1), "{wrong:?}");
    }
}

#[test]
fn certificates_are_generated_through_the_ca() {
    let deployment = Deployment::start(21_140, &[]);
    let ssl = deployment.dir().join("ssl").canonicalize().unwrap();
    let made = deployment.bunraku(&[
        "ca",
        "generate",
        "--certname",
        "gen1.example.com",
        "--ttl",
        "1d",
        "--key",
        "ec",
    ]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let place = |folder: &str| ssl.join(folder).join("gen1.example.com.pem").display().to_string();
    let (key, public, certificate) = (place("private_keys"), place("public_keys"), place("certs"));
    assert_eq!(
        text(&made.stdout),
        format!(
            "Successfully saved private key for gen1.example.com to {key}\n\
             Successfully saved public key for gen1.example.com to {public}\n\
             Successfully submitted certificate request for gen1.example.com\n\
             Successfully signed certificate request for gen1.example.com\n\
             Successfully saved certificate for gen1.example.com to {certificate}\n"
        )
    );
    assert_eq!(text(&made.stderr), "");
    let again = deployment.bunraku(&["ca", "generate", "--certname", "gen1.example.com"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).starts_with(&format!("Error:\nExisting file at '{certificate}'\n")));
    // More names than its own need an operator's leave, and the key is kept until there is one.
    let more = [
        "ca",
        "generate",
        "--key",
        "ec",
        "--certname",
        "gen2.example.com",
        "--subject-alt-names",
        "x,IP:10.0.0.9",
    ];
    let refused = deployment.bunraku(&more);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains(
            "code: 409\n      body: CSR 'gen2.example.com' contains extra subject alternative names"
        ),
        "{said}"
    );
    assert!(
        said.ends_with("    Signed certificate gen2.example.com could not be found on the CA\n"),
        "{said}"
    );
    assert!(ssl.join("private_keys/gen2.example.com.pem").exists());
    let upper = deployment.bunraku(&["ca", "generate", "--certname", "Gen3.example.com"]);
    assert!(text(&upper.stderr).starts_with("Error:\n    Certificate names must be lower case\n"));
    // Somebody who may operate the CA is made only while it is stopped.
    let client = deployment.bunraku(&["ca", "generate", "--certname", "gen4.example.com", "--ca-client"]);
    assert_eq!(client.status.code(), Some(1));
    assert!(text(&client.stderr).contains("Please stop it before attempting to run this command."));
}

#[test]
fn the_real_puppetserver_ca_command_works_against_the_deployment() {
    let deployment = Deployment::start(21_140, &[]);
    let agent = Agent::new(Kind::Bunraku, "two.example.com", &deployment);
    assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
    let conf = deployment.scratch("cli").join("puppet.conf");
    let ssl = deployment.dir().join("ssl");
    let settings = format!(
        "[main]\ncertname = bunraku-operator\nserver = localhost\nca_server = localhost\nserverport = {port}\n\
         ca_port = {port}\nmasterport = {port}\nssldir = {ssl}\ncadir = {ssl}/ca\n",
        port = deployment.port,
        ssl = ssl.display()
    );
    std::fs::write(&conf, settings).unwrap();
    let run = |action: &[&str]| {
        let script = "require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)";
        let output = std::process::Command::new("ruby")
            .args(["-e", script, "--"])
            .args(action)
            .arg("--config")
            .arg(&conf)
            .output()
            .unwrap();
        eprintln!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.code(), text(&output.stdout))
    };
    let (code, listed) = run(&["list"]);
    assert_eq!(code, Some(0));
    // Its text and ours are the same, to the letter.
    assert_eq!(listed, deployment.bunraku_ok(&["ca", "list"]));
    assert!(listed.contains("two.example.com"));
    // The same file says to both where the CA is, and --verbose what is asked of it.
    let ours = |action: &[&str]| {
        let output = std::process::Command::new(BUNRAKU)
            .args([&["ca"], action].concat())
            .arg("--config")
            .arg(&conf)
            .env_remove("BUNRAKU_CONFIG")
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(ours(&["list"]).1, listed);
    let (_, theirs) = run(&["--verbose", "list"]);
    let first = format!(
        "Making a GET request at https://localhost:{}/puppet-ca/v1/certificate_statuses/",
        deployment.port
    );
    for said in [&theirs, &ours(&["--verbose", "list"]).1, &ours(&["list", "--verbose"]).1] {
        assert!(said.starts_with(&first) && said.ends_with(&listed), "{said}");
    }
    let (code, out, err) = ours(&["list", "--verbose", "--json"]);
    assert!(code == Some(0) && out.starts_with('{') && err.starts_with(&first), "{out}{err}");
    let refused =
        std::process::Command::new(BUNRAKU).arg("status").arg("--config").arg(&conf).output().unwrap();
    assert!(
        text(&refused.stderr).contains("bunraku config import --puppet-conf"),
        "{}",
        text(&refused.stderr)
    );
    let (code, signed) = run(&["sign", "--certname", "two.example.com"]);
    assert_eq!(code, Some(0));
    assert_eq!(signed, "Successfully signed certificate request for two.example.com\n");
    let (code, revoked) = run(&["revoke", "--certname", "two.example.com"]);
    assert_eq!((code, revoked.as_str()), (Some(0), "Certificate for two.example.com has been revoked\n"));
    let (code, listed) = run(&["list", "--all"]);
    assert_eq!(code, Some(0));
    assert_eq!(listed, deployment.bunraku_ok(&["ca", "list", "--all"]));
}

#[test]
fn what_needs_the_ca_stopped_is_refused_or_done_by_the_running_one() {
    let mut deployment = Deployment::start(21_140, &[]);
    let cadir = deployment.primary_dir().canonicalize().unwrap();
    let cadir = cadir.display().to_string();
    for verb in
        [&["delete", "--expired"][..], &["enable", "--infracrl"], &["migrate", "--to", "/tmp/nowhere"]]
    {
        for place in [&[][..], &["--cadir", &cadir]] {
            let refused = deployment.bunraku(&[&["ca"], verb, place].concat());
            assert_eq!(refused.status.code(), Some(1), "{verb:?}");
            let said = text(&refused.stderr);
            assert!(said.contains("Please stop it before attempting to run this command."), "{said}");
        }
    }
    let made = ["ca", "generate", "--key", "ec", "--certname", "short.example.com", "--ttl", "10d"];
    assert_eq!(deployment.bunraku(&made).status.code(), Some(0));
    let soon = deployment.bunraku_ok(&["ca", "expiring", "--within", "11d"]);
    assert!(soon.starts_with("what         name ") && soon.contains("short.example.com  "), "{soon}");
    assert_eq!(deployment.bunraku_ok(&["ca", "expiring", "--within", "9d"]), "Nothing ends within 9d.\n");
    let deleted = deployment.bunraku_ok(&["ca", "delete", "--certname", "short.example.com", "--online"]);
    assert!(deleted.ends_with("\n1 certificate deleted.\n"), "{deleted}");
    let standby = deployment.standby_dir().join("signed/short.example.com.pem");
    wait_until("the standby follows", Duration::from_secs(5), || !standby.exists());

    let made = ["ca", "generate", "--key", "ec", "--certname", "back.example.com"];
    assert_eq!(deployment.bunraku(&made).status.code(), Some(0));
    deployment.bunraku_ok(&["ca", "revoke", "--certname", "back.example.com"]);
    let pruned = ["ca", "prune", "--remove-entries", "--certname", "back.example.com", "--online", "--json"];
    assert_eq!(deployment.bunraku_ok(&pruned), "{\"total\":1,\"duplicates\":0,\"removed\":1}\n");
    assert!(!deployment.bunraku_ok(&["ca", "list", "--all"]).contains("Revoked Certificates:"));
    let lists = |cadir: std::path::PathBuf| std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    wait_until("both directories have the new list", Duration::from_secs(5), || {
        lists(deployment.primary_dir()) == lists(deployment.standby_dir())
    });

    // What else has to be stopped for, the running CA does: a client of its own on its own machine alone.
    let client =
        ["ca", "generate", "--ca-client", "--online", "--key", "p256", "--certname", "second-operator"];
    let made = deployment
        .bunraku_ok(&[&client[..], &["--subject-alt-names", "b.example.com", "--ttl", "30d"]].concat());
    assert!(made.contains("Successfully saved certificate for second-operator to"), "{made}");
    let asks = |method: &str, path: &str| {
        let file = |folder: &str| deployment.dir().join("ssl").join(folder).join("second-operator.pem");
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "--cert"]);
        curl.arg(file("certs")).arg("--key").arg(file("private_keys"));
        text(&curl.arg(format!("https://127.0.0.1:{}{path}", deployment.port)).output().unwrap().stdout)
    };
    assert_eq!(asks("GET", "/puppet-ca/v1/certificate_statuses/all"), "200", "it may operate the CA");
    let again = deployment.bunraku(&client);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("Please delete these files"), "{}", text(&again.stderr));
    let logged = deployment.bunraku_ok(&["ca", "log", "--certname", "second-operator", "--json"]);
    assert!(logged.contains("\"local\":true") && logged.contains("--ca-client"), "{logged}");
    let makes = asks("POST", "/bunraku/v1/authority/local/operator");
    assert_eq!(makes, "404", "an operator's certificate makes no operators: nobody passes that on");

    let enable = ["ca", "enable", "--infracrl", "--online"];
    let there = deployment.bunraku(&enable);
    assert_eq!(there.status.code(), Some(1), "a new CA keeps the list from its first day");
    assert!(text(&there.stderr).contains("Existing file at"), "{}", text(&there.stderr));

    // With everything stopped the two members still share their log: neither is changed alone.
    deployment.end();
    for verb in [&["delete", "--expired"][..], &["prune"], &["generate", "--ca-client", "--certname", "x"]] {
        let refused = deployment.bunraku(&[&["ca"], verb, &["--cadir", &cadir]].concat());
        assert_eq!(refused.status.code(), Some(1), "{verb:?}");
        let said = text(&refused.stderr);
        assert!(said.contains("shares its log with"), "{said}");
    }
}

#[test]
fn settings_are_printed_as_puppet_config_print_does() {
    let deployment = Deployment::start(21_140, &[]);
    let cadir = deployment.bunraku_ok(&["config", "print", "cadir"]);
    assert_eq!(cadir.trim(), deployment.primary_dir().canonicalize().unwrap().display().to_string());
    let two = deployment.bunraku_ok(&["config", "print", "ca_ttl", "autosign", "--section", "ca"]);
    assert_eq!(two, "ca_ttl = 157680000\nautosign = false\n");
    assert_eq!(deployment.bunraku(&["config", "print", "nosuch"]).status.code(), Some(1));
}
