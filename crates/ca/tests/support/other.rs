//! Another CA program.

use pki::crl::{CrlDraft, RevocationList};
use pki::issue::{self, LeafProfile};
use pki::{Certificate, Certname, KeyKind, PrivateKey, Serial, Signer as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Another program on the same directory: does what Puppet Server does, in its order.
pub struct Other {
    pub cadir: PathBuf,
    pub authority: issue::Authority,
}

pub const A_YEAR: i64 = 365 * 86_400;

pub fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Other {
    pub fn on(cadir: &Path) -> Self {
        let key = PrivateKey::from_pem(&fs::read(cadir.join("ca_key.pem")).unwrap()).unwrap();
        let certificate = Certificate::from_pem(&fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
        let authority = issue::Authority { certificate, signer: Arc::new(key) };
        Self { cadir: cadir.to_owned(), authority }
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let unfinished = self.cadir.join("other.tmp");
        fs::write(&unfinished, content).unwrap();
        fs::rename(unfinished, self.cadir.join(file)).unwrap();
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.cadir.join(file)).unwrap()
    }

    pub fn sign(&self, certname: &str) -> Serial {
        let serial = Serial::parse_hex(&self.read("serial")).unwrap();
        self.write("serial", serial.next().to_string());
        let certificate = self.certificate(certname, serial);
        let mut inventory = self.read("inventory.txt");
        let date = "2026-01-01T00:00:00UTC 2036-01-01T00:00:00UTC";
        inventory.push_str(&format!("0x{serial} {date} /CN={certname}\n"));
        self.write("inventory.txt", inventory);
        self.write(&format!("signed/{certname}.pem"), certificate.to_pem());
        serial
    }

    pub fn certificate(&self, certname: &str, serial: Serial) -> Certificate {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let name = Certname::parse(certname).unwrap();
        let profile = LeafProfile::own(name, key.spki_der().to_vec(), serial, now(), A_YEAR);
        issue::sign_leaf(&self.authority, &profile).unwrap()
    }

    pub fn list(&self) -> RevocationList {
        RevocationList::from_pem(self.read("ca_crl.pem").as_bytes()).unwrap()
    }

    pub fn revoke(&self, serial: Serial) {
        let old = self.list();
        let mut entries: Vec<(Serial, i64)> = old.entries().collect();
        entries.push((serial, now()));
        self.issue_list(old.number().unwrap() + 1, &entries);
    }

    pub fn issue_list(&self, number: u64, entries: &[(Serial, i64)]) {
        let list = issue_list(&self.authority, number, entries);
        self.write("ca_crl.pem", list.to_pem());
    }

    pub fn delete(&self, file: &str) {
        fs::remove_file(self.cadir.join(file)).unwrap();
    }

    pub fn exists(&self, file: &str) -> bool {
        self.cadir.join(file).exists()
    }

    /// All files that were set aside, by their place below `bunraku/found/TIME`.
    pub fn set_aside(&self) -> Vec<String> {
        let mut files = Vec::new();
        let found = self.cadir.join("bunraku/found");
        let Ok(times) = fs::read_dir(found) else { return files };
        for time in times {
            let time = time.unwrap().path();
            for folder in ["", "signed", "requests"] {
                let Ok(entries) = fs::read_dir(time.join(folder)) else { continue };
                let plain = entries.map(|entry| entry.unwrap()).filter(|e| e.file_type().unwrap().is_file());
                files.extend(
                    plain.map(|e| Path::new(folder).join(e.file_name()).to_str().unwrap().to_owned()),
                );
            }
        }
        files.sort();
        files
    }
}

pub fn issue_list(authority: &issue::Authority, number: u64, entries: &[(Serial, i64)]) -> RevocationList {
    let (this_update, next_update) = (now() - 1, now() + A_YEAR);
    pki::crl::issue(authority, &CrlDraft { number, this_update, next_update, entries }).unwrap()
}
