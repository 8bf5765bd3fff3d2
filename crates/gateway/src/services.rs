//! `GET /status/v1/services`: what a Puppet Server, which is one process, says of all its services. Here they are several:
//! the answer of a catalog worker, with that of the active CA for the service `ca`.
//!
//! Who asks is monitoring, which looks for a service by its name, and `puppetserver ca sign`, which looks for the version of
//! `ca`.

use http::StatusCode;
use serde_json::{Map, Value, json};
use wire::access_log::Trail;
use wire::{Request, Response, body, reply};

use crate::forward::{Carried, parts_again};
use crate::front_end::FrontEnd;
use crate::route::Class;

/// Longest answer that is read, bytes. Puppet Server's has some 10 KB at the level `debug`.
const LONGEST: usize = 1024 * 1024;

/// What one side says: its status, and its services.
type Said = Option<(StatusCode, Map<String, Value>)>;

/// Answers it.
pub async fn carry(front_end: &FrontEnd, request: Request) -> Carried {
    let trail = Trail::of(&request);
    let (parts, _) = request.into_parts();
    let again = || Request::from_parts(parts_again(&parts), body::empty());
    let has_catalog = !front_end.forwarder().upstreams.load().is_empty();
    let catalog = async {
        match has_catalog {
            true => read(front_end.forwarder().carry(again(), Class::Status, None).await.response).await,
            false => Some((StatusCode::OK, Map::new())),
        }
    };
    let ca = async { read(front_end.ca_route().carry_status(again()).await.response).await };
    let (catalog, ca) = tokio::join!(catalog, ca);
    trail.answered_here();
    let (status, services) = merge(catalog, ca);
    Carried::own(reply::json(status, &services))
}

async fn read(response: Response) -> Said {
    let status = response.status();
    // 503 comes with the services, too, when one of them is not well.
    if status != StatusCode::OK && status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let content = body::collect(response.into_body(), LONGEST).await.ok()?;
    Some((status, serde_json::from_slice(&content).ok()?))
}

/// One answer of two. A side that says nothing is a service of unknown state, and the whole is not well.
fn merge(catalog: Said, ca: Said) -> (StatusCode, Map<String, Value>) {
    let silent = catalog.is_none() || ca.is_none();
    let (mut status, mut services) = match catalog {
        Some(said) => said,
        None => (StatusCode::SERVICE_UNAVAILABLE, Map::from_iter([("server".to_owned(), unknown())])),
    };
    let ca = ca.and_then(|(said, mut services)| {
        status = status.max(said);
        services.remove("ca")
    });
    services.insert("ca".to_owned(), ca.unwrap_or_else(unknown));
    if silent {
        status = StatusCode::SERVICE_UNAVAILABLE;
    }
    (status, services)
}

fn unknown() -> Value {
    json!({"service_status_version": 1, "detail_level": "info", "state": "unknown", "status": {}, "active_alerts": []})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, services: Value) -> Said {
        let Value::Object(services) = services else { panic!("no object") };
        Some((StatusCode::from_u16(status).unwrap(), services))
    }

    fn merged(catalog: Said, ca: Said) -> (u16, Value) {
        let (status, services) = merge(catalog, ca);
        (status.as_u16(), Value::Object(services))
    }

    #[test]
    fn services_of_both_sides_are_one_answer() {
        let catalog = || said(200, json!({"master": {"state": "running"}, "server": {"state": "running"}}));
        let ca = |status, state| said(status, json!({"ca": {"state": state}, "x": {}}));
        let (status, services) = merged(catalog(), ca(200, "running"));
        assert_eq!(status, 200);
        assert_eq!(
            services,
            json!({"master": {"state": "running"}, "server": {"state": "running"}, "ca": {"state": "running"}})
        );
        assert_eq!(merged(catalog(), ca(503, "error")).0, 503);
        assert_eq!(merged(said(503, json!({"server": {}})), ca(200, "running")).0, 503);
        // A Puppet Server that compiles has a CA of its own in its answer, which is not the one that counts.
        let all = said(200, json!({"ca": {"state": "stopped"}, "master": {}}));
        assert_eq!(merged(all, ca(200, "running")).1["ca"]["state"], "running");
    }

    #[test]
    fn who_says_nothing_is_not_well() {
        let (status, services) = merged(said(200, json!({"server": {"state": "running"}})), None);
        assert_eq!((status, &services["ca"]["state"]), (503, &json!("unknown")));
        let (status, services) = merged(None, said(200, json!({"ca": {"state": "running"}})));
        assert_eq!((status, &services["server"]["state"]), (503, &json!("unknown")));
        assert_eq!(services["ca"]["state"], "running");
    }
}
