//! A CA directory that Puppet's own command line has made is taken over as it is.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::agents::{Agent, BOTH};
use super::deployment::{Deployment, text, wait_until};

#[test]
fn an_existing_ca_directory_of_puppet_is_taken_over() {
    let deployment = Deployment::start_prepared(21_140, &[], |root| {
        puppets_setup(root);
        configure(root, &[("autosign = false", "autosign = true")]);
    });
    let cadir = deployment.root().join("ca");
    let before = std::fs::read(cadir.join("ca_crt.pem")).unwrap();

    // What Puppet had signed is known, and what was the next serial is used next.
    let listed = deployment.bunraku_ok(&["ca", "list", "--all"]);
    assert!(listed.contains("    puppet.example.com "), "{listed}");
    let inventory = std::fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let lines: Vec<&str> = inventory.lines().collect();
    assert!(lines[0].starts_with("0x0001 ") && lines[0].ends_with(" /CN=puppet.example.com"), "{inventory}");
    assert!(lines[1].starts_with("0x0002 "), "{inventory}");

    for kind in BOTH {
        let certname = format!("adopted-{kind:?}.example.com").to_lowercase();
        let run = Agent::new(kind, &certname, &deployment).run(&[]);
        assert!(matches!(run.code, 0 | 2), "{}", run.said);
        // The new certificates hang on Puppet's root, through its intermediate CA.
        for dir in [&cadir, &deployment.standby_dir()] {
            // The standby's log has it; its directory follows.
            let certificate = dir.join("signed").join(format!("{certname}.pem"));
            wait_until("the certificate is in the directory", Duration::from_secs(10), || {
                certificate.exists()
            });
            let verified = Command::new("openssl")
                .args(["verify", "-CAfile"])
                .arg(dir.join("ca_crt.pem"))
                .arg(&certificate)
                .output()
                .unwrap();
            assert!(verified.status.success(), "{}", text(&verified.stderr));
        }
    }
    assert_eq!(std::fs::read(cadir.join("ca_crt.pem")).unwrap(), before);
}

/// The example configuration on the scenarios' ports, with the CA directory `root/ca` and some lines changed.
pub fn configure(root: &Path, changes: &[(&str, &str)]) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bunraku.example.toml");
    let mut config = std::fs::read_to_string(example).unwrap();
    for (from, to) in [&[("8140\"", "21140\""), ("1814", "3114")], changes].concat() {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    let config = config.replace("\"127.0.0.1:121140\"", "\"127.0.0.1:31140\"");
    let config = config.replace("cadir = \"ssl/ca\"", &format!("cadir = \"{}/ca\"", root.display()));
    std::fs::create_dir(root.join("data")).unwrap();
    std::fs::write(root.join("data/bunraku.toml"), config).unwrap();
}

/// `puppetserver ca setup`: root, intermediate CA and a server certificate in `root/ca`.
fn puppets_setup(root: &Path) {
    let conf = root.join("puppet.conf");
    let place = root.display();
    let settings = format!(
        "[main]\ncertname = puppet.example.com\nssldir = {place}/ssl\ncadir = {place}/ca\nconfdir = {place}\n\
         vardir = {place}/var\nkeylength = 2048\n"
    );
    std::fs::write(&conf, settings).unwrap();
    let script = "require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)";
    let output =
        Command::new("ruby").args(["-e", script, "--", "setup", "--config"]).arg(&conf).output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
