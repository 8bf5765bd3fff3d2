//! `ca_crt.pem`: each certificate is a CA's, signed by the next, and none has expired.

use super::{Material, Report};
use crate::time;

const CHECK: &str = "chain";
const FILE: &str = "ca_crt.pem";
/// Ends sooner than this are worth a word, seconds.
const SOON: i64 = 90 * 86_400;

pub(super) fn check(material: &Material, report: &mut Report) {
    let bundle = match &material.bundle {
        Ok(bundle) => bundle,
        Err(fault) => {
            report.problem(CHECK, FILE, format!("cannot be read: {fault}"));
            return;
        }
    };
    if bundle.is_empty() {
        report.problem(CHECK, FILE, "has no certificate");
    }
    for certificate in bundle {
        let name = certificate.subject_rfc2253();
        if !certificate.may_sign_certificates() {
            report.problem(CHECK, FILE, format!("{name} is not a CA's certificate"));
        }
        if certificate.not_after() < material.now {
            let end = time::format(certificate.not_after());
            report.problem(CHECK, FILE, format!("{name} has expired ({end})"));
        } else if certificate.not_after() < material.now + SOON {
            let end = time::format(certificate.not_after());
            report.notice(CHECK, FILE, format!("{name} expires soon ({end})"));
        }
        let issuer = bundle.iter().find(|one| certificate.names_as_issuer(one));
        match issuer {
            Some(issuer) if certificate.verify(issuer.spki_der()).is_err() => {
                let issuer = issuer.subject_rfc2253();
                report.problem(CHECK, FILE, format!("{name} is not signed by {issuer}"));
            }
            Some(_) => {}
            None => {
                let issuer = certificate.issuer_rfc2253();
                report.notice(CHECK, FILE, format!("has no certificate of {issuer}, the issuer of {name}"));
            }
        }
    }
    for (here, next) in bundle.iter().zip(bundle.iter().skip(1)) {
        if !here.is_self_issued() && !here.names_as_issuer(next) {
            let what =
                format!("{} does not come right after {}", here.issuer_rfc2253(), here.subject_rfc2253());
            report.notice(CHECK, FILE, what);
        }
    }
}
