//! `bunraku ca rollover`: a longer life for the CA's own certificate, or the steps to a new key ([`new_key`]).

mod new_key;

use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::protocol::internal::{ROLLOVER_PATH, RolloverAction, RolloverRequest};

use super::endpoint::Endpoint;
use super::report::Report;
use crate::cli::RolloverArgs;
use crate::config::duration;

/// Exit code 1 when the CA's certificate stays as it was.
pub async fn run(endpoint: &Arc<Endpoint>, args: &RolloverArgs, report: &mut Report) -> anyhow::Result<u8> {
    if let Some(step) = new_key::step(args) {
        return new_key::run(endpoint, args, step, report).await;
    }
    let life = life(args)?;
    let read = |path| std::fs::read_to_string(path).with_context(|| format!("could not read {path:?}"));
    let certificate = args.certificate.as_ref().map(read).transpose()?;
    let action = if args.request { RolloverAction::Request } else { RolloverAction::SameKey };
    let asked = serde_json::to_value(RolloverRequest { certificate, ..request(action, life) })?;
    let answer = endpoint.request("rollover", "POST", ROLLOVER_PATH, Some(&asked)).await?;
    if answer.status != 200 {
        bail!("{}", answer.text());
    }
    if args.request {
        let pem = answer.text();
        report.say(&pem);
        report.set("request", pem);
        return Ok(0);
    }
    let told: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    if told.get("phase").is_some() {
        // The certificate was for the new key that waited for it.
        new_key::introduced(&told, report);
        return Ok(0);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    report.say(&format!(
        "The CA certificate {} now ends on {}",
        text(&told["issuer"]["subject"]),
        text(&told["issuer"]["not_after"])
    ));
    for subject in told["renewed"].as_array().into_iter().flatten() {
        if *subject != told["issuer"]["subject"] {
            report.say(&format!("So does {} above it", text(subject)));
        }
    }
    report.say("Nodes keep their certificates. docs/CA-ROLLOVER.md says when each agent fetches the new CA certificate.");
    for member in ["issuer", "renewed", "bundle"] {
        report.set(member, told[member].clone());
    }
    Ok(0)
}

fn request(action: RolloverAction, life: Option<i64>) -> RolloverRequest {
    RolloverRequest { action, life, certificate: None, key_type: None, ca_name: None, force: false }
}

fn life(args: &RolloverArgs) -> anyhow::Result<Option<i64>> {
    let life = args.ttl.as_deref().map(duration::parse).transpose()?;
    life.map(|life| i64::try_from(life.as_secs())).transpose().context("--ttl")
}
