//! `bunraku status [--json]`: the deployment as the front end sees it.

use crate::console::outln;
use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::StatusArgs;
use crate::config::Config;
use crate::{console, operator};

/// The front end holds a CA request while no CA is active: whoever asks how things are does not wait for that.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Exit code 0 when a CA is active and a catalog worker is up, 1 otherwise.
pub fn run(config: &Config, args: &StatusArgs) -> anyhow::Result<u8> {
    let json = args.json;
    let client = match &args.front_end {
        Some(name) => operator::client_of(config, name)?,
        None => operator::client(config)?,
    };
    let answer = super::block_on(client.get(wire::protocol::internal::STATUS_PATH, "application/json"))?
        .with_context(|| {
            format!("the front end at {} does not answer; is it running? ('bunraku up')", client.server())
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
    let mut members = status["ca"]["members"].clone();
    members.as_array_mut().into_iter().flatten().for_each(|member| member["lag"] = lag(member));
    let keys = ["name", "address", "state", "in_sync", "position", "lag"];
    text.push_str(&rows(&["CA", "address", "state", "in sync", "position", "lag"], &keys, &members));
    text.push('\n');
    for sentence in sentences(status) {
        text.push_str(&format!("{sentence}\n"));
    }
    text.push('\n');
    let keys = ["name", "address", "state", "in_flight", "requests", "failures"];
    let heading = ["worker", "address", "state", "in flight", "requests", "failures"];
    text.push_str(&rows(&heading, &keys, &status["workers"]));
    text.push_str(&format!("\nrequests since the front end started: {}\n", status["requests_total"]));
    if status["register"]["kind"] == "etcd" {
        let health = if status["register"]["answers"] == true { "answers" } else { "does not answer" };
        let since = word(&status["register"]["since"]);
        text.push_str(&format!("register: etcd, {health} since {since}\n"));
    }
    for seen in status["front_ends"].as_array().into_iter().flatten() {
        let down = seen["down"].as_object().filter(|down| !down.is_empty());
        let down = down.map(|down| down.iter().map(|(name, why)| format!("{name} {}", word(why))));
        let down =
            down.map_or_else(|| "reaches all CAs".to_string(), |list| list.collect::<Vec<_>>().join("; "));
        text.push_str(&format!("front end {} (epoch {}): {down}\n", word(&seen["name"]), seen["epoch"]));
    }
    for warning in status["warnings"].as_array().into_iter().flatten() {
        text.push_str(&format!("{} {}\n", console::out("31", "warning:"), word(warning)));
    }
    for warning in status["expiry"]["warnings"].as_array().into_iter().flatten() {
        let colour = if warning["urgency"] == "soon" { "33" } else { "31" };
        text.push_str(&format!("{} {}\n", console::out(colour, "warning:"), word(&warning["text"])));
    }
    text
}

/// How far a member is behind.
fn lag(member: &Value) -> Value {
    match (member["lag_entries"].as_u64(), member["lag_seconds"].as_f64()) {
        (Some(0), _) => "0".into(),
        (Some(entries), Some(seconds)) => format!("{entries} ({seconds:.1} s)").into(),
        (Some(entries), None) => entries.into(),
        _ => Value::Null,
    }
}

/// What an operator should know besides the tables.
fn sentences(status: &Value) -> Vec<String> {
    let ca = &status["ca"];
    let mut sentences: Vec<String> = ca["if_primary_died"]
        .as_str()
        .into_iter()
        .filter(|said| !said.is_empty())
        .map(str::to_string)
        .collect();
    let held = ca["held"].as_u64().unwrap_or(0);
    if held > 0 {
        sentences.push(format!("{held} CA requests are waiting."));
    }
    let last = &ca["last_failover"];
    if let (Some(at), Some(reason)) = (last["at"].as_str(), last["reason"].as_str()) {
        sentences.push(format!(
            "last failover {at}: {reason}; {} ms without an active CA, {} requests waited, {} of them in vain",
            last["duration_ms"], last["held"], last["timed_out"]
        ));
    }
    let members = || ca["members"].as_array().into_iter().flatten();
    let newest = members().filter_map(|member| member["level"].as_u64()).max();
    for member in members() {
        let name = member["name"].as_str().unwrap_or("-");
        if let Some(cause) = member["cause"].as_str() {
            let silent = member["silent_seconds"].as_f64();
            let heard = silent.map_or(String::new(), |seconds| format!("; last heard {seconds:.0} s ago"));
            sentences.push(format!("{name} {cause}{heard}"));
        }
        if member["held_back"] == true {
            sentences.push(format!(
                "{name} is held back for maintenance: 'bunraku ca hold {name} --release' ends that"
            ));
        }
        if member["level"].as_u64() < newest && member["level"].is_u64() {
            sentences.push(format!(
                "{name} runs an older version: until it is updated, no change is made that it would not know (level {} of {})",
                member["level"], newest.unwrap_or_default()
            ));
        }
    }
    for worker in status["workers"].as_array().into_iter().flatten() {
        let name = worker["name"].as_str().unwrap_or("-");
        match worker["state"].as_str() {
            Some(state @ ("draining" | "maintenance")) => sentences.push(format!(
                "{name} gets no new requests ({state}): 'bunraku front-end resume {name}' puts it back"
            )),
            Some("ejected") => sentences.push(format!(
                "{name} fails requests and is out of use for a while: the front end's error log says why"
            )),
            _ => {}
        }
    }
    let waiting = status["queue"]["waiting"].as_u64().unwrap_or(0);
    if waiting > 0 {
        sentences.push(format!("{waiting} requests wait for a catalog worker: all have their max_requests."));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_without_a_ca_says_so() {
        let status = serde_json::json!({
            "epoch": 3, "ca": {"active": null, "members": [
                {"name": "ca-1", "address": "127.0.0.1:18142", "state": "down", "in_sync": true, "position": 7,
                 "lag_entries": 2, "lag_seconds": 1.25, "cause": "does not answer (timed out)", "silent_seconds": 61.2,
                 "held_back": true, "level": 0},
                {"name": "ca-2", "address": "127.0.0.1:18143", "state": "standby", "in_sync": false, "position": 9,
                 "lag_entries": 0, "lag_seconds": 0.0, "level": 1}],
                "if_primary_died": "No CA is active: because.", "held": 3,
                "last_failover": {"at": "2026-11-22T20:00:00Z", "reason": "ca-1 was restarted", "duration_ms": 120,
                    "held": 4, "timed_out": 1}},
            "workers": [{"name": "catalog-1", "address": "127.0.0.1:18140", "state": "up", "in_flight": 0,
                "requests": 5, "failures": 0}, {"name": "catalog-2", "address": "127.0.0.1:18141",
                "state": "draining", "in_flight": 0, "requests": 5, "failures": 0}],
            "queue": {"waiting": 7},
            "requests_total": 9,
        });
        let text = text(&status);
        assert!(text.starts_with("epoch 3, active CA: none: CA requests are held"), "{text}");
        for part in [
            "ca-1  127.0.0.1:18142  down     yes      7         2 (1.2 s)\n",
            "ca-2  127.0.0.1:18143  standby  no       9         0\n",
            "\nNo CA is active: because.\n3 CA requests are waiting.\n",
            "last failover 2026-11-22T20:00:00Z: ca-1 was restarted; 120 ms without an active CA, 4 requests waited, 1 of",
            "ca-1 does not answer (timed out); last heard 61 s ago\n",
            "ca-1 is held back for maintenance",
            "ca-1 runs an older version",
            "catalog-2 gets no new requests (draining): 'bunraku front-end resume catalog-2' puts it back\n",
            "7 requests wait for a catalog worker",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(any_up(&status["workers"]));
    }
}
