//! Agents refuse a server whose certificate is not for the name by which they found it: said before they do.

use pki::{AltName, Certificate};

use super::plan::{Bearer, Plan};
use crate::config::Config;

/// A sentence for each certificate of this machine that is not valid for a name it will be asked by.
pub fn unfit(config: &Config, plan: &Plan) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for bearer in &plan.bearers {
        if seen.contains(&bearer.certname.as_str()) {
            continue;
        }
        seen.push(&bearer.certname);
        let path = config.certificate_path(&bearer.certname);
        // The certificate of a role on another host need not be here.
        let Ok(pem) = std::fs::read(&path) else { continue };
        let missing = match Certificate::from_pem(&pem) {
            Ok(certificate) => missing_names(&certificate, &bearer.certname, &plan.bearers),
            Err(fault) => {
                sentences.push(format!("{}: {fault}", path.display()));
                continue;
            }
        };
        if !missing.is_empty() {
            sentences.push(format!(
                "agents will refuse {}: its certificate {} is not valid for {}; docs/DNS.md says how it gets another",
                bearer.role,
                path.display(),
                missing.join(", ")
            ));
        }
    }
    sentences
}

fn missing_names(certificate: &Certificate, certname: &str, bearers: &[Bearer]) -> Vec<String> {
    let mut names: Vec<String> =
        bearers.iter().filter(|b| b.certname == certname).map(|b| b.name.clone()).collect();
    names.dedup();
    names.retain(|name| !is_for(certificate, name));
    names
}

/// RFC 6125, 6.4: alternative names; the common name counts where there is none.
fn is_for(certificate: &Certificate, name: &str) -> bool {
    let mut dns = certificate.subject_alt_names().iter().filter_map(|alt| match alt {
        AltName::Dns(dns) => Some(dns.as_str()),
        _ => None,
    });
    let matches = |known: &str| match known.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => known.eq_ignore_ascii_case(name),
    };
    if certificate.subject_alt_names().is_empty() {
        return certificate.subject_cn().is_some_and(matches);
    }
    dns.any(matches)
}
