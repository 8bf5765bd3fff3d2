//! `File { mode => … }` and `File['/a'] { mode => … }`

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{ResourceDefaults, ResourceOverride};

use crate::catalog::capitalize;
use crate::catalog::draft::place;
use crate::eval::resource::illegal_type;
use crate::eval::scope::ScopeId;
use crate::eval::{Evaluator, Override};
use crate::failure::{Failure, Location};
use crate::label;
use crate::types::{Type, generalize, infer, print};
use crate::value::Value;

impl Evaluator<'_> {
    pub(crate) fn eval_defaults(
        &mut self,
        defaults: &ResourceDefaults,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let value = self.eval(&defaults.type_ref, scope)?;
        let name = match &value {
            Value::Type(of) => match &**of {
                Type::Resource { name: Some(name), title: None } => Some(name.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(name) = name else {
            let text = illegal_type(&print(&generalize(&infer(&value))));
            return Err(self.blame(defaults.type_ref.span, text));
        };
        let type_name: Arc<str> = capitalize(&name).into();
        for parameter in self.eval_operations(&defaults.operations, scope)? {
            let table = self.scope_mut(scope).defaults.entry(type_name.clone()).or_default();
            if table.contains_key(&parameter.name) {
                let text = format!(
                    "Default already defined for {type_name} {{ {} }}; cannot redefine",
                    parameter.name
                );
                return Err(at_place(&text, parameter.location.as_ref()));
            }
            table.insert(parameter.name.clone(), parameter);
        }
        Ok(value)
    }

    pub(crate) fn eval_override(
        &mut self,
        overrides: &ResourceOverride,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let value = self.eval(&overrides.resources, scope)?;
        let parameters = self.eval_operations(&overrides.operations, scope)?;
        let targets = match &value {
            Value::Array(items) => items.to_vec(),
            single => vec![single.clone()],
        };
        let location = self.locate(span);
        for target in targets {
            let reference = match &target {
                Value::Type(of) => match &**of {
                    Type::Resource { name: Some(name), title: Some(title) } => {
                        Some(format!("{}[{title}]", capitalize(name)))
                    }
                    _ => None,
                },
                _ => None,
            };
            let Some(reference) = reference else {
                return Err(Failure::issue(format!(
                    "Resource Override can only operate on resources, got: {}",
                    label::value(&target)
                )));
            };
            let change = Override {
                reference,
                parameters: parameters.clone(),
                source: self.scope(scope).source.clone(),
                location: location.clone(),
            };
            self.add_override(change)?;
        }
        Ok(value)
    }

    /// Applies an override, or keeps it until its resource is there.
    pub(crate) fn add_override(&mut self, change: Override) -> Result<(), Failure> {
        match self.draft.find_text(&change.reference)? {
            Some(resource) => self.merge(resource, &change),
            None => {
                self.pending_overrides.push(change);
                Ok(())
            }
        }
    }
}

/// A finished message with a file and line of its own, which Puppet passes on as it is.
pub(crate) fn at_place(text: &str, location: Option<&Location>) -> Failure {
    match location {
        Some(location) => {
            let place = place(location.file.as_deref(), Some(location.line));
            Failure::located(format!("{text} {place}"))
        }
        None => Failure::raised(text),
    }
}
