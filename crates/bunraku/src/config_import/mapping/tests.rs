//! Whole imports.

use super::*;

fn run(puppet_conf: &str, conf_d: &[(&str, &str)], there: &[&str]) -> Import {
    let file = |name: &str, text: &str| File { name: name.to_string(), text: text.to_string() };
    let exists = |path: &Path| there.iter().any(|known| Path::new(known) == path);
    let host =
        Host { name: "host.example.com".into(), confdir: "/etc/puppetlabs/puppet".into(), exists: &exists };
    let conf_d: Vec<File> = conf_d.iter().map(|(name, text)| file(name, text)).collect();
    import(Some(&file("puppet.conf", puppet_conf)), &conf_d, &host)
}

fn value(import: &Import, key: &str) -> Option<String> {
    let setting = import.settings.iter().find(|setting| setting.key == key)?;
    Some(setting.value.as_str().map_or_else(|| setting.value.to_string(), str::to_string))
}

fn verdict(import: &Import, file: &str, line: usize) -> Verdict {
    let found = import.accounts.iter().find(|account| account.file == file && account.line == line);
    found.unwrap_or_else(|| panic!("{file}:{line} is not accounted for")).verdict.clone()
}

#[test]
fn defaults_are_those_of_puppets_packages() {
    let import = run("", &[], &[]);
    for (key, expected) in [
        ("ssldir", "/etc/puppetlabs/puppet/ssl"),
        ("environmentpath", "/etc/puppetlabs/code/environments"),
        ("server", "host.example.com"),
        ("certname", "host.example.com"),
        ("listen", "0.0.0.0:8140"),
    ] {
        assert_eq!(value(&import, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(import.cadir, "/etc/puppetlabs/puppetserver/ca");
    assert_eq!(value(&import, "autosign"), None);
    let there = ["/etc/puppetlabs/puppet/ssl/ca", "/etc/puppetlabs/puppet/autosign.conf"];
    let import = run("", &[], &there);
    assert_eq!(import.cadir, there[0]);
    assert_eq!(value(&import, "autosign").as_deref(), Some(there[1]));
}

#[test]
fn the_servers_section_counts_and_references_are_followed() {
    let conf = "[main]\ncertname = a.example.com\nvardir = /srv/var\nssldir = $vardir/ssl\n[server]\nautosign = $confdir/sign.rb\n\
                ca_ttl = 3y\nvardir = /srv/other\n[agent]\nserver = b\n[main]\nnode_terminus = exec\nreports = $nosuch\nca_ttl = x\n";
    let import = run(conf, &[], &[]);
    assert_eq!(value(&import, "ssldir").as_deref(), Some("/srv/other/ssl"));
    assert_eq!(value(&import, "reportdir").as_deref(), Some("/srv/other/reports"));
    assert_eq!(value(&import, "autosign").as_deref(), Some("/etc/puppetlabs/puppet/sign.rb"));
    assert_eq!(value(&import, "ca_ttl").as_deref(), Some("3y"));
    assert_eq!(value(&import, "certname").as_deref(), Some("a.example.com"));
    assert_eq!(verdict(&import, "puppet.conf", 3), Verdict::Ignored("[server] in line 8 counts".into()));
    assert_eq!(verdict(&import, "puppet.conf", 7), Verdict::Taken("[ca] ca_ttl".into()));
    assert!(matches!(verdict(&import, "puppet.conf", 10), Verdict::Ignored(_)));
    assert!(matches!(verdict(&import, "puppet.conf", 12), Verdict::NoEquivalent(_)));
    assert!(matches!(verdict(&import, "puppet.conf", 13), Verdict::Refused(_)));
    assert!(matches!(verdict(&import, "puppet.conf", 14), Verdict::Ignored(_)));
}

#[test]
fn the_first_of_several_lines_counts_as_in_puppet() {
    let import = run("ca_ttl = 1y\nca_ttl = 2y\n[server]\nautosign = yes\n[main]\nca_ttl = 3y\n", &[], &[]);
    assert_eq!(value(&import, "ca_ttl").as_deref(), Some("1y"));
    for line in [2, 6] {
        assert_eq!(
            verdict(&import, "puppet.conf", line),
            Verdict::Ignored("[main] in line 1 counts".into()),
            "{line}"
        );
    }
    // Puppet refuses to start with it; a file named 'yes' is not meant.
    assert!(matches!(verdict(&import, "puppet.conf", 4), Verdict::Refused(_)));
    assert_eq!(value(&import, "autosign"), None);
}

#[test]
fn a_policy_executable_keeps_its_gems() {
    let server =
        "jruby-puppet: {\n gem-home: /var/gems\n gem-path: [${jruby-puppet.gem-home}, \"/usr/gems\"]\n}\n";
    let import = run("", &[("puppetserver.conf", server)], &[]);
    assert_eq!(value(&import, "autosign_gem_path").as_deref(), Some("/var/gems:/usr/gems"));
    let import = run("", &[("puppetserver.conf", "jruby-puppet: {\n gem-path: [${HOME}/gems]\n}\n")], &[]);
    assert!(matches!(verdict(&import, "puppetserver.conf", 2), Verdict::Refused(_)));
}

#[test]
fn conf_d_is_accounted_for_line_by_line() {
    let ca = "certificate-authority: {\n allow-subject-alt-names: true\n allow-auto-renewal: maybe\n auto-renewal-cert-ttl: 30d\n \
              unheard-of: 1\n}\n";
    let web = "webserver: {\n client-auth: want\n ssl-host: \"::\"\n ssl-port: 8141\n ssl-cert: ${x}\n}\n";
    let server = "jruby-puppet: {\n server-code-dir: /srv/code\n max-active-instances: 4\n}\nprofiler: {}\n";
    let auth = "authorization: {\n version: 1\n rules: [\n  { match-request: { path: \"/\", type: path }, deny: \"*\", sort-order: 999, name: all },\n  \
                { match-request: { path: \"/\", type: path }, allow: \"*\", name: open, sort-order: 400 },\n ]\n}\n";
    let files = [
        ("ca.conf", ca),
        ("webserver.conf", web),
        ("puppetserver.conf", server),
        ("auth.conf", auth),
        ("x.conf", "a: ["),
    ];
    let import = run("codedir = /nowhere\nmasterport = 8150\n", &files, &[]);
    assert_eq!(value(&import, "allow_subject_alt_names").as_deref(), Some("true"));
    assert_eq!(value(&import, "auto_renewal_cert_ttl").as_deref(), Some("30d"));
    assert_eq!(value(&import, "listen").as_deref(), Some("[::]:8141"));
    assert_eq!(value(&import, "environmentpath").as_deref(), Some("/srv/code/environments"));
    for (file, line) in [("ca.conf", 3), ("webserver.conf", 5), ("x.conf", 1)] {
        assert!(matches!(verdict(&import, file, line), Verdict::Refused(_)), "{file}:{line}");
    }
    for (file, line) in [("ca.conf", 5), ("puppetserver.conf", 3), ("puppetserver.conf", 5)] {
        assert!(matches!(verdict(&import, file, line), Verdict::NoEquivalent(_)), "{file}:{line}");
    }
    // The other packaged rules are not there: all that are there are written down.
    for line in [4, 5] {
        assert_eq!(verdict(&import, "auth.conf", line), Verdict::Taken("[[access.rule]]".into()), "{line}");
    }
    for (file, line) in [("auth.conf", 2), ("webserver.conf", 2)] {
        assert!(matches!(verdict(&import, file, line), Verdict::BuiltIn(_)), "{file}:{line}");
    }
    for line in [1, 2] {
        assert!(matches!(verdict(&import, "puppet.conf", line), Verdict::Ignored(_)), "{line}");
    }
}

#[test]
fn what_is_written_can_be_read_and_means_the_same() {
    let conf = "certname = a.example.com\nca_ttl = 3y\nautosign = true\nlogdir = /var/log/\"quoted\"/x\n";
    let import = run(conf, &[("ca.conf", "certificate-authority { allow-subject-alt-names: true }")], &[]);
    let config =
        crate::config::Config::parse(Path::new("/etc/bunraku/bunraku.toml"), &to_toml(&import)).unwrap();
    assert_eq!(config.front_end.certname, "a.example.com");
    assert_eq!(config.front_end.listen, "0.0.0.0:8140");
    assert_eq!(config.ca.autosign, crate::config::Autosign::Always);
    assert!(config.ca.allow_subject_alt_names);
    assert_eq!(config.ca.ca_ttl.as_secs(), 3 * 365 * 86_400);
    assert_eq!(config.main.logdir, Path::new("/var/log/\"quoted\"/x"));
    assert_eq!(config.ca.members[0].cadir, Path::new("/etc/puppetlabs/puppetserver/ca"));
    assert_eq!(config.ca.members[1].cadir, Path::new("/etc/puppetlabs/puppetserver/ca.standby"));
}

/// What Debian's package brings.
const PACKAGED: &str = "/etc/puppet/puppetserver/conf.d/auth.conf";

#[test]
fn the_packaged_rules_of_puppet_server_are_ours() {
    let text = std::fs::read_to_string(PACKAGED).unwrap_or_else(|fault| {
        panic!("{PACKAGED}: {fault} (Debian's package puppetserver must be installed)")
    });
    let import = run("", &[("auth.conf", &text)], &[]);
    let others: Vec<&Account> =
        import.accounts.iter().filter(|account| !matches!(account.verdict, Verdict::BuiltIn(_))).collect();
    assert!(others.is_empty() && import.accounts.len() > 20, "{others:?}");
    assert!(import.packaged_rules && import.rules.is_empty());
    assert!(!to_toml(&import).contains("access"));
}

#[test]
fn rules_of_ones_own_are_taken_and_the_packaged_ones_kept() {
    let text = std::fs::read_to_string(PACKAGED).unwrap();
    let own = "rules: [\n{ match-request: { path: \"^/puppet/v3/(\\\\w+)\", type: regex, method: GET, query-params: { environment: [a, b] } }\n\
               allow: [ a.example.com, { certname: \"*.b\" }, { extensions: { pp_role: [x, y] } }, { rbac: { permission: \"a:b:c\" } } ]\n\
               deny: { extensions: { subject-alt-name: { dns-name: z } } }, sort-order: 100, name: mine }\n\
               { match-request: { path: /x, type: path }, allow: { rbac: { permission: \"a:b:c\" } }, sort-order: 7, name: permitted }\n";
    let import = run("", &[("auth.conf", &text.replacen("rules: [", own, 1))], &[]);
    assert!(import.packaged_rules);
    let config =
        crate::config::Config::parse(Path::new("/etc/bunraku/bunraku.toml"), &to_toml(&import)).unwrap();
    let taken: Vec<access::Rule> = import.rules.iter().map(|(rule, _)| rule.clone()).collect();
    assert_eq!(config.access.own, taken);
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].place, access::Place::Regex("^/puppet/v3/(\\w+)".into()));
    assert_eq!(taken[0].query, [("environment".to_string(), vec!["a".to_string(), "b".into()])]);
    assert_eq!(taken[0].allow.len(), 3);
    assert_eq!(taken[1].deny, [access::Whom::Name("*".into())], "nobody has a permission of RBAC");
    let said: Vec<&Verdict> = import.accounts.iter().map(|account| &account.verdict).collect();
    let without =
        |verdict: &&&Verdict| matches!(verdict, Verdict::Taken(text) if text.contains("without permission"));
    assert_eq!(said.iter().filter(without).count(), 2, "{said:?}");
    // One taken out: then the packaged ones do not hold.
    let fewer = text
        .replace("sort-order: 999", "sort-order: 998")
        .replace("/puppet-ca/v1/clean", "/puppet-ca/v1/clear");
    let renamed = fewer.replace("puppetlabs cert clean", "other");
    let import = run("", &[("auth.conf", &renamed)], &[]);
    assert!(!import.packaged_rules);
    let config =
        crate::config::Config::parse(Path::new("/etc/bunraku/bunraku.toml"), &to_toml(&import)).unwrap();
    assert!(!config.access.packaged && config.access.own.len() == import.rules.len());
}
