//! Does everything answer?

use std::time::{Duration, Instant};

use serde_json::Value;
use wire::client::Client;
use wire::protocol::internal::STATUS_PATH;

use crate::config::Config;
use crate::operator;

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the front end reports an active CA, every standby in sync and every catalog worker up that is to be used; after `limit`,
/// says what is not.
pub async fn wait(config: &Config, limit: Duration) -> Result<(), String> {
    let client = operator::client(config).map_err(|e| format!("{e:#}"))?;
    let started = Instant::now();
    loop {
        let waiting_for = match status(&client).await {
            Err(fault) => format!("the front end: {fault}"),
            Ok(status) => match missing(&status) {
                None => return Ok(()),
                Some(what) => what,
            },
        };
        if started.elapsed() > limit {
            return Err(format!("{waiting_for}; the logs are in {}", config.main.logdir.display()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn status(client: &Client) -> Result<Value, String> {
    let answer = client.get(STATUS_PATH, "application/json").await.map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.text()));
    }
    serde_json::from_slice(&answer.body).map_err(|e| e.to_string())
}

/// What keeps the deployment from being ready.
fn missing(status: &Value) -> Option<String> {
    if !status["ca"]["active"].is_string() {
        return Some("no CA is active".to_string());
    }
    let behind = status["ca"]["members"].as_array()?.iter().find(|m| m["in_sync"] != true);
    if let Some(member) = behind {
        return Some(format!("{} is {}", member["name"], member["state"]));
    }
    // Who was taken out of use stays out of use.
    let ready = |state: &Value| matches!(state.as_str(), Some("up" | "draining" | "maintenance"));
    let down = status["workers"].as_array()?.iter().find(|w| !ready(&w["state"]));
    down.map(|worker| format!("{} is {}", worker["name"], worker["state"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_must_be_there() {
        let mut status = serde_json::json!({
            "ca": {"active": "ca-1", "members": [{"name": "ca-2", "state": "standby", "in_sync": true}]},
            "workers": [{"name": "catalog-1", "state": "up"}],
        });
        assert_eq!(missing(&status), None);
        status["workers"][0]["state"] = "draining".into();
        assert_eq!(missing(&status), None);
        status["workers"][0]["state"] = "down".into();
        assert_eq!(missing(&status).unwrap(), "\"catalog-1\" is \"down\"");
        status["ca"]["members"][0]["in_sync"] = false.into();
        assert_eq!(missing(&status).unwrap(), "\"ca-2\" is \"standby\"");
        status["ca"]["active"] = Value::Null;
        assert_eq!(missing(&status).unwrap(), "no CA is active");
    }
}
