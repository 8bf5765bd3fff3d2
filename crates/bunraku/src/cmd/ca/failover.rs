//! `bunraku ca failover --force`: a member becomes the active CA that may lack acknowledged changes. The operator is
//! told what may be lost, and must want it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::protocol::internal::{FORCE_PATH, ForceRequest};

use super::front_end::ask;
use super::report::Report;
use super::switchover;
use crate::cli::FailoverArgs;
use crate::operator;

/// Exit code 0 when the member is active; 1 when nothing was done.
pub async fn run(file: Option<PathBuf>, args: &FailoverArgs, report: &mut Report) -> anyhow::Result<u8> {
    if !args.force {
        bail!(
            "A failover by hand can lose acknowledged changes, and wants --force. While a member that has everything \
             answers, the front end fails over by itself, and 'bunraku ca switchover' changes the active CA without loss."
        );
    }
    let client = operator::client(&crate::cmd::load_for_ca(file)?)?;
    let asked = ForceRequest { to: args.to.clone(), version: None };
    let answer = ask(&client, FORCE_PATH, &serde_json::to_value(asked)?).await?;
    if answer.status != 200 {
        bail!("Nothing is forced: {}.", answer.text().trim_end());
    }
    let said: Value = serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")?;
    let price = price(&said);
    report.say(&price);
    report.set("plan", said["plan"].clone());
    report.set("price", price.as_str());
    let to = said["plan"]["to"].as_str().context("the plan names nobody")?.to_string();
    if !args.yes && !wanted(&to)? {
        bail!("Nothing was done.");
    }
    let version = said["plan"]["version"].as_u64();
    let asked = ForceRequest { to: Some(to), version };
    let begun = Instant::now();
    let answer = ask(&client, FORCE_PATH, &serde_json::to_value(asked)?).await?;
    if answer.status != 200 {
        bail!("Nothing was done: {}.", answer.text().trim_end());
    }
    let done: Value = serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")?;
    switchover::told(&done, begun, report);
    Ok(u8::from(done["acts"] == false))
}

/// The operator's word, from a terminal.
fn wanted(to: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("Nothing was done: this wants your word, on a terminal, or --yes.");
    }
    eprint!("Type the name of the member to make it active at this price: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == to)
}

/// What may be lost, in full sentences.
fn price(said: &Value) -> String {
    let plan = &said["plan"];
    let to = plan["to"].as_str().unwrap_or("-");
    let mut lines = vec![format!(
        "{to} would become the active CA, with the log up to entry {}.",
        plan["position"]["index"]
    )];
    let in_sync: Vec<&str> =
        plan["in_sync"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if in_sync.is_empty() {
        lines.push("The register does not say who had everything.".to_string());
    } else {
        lines.push(format!(
            "The last known in-sync set (epoch {}) is {}: whoever is in it has everything that was acknowledged.",
            plan["epoch"],
            in_sync.join(", ")
        ));
    }
    if plan["register_doubtful"] == true {
        lines.push("A member has seen more than this register: it was lost, or put back to an older state. Restoring it loses less.".to_string());
    }
    if let Some(since) = said["left_in_sync"][to].as_str() {
        lines.push(format!(
            "{to} is out of that set since {since}: everything acknowledged after that may be missing on it."
        ));
    }
    for other in plan["lacking"].as_array().into_iter().flatten() {
        let name = other["name"].as_str().unwrap_or("-");
        let seen = match (other["silent_ms"].as_u64(), other["position"]["index"].as_u64()) {
            (Some(ms), Some(index)) => {
                format!("was last heard {} ago, with the log up to entry {index}", span(ms))
            }
            _ => "has not been heard since this front end started".to_string(),
        };
        let missing = match other["entries"].as_u64() {
            Some(entries) => format!("at least {entries} entries of its log would be given up"),
            None => "what it acknowledged after that nobody here knows".to_string(),
        };
        lines.push(format!("{name} {seen}; {missing}."));
    }
    lines.push(
        "What is lost: certificates signed there are unknown here (their serial numbers may be given again), \
         revocations there do not count, requests are gone. When such a member comes back it is overwritten with what \
         the new one has: copy its CA directory aside before it is started again."
            .to_string(),
    );
    lines.join("\n")
}

/// A time in the unit that a person would take.
fn span(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_names_everybody_who_may_have_more() {
        let said = serde_json::json!({
            "plan": {
                "to": "ca-1", "position": {"epoch": 3, "index": 40, "checksum": 1}, "version": 9, "epoch": 4,
                "primary": "ca-2", "in_sync": ["ca-2"], "register_doubtful": false,
                "lacking": [{"name": "ca-2", "position": {"index": 52}, "entries": 12, "silent_ms": 400_000},
                            {"name": "ca-3", "position": null, "entries": null, "silent_ms": null}]},
            "left_in_sync": {"ca-1": "2026-11-22T20:00:00Z"},
        });
        let price = price(&said);
        for part in [
            "ca-1 would become the active CA, with the log up to entry 40.",
            "(epoch 4) is ca-2:",
            "ca-1 is out of that set since 2026-11-22T20:00:00Z",
            "ca-2 was last heard 6 min ago, with the log up to entry 52; at least 12 entries",
            "ca-3 has not been heard since this front end started; what it acknowledged",
        ] {
            assert!(price.contains(part), "{part:?} is not in\n{price}");
        }
    }
}
