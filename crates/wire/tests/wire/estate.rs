//! A small estate: an authority that issues, revokes and is trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pki::crl::CrlDraft;
use pki::issue::{Authority, LeafProfile};
use pki::{AltName, Certificate, Certname, KeyKind, PrivateKey, Serial, Signer};
use wire::tls::{ClientTls, Identity, TrustBundle};

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

const DAY: i64 = 86_400;

pub struct Ca {
    pub authority: Authority,
    serial: AtomicU64,
    crl_number: AtomicU64,
}

/// A certificate with its key.
pub struct Credentials {
    pub certificate: Certificate,
    pub key: PrivateKey,
}

impl Credentials {
    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.certificate.to_pem().as_bytes(), self.key.to_pem().as_bytes()).unwrap()
    }

    /// Writes NAME.pem and NAME.key for tools that read files.
    pub fn write(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        std::fs::write(&certificate, self.certificate.to_pem()).unwrap();
        std::fs::write(&key, self.key.to_pem()).unwrap();
        (certificate, key)
    }
}

impl Ca {
    pub fn new(cn: &str) -> Ca {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let (from, to) = (now() - DAY, now() + 365 * DAY);
        let certificate = pki::issue::self_signed_ca(cn, &key, Serial::from_u64(1), from, to).unwrap();
        Ca::with(certificate, key)
    }

    pub fn intermediate(root: &Ca, cn: &str) -> Ca {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let (from, to) = (now() - DAY, now() + 365 * DAY);
        let serial = root.next_serial();
        let certificate =
            pki::issue::setup_intermediate_ca(&root.authority, cn, key.spki_der(), serial, from, to).unwrap();
        Ca::with(certificate, key)
    }

    fn with(certificate: Certificate, key: PrivateKey) -> Ca {
        let authority = Authority { certificate, signer: Arc::new(key) };
        Ca { authority, serial: AtomicU64::new(2), crl_number: AtomicU64::new(0) }
    }

    fn next_serial(&self) -> Serial {
        Serial::from_u64(self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Issues a certificate with these alternative names alone.
    pub fn issue(&self, name: &str, alt_names: &[AltName], not_after: i64) -> Credentials {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let certname = Certname::parse(name).unwrap();
        let mut profile =
            LeafProfile::own(certname, key.spki_der().to_vec(), self.next_serial(), now() - 2 * DAY, DAY);
        profile.alt_names = alt_names.to_vec();
        profile.not_after = not_after;
        let certificate = pki::issue::sign_leaf(&self.authority, &profile).unwrap();
        Credentials { certificate, key }
    }

    /// A node's certificate: its name as only alternative name.
    pub fn node(&self, name: &str) -> Credentials {
        self.issue(name, &[AltName::Dns(name.to_owned())], now() + DAY)
    }

    /// A server's certificate for loopback.
    pub fn server(&self, name: &str) -> Credentials {
        let names = [
            AltName::Dns(name.to_owned()),
            AltName::Dns("localhost".to_owned()),
            AltName::Ip("127.0.0.1".parse().unwrap()),
        ];
        self.issue(name, &names, now() + DAY)
    }

    pub fn pem(&self) -> String {
        self.authority.certificate.to_pem()
    }

    pub fn trust(&self) -> TrustBundle {
        TrustBundle::from_pem(self.pem().as_bytes()).unwrap()
    }

    /// A revocation list of these certificates, in PEM.
    pub fn revoke(&self, certificates: &[&Certificate]) -> String {
        let entries: Vec<(Serial, i64)> =
            certificates.iter().map(|certificate| (certificate.serial(), now())).collect();
        let number = self.crl_number.fetch_add(1, Ordering::Relaxed);
        let (this_update, next_update) = (now() - 1, now() + DAY);
        let draft = CrlDraft { number, this_update, next_update, entries: &entries };
        pki::crl::issue(&self.authority, &draft).unwrap().to_pem()
    }

    /// A client that trusts this authority, with or without a certificate.
    pub fn client(&self, credentials: Option<&Credentials>) -> ClientTls {
        ClientTls::new(credentials.map(Credentials::identity).as_ref(), self.trust()).unwrap()
    }
}
