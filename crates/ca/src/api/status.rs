//! `/status/v1/…`: whether this member is well, for load balancers, monitoring and `puppetserver ca`.

use super::rules::forbidden;
use crate::answer::{Answer, JSON_UTF8, PLAIN_UTF8};
use crate::authority::Authority;
use crate::expiry::Urgency;
use access::Question;
use serde_json::{Value, json};
use wire::http::Method;

/// What `puppetserver ca` looks at to know which endpoints there are: from 8.4.0 on it signs many at once.
const SERVICE_VERSION: &str = "8.4.0";

pub(super) fn answer(authority: &Authority, method: &Method, path: &str) -> Answer {
    // As in the packaged rules: these two with all that is below them, for GET. Monitoring asks with HEAD, too.
    let open = ["/status/v1/simple", "/status/v1/services"].iter().any(|open| path.starts_with(open));
    if !open || (*method != Method::GET && *method != Method::HEAD) {
        return forbidden(&Question {
            method: method.as_str(),
            path,
            query: "",
            certname: None,
            certificate: None,
        });
    }
    let fault = authority.ledger().projection().progress().fault;
    let state = if fault.is_some() { "error" } else { "running" };
    let status = if fault.is_some() { 503 } else { 200 };
    match path.trim_end_matches('/') {
        "/status/v1/simple" | "/status/v1/simple/ca" => Answer::new(status, PLAIN_UTF8, state),
        "/status/v1/services" => {
            let services = json!({"ca": service(authority, state, fault.as_deref())});
            Answer::new(status, JSON_UTF8, services.to_string())
        }
        "/status/v1/services/ca" => {
            let mut service = service(authority, state, fault.as_deref());
            service["service_name"] = Value::from("ca");
            Answer::new(status, JSON_UTF8, service.to_string())
        }
        other => match other.strip_prefix("/status/v1/services/") {
            Some(name) => {
                let text = format!("No status information found for service {name}");
                Answer::new(404, JSON_UTF8, json!({"kind": "service-not-found", "msg": text}).to_string())
            }
            None => {
                let name = other.rsplit('/').next().unwrap_or_default();
                Answer::new(404, PLAIN_UTF8, format!("not found: {name}"))
            }
        },
    }
}

fn service(authority: &Authority, state: &str, fault: Option<&str>) -> Value {
    let alerts: Vec<Value> = authority
        .expiry_warnings()
        .iter()
        .map(|warning| {
            let severity = if warning.urgency > Urgency::Soon { "error" } else { "warning" };
            json!({"severity": severity, "message": warning.text})
        })
        .collect();
    let status = fault.map_or_else(|| json!({}), |fault| json!({"fault": fault}));
    json!({
        "service_version": SERVICE_VERSION,
        "service_status_version": 1,
        "detail_level": "info",
        "state": state,
        "status": status,
        "active_alerts": alerts,
    })
}
