//! The report of a run, in format 12 of `Puppet::Transaction::Report`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Resource};
use crate::console::Console;
use crate::provider::Event;
use crate::session::PUPPET_VERSION;
use crate::settings::Settings;
use crate::transaction::{Outcome, Summary};

const FORMAT: u32 = 12;

/// What is known of a run besides its messages and outcomes.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub environment: &'a str,
    pub started: jiff::Timestamp,
    pub transaction_uuid: &'a str,
    pub catalog: Option<&'a Catalog>,
    pub retrieval: Duration,
    pub application: Duration,
}

impl<'a> Run<'a> {
    /// A run that never got a catalog.
    pub fn without_catalog(
        settings: &'a Settings,
        environment: &'a str,
        started: jiff::Timestamp,
        transaction_uuid: &'a str,
    ) -> Run<'a> {
        let (retrieval, application) = (Duration::ZERO, Duration::ZERO);
        Run { settings, environment, started, transaction_uuid, catalog: None, retrieval, application }
    }

    /// The whole report.
    pub fn document(&self, console: &Console, summary: Option<&Summary>) -> Value {
        let nothing = Summary::default();
        let known = summary.unwrap_or(&nothing);
        let noop_pending = known.outcomes.values().any(|o| o.events.iter().any(|e| e.noop));
        let status = match summary {
            None => "failed",
            Some(s) if s.failed() > 0 => "failed",
            Some(s) if s.changed() > 0 => "changed",
            Some(_) => "unchanged",
        };
        json!({
            "host": self.settings.certname, "time": self.started.to_string(),
            "configuration_version": self.catalog.map(|c| &c.raw_version),
            "transaction_uuid": self.transaction_uuid, "report_format": FORMAT,
            "puppet_version": PUPPET_VERSION, "status": status,
            "transaction_completed": summary.is_some_and(|s| !s.unordered),
            "noop": self.settings.noop, "noop_pending": noop_pending, "environment": self.environment,
            "logs": console.logs(), "metrics": self.metrics(known),
            "resource_statuses": self.statuses(known), "corrective_change": false,
            "catalog_uuid": self.catalog.and_then(|c| c.catalog_uuid.as_ref()),
            "cached_catalog_status": "not_used", "server_used": self.settings.server,
        })
    }

    fn metrics(&self, summary: &Summary) -> Value {
        let metric = |name: &str, label: &str, values: Vec<Value>| {
            (name.to_string(), json!({"name": name, "label": label, "values": values}))
        };
        let total = summary.outcomes.len();
        let changed = summary.changed();
        let events: Vec<&Event> = summary.outcomes.values().flat_map(|o| &o.events).collect();
        let failures = events.iter().filter(|e| !e.success).count();
        let resources = vec![
            json!(["total", "Total", total]),
            json!(["skipped", "Skipped", summary.skipped()]),
            json!(["failed", "Failed", summary.failed()]),
            json!(["failed_to_restart", "Failed to restart", 0]),
            json!(["restarted", "Restarted", 0]),
            json!(["changed", "Changed", changed]),
            json!(["out_of_sync", "Out of sync", summary.out_of_sync()]),
            json!(["scheduled", "Scheduled", 0]),
            json!(["corrective_change", "Corrective change", 0]),
        ];
        let (retrieval, application) = (self.retrieval.as_secs_f64(), self.application.as_secs_f64());
        let times = vec![
            json!(["config_retrieval", "Config retrieval", retrieval]),
            json!(["catalog_application", "Catalog application", application]),
            json!(["total", "Total", retrieval + application]),
        ];
        let event_counts = vec![
            json!(["total", "Total", events.len()]),
            json!(["failure", "Failure", failures]),
            json!(["success", "Success", events.iter().filter(|e| e.success && !e.noop).count()]),
        ];
        Value::Object(Map::from_iter([
            metric("resources", "Resources", resources),
            metric("time", "Time", times),
            metric("changes", "Changes", vec![json!(["total", "Total", changed])]),
            metric("events", "Events", event_counts),
        ]))
    }

    fn statuses(&self, summary: &Summary) -> Value {
        let Some(catalog) = self.catalog else { return json!({}) };
        let statuses = summary.outcomes.iter().filter_map(|(reference, outcome)| {
            let resource = catalog.resources.get(reference)?;
            Some((reference.clone(), self.status(catalog, resource, outcome)))
        });
        Value::Object(statuses.collect())
    }

    fn status(&self, catalog: &Catalog, resource: &Resource, outcome: &Outcome) -> Value {
        let changed = outcome.events.iter().filter(|e| e.success && !e.noop).count();
        let events: Vec<Value> = outcome.events.iter().map(|e| event(resource, e, self.started)).collect();
        json!({
            "title": resource.title, "file": resource.file, "line": resource.line,
            "resource": resource.reference(), "resource_type": resource.kind,
            "provider_used": if resource.kind == "File" { json!("posix") } else { Value::Null },
            "containment_path": catalog.path_of(&resource.reference()),
            "evaluation_time": outcome.seconds, "tags": resource.tags, "time": self.started.to_string(),
            "failed": outcome.failed, "failed_to_restart": false, "changed": changed > 0,
            "out_of_sync": !outcome.events.is_empty(), "skipped": outcome.skipped,
            "change_count": changed, "out_of_sync_count": outcome.events.len(), "events": events,
            "corrective_change": false,
        })
    }
}

fn event(resource: &Resource, event: &Event, time: jiff::Timestamp) -> Value {
    let status = match (event.success, event.noop) {
        (_, true) => "noop",
        (true, false) => "success",
        (false, false) => "failure",
    };
    let redacted = resource.sensitive.contains(&event.property);
    let value = |text: &str| if redacted { "[redacted]".to_string() } else { text.to_string() };
    json!({
        "audited": false, "property": event.property, "previous_value": value(&event.previous),
        "desired_value": value(&event.desired), "historical_value": null, "message": event.message,
        "name": format!("{}_changed", event.property), "status": status, "time": time.to_string(),
        "redacted": redacted.then_some(true), "corrective_change": false,
    })
}
