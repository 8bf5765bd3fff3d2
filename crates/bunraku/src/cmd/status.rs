//! `bunraku status [--json]`: the deployment as the front end sees it.

use crate::console::outln;
use anyhow::{Context, bail};
use serde_json::Value;

use crate::config::Config;
use crate::{console, operator};

/// The front end holds a CA request while no CA is active: whoever asks how things are does not wait for that.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Exit code 0 when a CA is active and a catalog worker is up, 1 otherwise.
pub fn run(config: &Config, json: bool) -> anyhow::Result<u8> {
    let client = operator::client(config)?;
    let answer = super::block_on(client.get(wire::protocol::internal::STATUS_PATH, "application/json"))?
        .with_context(|| {
            format!(
                "the front end at {} does not answer; is it running? ('bunraku up')",
                config.front_end.listen
            )
        })?;
    if answer.status != 200 {
        bail!("the front end answered {}: {}", answer.status, answer.text());
    }
    let mut status: Value =
        serde_json::from_slice(&answer.body).context("the front end's status is not JSON")?;
    status["expiry"] = expiry(&client)?;
    if json {
        outln!("{status}");
    } else {
        crate::console::print(&text(&status));
    }
    let serving = status["ca"]["active"].is_string() && any_up(&status["workers"]);
    Ok(u8::from(!serving))
}

/// What ends when, as the active CA sees it; null when there is none that answers now.
fn expiry(client: &wire::client::Client) -> anyhow::Result<Value> {
    let asked = async {
        let path = wire::protocol::internal::EXPIRY_PATH;
        tokio::time::timeout(PATIENCE, client.get(path, "application/json")).await.ok()?.ok()
    };
    let answer = super::block_on(asked)?.filter(|answer| answer.status == 200);
    Ok(answer.and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or(Value::Null))
}

fn any_up(workers: &Value) -> bool {
    workers.as_array().is_some_and(|list| list.iter().any(|w| w["state"] == "up"))
}

/// The status for a person.
fn text(status: &Value) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_string(),
        Value::Bool(true) => "yes".to_string(),
        Value::Bool(false) => "no".to_string(),
        other => other.to_string(),
    };
    let rows = |heading: &[&str], keys: &[&str], list: &Value| {
        let mut rows = vec![heading.iter().map(|h| h.to_string()).collect::<Vec<_>>()];
        for entry in list.as_array().into_iter().flatten() {
            rows.push(keys.iter().map(|key| word(&entry[*key])).collect());
        }
        console::table(&rows)
    };
    let active = match status["ca"]["active"].as_str() {
        Some(name) => console::out("32", name),
        None => console::out("31", "none: CA requests are held, and refused when none returns in time"),
    };
    let mut text = format!("epoch {}, active CA: {active}\n\n", status["epoch"]);
    let keys = ["name", "address", "state", "in_sync", "position"];
    text.push_str(&rows(&["CA", "address", "state", "in sync", "position"], &keys, &status["ca"]["members"]));
    text.push('\n');
    let keys = ["name", "address", "state", "in_flight", "requests", "failures"];
    let heading = ["worker", "address", "state", "in flight", "requests", "failures"];
    text.push_str(&rows(&heading, &keys, &status["workers"]));
    text.push_str(&format!("\nrequests since the front end started: {}\n", status["requests_total"]));
    for warning in status["expiry"]["warnings"].as_array().into_iter().flatten() {
        let colour = if warning["urgency"] == "soon" { "33" } else { "31" };
        text.push_str(&format!("{} {}\n", console::out(colour, "warning:"), word(&warning["text"])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_without_a_ca_says_so() {
        let status = serde_json::json!({
            "epoch": 3, "ca": {"active": null, "members": [
                {"name": "ca-1", "address": "127.0.0.1:18142", "state": "down", "in_sync": true, "position": 7}]},
            "workers": [{"name": "catalog-1", "address": "127.0.0.1:18140", "state": "up", "in_flight": 0,
                "requests": 5, "failures": 0}],
            "requests_total": 9,
        });
        let text = text(&status);
        assert!(text.starts_with("epoch 3, active CA: none: CA requests are held"), "{text}");
        assert!(text.contains("ca-1  127.0.0.1:18142  down   yes      7"), "{text}");
        assert!(any_up(&status["workers"]));
    }
}
