//! `bunraku ca switchover`: another member becomes the active CA, in order, without losing anything.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::client::Client;
use wire::protocol::internal::{STATUS_PATH, SWITCHOVER_PATH, SwitchoverRequest};

use super::front_end::ask;
use super::report::Report;
use crate::cli::SwitchoverArgs;
use crate::operator;

/// Exit code 0 when the other member is active; 1 with the reason and what to do.
pub async fn run(file: Option<PathBuf>, args: &SwitchoverArgs, report: &mut Report) -> anyhow::Result<u8> {
    let config = crate::cmd::load_for_ca(file)?;
    let client = operator::client(&config)?;
    let asked = serde_json::to_value(SwitchoverRequest { to: args.to.clone() })?;
    let begun = Instant::now();
    let answer = ask(&client, SWITCHOVER_PATH, &asked).await?;
    if answer.status != 200 {
        bail!("{}{}", answer.text().trim_end(), advice(&client).await);
    }
    let done: Value = serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")?;
    told(&done, begun, report);
    let preferred = &config.ca.members[0].name;
    if config.front_end.failback_automatic && done["active"] != preferred.as_str() {
        report.say(&match is_held_back(&client, preferred).await {
            true => format!("{preferred} is held back: it stays a standby until 'bunraku ca hold {preferred} --release'"),
            false => format!(
                "{preferred} is preferred and takes over again by itself once it has been in sync for {} ([front_end] \
                 failback = \"auto\", failback_after), unless it is held back: 'bunraku ca hold {preferred}'",
                crate::config::duration::print(config.front_end.failback_after)
            ),
        });
    }
    Ok(u8::from(done["acts"] == false))
}

/// Says who is active now, and what it cost.
pub fn told(done: &Value, begun: Instant, report: &mut Report) {
    let (active, epoch) = (done["active"].as_str().unwrap_or("-"), &done["epoch"]);
    if done["acts"] == false {
        report.say(&format!(
            "{active} is registered as primary of epoch {epoch}, and not active yet: 'bunraku status' shows why"
        ));
    } else {
        report.say(&format!(
            "{active} is the active CA, in epoch {epoch}, after {} ms{}",
            begun.elapsed().as_millis(),
            match (&done["without_active_ms"], &done["held"]) {
                (Value::Number(ms), Value::Number(held)) =>
                    format!("; for {ms} ms of them no CA was active, and {held} requests waited"),
                _ => String::new(),
            }
        ));
    }
    for member in ["active", "epoch", "acts", "without_active_ms", "held"] {
        report.set(member, done[member].clone());
    }
    report.set("took_ms", u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
}

/// The front end's status; `Null` when there is none.
async fn status(client: &Client) -> Value {
    let Ok(answer) = client.get(STATUS_PATH, "application/json").await else { return Value::Null };
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// Whether a member is under maintenance; no when nobody says so.
async fn is_held_back(client: &Client, member: &str) -> bool {
    let status = status(client).await;
    let members = status["ca"]["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    members.iter().any(|known| known["name"] == member && known["held_back"] == true)
}

/// What the operator should know who was refused.
async fn advice(client: &Client) -> String {
    let status = status(client).await;
    if status.is_null() {
        return String::new();
    }
    let outlook = status["ca"]["if_primary_died"].as_str().unwrap_or_default();
    let help = "A member enters the in-sync set by itself once it answers and has caught up: 'bunraku status' shows \
                how far it is.";
    format!("\n{outlook}\n{help}")
}
