//! `bunraku ca list`

use std::collections::HashSet;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use crate::cli::ListArgs;
use crate::console::{self, outln};

/// Refuses flags that contradict each other.
pub fn check(args: &ListArgs) -> anyhow::Result<()> {
    if args.all && !args.certname.is_empty() {
        bail!("Cannot combine use of --all and --certname.");
    }
    Ok(())
}

/// Exit code 1 when a name that was asked for is missing.
pub async fn run(endpoint: &Endpoint, args: &ListArgs, as_json: bool) -> anyhow::Result<u8> {
    let certnames = &args.certname;
    let only_requests = !args.all && certnames.is_empty();
    let query = if only_requests { "?state=requested" } else { "" };
    let path = format!("/puppet-ca/v1/certificate_statuses/any_key{query}");
    let answer = endpoint.request("list", "GET", &path, None).await?;
    if answer.status != 200 {
        bail!(
            "    code: {}\n    body: {}\nError while getting certificate{}",
            answer.status,
            answer.text(),
            if only_requests { " requests" } else { "s" }
        );
    }
    let statuses: Vec<Value> =
        serde_json::from_slice(&answer.body).context("the CA's list of certificates is not JSON")?;
    let wanted: HashSet<&str> = certnames.iter().map(String::as_str).collect();
    let found: Vec<&Value> =
        statuses.iter().filter(|status| wanted.is_empty() || wanted.contains(name(status))).collect();
    let in_state = |state: &str| -> Vec<&Value> {
        found.iter().copied().filter(|s| s["state"].as_str() == Some(state)).collect()
    };
    let (requested, signed, revoked) = (in_state("requested"), in_state("signed"), in_state("revoked"));
    let known: HashSet<&str> = found.iter().map(|status| name(status)).collect();
    let missing: Vec<&String> = certnames.iter().filter(|n| !known.contains(n.as_str())).collect();
    if as_json {
        let mut groups = Map::new();
        let mut group = |label: &str, members: Value, always: bool| {
            if always || members.as_array().is_some_and(|m| !m.is_empty()) {
                groups.insert(label.to_string(), members);
            }
        };
        group("requested", json!(requested), args.all);
        group("signed", json!(signed), args.all);
        group("revoked", json!(revoked), args.all);
        group("missing", json!(missing), false);
        if groups.is_empty() {
            groups.insert("requested".to_string(), json!([]));
        }
        outln!("{}", Value::Object(groups));
    } else {
        print_text(&[("Requested", &requested), ("Signed", &signed), ("Revoked", &revoked)], &missing);
    }
    Ok(u8::from(!missing.is_empty()))
}

fn print_text(groups: &[(&str, &Vec<&Value>)], missing: &[&String]) {
    if groups.iter().all(|(_, members)| members.is_empty()) && missing.is_empty() {
        outln!("No certificates to list");
        return;
    }
    // One write: of 100,000 lines each would otherwise be its own.
    let mut text = String::new();
    for (label, members) in groups.iter().filter(|(_, members)| !members.is_empty()) {
        text.push_str(&format!("{label} Certificates:\n"));
        let width = members.iter().map(|m| name(m).len()).max().unwrap_or(0) + 6;
        for member in members.iter() {
            text.push_str(&line(member, width));
            text.push('\n');
        }
    }
    if !missing.is_empty() {
        text.push_str("Missing Certificates:\n");
        for name in missing {
            text.push_str(&format!("    {name}\n"));
        }
    }
    console::print(&text);
}

/// `    NAME   (SHA256)  FINGERPRINT\talt names: […]\tauthorization extensions: […]`
fn line(status: &Value, width: usize) -> String {
    let fingerprint = status["fingerprints"]["SHA256"].as_str().unwrap_or_default();
    let mut line = format!("    {:<width$} (SHA256)  {fingerprint}", name(status));
    // A CA of before 2018 knows DNS names only, under the older key.
    let alt_names = status["subject_alt_names"].as_array().or(status["dns_alt_names"].as_array());
    let alt_names: Vec<&str> = alt_names.into_iter().flatten().filter_map(Value::as_str).collect();
    if !alt_names.is_empty() {
        let quoted: Vec<String> = alt_names.iter().map(|n| format!("{n:?}")).collect();
        line.push_str(&format!("\talt names: [{}]", quoted.join(", ")));
    }
    if let Some(extensions) = status["authorization_extensions"].as_object().filter(|e| !e.is_empty()) {
        let pairs: Vec<String> =
            extensions.iter().map(|(k, v)| format!("{k}: {}", v.as_str().unwrap_or_default())).collect();
        let pairs = console::plain(&pairs.join(", "));
        line.push_str(&format!("\tauthorization extensions: [{pairs}]"));
    }
    line
}

fn name(status: &Value) -> &str {
    status["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_puppetservers() {
        let status = json!({
            "name": "gen2.example.com", "state": "requested",
            "dns_alt_names": ["DNS:gen2.example.com"], "subject_alt_names": ["IP:10.0.0.9", "DNS:gen2.example.com"],
            "authorization_extensions": {"pp_cli_auth": "true"}, "fingerprints": {"SHA256": "F8:73"},
        });
        assert_eq!(
            line(&status, name(&status).len() + 6),
            "    gen2.example.com       (SHA256)  F8:73\talt names: [\"IP:10.0.0.9\", \"DNS:gen2.example.com\"]\t\
             authorization extensions: [pp_cli_auth: true]"
        );
    }

    #[test]
    fn a_name_with_neither_alt_names_nor_extensions_ends_with_its_fingerprint() {
        let status = json!({"name": "a", "fingerprints": {"SHA256": "F8"}, "dns_alt_names": []});
        assert_eq!(line(&status, 7), "    a       (SHA256)  F8");
    }

    #[test]
    fn a_request_cannot_write_lines_of_its_own_or_steer_the_terminal() {
        let status = json!({
            "name": "a", "fingerprints": {"SHA256": "F8"}, "dns_alt_names": [], "subject_alt_names": ["DNS:x\n    y"],
            "authorization_extensions": {"pp_auth_role": "web]\n    good.example.com (SHA256)  AA\u{1b}[8m"},
        });
        let line = line(&status, 7);
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        assert!(
            line.ends_with(r"[pp_auth_role: web]\n    good.example.com (SHA256)  AA\u{1b}[8m]"),
            "{line}"
        );
    }
}
