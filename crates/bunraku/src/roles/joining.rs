//! `bunraku serve --role ca --join`: what a new CA member needs before it can follow, and how far it is.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::client::{Client, Timeouts};
use wire::protocol::internal::STATUS_PATH;
use wire::tls::ClientTls;

use crate::config::{CaMember, Config};
use crate::operator;

/// Between two looks at how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// Gets the member's certificate from the CA, in the operator's name, when there is none yet.
pub async fn prepare(config: &Config, name: &str) -> anyhow::Result<()> {
    let member = member(config, name)?;
    let (certificate, key) = (config.certificate_path(&member.certname), config.key_path(&member.certname));
    if certificate.exists() && key.exists() {
        return Ok(());
    }
    if !config.ca_bundle_path().exists() || !config.key_path(&config.main.operator_certname).exists() {
        bail!(
            "{name} has no certificate ({}), and here is no operator who could ask for one. Copy certs/ca.pem, and \
             certs/ and private_keys/ of {}, from {} of the front end; or certificate and key of {} that 'bunraku ca \
             generate --certname {}' makes there",
            certificate.display(),
            config.main.operator_certname,
            config.main.ssldir.display(),
            member.certname,
            member.certname
        );
    }
    eprintln!("asking the CA for a certificate for {}", member.certname);
    crate::cmd::certificate_for(config, &member.certname).await
}

/// Says how far the member is, until it has everything.
pub async fn tell(config: Config, name: String) {
    let client = match client(&config, &name) {
        Ok(client) => client,
        Err(fault) => return tracing::warn!("joining: {fault:#}"),
    };
    let mut said = String::new();
    loop {
        tokio::time::sleep(EVERY).await;
        let status = match client.get(STATUS_PATH, "application/json").await {
            Ok(answer) => serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
            Err(fault) => serde_json::json!({"fault": fault.to_string()}),
        };
        let (line, done) = sentence(&status, &name);
        if line != said {
            tracing::info!("joining: {line}");
            said = line;
        }
        if done {
            return;
        }
    }
}

/// Where the member is, and whether that is the end of joining.
fn sentence(status: &Value, name: &str) -> (String, bool) {
    if let Some(fault) = status["fault"].as_str() {
        return (format!("the front end does not answer ({fault}); it has to admit {name}"), false);
    }
    let members = status["ca"]["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(own) = members.iter().find(|member| member["name"] == name) else {
        let what = "add its [[ca.member]] to the bunraku.toml of the front end and of the other CAs, and restart them";
        return (format!("the front end does not know {name} yet: {what}"), false);
    };
    let position = own["position"].as_u64().unwrap_or(0);
    if own["in_sync"] == true {
        return (
            format!("{name} has everything (entry {position}) and is in the in-sync set: it can take over"),
            true,
        );
    }
    let active = &status["ca"]["active"];
    let Some(primary) = members.iter().find(|member| active.is_string() && member["name"] == *active) else {
        return (format!("no CA is active from which {name} could get a copy"), false);
    };
    let end = primary["position"].as_u64().unwrap_or(0);
    match position {
        0 => (format!("waiting for a copy from {}", active.as_str().unwrap_or("-")), false),
        _ => (format!("entry {position} of {end}"), false),
    }
}

fn member<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a CaMember> {
    config
        .ca_member(name)
        .with_context(|| format!("{} has no [[ca.member]] named '{name}'", config.path.display()))
}

fn client(config: &Config, name: &str) -> anyhow::Result<Client> {
    let identity = operator::identity(config, &member(config, name)?.certname)?;
    let tls = ClientTls::new(Some(&identity), operator::trust(config)?)?;
    let timeouts = Timeouts { connect: Duration::from_secs(2), answer: Duration::from_secs(5) };
    let base = format!("https://{}", config.front_end.listen);
    Ok(Client::new(&base, tls, timeouts)?.expecting(&config.front_end.certname))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_joining_has_its_sentence() {
        let status = |in_sync: bool, position: u64, active: Value| {
            serde_json::json!({"ca": {"active": active, "members": [
                {"name": "ca-1", "position": 90, "in_sync": true},
                {"name": "ca-3", "position": position, "in_sync": in_sync}]}})
        };
        let said = |status: Value| sentence(&status, "ca-3");
        assert_eq!(said(status(false, 0, "ca-1".into())), ("waiting for a copy from ca-1".into(), false));
        assert_eq!(said(status(false, 40, "ca-1".into())), ("entry 40 of 90".into(), false));
        assert!(said(status(true, 90, "ca-1".into())).1);
        assert!(said(status(false, 0, Value::Null)).0.starts_with("no CA is active"));
        assert!(sentence(&status(true, 90, "ca-1".into()), "ca-4").0.contains("[[ca.member]]"));
        assert!(said(serde_json::json!({"fault": "connection refused"})).0.contains("connection refused"));
    }
}
