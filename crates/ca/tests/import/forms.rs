//! Makers of CA directories, and what is the matter with them.

use pki::Serial;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// A CA directory that no Bunraku has had.
pub struct Form {
    _root: TempDir,
    pub cadir: PathBuf,
}

impl Form {
    pub fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let cadir = root.path().join("ca");
        Self { _root: root, cadir }
    }

    /// As the Ruby CA left it, its objects signed with this digest.
    pub fn ruby(digest: &str) -> Self {
        Self::ruby_with(&[digest])
    }

    /// The same, with its key encrypted as that CA did it.
    pub fn ruby_encrypted(password: &str) -> Self {
        Self::ruby_with(&["sha256", password])
    }

    /// Its keys take seconds to make: each kind is made once, and every test has a copy.
    fn ruby_with(arguments: &[&str]) -> Self {
        static MADE: Mutex<BTreeMap<String, Form>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap();
        let first = made.entry(arguments.join(" ")).or_insert_with(|| {
            let form = Self::empty();
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/old_ca.rb");
            run(Command::new("ruby").arg(script).arg(&form.cadir).args(arguments));
            form
        });
        let form = Self::empty();
        run(Command::new("cp").arg("-a").arg(&first.cadir).arg(&form.cadir));
        form
    }

    /// Another CA of the same name.
    pub fn other_ruby() -> Self {
        Self::ruby_with(&["sha256", ""])
    }

    /// As `puppetserver ca setup` leaves it: root and intermediate CA, one certificate.
    pub fn puppetserver_setup() -> Self {
        let form = Self::empty();
        let place = form.cadir.parent().unwrap();
        let conf = place.join("puppet.conf");
        let settings = format!(
            "[main]\ncertname = puppet.example.com\nssldir = {0}/ssl\ncadir = {0}/ca\nconfdir = {0}\nvardir = {0}/var\n\
             keylength = 2048\n",
            place.display()
        );
        fs::write(&conf, settings).unwrap();
        let script = "require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)";
        run(Command::new("ruby").args(["-e", script, "--", "setup", "--config"]).arg(&conf));
        form.own();
        form
    }

    /// Puppet's tools give what they write to the user of its package; the rest of the directory is ours here.
    pub fn own(&self) {
        run(Command::new("chown").arg("-R").arg("0:0").arg(&self.cadir));
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.cadir.join(file)
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(file), content).unwrap();
    }

    /// Changes the text of a file.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let before = self.read(file);
        let after = change(before.clone());
        assert_ne!(before, after, "{file} was to be changed");
        self.write(file, after);
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    /// What openssl shows of an object.
    pub fn shown(&self, kind: &str, file: &str, what: &[&str]) -> String {
        run(Command::new("openssl").arg(kind).arg("-in").arg(self.path(file)).arg("-noout").args(what))
    }

    /// Serials and reasons of a revocation list, as openssl prints them.
    pub fn revoked(&self) -> Vec<(Serial, Option<String>)> {
        let text = self.shown("crl", "ca_crl.pem", &["-text"]);
        let mut entries: Vec<(Serial, Option<String>)> = Vec::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if let Some(serial) = line.strip_prefix("Serial Number: ") {
                entries.push((Serial::parse_hex(serial).unwrap(), None));
            } else if line.starts_with("X509v3 CRL Reason Code") {
                entries.last_mut().unwrap().1 = lines.next().map(str::to_owned);
            }
        }
        entries
    }

    pub fn list_number(&self) -> u64 {
        let text = self.shown("crl", "ca_crl.pem", &["-crlnumber"]);
        let digits = text.trim().strip_prefix("crlNumber=0x").unwrap();
        u64::from_str_radix(digits, 16).unwrap()
    }

    /// Every file and folder: path, permissions, change time, content.
    pub fn everything(&self) -> Vec<(PathBuf, u32, std::time::SystemTime, Vec<u8>)> {
        let mut all = Vec::new();
        let mut folders = vec![self.cadir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let about = path.symlink_metadata().unwrap();
                if about.is_dir() {
                    folders.push(path.clone());
                }
                let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                all.push((path, about.permissions().mode(), about.modified().unwrap(), content));
            }
        }
        all.sort();
        all
    }
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}{said}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}
