//! Overrides: changing parameters of a resource that was declared elsewhere.

use std::sync::Arc;

use crate::catalog::draft::{Parameter, ResourceId, place};
use crate::eval::overrides::at_place;
use crate::eval::{Evaluator, Override};
use crate::failure::Failure;
use crate::value::Value;

impl Evaluator<'_> {
    /// Merges an override into its resource.
    ///
    /// # Errors
    /// When the overriding code has no right to.
    pub(crate) fn merge(&mut self, id: ResourceId, change: &Override) -> Result<(), Failure> {
        let resource = self.resource(id);
        if resource.source != change.source && !self.is_child_of(&change.source, &resource.source) {
            return Err(at_place("Only subclasses can override parameters", Some(&change.location)));
        }
        if resource.evaluated {
            let defined = place(resource.file.as_deref(), resource.line);
            let at = if defined.is_empty() { String::new() } else { format!(", defined at {defined},") };
            let text = format!("Attempt to override an already evaluated resource{at} with new values");
            let here = place(change.location.file.as_deref(), Some(change.location.line));
            self.warn(&format!("{text} {here}"), None);
        }
        for parameter in &change.parameters {
            self.override_parameter(id, parameter)?;
        }
        self.draft.resource_mut(id).overridden = true;
        Ok(())
    }

    fn override_parameter(&mut self, id: ResourceId, parameter: &Parameter) -> Result<(), Failure> {
        let resource = self.resource(id);
        let name: Arc<str> = parameter.name.clone();
        let Some(current) = resource.parameters.get(&name).cloned() else {
            return self.draft.resource_mut(id).set(parameter.clone());
        };
        let (scope, type_name) = (resource.scope, resource.type_name.clone());
        if self.is_default(scope, &type_name, &name, &parameter.value) {
            return Ok(());
        }
        let may = self.is_child_of(&parameter.source, &current.source)
            || (parameter.source == current.source
                && self.is_default(scope, &type_name, &name, &current.value));
        if !may {
            let set_at = current.location.as_ref().map_or(String::new(), |location| {
                format!(" at {}", place(location.file.as_deref(), Some(location.line)))
            });
            let text = format!(
                "Parameter '{name}' is already set on {} by {}{set_at}; cannot redefine",
                self.resource(id).reference(),
                current.source
            );
            return Err(at_place(&text, parameter.location.as_ref()));
        }
        let mut parameter = parameter.clone();
        if parameter.append {
            let mut joined = Vec::new();
            flatten_into(&mut joined, current.value);
            flatten_into(&mut joined, parameter.value);
            parameter.value = Value::array(joined);
        }
        self.draft.resource_mut(id).set(parameter)
    }
}

pub(crate) fn flatten_into(flat: &mut Vec<Value>, value: Value) {
    match value {
        Value::Array(items) => items.iter().cloned().for_each(|item| flatten_into(flat, item)),
        other => flat.push(other),
    }
}
