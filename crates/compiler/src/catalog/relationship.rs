//! Arrows between resources become `before` and `notify` parameters when all resources are known.

use std::sync::Arc;

use crate::catalog::canonical;
use crate::catalog::collect::CollectorId;
use crate::catalog::draft::{Parameter, ResourceId};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::Type;
use crate::value::Value;

/// One end of an arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Type and title as the catalog writes them.
    Reference(String, String),
    Collector(CollectorId),
}

/// `source -> target` or `source ~> target`
#[derive(Clone, Debug)]
pub(crate) struct Relationship {
    pub source: End,
    pub target: End,
    pub notifies: bool,
}

impl Evaluator<'_> {
    pub(crate) fn apply_relationships(&mut self) -> Result<(), Failure> {
        for relationship in std::mem::take(&mut self.relationships) {
            let sources = self.leftmost(&relationship.source);
            for source in &sources {
                for target in self.ends(&relationship.target) {
                    self.relate(source, &target, relationship.notifies)?;
                }
            }
        }
        Ok(())
    }

    /// What an end stands for: a collector for what it has collected.
    fn ends(&self, end: &End) -> Vec<(String, String)> {
        match end {
            End::Reference(type_name, title) => vec![(type_name.clone(), title.clone())],
            End::Collector(id) => self
                .collected(*id)
                .iter()
                .map(|resource| {
                    let resource = self.resource(*resource);
                    (resource.type_name.to_string(), resource.title.to_string())
                })
                .collect(),
        }
    }

    /// As [`Evaluator::ends`]; for a collector that has found nothing, what stood to its left in the chain.
    fn leftmost(&self, end: &End) -> Vec<(String, String)> {
        let found = self.ends(end);
        match end {
            End::Collector(id) if found.is_empty() => match self.alternative(*id) {
                [single @ End::Collector(_)] => self.leftmost(single),
                several => several.iter().flat_map(|end| self.ends(end)).collect(),
            },
            _ => found,
        }
    }

    fn relate(
        &mut self,
        source: &(String, String),
        target: &(String, String),
        notifies: bool,
    ) -> Result<(), Failure> {
        let shown = |end: &(String, String)| format!("{}[{}]", end.0, end.1);
        let Some(id) = self.draft.find(&source.0, &source.1) else {
            return Err(Failure::raised(format!(
                "Could not find resource '{}' for relationship on '{}'",
                shown(source),
                shown(target)
            )));
        };
        if self.draft.find(&target.0, &target.1).is_none() {
            return Err(Failure::raised(format!(
                "Could not find resource '{}' for relationship from '{}'",
                shown(target),
                shown(source)
            )));
        }
        let name = if notifies { "notify" } else { "before" };
        self.append_reference(id, name, target)
    }

    /// Adds to a relationship parameter, which becomes a list.
    fn append_reference(
        &mut self,
        id: ResourceId,
        name: &str,
        target: &(String, String),
    ) -> Result<(), Failure> {
        let name: Arc<str> = name.into();
        let source = self.resource(id).source.clone();
        let resource = self.draft.resource_mut(id);
        let mut references = match resource.value(&name) {
            Some(Value::Array(items)) => items.to_vec(),
            Some(single) => vec![single.clone()],
            None => Vec::new(),
        };
        references.push(Value::from(format!("{}[{}]", target.0, target.1)));
        let location = resource.parameters.get(&name).and_then(|parameter| parameter.location.clone());
        resource.set(Parameter { name, value: Value::array(references), source, location, append: false })
    }
}

/// Type and title of a reference to one resource or class.
pub(crate) fn reference_parts(value: &Type) -> Option<(String, String)> {
    match value {
        Type::Resource { name: Some(name), title: Some(title) } => Some(canonical(name, title)),
        Type::Class(Some(name)) => Some(canonical("Class", name)),
        _ => None,
    }
}
