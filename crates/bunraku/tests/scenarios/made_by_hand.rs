//! A CA directory made by the tests themselves: quick, and of any size.

use std::path::Path;
use std::sync::Arc;

use pki::crl::CrlDraft;
use pki::issue::{Authority, LeafProfile, self_signed_ca, sign_leaf};
use pki::{Certname, KeyKind, PrivateKey, Serial, Signer};

/// Makes a CA directory with a key of this kind; its revocation list has so many entries.
pub fn make_authority(cadir: &Path, kind: KeyKind, entries: u64) -> Authority {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let key = PrivateKey::generate(kind).unwrap();
    let year = 365 * 86_400;
    let certificate =
        self_signed_ca("Puppet CA: test", &key, Serial::from_u64(1), now - 86_400, now + year).unwrap();
    let revoked: Vec<(Serial, i64)> =
        (2..entries + 2).map(|number| (Serial::from_u64(number), now)).collect();
    let (pem, public) = (key.to_pem(), key.public_pem());
    let authority = Authority { certificate, signer: Arc::new(key) };
    let list = pki::crl::issue(&authority, &CrlDraft::at(now, 1, &revoked)).unwrap();
    for folder in ["signed", "requests"] {
        std::fs::create_dir_all(cadir.join(folder)).unwrap();
    }
    for (name, content) in [
        ("ca_crt.pem", authority.certificate.to_pem()),
        ("ca_key.pem", pem),
        ("ca_pub.pem", public),
        ("ca_crl.pem", list.to_pem()),
        ("inventory.txt", String::new()),
        ("serial", format!("{}", Serial::from_u64(entries + 2))),
    ] {
        std::fs::write(cadir.join(name), content).unwrap();
    }
    authority
}

/// Gives a role of the configuration in `ssl` its certificate, and the CA's.
pub fn make_role(authority: &Authority, ssl: &Path, certname: &str) {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let name = Certname::parse(certname).unwrap();
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let profile = LeafProfile::own(name, key.spki_der().to_vec(), Serial::from_u64(1), now, 365 * 86_400);
    let certificate = sign_leaf(authority, &profile).unwrap();
    for folder in ["certs", "private_keys"] {
        std::fs::create_dir_all(ssl.join(folder)).unwrap();
    }
    std::fs::write(ssl.join("certs/ca.pem"), authority.certificate.to_pem()).unwrap();
    std::fs::write(ssl.join(format!("certs/{certname}.pem")), certificate.to_pem()).unwrap();
    std::fs::write(ssl.join(format!("private_keys/{certname}.pem")), key.to_pem()).unwrap();
}
