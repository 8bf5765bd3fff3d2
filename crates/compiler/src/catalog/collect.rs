//! Collectors at work: finding resources, making them real, overriding them.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::catalog::draft::{Parameter, ResourceId};
use crate::catalog::relationship::End;
use crate::eval::scope::{ScopeId, Source};
use crate::eval::{Evaluator, Override};
use crate::failure::{Failure, Location};
use crate::value::Value;

/// Names a collector of the running compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CollectorId(pub usize);

/// Something that looks for resources until the catalog is complete.
pub(crate) struct Collector {
    pub search: Search,
    pub overrides: Option<Overrides>,
    /// In the order in which they were found.
    pub collected: Vec<ResourceId>,
    /// What stood left of it in a chain of arrows.
    pub alternative: Vec<End>,
    /// It has found all that it can.
    pub done: bool,
}

/// What a collector looks for.
pub(crate) enum Search {
    /// `File <| … |>`
    Query { type_name: Arc<str>, query: Option<Query> },
    /// `realize(File['/a'])`: references, and those still missing.
    References(Vec<String>),
    /// `File <<| … |>>` without a store of exported resources finds nothing.
    Nothing,
}

/// The condition of a collector, its values evaluated.
pub(crate) enum Query {
    And(Box<Query>, Box<Query>),
    Or(Box<Query>, Box<Query>),
    Equal(Arc<str>, Value),
    NotEqual(Arc<str>, Value),
    /// Any of the tags, in lower case.
    Tagged(Vec<String>),
}

/// Parameters that a collector sets on what it finds.
pub(crate) struct Overrides {
    pub parameters: Vec<Parameter>,
    pub source: Source,
    /// Where the collector stands: defaults of that scope are set, too, on what it finds.
    pub scope: ScopeId,
    pub location: Location,
}

impl Evaluator<'_> {
    pub(crate) fn collected(&self, id: CollectorId) -> &[ResourceId] {
        &self.collectors[id.0].collected
    }

    pub(crate) fn alternative(&self, id: CollectorId) -> &[End] {
        &self.collectors[id.0].alternative
    }

    pub(crate) fn set_alternative(&mut self, id: CollectorId, ends: Vec<End>) {
        self.collectors[id.0].alternative = ends;
    }

    /// Lets every collector look again; true when one has found something new.
    pub(crate) fn evaluate_collectors(&mut self) -> Result<bool, Failure> {
        let mut found = false;
        for index in 0..self.collectors.len() {
            if !self.collectors[index].done {
                found |= self.evaluate_collector(index)?;
            }
        }
        Ok(found)
    }

    fn evaluate_collector(&mut self, index: usize) -> Result<bool, Failure> {
        let found = match &self.collectors[index].search {
            Search::Nothing => return Ok(false),
            Search::Query { type_name, query } => {
                let mut found = Vec::new();
                for id in self.draft.of_type(type_name) {
                    if query.as_ref().is_none_or(|query| self.satisfies(id, query)) {
                        found.push(id);
                    }
                }
                found
            }
            Search::References(_) => self.resolve_references(index)?,
        };
        let old: FxHashSet<ResourceId> = self.collectors[index].collected.iter().copied().collect();
        for id in &found {
            self.draft.resource_mut(*id).is_virtual = false;
        }
        if let (false, Some(overrides)) = (found.is_empty(), &self.collectors[index].overrides) {
            let source = overrides.source.clone();
            let (mut parameters, location) = (overrides.parameters.clone(), overrides.location.clone());
            if let Search::Query { type_name, .. } = &self.collectors[index].search {
                let defaults = self.lookup_defaults(overrides.scope, type_name);
                let unset = |name: &Arc<str>| !parameters.iter().any(|parameter| parameter.name == *name);
                let defaults: Vec<Parameter> = defaults
                    .into_iter()
                    .filter(|(name, _)| unset(name))
                    .map(|(_, default)| default)
                    .collect();
                parameters.extend(defaults);
            }
            self.free_overriders.insert(source.clone());
            for id in found.iter().filter(|id| !old.contains(id)) {
                let reference = self.resource(*id).reference();
                let (parameters, location) = (parameters.clone(), location.clone());
                let source = source.clone();
                let change = Override { reference, parameters, source, location };
                self.merge(*id, &change)?;
            }
        }
        let new: Vec<ResourceId> = found.into_iter().filter(|id| !old.contains(id)).collect();
        let any = !new.is_empty();
        self.collectors[index].collected.extend(new);
        Ok(any)
    }

    fn resolve_references(&mut self, index: usize) -> Result<Vec<ResourceId>, Failure> {
        let Search::References(missing) = &self.collectors[index].search else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let mut still = Vec::new();
        for reference in missing.clone() {
            match self.draft.find_text(&reference)? {
                Some(id) => found.push(id),
                None => still.push(reference),
            }
        }
        self.collectors[index].done = still.is_empty();
        self.collectors[index].search = Search::References(still);
        Ok(found)
    }

    fn satisfies(&self, id: ResourceId, query: &Query) -> bool {
        match query {
            Query::And(left, right) => self.satisfies(id, left) && self.satisfies(id, right),
            Query::Or(left, right) => self.satisfies(id, left) || self.satisfies(id, right),
            Query::Tagged(tags) => {
                let resource = self.resource(id);
                let container = self.scope(resource.scope).resource.filter(|container| *container != id);
                tags.iter().any(|tag| {
                    resource.tags.contains(tag)
                        || container.is_some_and(|container| self.tagged_above(container, tag))
                })
            }
            Query::Equal(name, wanted) => match self.queried(id, name) {
                Value::Array(items) => items.iter().any(|item| item_matches(item, wanted)),
                value => value.equals(wanted),
            },
            Query::NotEqual(name, wanted) => !self.queried(id, name).equals(wanted),
        }
    }

    /// Tags of the containers count too.
    pub(crate) fn tagged_above(&self, id: ResourceId, tag: &str) -> bool {
        let resource = self.resource(id);
        if resource.tags.contains(tag) {
            return true;
        }
        let container = self.scope(resource.scope).resource.filter(|container| *container != id);
        container.is_some_and(|container| self.tagged_above(container, tag))
    }

    fn queried(&self, id: ResourceId, name: &str) -> Value {
        let resource = self.resource(id);
        if name == "title" {
            return Value::String(resource.title.clone());
        }
        resource.parameters.get(name).map_or(Value::Undef, |parameter| parameter.value.clone())
    }

    /// References that `realize` has asked for and that never came.
    pub(crate) fn unrealized(&self) -> Vec<String> {
        let missing = self.collectors.iter().filter_map(|collector| match &collector.search {
            Search::References(missing) => Some(missing.clone()),
            _ => None,
        });
        missing.flatten().collect()
    }
}

/// An array parameter satisfies `==` when it has the value as an item.
fn item_matches(item: &Value, wanted: &Value) -> bool {
    match (item, wanted) {
        (Value::Regex(regex), Value::String(text)) => regex.is_match(text).unwrap_or(false),
        (Value::Type(of), Value::String(_)) => crate::types::instance_of(of, wanted),
        _ => item.equals(wanted),
    }
}
