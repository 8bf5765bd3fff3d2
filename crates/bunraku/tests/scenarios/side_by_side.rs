//! The offline verbs and the real `puppetserver ca`, each on its own copy of the same files: what they say, how they
//! end and what they leave must be the same.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::deployment::{BUNRAKU, text};

/// Two folders, `puppet` and `bunraku`, one for each program.
pub struct Pair {
    root: tempfile::TempDir,
}

/// What a run looked like from outside; paths of either folder read `HERE`.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Pair {
    pub fn new() -> Pair {
        let pair = Pair { root: tempfile::tempdir().unwrap() };
        for folder in ["puppet", "bunraku"] {
            let place = pair.folder(folder);
            std::fs::create_dir(&place).unwrap();
            let place = place.display();
            // Nothing listens there: the real one asks before it works on a directory.
            let settings = format!(
                "[main]\ncertname = puppet.example.com\nserver = localhost\nserverport = 9\nssldir = {place}/ssl\n\
                 cadir = {place}/ca\nconfdir = {place}\nvardir = {place}/var\nkeylength = 2048\n"
            );
            std::fs::write(pair.folder(folder).join("puppet.conf"), settings).unwrap();
        }
        pair
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The real program, under the umask that its packages give it.
    pub fn puppets(&self, args: &[&str]) -> Seen {
        let script = "umask 027; exec ruby -e \
                      \"require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)\" -- \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).args(args).arg("--config").arg(self.folder("puppet/puppet.conf"));
        self.seen("puppet", &command.output().unwrap())
    }

    /// Ours: with the same file where the other reads it, too; directly on the directory where the other asks a server.
    pub fn bunrakus(&self, args: &[&str]) -> Seen {
        let place = self.folder("bunraku");
        let mut command = Command::new(BUNRAKU);
        command.arg("ca").args(args);
        let through_server = args.contains(&"generate") && !args.contains(&"--ca-client");
        if through_server || ["list", "sign", "revoke", "clean", "delete", "expiring"].contains(&args[0]) {
            command.arg("--cadir").arg(place.join("ca"));
            if through_server {
                command.arg("--ssldir").arg(place.join("ssl"));
            }
        } else {
            command.arg("--config").arg(place.join("puppet.conf"));
        }
        command.env_remove("BUNRAKU_CONFIG").current_dir(self.root.path());
        self.seen("bunraku", &command.output().unwrap())
    }

    fn seen(&self, folder: &str, output: &Output) -> Seen {
        let place = self.folder(folder).display().to_string();
        let here = |bytes: &[u8]| text(bytes).replace(&place, "HERE");
        Seen { code: output.status.code(), out: here(&output.stdout), err: here(&output.stderr) }
    }

    /// Runs both; they must say and end the same.
    pub fn both(&self, args: &[&str]) -> Seen {
        let (theirs, ours) = (self.puppets(args), self.bunrakus(args));
        assert_eq!(theirs, ours, "{args:?}");
        ours
    }

    /// The folder of the real program becomes a copy of ours, log and all left out.
    pub fn copy_to_puppet(&self) {
        for part in ["ca", "ssl"] {
            let (from, to) = (self.folder("bunraku").join(part), self.folder("puppet").join(part));
            let _ = std::fs::remove_dir_all(&to);
            assert!(Command::new("cp").arg("-a").arg(&from).arg(&to).status().unwrap().success());
        }
        let _ = std::fs::remove_dir_all(self.folder("puppet/ca/bunraku"));
    }

    /// Names, modes and owners of everything below a folder, but for what is ours alone.
    pub fn listing(&self, folder: &str) -> Vec<String> {
        use std::os::unix::fs::MetadataExt;
        let root = self.folder(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with("ca/bunraku") {
                    continue;
                }
                let about = path.symlink_metadata().unwrap();
                let name = path.strip_prefix(&root).unwrap().display();
                let mode = about.permissions().mode() & 0o777;
                found.push(format!("{name} {mode:o} {}:{}", about.uid(), about.gid()));
                if about.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Both folders hold the same files, with the same modes and owners.
    pub fn same_files(&self) {
        assert_eq!(self.listing("puppet"), self.listing("bunraku"));
    }
}

/// What openssl shows of the objects of a file, without keys, signatures, their digests, dates and the root's digits.
pub fn dump(path: &Path) -> String {
    let pem = std::fs::read_to_string(path).unwrap();
    let kind = if pem.contains("X509 CRL") { "crl" } else { "x509" };
    let mut dump = String::new();
    for block in pem
        .split_inclusive("-----END X509 CRL-----\n")
        .flat_map(|p| p.split_inclusive("-----END CERTIFICATE-----\n"))
    {
        let mut openssl = Command::new("openssl")
            .args([kind, "-noout", "-text"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), block.as_bytes()).unwrap();
        dump.push_str(&text(&openssl.wait_with_output().unwrap().stdout));
    }
    let hex = |line: &str| {
        let line = line.trim().trim_start_matches("keyid:");
        line.len() > 1 && line.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
    };
    let dates = ["Not Before", "Not After", "Last Update", "Next Update", "Revocation Date", "Public-Key:"];
    let kept = dump.lines().filter(|line| !hex(line) && !dates.iter().any(|word| line.contains(word)));
    kept.map(|line| match line.split_once("Puppet Root CA: ") {
        Some((before, _)) => format!("{before}Puppet Root CA\n"),
        None => format!("{line}\n"),
    })
    .collect()
}

fn same_dump(pair: &Pair, name: &str) {
    assert_eq!(dump(&pair.folder("puppet").join(name)), dump(&pair.folder("bunraku").join(name)), "{name}");
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn setup_leaves_what_puppetserver_ca_leaves() {
    let pair = Pair::new();
    let named = [
        "setup",
        "--certname",
        "puppet.example.com",
        "--subject-alt-names",
        "puppet,IP:192.0.2.7,b.example.com",
    ];
    let made = pair.both(&named);
    assert_eq!(
        (made.code, made.out.as_str()),
        (Some(0), "Generation succeeded. Find your files in HERE/ca\n")
    );
    pair.same_files();
    for name in ["ca/ca_crt.pem", "ca/signed/puppet.example.com.pem", "ca/ca_crl.pem", "ca/infra_crl.pem"] {
        same_dump(&pair, name);
    }
    for (one, other) in [("ssl/certs/ca.pem", "ca/ca_crt.pem"), ("ssl/crl.pem", "ca/ca_crl.pem")] {
        let of = |name: &str| read(pair.folder("bunraku").join(name));
        assert_eq!(of(one), of(other));
    }
    for name in ["ca/serial", "ca/infra_inventory.txt", "ca/infra_serials"] {
        assert_eq!(read(pair.folder("puppet").join(name)), read(pair.folder("bunraku").join(name)), "{name}");
    }
    let line = read(pair.folder("bunraku/ca/inventory.txt"));
    assert!(line.starts_with("0x0001 ") && line.ends_with("UTC /CN=puppet.example.com\n"), "{line}");
    for name in ["ca/ca_key.pem", "ca/root_key.pem", "ssl/private_keys/puppet.example.com.pem"] {
        assert!(read(pair.folder("bunraku").join(name)).starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    }
    // A second one touches nothing.
    let again = pair.both(&named);
    assert_eq!(again.code, Some(1));
    assert!(again.err.starts_with("Error:\nExisting file at 'HERE/ca/ca_crt.pem'\n"), "{}", again.err);
}

#[test]
fn a_puppet_conf_says_what_the_flags_leave_open() {
    let pair = Pair::new();
    for folder in ["puppet", "bunraku"] {
        let path = pair.folder(folder).join("puppet.conf");
        let more = "dns_alt_names = b.example.com,a.example.com\nca_name = Our-CA\n\n[server]\nca_ttl = 3y\n";
        std::fs::write(&path, read(path.clone()) + more).unwrap();
    }
    let made = pair.both(&["setup"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    pair.same_files();
    for name in ["ca/ca_crt.pem", "ca/signed/puppet.example.com.pem", "ca/ca_crl.pem"] {
        same_dump(&pair, name);
    }
    let certificate = |folder: &str| {
        let path = pair.folder(folder).join("ca/signed/puppet.example.com.pem");
        let mut openssl = Command::new("openssl");
        openssl.args(["x509", "-noout", "-text", "-in"]).arg(path);
        text(&openssl.output().unwrap().stdout)
    };
    for folder in ["puppet", "bunraku"] {
        assert!(certificate(folder).contains("Public-Key: (2048 bit)"), "{folder}");
        let until = certificate(folder).lines().find(|line| line.contains("Not After")).unwrap().to_string();
        let year = until.split_whitespace().rev().nth(1).unwrap().parse::<i32>().unwrap();
        let now = text(&Command::new("date").args(["-u", "+%Y"]).output().unwrap().stdout);
        assert!((2..=3).contains(&(year - now.trim().parse::<i32>().unwrap())), "{folder}: {until}");
    }
    // What ours cannot follow is refused; what cannot be read, with the same words.
    let path = pair.folder("bunraku/puppet.conf");
    std::fs::write(&path, read(path.clone()) + "signeddir = /elsewhere\n").unwrap();
    let refused = pair.bunrakus(&["prune"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("signeddir = /elsewhere"), "{}", refused.err);
    for folder in ["puppet", "bunraku"] {
        std::fs::remove_file(pair.folder(folder).join("puppet.conf")).unwrap();
    }
    let (theirs, ours) = (pair.puppets(&["prune"]), pair.bunrakus(&["prune"]));
    assert_eq!((theirs.code, ours.code), (Some(1), Some(1)));
    assert!(theirs.err.starts_with(&ours.err), "{} {}", theirs.err, ours.err);
}

#[test]
fn setup_uses_the_host_key_that_is_there_but_no_half_of_one() {
    let pair = Pair::new();
    for folder in ["puppet", "bunraku"] {
        let keys = pair.folder(folder).join("ssl/public_keys");
        std::fs::create_dir_all(&keys).unwrap();
        std::fs::write(keys.join("puppet.example.com.pem"), "half").unwrap();
    }
    let setup = ["setup", "--certname", "puppet.example.com"];
    let (theirs, half) = (pair.puppets(&setup), pair.bunrakus(&setup));
    assert_eq!((theirs.code, half.code), (Some(1), Some(1)));
    // They say it twice.
    assert!(theirs.err.starts_with(&half.err), "{}", theirs.err);
    assert!(
        half.err.contains("Missing private key to match public key at HERE/ssl/public_keys/"),
        "{}",
        half.err
    );
    let ssl = pair.folder("bunraku/ssl");
    let key = "private_keys/puppet.example.com.pem";
    std::fs::create_dir_all(ssl.join("private_keys")).unwrap();
    new_ec_key(&ssl.join(key));
    let before = read(ssl.join(key));
    let ours = pair.bunrakus(&["setup", "--certname", "puppet.example.com", "--key", "ec"]);
    assert_eq!(ours.code, Some(0), "{}", ours.err);
    assert_eq!(read(ssl.join(key)), before);
}

fn new_ec_key(path: &Path) {
    let arguments = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"];
    assert!(Command::new("openssl").args(arguments).arg(path).status().unwrap().success());
}

#[test]
fn import_takes_what_puppetserver_ca_takes() {
    let source = Pair::new();
    let made =
        source.bunrakus(&["setup", "--certname", "x.example.com", "--ca-name", "Ext Int CA", "--key", "ec"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let from = |name: &str| source.folder("bunraku/ca").join(name).display().to_string();
    let (bundle, key, root_key, lists) =
        (from("ca_crt.pem"), from("ca_key.pem"), from("root_key.pem"), from("ca_crl.pem"));
    let import = |bundle: &str, key: &str, lists: &str| {
        [
            "import",
            "--certname",
            "puppet.example.com",
            "--cert-bundle",
            bundle,
            "--private-key",
            key,
            "--crl-chain",
            lists,
        ]
        .map(str::to_string)
        .to_vec()
    };
    let run = |pair: &Pair, args: &[String]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        (pair.puppets(&args), pair.bunrakus(&args))
    };

    // 1. As it should be.
    let pair = Pair::new();
    let (theirs, ours) = run(&pair, &import(&bundle, &key, &lists));
    assert_eq!(theirs, ours);
    assert_eq!(ours.out, "Import succeeded. Find your files in HERE/ca\n");
    pair.same_files();
    for name in ["ca/signed/puppet.example.com.pem", "ca/ca_crt.pem", "ca/ca_crl.pem", "ca/infra_crl.pem"] {
        same_dump(&pair, name);
    }
    for name in ["ca/ca_crt.pem", "ca/ca_crl.pem", "ca/serial"] {
        assert_eq!(read(pair.folder("puppet").join(name)), read(pair.folder("bunraku").join(name)), "{name}");
    }
    let listed = pair.bunrakus(&["list", "--all"]);
    assert!(listed.out.contains("    puppet.example.com "), "{}{}", listed.out, listed.err);

    // 2. The root's list alone: one is made for the CA that signs.
    let text = read(PathBuf::from(&lists));
    let root_list = source.folder("root_crl.pem");
    let cut = text.find("-----END X509 CRL-----\n").unwrap() + "-----END X509 CRL-----\n".len();
    std::fs::write(&root_list, &text[cut..]).unwrap();
    let pair = Pair::new();
    let (theirs, ours) = run(&pair, &import(&bundle, &key, &root_list.display().to_string()));
    assert_eq!(theirs, ours);
    same_dump(&pair, "ca/ca_crl.pem");

    // 3. What is refused, with the same words as far as they are not openssl's own.
    let own_list = source.folder("own_crl.pem");
    std::fs::write(&own_list, &text[..cut]).unwrap();
    let stranger = source.folder("stranger.pem");
    new_ec_key(&stranger);
    let nowhere = source.folder("nowhere.pem").display().to_string();
    let (own_list, stranger) = (own_list.display().to_string(), stranger.display().to_string());
    for (bundle, key, lists, lines) in [
        (&bundle, &key, &own_list, 2),
        (&bundle, &stranger, &lists, 2),
        (&bundle, &key, &nowhere, 2),
        (&lists, &key, &lists, 3),
        (&bundle, &lists, &lists, 2),
        (&bundle, &key, &bundle, 3),
    ] {
        let pair = Pair::new();
        let (theirs, ours) = run(&pair, &import(bundle, key, lists));
        let first = |seen: &Seen| seen.err.lines().take(lines).map(str::to_string).collect::<Vec<_>>();
        assert_eq!((theirs.code, first(&theirs)), (ours.code, first(&ours)), "{}", ours.err);
        assert_eq!(ours.code, Some(1));
        assert!(!pair.folder("bunraku/ca/ca_crt.pem").exists());
    }
    let missing = Pair::new().bunrakus(&["import", "--cert-bundle", &bundle]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.err.contains("--cert-bundle, --private-key, --crl-chain are required"),
        "{}",
        missing.err
    );
    // The root's key belongs to the bundle, too: then the root is the CA that signs.
    let pair = Pair::new();
    let (theirs, ours) = run(&pair, &import(&bundle, &root_key, &lists));
    assert_eq!(theirs, ours);
    same_dump(&pair, "ca/signed/puppet.example.com.pem");
}

#[test]
fn clients_of_the_ca_get_the_same_certificate_offline() {
    let pair = Pair::new();
    assert_eq!(pair.bunrakus(&["setup", "--certname", "puppet.example.com", "--key", "ec"]).code, Some(0));
    pair.copy_to_puppet();
    let args = ["generate", "--ca-client", "--certname", "ca3.example.com,ca2.example.com"];
    let args = [&args[..], &["--subject-alt-names", "foo.example.com,IP:10.1.1.1"]].concat();
    let seen = pair.both(&args);
    assert_eq!(seen.code, Some(0));
    let (theirs, ours) = (pair.listing("puppet"), pair.listing("bunraku"));
    let in_ssl = |listing: &[String]| {
        listing.iter().filter(|line| line.starts_with("ssl/")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(in_ssl(&theirs), in_ssl(&ours));
    for name in ["ca/signed/ca3.example.com.pem", "ssl/certs/ca2.example.com.pem"] {
        same_dump(&pair, name);
    }
    assert!(dump(&pair.folder("bunraku/ca/signed/ca3.example.com.pem")).contains("1.3.6.1.4.1.34380.1.3.39"));
    // Theirs is in no inventory, so that it could not be revoked without its file; ours is.
    assert!(read(pair.folder("bunraku/ca/inventory.txt")).contains(" /CN=ca3.example.com\n"));
    // Whoever ran it: the log is the one's whose directory this is.
    let owner = |path: &str| {
        use std::os::unix::fs::MetadataExt;
        let about = std::fs::metadata(pair.folder("bunraku/ca").join(path)).unwrap();
        (about.uid(), about.gid())
    };
    for path in ["bunraku", "bunraku/log", "bunraku/lock", "bunraku/snapshot"] {
        assert_eq!(owner(path), owner("."), "{path}");
    }
    let again = pair.both(&args[..4]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("Please delete these files if you really want to generate"), "{}", again.err);
}

#[test]
fn the_infrastructure_list_begins_as_puppetserver_ca_begins_it() {
    let pair = Pair::new();
    assert_eq!(pair.bunrakus(&["setup", "--certname", "puppet.example.com", "--key", "ec"]).code, Some(0));
    pair.copy_to_puppet();
    let enable = ["enable", "--infracrl"];
    let existing = pair.both(&enable);
    assert_eq!(existing.code, Some(1));
    assert!(
        existing.err.starts_with("Error:\nExisting file at 'HERE/ca/infra_crl.pem'\n"),
        "{}",
        existing.err
    );
    for folder in ["puppet", "bunraku"] {
        let cadir = pair.folder(folder).join("ca");
        std::fs::remove_file(cadir.join("infra_crl.pem")).unwrap();
        std::fs::rename(cadir.join("infra_inventory.txt"), cadir.join("kept")).unwrap();
    }
    let (theirs, ours) = (pair.puppets(&enable), pair.bunrakus(&enable));
    // Theirs has a quotation mark too many.
    assert_eq!((theirs.code, theirs.err.replace('"', "")), (ours.code, ours.err));
    for folder in ["puppet", "bunraku"] {
        let cadir = pair.folder(folder).join("ca");
        std::fs::rename(cadir.join("kept"), cadir.join("infra_inventory.txt")).unwrap();
    }
    assert_eq!(pair.both(&enable).out, "Infra CRL files created.\n");
    same_dump(&pair, "ca/infra_crl.pem");
    pair.same_files();
}

#[test]
fn a_directory_moves_and_leaves_a_link() {
    let pair = Pair::new();
    assert_eq!(pair.bunrakus(&["setup", "--certname", "puppet.example.com", "--key", "ec"]).code, Some(0));
    let (from, to) = (pair.folder("bunraku/ca"), pair.folder("bunraku/puppetserver/ca"));
    let to_text = to.display().to_string();
    let moved = pair.bunrakus(&["migrate", "--to", &to_text]);
    assert_eq!(moved.code, Some(0), "{}", moved.err);
    assert_eq!(
        moved.out,
        "CA dir successfully migrated to HERE/puppetserver/ca. Symlink placed at HERE/ca\nfor backwards compatibility. \
         The CA can be safely restarted now.\n"
    );
    assert_eq!(std::fs::read_link(&from).unwrap(), to);
    assert!(pair.bunrakus(&["list", "--all"]).out.contains("puppet.example.com"));
    let again = pair.bunrakus(&["migrate", "--to", &to_text]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.starts_with("Error:\nExisting file at 'HERE/puppetserver/ca'\n"), "{}", again.err);
}

#[test]
fn certificates_are_deleted_by_what_they_are() {
    let pair = Pair::new();
    assert_eq!(pair.bunrakus(&["setup", "--certname", "puppet.example.com", "--key", "ec"]).code, Some(0));
    let made = ["generate", "--key", "ec", "--certname", "a,b,c", "--ttl", "1s"];
    let made = pair.bunrakus(&made);
    assert_eq!(made.code, Some(0), "{}", made.err);
    assert_eq!(pair.bunrakus(&["generate", "--key", "ec", "--certname", "d"]).code, Some(0));
    assert_eq!(pair.bunrakus(&["revoke", "--certname", "d"]).code, Some(0));
    let revoked = pair.bunrakus(&["delete", "--revoked"]);
    assert_eq!(
        (revoked.code, revoked.out.as_str()),
        (Some(0), "Deleting certificate at HERE/ca/signed/d.pem\n1 certificate deleted.\n")
    );
    let named = pair.bunrakus(&["delete", "--certname", "c,nosuch"]);
    assert_eq!(named.code, Some(24));
    assert_eq!(named.err, "Could not find certificate file at HERE/ca/signed/nosuch.pem\n");
    assert!(named.out.ends_with("\n1 certificate deleted.\n"), "{}", named.out);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let json = pair.bunrakus(&["expiring", "--within", "0", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let names: Vec<&str> =
        json["expiring"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    let expired = pair.bunrakus(&["delete", "--expired", "--json"]);
    assert_eq!(
        (expired.code, expired.out.as_str()),
        (Some(0), "{\"deleted\":[\"a\",\"b\"],\"missing\":[]}\n")
    );
    assert_eq!(pair.bunrakus(&["delete", "--expired"]).out, "0 certificates deleted.\n");
    let left = std::fs::read_dir(pair.folder("bunraku/ca/signed")).unwrap().count();
    assert_eq!(left, 1, "the server's own");
    assert_eq!(pair.bunrakus(&["delete", "--all"]).out.lines().last(), Some("1 certificate deleted."));
    for wrong in [&["delete"][..], &["delete", "--all", "--expired"], &["delete", "--certname=--all"]] {
        assert_eq!(pair.bunrakus(wrong).code, Some(1), "{wrong:?}");
    }
}

/// Puts every entry of both revocation lists there twice, as old versions of Puppet's tools have done.
fn double_entries(pair: &Pair) {
    let script = "key = OpenSSL::PKey.read(File.read(ARGV[0] + '/ca_key.pem'))\n\
                  pems = File.read(ARGV[0] + '/ca_crl.pem').scan(/-----BEGIN.*?END X509 CRL-----\\n/m)\n\
                  own = OpenSSL::X509::CRL.new(pems.shift)\n\
                  own.revoked = own.revoked + own.revoked\n\
                  own.sign(key, OpenSSL::Digest.new('SHA256'))\n\
                  File.write(ARGV[0] + '/ca_crl.pem', ([own.to_pem] + pems).join)";
    for folder in ["puppet", "bunraku"] {
        let mut ruby = Command::new("ruby");
        ruby.args(["-ropenssl", "-e", script]).arg(pair.folder(folder).join("ca"));
        assert!(ruby.status().unwrap().success());
    }
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn the_revocation_list_is_pruned_as_puppetserver_ca_prunes_it() {
    let pair = Pair::new();
    // RSA: the real program cannot sign a list with a key of another kind.
    assert_eq!(pair.bunrakus(&["setup", "--certname", "puppet.example.com"]).code, Some(0));
    assert_eq!(
        pair.bunrakus(&["generate", "--key", "ec", "--certname", "a,b,c", "--ttl", "1s"]).code,
        Some(0)
    );
    assert_eq!(pair.bunrakus(&["generate", "--key", "ec", "--certname", "d,e"]).code, Some(0));
    assert_eq!(pair.bunrakus(&["revoke", "--certname", "a,b,d,e"]).code, Some(0));
    pair.copy_to_puppet();
    // The log knows nothing of what comes now: the directory begins one anew.
    std::fs::remove_dir_all(pair.folder("bunraku/ca/bunraku")).unwrap();
    let none = pair.both(&["prune"]);
    assert_eq!(
        none.out,
        "Total number of certificates found in Puppet's CRL is: 4.\nNo duplicate revocations found in the CRL.\n"
    );
    std::fs::remove_dir_all(pair.folder("bunraku/ca/bunraku")).unwrap();
    double_entries(&pair);
    let pruned = pair.both(&["prune"]);
    assert_eq!(
        pruned.out,
        "Total number of certificates found in Puppet's CRL is: 8.\nRemoved 4 duplicated certs from Puppet's CRL.\n"
    );
    let of = |folder: &str| dump(&pair.folder(folder).join("ca/ca_crl.pem"));
    assert_eq!(sorted_lines(&of("puppet")), sorted_lines(&of("bunraku")));
    // What the installed version cannot do.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let expired = pair.bunrakus(&["prune", "--remove-expired"]);
    assert_eq!(
        (expired.code, expired.out.lines().last()),
        (Some(0), Some("Removed 2 certs from Puppet's CRL."))
    );
    let named =
        pair.bunrakus(&["prune", "--remove-entries", "--serial", "0x77", "--certname", "d", "--json"]);
    assert_eq!(named.out, "{\"total\":2,\"duplicates\":0,\"removed\":1}\n");
    let listed = pair.bunrakus(&["list", "--all"]);
    assert!(listed.out.contains("Revoked Certificates:\n    e  "), "{}", listed.out);
    let nothing = pair.bunrakus(&["prune", "--remove-expired"]);
    assert_eq!(nothing.out.lines().last(), Some("No matching revocations found in the CRL for pruning"));
    for wrong in [
        &["prune", "--remove-entries"][..],
        &["prune", "--remove-entries", "--serial", "x"],
        &["prune", "--serial", "1"],
    ] {
        assert_eq!(pair.bunrakus(wrong).code, Some(1), "{wrong:?}");
    }
}
