//! `ca_key.pem` can be read, and belongs to a certificate of `ca_crt.pem`; `ca_pub.pem` is its public half.

use super::{Material, Repair, Report};
use crate::foreign::found::Content;
use pki::{PrivateKey, Signer as _};

const CHECK: &str = "key";
const FILE: &str = "ca_key.pem";

pub(super) fn check(material: &Material, report: &mut Report) {
    let Some(bytes) = material.key.bytes() else {
        let peer = material.layout.root().join("private/ca_key.pem").exists();
        let what = if peer {
            "is missing; there is one in private/, where openvox-ca keeps it: copy it here"
        } else {
            "is missing"
        };
        report.problem(CHECK, FILE, what);
        return;
    };
    let key = match PrivateKey::from_pem(bytes) {
        Ok(key) => key,
        Err(fault) => {
            report.problem(CHECK, FILE, format!("cannot be used: {fault}"));
            return;
        }
    };
    let mut is_the_cas = false;
    if let Ok(bundle) = &material.bundle {
        is_the_cas = bundle.iter().any(|certificate| certificate.spki_der() == key.spki_der());
        match bundle.iter().position(|certificate| certificate.spki_der() == key.spki_der()) {
            Some(0) => {}
            Some(_) => {
                report.notice(CHECK, "ca_crt.pem", "does not begin with the certificate of the CA's key");
            }
            None => {
                report.problem(CHECK, FILE, "belongs to no certificate in ca_crt.pem");
            }
        }
    }
    match crate::foreign::look::read(&material.layout.public_key()) {
        Ok(Content::Bytes(public)) if public.trim_ascii() != key.public_pem().as_bytes().trim_ascii() => {
            let problem = report.problem(CHECK, "ca_pub.pem", "is not the public half of ca_key.pem");
            if is_the_cas {
                problem.repair(Repair::WritePublicKey(key.public_pem()));
            }
        }
        Ok(Content::Missing) => {
            let notice = report.notice(CHECK, "ca_pub.pem", "is missing; nothing needs it");
            if is_the_cas {
                notice.repair(Repair::WritePublicKey(key.public_pem()));
            }
        }
        Ok(Content::Bytes(_)) => {}
        Err(fault) => {
            report.problem(CHECK, "ca_pub.pem", fault.to_string());
        }
    }
}
