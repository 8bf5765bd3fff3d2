//! `bunraku ca prune`: entries leave the CA's own revocation list.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use wire::protocol::internal::PRUNE_PATH;

use super::endpoint::Endpoint;
use super::report::{Misuse, Report};
use crate::cli::PruneArgs;

/// Refuses flags that contradict each other.
pub fn check(args: &PruneArgs) -> anyhow::Result<()> {
    let mut lines = super::flags_among(&args.certname);
    let named = !args.serial.is_empty() || !args.certname.is_empty();
    if args.remove_entries && !named {
        lines.push("--remove-entries option require --serial or --certname values".to_string());
    }
    if named && !args.remove_entries {
        lines.push("--serial and --certname are for --remove-entries".to_string());
    }
    Misuse::check("prune", lines)
}

/// Exit code 0, whether there was anything to remove or not.
pub async fn run(endpoint: &Endpoint, args: &PruneArgs, report: &mut Report) -> anyhow::Result<u8> {
    // When nothing else is asked for.
    let duplicates = args.remove_duplicates || !args.remove_entries && !args.remove_expired;
    let body = json!({
        "duplicates": duplicates, "expired": args.remove_expired,
        "serials": args.serial, "certnames": args.certname,
    });
    let answer = endpoint.request("prune", "POST", PRUNE_PATH, Some(&body)).await?;
    if answer.status != 200 {
        bail!("    code: {}\n    body: {}", answer.status, answer.text());
    }
    let result: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    let count = |key: &str| result[key].as_u64().unwrap_or_default();
    report.say(&format!("Total number of certificates found in Puppet's CRL is: {}.", count("total")));
    if count("duplicates") > 0 {
        report.say(&format!("Removed {} duplicated certs from Puppet's CRL.", count("duplicates")));
    }
    if count("removed") > 0 {
        report.say(&format!("Removed {} certs from Puppet's CRL.", count("removed")));
    }
    if count("duplicates") + count("removed") == 0 {
        report.say(match duplicates && !args.remove_entries && !args.remove_expired {
            true => "No duplicate revocations found in the CRL.",
            false => "No matching revocations found in the CRL for pruning",
        });
    }
    for key in ["total", "duplicates", "removed"] {
        report.set(key, count(key));
    }
    Ok(0)
}
