//! Each certificate in `signed/` is one of its name, by this CA's key. All cores check.

use super::material::parallel;
use super::{Material, Report, Severity};
use crate::view;
use pki::Certificate;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const CHECK: &str = "signatures";

pub(super) fn check(material: &Material, report: &mut Report) {
    let by_name: BTreeMap<&str, _> =
        material.signed.iter().map(|(name, certificate)| (name.as_str(), certificate)).collect();
    let names: Vec<String> = by_name.keys().map(|name| (*name).to_owned()).collect();
    let issuers: Vec<&pki::Certificate> =
        material.bundle.as_ref().map(|bundle| bundle.iter().collect()).unwrap_or_default();
    if issuers.is_empty() {
        // That there is none is another check's matter.
        return;
    }
    // Read only if it is needed: the whole state is in it.
    let retired: OnceLock<Vec<Certificate>> = OnceLock::new();
    let retired = || {
        retired.get_or_init(|| {
            let view = view::view(&material.layout).ok().flatten();
            let all = view.map(|view| view.shown.retired().to_vec()).unwrap_or_default();
            all.into_iter().map(|one| one.certificate).collect()
        })
    };
    let by = |certificate: &Certificate, issuer: &Certificate| {
        certificate.names_as_issuer(issuer) && certificate.verify(issuer.spki_der()).is_ok()
    };
    let judge = |name: &str| match by_name.get(name) {
        Some(Err(fault)) => Some((Severity::Problem, format!("is not a certificate: {fault}"))),
        Some(Ok(certificate)) => {
            if certificate.subject_cn() != Some(name) {
                let subject = certificate.subject_cn().unwrap_or_default();
                return Some((Severity::Problem, format!("is a certificate of another name, {subject:?}")));
            }
            // A CA that has changed its key keeps the certificate of the one before.
            if issuers.iter().any(|issuer| by(certificate, issuer)) {
                return None;
            }
            if let Some(former) = retired().iter().find(|former| by(certificate, former)) {
                let former = former.subject_rfc2253();
                let what =
                    format!("is signed by {former}, a key of this CA that is retired: nobody accepts it");
                return Some((Severity::Notice, what));
            }
            let issuer = certificate.issuer_rfc2253();
            Some((Severity::Problem, format!("is not signed by this CA (it names {issuer} as issuer)")))
        }
        None => None,
    };
    let mut quiet = |_: &str, _: usize, _: usize| {};
    for (name, fault) in parallel(&names, CHECK, &mut quiet, judge) {
        if let Some((severity, what)) = fault {
            report.add(CHECK, severity, format!("signed/{name}.pem"), what);
        }
    }
}
