//! `bunraku config import` on files as they are found on a machine.

use std::process::Command;

use super::deployment::{BUNRAKU, text};

const CA_CONF: &str = "# what Puppet Server may sign\ncertificate-authority: {\n    allow-subject-alt-names: true\n    \
                       proxy-config: none\n}\n";

#[test]
fn every_line_of_a_puppet_server_is_accounted_for() {
    let root = tempfile::tempdir().unwrap();
    let conf_d = root.path().join("puppetserver/conf.d");
    std::fs::create_dir_all(&conf_d).unwrap();
    let puppet_conf = root.path().join("puppet.conf");
    std::fs::write(
        &puppet_conf,
        "[main]\ncertname = a.example.com\nssldir = $confdir/ssl\nhiera_config = x\n",
    )
    .unwrap();
    std::fs::write(conf_d.join("ca.conf"), CA_CONF).unwrap();
    std::fs::write(conf_d.join("webserver.conf"), "webserver: {\n    ssl-port = 8150\n}\n").unwrap();
    let output = root.path().join("bunraku.toml");
    let run = || {
        Command::new(BUNRAKU)
            .args(["config", "import", "--puppet-conf"])
            .arg(&puppet_conf)
            .arg("--puppetserver-dir")
            .arg(root.path().join("puppetserver"))
            .arg("--output")
            .arg(&output)
            .output()
            .unwrap()
    };
    let done = run();
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let here = root.path().display().to_string();
    assert_eq!(
        text(&done.stdout).replace(&here, "HERE"),
        "HERE/puppet.conf:2: [main] certname = a.example.com: taken: [front_end] certname, [main] server\n\
         HERE/puppet.conf:3: [main] ssldir = $confdir/ssl: taken: [main] ssldir\n\
         HERE/puppet.conf:4: [main] hiera_config = x: no equivalent: Hiera is not supported\n\
         HERE/puppetserver/conf.d/ca.conf:3: certificate-authority.allow-subject-alt-names: true: taken: [ca] \
         allow_subject_alt_names\n\
         HERE/puppetserver/conf.d/ca.conf:4: certificate-authority.proxy-config: none: no equivalent: no setting of \
         Bunraku has this effect\n\
         HERE/puppetserver/conf.d/webserver.conf:2: webserver.ssl-port: 8150: taken: [front_end] listen\n"
    );
    let print = |names: &[&str]| {
        let output = Command::new(BUNRAKU)
            .args(["--config"])
            .arg(&output)
            .args(["config", "print"])
            .args(names)
            .output();
        text(&output.unwrap().stdout)
    };
    assert_eq!(print(&["ssldir"]).trim(), root.path().join("ssl").display().to_string());
    assert_eq!(print(&["listen", "--section", "front_end"]), "0.0.0.0:8150\n");
    assert_eq!(print(&["allow_subject_alt_names"]), "true\n");
    // A file that is there is an operator's work.
    let again = run();
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("could not write"), "{}", text(&again.stderr));
}
