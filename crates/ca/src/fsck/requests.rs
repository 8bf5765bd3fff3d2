//! Each file in `requests/` is a request for its name, signed with its own key, and has not been signed already.

use super::{Material, Repair, Report};
use std::collections::BTreeMap;

const CHECK: &str = "requests";

pub(super) fn check(material: &Material, report: &mut Report) {
    let signed: BTreeMap<&str, _> = material
        .signed
        .iter()
        .filter_map(|(name, certificate)| Some((name.as_str(), certificate.as_ref().ok()?)))
        .collect();
    for (name, request) in &material.requests {
        let file = format!("requests/{name}.pem");
        let request = match request {
            Ok(request) => request,
            Err(fault) => {
                let what = format!("is not a certificate request: {fault}");
                report.problem(CHECK, file, what).repair(Repair::SetAside);
                continue;
            }
        };
        if request.subject_cn() != Some(name) {
            let subject = request.subject_cn().unwrap_or_default();
            let what = format!("is a request for another name, {subject:?}");
            report.problem(CHECK, file, what).repair(Repair::SetAside);
        } else if request.verify_signature().is_err() {
            report.problem(CHECK, file, "is not signed with its own key").repair(Repair::SetAside);
        } else if let Some(certificate) = signed.get(name.as_str())
            && certificate.spki_der() == request.spki_der()
            && !material.running
        {
            report.problem(CHECK, file, "has been signed already").repair(Repair::SetAside);
        }
    }
}
