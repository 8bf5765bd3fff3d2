//! Applies a catalog in dependency order; what failed keeps its dependents from being touched.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::catalog::{Catalog, Resource};
use crate::console::{Console, Level, Origin};
use crate::graph;
use crate::provider::{self, Event};
use crate::session::Session;

/// What became of one resource.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub failed: bool,
    pub skipped: bool,
    pub seconds: f64,
}

/// What became of all of them.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub outcomes: BTreeMap<String, Outcome>,
    /// There was no order to apply them in.
    pub unordered: bool,
}

impl Summary {
    /// How many resources were changed.
    pub fn changed(&self) -> usize {
        self.count(|o| o.events.iter().any(|e| e.success && !e.noop))
    }

    /// How many failed, not counting those that were skipped for it.
    pub fn failed(&self) -> usize {
        self.count(|o| o.failed) + usize::from(self.unordered)
    }

    /// How many were left alone because something before them failed.
    pub fn skipped(&self) -> usize {
        self.count(|o| o.skipped)
    }

    /// How many are not as they should be, changed ones included.
    pub fn out_of_sync(&self) -> usize {
        self.count(|o| !o.events.is_empty())
    }

    fn count(&self, of: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.values().filter(|o| of(o)).count()
    }
}

/// Applies `catalog`; with `noop` only says what differs.
pub async fn apply(catalog: &Catalog, noop: bool, session: &Session, console: &mut Console) -> Summary {
    let mut summary = Summary::default();
    let plan = match graph::plan(catalog) {
        Ok(plan) => plan,
        Err(fault) => {
            console.say(Level::Error, format!("Failed to apply catalog: {fault}"));
            summary.unordered = true;
            return summary;
        }
    };
    for reference in &plan.order {
        let Some(resource) = catalog.resources.get(reference) else { continue };
        if resource.exported {
            continue;
        }
        if resource.container {
            report_container(catalog, resource, &summary, console);
            continue;
        }
        let failed_before = plan
            .dependencies
            .get(reference)
            .into_iter()
            .flatten()
            .find(|before| summary.outcomes.get(*before).is_some_and(|outcome| outcome.failed));
        let origin = origin(catalog, resource, None);
        if let Some(before) = failed_before {
            console.say_of(Level::Notice, format!("Dependency {before} has failures: true"), origin.clone());
            console.say_of(Level::Warning, "Skipping because of failed dependencies", origin);
            summary.outcomes.insert(reference.clone(), Outcome { skipped: true, ..Outcome::default() });
            continue;
        }
        let outcome = one(catalog, resource, noop, session, console).await;
        summary.outcomes.insert(reference.clone(), outcome);
    }
    summary
}

async fn one(
    catalog: &Catalog,
    resource: &Resource,
    noop: bool,
    session: &Session,
    console: &mut Console,
) -> Outcome {
    let started = Instant::now();
    let noop = resource.parameters.get("noop").and_then(serde_json::Value::as_bool).unwrap_or(noop);
    let mut outcome = Outcome::default();
    match provider::apply(resource, noop, session).await {
        Ok(events) => {
            for event in &events {
                // Puppet's `notify` speaks before its event does.
                if resource.kind == "Notify" && !event.noop {
                    console.say(Level::Notice, &event.desired);
                }
                let level = if event.success { Level::Notice } else { Level::Error };
                let mut origin = origin(catalog, resource, Some(&event.property));
                if let (Some(of), Some(source)) = (&event.of, &mut origin.source) {
                    *source = source.replace(&format!("/{}/", resource.reference()), &format!("/{of}/"));
                }
                console.say_of(level, &event.message, origin);
            }
            outcome.failed = events.iter().any(|e| !e.success);
            outcome.events = events;
        }
        Err(fault) => {
            console.say_of(
                Level::Error,
                format!("Could not evaluate: {fault}"),
                origin(catalog, resource, None),
            );
            outcome.failed = true;
        }
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    outcome
}

/// Puppet says of a container what it would have been told by what is in it.
fn report_container(catalog: &Catalog, container: &Resource, summary: &Summary, console: &mut Console) {
    let own = container.reference();
    let inside = catalog.containment.iter().filter(|(outer, _)| *outer == own);
    let events: usize = inside
        .map(|(_, inner)| match catalog.resources.get(inner) {
            Some(resource) if resource.container => usize::from(any_noop(catalog, inner, summary)),
            _ => summary.outcomes.get(inner).map_or(0, |o| o.events.iter().filter(|e| e.noop).count()),
        })
        .sum();
    if events > 0 {
        let text = format!(
            "Would have triggered 'refresh' from {events} event{}",
            if events == 1 { "" } else { "s" }
        );
        let source = match catalog.path_of(&own).last() {
            Some(name) if container.kind == "Class" => format!("Class[{name}]"),
            _ => own,
        };
        console.say_of(Level::Notice, text, Origin { source: Some(source), ..Origin::default() });
    }
}

fn any_noop(catalog: &Catalog, container: &str, summary: &Summary) -> bool {
    catalog.containment.iter().filter(|(outer, _)| outer == container).any(|(_, inner)| {
        summary.outcomes.get(inner).is_some_and(|o| o.events.iter().any(|e| e.noop))
            || (inner != container && any_noop(catalog, inner, summary))
    })
}

fn origin(catalog: &Catalog, resource: &Resource, property: Option<&str>) -> Origin {
    let mut path = catalog.path_of(&resource.reference()).join("/");
    if let Some(property) = property {
        path.push('/');
        path.push_str(property);
    }
    Origin {
        source: Some(format!("/{path}")),
        tags: resource.tags.clone(),
        file: resource.file.clone(),
        line: resource.line,
    }
}
