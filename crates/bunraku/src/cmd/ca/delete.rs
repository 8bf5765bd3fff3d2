//! `bunraku ca delete`: signed certificates are dropped from the CA's directory. This revokes nothing.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use wire::protocol::internal::DELETE_PATH;

use super::NOTHING_DONE;
use super::endpoint::Endpoint;
use super::report::{Misuse, Report};
use crate::cli::DeleteArgs;

/// Refuses flags that contradict each other.
pub fn check(args: &DeleteArgs) -> anyhow::Result<()> {
    let mut lines = super::flags_among(&args.certname);
    let some = args.expired || args.revoked || !args.certname.is_empty();
    if !some && !args.all {
        lines.push("  Must pass one of the valid flags to determine which certs to delete".to_string());
    }
    if args.all && some {
        lines.push("  The --all flag must not be used with --expired, --revoked, or --certname".to_string());
    }
    Misuse::check("delete", lines)
}

/// Exit code 24 when a name that was asked for has no certificate.
pub async fn run(
    endpoint: &Endpoint,
    args: &DeleteArgs,
    cadir: &Path,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let body = json!({
        "expired": args.expired, "revoked": args.revoked, "all": args.all, "certnames": args.certname,
    });
    let answer = endpoint.request("delete", "POST", DELETE_PATH, Some(&body)).await?;
    if answer.status != 200 {
        bail!("    code: {}\n    body: {}", answer.status, answer.text());
    }
    let result: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    let names = |key: &str| -> Vec<String> {
        result[key].as_array().into_iter().flatten().filter_map(|n| n.as_str().map(str::to_string)).collect()
    };
    let (deleted, missing) = (names("deleted"), names("missing"));
    let file = |name: &str| cadir.join("signed").join(format!("{name}.pem")).display().to_string();
    for name in &deleted {
        report.say(&format!("Deleting certificate at {}", file(name)));
    }
    for name in &missing {
        report.warn(&format!("Could not find certificate file at {}", file(name)));
    }
    let plural = if deleted.len() == 1 { "" } else { "s" };
    report.say(&format!("{} certificate{plural} deleted.", deleted.len()));
    report.set("deleted", deleted);
    let code = if missing.is_empty() { 0 } else { NOTHING_DONE };
    report.set("missing", missing);
    Ok(code)
}
