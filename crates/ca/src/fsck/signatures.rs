//! Each certificate in `signed/` is one of its name, by this CA's key. All cores check.

use super::material::parallel;
use super::{Material, Report};
use std::collections::BTreeMap;

const CHECK: &str = "signatures";

pub(super) fn check(material: &Material, report: &mut Report) {
    let by_name: BTreeMap<&str, _> =
        material.signed.iter().map(|(name, certificate)| (name.as_str(), certificate)).collect();
    let names: Vec<String> = by_name.keys().map(|name| (*name).to_owned()).collect();
    let issuers: Vec<&pki::Certificate> =
        material.bundle.as_ref().map(|bundle| bundle.iter().collect()).unwrap_or_default();
    let judge = |name: &str| match by_name.get(name) {
        Some(Err(fault)) => Some(format!("is not a certificate: {fault}")),
        Some(Ok(certificate)) => {
            if certificate.subject_cn() != Some(name) {
                let subject = certificate.subject_cn().unwrap_or_default();
                return Some(format!("is a certificate of another name, {subject:?}"));
            }
            // A CA that has changed its key keeps the certificate of the one before.
            let signed = issuers.iter().any(|issuer| {
                certificate.names_as_issuer(issuer) && certificate.verify(issuer.spki_der()).is_ok()
            });
            (!signed).then(|| {
                format!("is not signed by this CA (it names {} as issuer)", certificate.issuer_rfc2253())
            })
        }
        None => None,
    };
    let mut quiet = |_: &str, _: usize, _: usize| {};
    for (name, fault) in parallel(&names, CHECK, &mut quiet, judge) {
        if let Some(what) = fault {
            report.problem(CHECK, format!("signed/{name}.pem"), what);
        }
    }
}
