//! Completing the catalog: overrides, tags, checks, and what containers hand down.

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::catalog::draft::{DraftResource, Implementation, Parameter, ResourceId, place};
use crate::catalog::merge::flatten_into;
use crate::catalog::relationship::reference_parts;
use crate::catalog::{Catalog, Resource};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::resource_types::{METAPARAMETERS, RELATIONSHIPS, is_metaparameter};
use crate::value::Value;

impl Evaluator<'_> {
    /// Finishes every resource and checks the whole.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.apply_relationships()?;
        for id in self.draft.ids().skip(self.draft.unmanaged) {
            self.apply_pending(id)?;
            self.add_scope_tags(id);
            self.unwrap_sensitive(id);
            self.check_parameters(id)?;
        }
        self.hand_down();
        Ok(())
    }

    /// Merges the overrides that were waiting for the resource.
    fn apply_pending(&mut self, id: ResourceId) -> Result<(), Failure> {
        if self.pending_overrides.is_empty() {
            return Ok(());
        }
        let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending_overrides)
            .into_iter()
            .partition(|change| self.draft.find_text(&change.reference).ok().flatten() == Some(id));
        self.pending_overrides = later;
        now.iter().try_for_each(|change| self.merge(id, change))
    }

    /// Sensitive values are bare in the catalog, which lists the names of their parameters.
    fn unwrap_sensitive(&mut self, id: ResourceId) {
        let resource = self.draft.resource_mut(id);
        let mut names = Vec::new();
        for (name, parameter) in &mut resource.parameters {
            if let Value::Sensitive(inner) = &parameter.value {
                parameter.value = (**inner).clone();
                names.push(name.clone());
            }
        }
        resource.sensitive.extend(names);
    }

    fn check_parameters(&mut self, id: ResourceId) -> Result<(), Failure> {
        let resource = self.resource(id);
        match resource.implementation.clone() {
            Implementation::Native(native) => {
                let unknown = resource.parameters.keys().find(|name| !native.accepts(name));
                match unknown {
                    Some(name) => {
                        let own = place(resource.file.as_deref(), resource.line);
                        let reference = resource.reference();
                        let text = format!("no parameter named '{name}' {own} on {reference} {own}");
                        Err(Failure::located(text))
                    }
                    None => Ok(()),
                }
            }
            // What was evaluated has been checked then.
            Implementation::Define(define) if !resource.evaluated || resource.overridden => {
                let (values, reference) = (given(resource), resource.reference());
                self.validate_parameters(&reference, &define.definition.parameters, &values)
            }
            Implementation::Class(class) if resource.overridden => {
                let (values, reference) = (given(resource), resource.reference());
                self.validate_parameters(&reference, &class.definition.parameters, &values)
            }
            _ => Ok(()),
        }
    }

    /// From the main class downwards, metaparameters (other than relationships) and tags are handed from container
    /// to contained.
    fn hand_down(&mut self) {
        let Some(main) = self.draft.find("Class", "main") else { return };
        let names: Vec<&str> =
            METAPARAMETERS.iter().copied().filter(|name| !RELATIONSHIPS.contains(name)).collect();
        let mut data: FxHashMap<ResourceId, IndexMap<Arc<str>, Parameter, FxBuildHasher>> =
            FxHashMap::default();
        let mut seen = FxHashSet::default();
        let mut pending = VecDeque::from([main]);
        while let Some(container) = pending.pop_front() {
            if !seen.insert(container) {
                continue;
            }
            let contained = self.draft.contained[container.0 as usize].clone();
            let inherited = match data.get(&container) {
                Some(inherited) => inherited.clone(),
                None => metaparameters(self.resource(container), &names),
            };
            let tags = self.resource(container).tags.clone();
            for target in &contained {
                if !inherited.is_empty() {
                    let resource = self.draft.resource_mut(*target);
                    for (name, parameter) in &inherited {
                        if resource.value(name).is_none() {
                            // A tag that was valid on the container is valid here.
                            let _ = resource.set(parameter.clone());
                        }
                    }
                    let mut own = inherited.clone();
                    own.extend(metaparameters(self.resource(*target), &names));
                    data.insert(*target, own);
                }
                self.draft.resource_mut(*target).tags.merge(&tags);
            }
            pending.extend(contained);
        }
    }

    /// Nothing that was asked for may be left undone, and relationships need both ends.
    pub(crate) fn check_complete(&mut self) -> Result<(), Failure> {
        if !self.pending_overrides.is_empty() {
            let names: Vec<&str> =
                self.pending_overrides.iter().map(|change| change.reference.as_str()).collect();
            let names = names.join(", ");
            return Err(Failure::located(format!("Could not find resource(s) {names} for overriding")));
        }
        let unrealized = self.unrealized();
        if !unrealized.is_empty() {
            let names = unrealized.join(", ");
            return Err(Failure::located(format!("Failed to realize virtual resources {names}")));
        }
        for id in self.draft.ids() {
            if self.resource(id).is_virtual {
                continue;
            }
            for name in self.resource(id).parameters.keys() {
                if RELATIONSHIPS.contains(&&**name) {
                    self.check_relationship(id, name)?;
                }
            }
        }
        self.check_titles()?;
        self.draft.check_aliases()
    }

    /// A reference to a file without path, made of the bare type, can't be written.
    fn check_titles(&self) -> Result<(), Failure> {
        fn has_bare_file(value: &Value) -> bool {
            match value {
                Value::Type(of) => reference_parts(of) == Some(("File".to_owned(), String::new())),
                Value::Array(items) => items.iter().any(has_bare_file),
                Value::Hash(hash) => {
                    hash.iter().any(|(key, value)| has_bare_file(key) || has_bare_file(value))
                }
                _ => false,
            }
        }
        let resources = self.draft.resources.iter().filter(|resource| !resource.is_virtual);
        if resources.flat_map(|resource| resource.parameters.values()).any(|p| has_bare_file(&p.value)) {
            return Err(Failure::located("No set of title patterns matched the title \"\"."));
        }
        Ok(())
    }

    fn check_relationship(&self, id: ResourceId, name: &str) -> Result<(), Failure> {
        let Some(parameter) = self.resource(id).parameters.get(name) else { return Ok(()) };
        let mut references = Vec::new();
        flatten_into(&mut references, parameter.value.clone());
        for reference in references.iter().filter(|reference| !reference.is_undef()) {
            let text = reference_text(reference);
            let located = |message: String| match &parameter.location {
                Some(location) => {
                    let place = place(location.file.as_deref(), Some(location.line));
                    Failure::located(format!("{message} {place}"))
                }
                None => Failure::located(message),
            };
            match self.draft.find_text(&text) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    return Err(located(format!("Could not find resource '{text}' in parameter '{name}'")));
                }
                Err(failure) => return Err(located(failure.text())),
            }
        }
        Ok(())
    }

    /// The catalog without what stayed virtual.
    pub(crate) fn into_catalog(mut self) -> Catalog {
        let mut positions: FxHashMap<ResourceId, usize> = FxHashMap::default();
        let mut resources = Vec::with_capacity(self.draft.resources.len());
        let ids = self.draft.ids();
        for (id, draft) in ids.zip(std::mem::take(&mut self.draft.resources)) {
            if !draft.is_virtual {
                positions.insert(id, resources.len());
                resources.push(finished(draft));
            }
        }
        let mut edges = Vec::new();
        let mut targets: Vec<(&ResourceId, &usize)> = positions.iter().collect();
        targets.sort_unstable();
        for (id, target) in targets {
            for container in self.draft.containers_of(*id) {
                if let Some(source) = positions.get(container) {
                    edges.push((*source, *target));
                }
            }
        }
        Catalog {
            name: self.request.certname.as_str().into(),
            environment: self.environment.name().into(),
            version: self.request.now_millis.div_euclid(1000),
            catalog_uuid: self.request.catalog_uuid.clone(),
            code_id: None,
            classes: self.draft.classes,
            tags: self.draft.tags,
            resources,
            edges,
        }
    }
}

/// `File[/a]` for a reference, the text itself for text.
pub(crate) fn reference_text(value: &Value) -> String {
    match value {
        Value::Type(of) => match reference_parts(of) {
            Some((type_name, title)) => format!("{type_name}[{title}]"),
            None => format!("{of}[]"),
        },
        other => other.to_string(),
    }
}

fn given(resource: &DraftResource) -> IndexMap<Arc<str>, Value, FxBuildHasher> {
    let values = resource.parameters.iter().map(|(name, parameter)| {
        let value = parameter.value.clone();
        let sensitive = resource.sensitive.contains(name);
        (name.clone(), if sensitive { Value::Sensitive(Arc::new(value)) } else { value })
    });
    values.collect()
}

fn metaparameters(resource: &DraftResource, names: &[&str]) -> IndexMap<Arc<str>, Parameter, FxBuildHasher> {
    if !resource.parameters.keys().any(|name| is_metaparameter(name)) {
        return IndexMap::default();
    }
    let present = names.iter().filter_map(|name| resource.parameters.get(*name));
    present
        .filter(|parameter| !parameter.value.is_undef())
        .map(|parameter| (parameter.name.clone(), parameter.clone()))
        .collect()
}

fn finished(draft: DraftResource) -> Resource {
    let mut parameters: IndexMap<Arc<str>, Value, FxBuildHasher> = IndexMap::default();
    let name_variable = match &draft.implementation {
        Implementation::Native(native) => {
            let (name, value) = native.title_parameter(&draft.title);
            parameters.insert(name.into(), Value::from(value));
            native.name_variable()
        }
        _ => {
            parameters.insert("name".into(), Value::String(draft.title.clone()));
            "name"
        }
    };
    // The title says it already, save for the main class and stage, whose titles aren't strings to Puppet.
    let is_main = &*draft.title == "main" && (draft.is_class() || draft.is_stage()) && draft.file.is_none();
    for (name, parameter) in draft.parameters {
        let mut value = parameter.value;
        if value.is_undef() {
            continue;
        }
        let is_relationship = RELATIONSHIPS.contains(&&*name);
        if let Value::Array(items) = &value
            && (is_relationship || has_reference(items))
        {
            let mut flat = Vec::new();
            flatten_into(&mut flat, value.clone());
            if is_relationship {
                flat.retain(|item| !item.is_undef());
            }
            value = Value::array(flat);
        }
        let name = if &*name == "name" { name_variable.into() } else { name };
        parameters.insert(name, value);
    }
    let said = parameters.get(name_variable).is_some_and(|value| value.as_str() == Some(&draft.title));
    if said && !is_main {
        parameters.shift_remove(name_variable);
    }
    Resource {
        type_name: draft.type_name,
        title: draft.title,
        tags: draft.tags,
        file: draft.file,
        line: draft.line,
        exported: draft.exported,
        kind: draft.kind,
        parameters,
        sensitive_parameters: draft.sensitive,
    }
}

fn has_reference(items: &[Value]) -> bool {
    items.iter().any(|item| match item {
        Value::Type(of) => reference_parts(of).is_some(),
        Value::Array(inner) => has_reference(inner),
        _ => false,
    })
}
