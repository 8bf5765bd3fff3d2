//! The catalog while it is being compiled: resources that can still change, and the table that finds them.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::catalog::{Kind, Tags, canonical};
use crate::environment::{Class, Define};
use crate::eval::scope::{ScopeId, Source};
use crate::failure::{Failure, Location};
use crate::resource_types::{NativeType, native};
use crate::value::Value;

/// Names a resource of the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceId(pub u32);

/// A parameter of a resource with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub name: Arc<str>,
    pub value: Value,
    pub source: Source,
    /// `None` for parameters set by functions.
    pub location: Option<Location>,
    /// `+>`
    pub append: bool,
}

/// What implements a resource.
#[derive(Clone, Debug)]
pub(crate) enum Implementation {
    Native(&'static NativeType),
    Define(Arc<Define>),
    Class(Arc<Class>),
    /// The class around all main manifests, and the class of settings: no definition.
    BuiltIn,
    Node,
}

pub(crate) type Parameters = IndexMap<Arc<str>, Parameter, FxBuildHasher>;

/// A resource being compiled.
#[derive(Clone, Debug)]
pub(crate) struct DraftResource {
    /// As the catalog writes it.
    pub type_name: Arc<str>,
    pub title: Arc<str>,
    pub implementation: Implementation,
    pub kind: Kind,
    pub file: Option<Arc<str>>,
    pub line: Option<u32>,
    pub is_virtual: bool,
    pub exported: bool,
    pub parameters: Parameters,
    pub tags: Tags,
    pub sensitive: Vec<Arc<str>>,
    pub scope: ScopeId,
    pub source: Source,
    pub evaluated: bool,
    pub scope_tags_added: bool,
    /// Parameters were added after evaluation, so they must be checked again.
    pub overridden: bool,
}

impl DraftResource {
    pub(crate) fn reference(&self) -> String {
        format!("{}[{}]", self.type_name, self.title)
    }

    pub(crate) fn is_class(&self) -> bool {
        &*self.type_name == "Class"
    }

    pub(crate) fn is_stage(&self) -> bool {
        &*self.type_name == "Stage"
    }

    /// Value of a parameter; `undef` counts as none.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name).map(|parameter| &parameter.value).filter(|value| !value.is_undef())
    }

    /// Sets a parameter; `tag` adds tags at once.
    ///
    /// # Errors
    /// An invalid tag.
    pub(crate) fn set(&mut self, parameter: Parameter) -> Result<(), Failure> {
        if &*parameter.name == "tag" {
            add_tag_values(&mut self.tags, &parameter.value)?;
        }
        self.parameters.insert(parameter.name.clone(), parameter);
        Ok(())
    }

    /// The values that identify the resource, ordered by their parameters' names.
    fn uniqueness_key(&self) -> Vec<Option<String>> {
        let text = |value: &Value| Some(value.to_string());
        let given = |name: &str| self.value(name).and_then(text);
        let Implementation::Native(native) = &self.implementation else {
            return vec![given("name").or_else(|| Some(self.title.to_string()))];
        };
        let (title_parameter, title_value) = native.title_parameter(&self.title);
        let mut names = native.key_attributes.to_vec();
        names.sort_unstable();
        let main = native.name_variable();
        let value_of = |name: &'static str| {
            if name == title_parameter {
                return Some(title_value.clone());
            }
            (name == main).then(|| self.title.to_string())
        };
        names.into_iter().map(|name| given(name).or_else(|| value_of(name))).collect()
    }

    fn is_isomorphic(&self) -> bool {
        match &self.implementation {
            Implementation::Native(native) => native.isomorphic,
            _ => true,
        }
    }
}

/// Adds the tags that a `tag` parameter holds.
pub(crate) fn add_tag_values(tags: &mut Tags, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Undef => Ok(()),
        Value::Array(items) => items.iter().try_for_each(|item| add_tag_values(tags, item)),
        other => tags.add(&other.to_string()).map_err(|tag| Failure::raised(format!("Invalid tag '{tag}'"))),
    }
}

/// The catalog being compiled.
#[derive(Default)]
pub(crate) struct Draft {
    pub resources: Vec<DraftResource>,
    /// By type, title and by type, uniqueness key.
    table: FxHashMap<String, ResourceId>,
    pub classes: Vec<Arc<str>>,
    pub tags: Tags,
    /// For each resource what contains it, in the order in which it was said.
    containers: Vec<Vec<ResourceId>>,
    /// For each resource what it contains.
    pub contained: Vec<Vec<ResourceId>>,
    edge_set: FxHashSet<(ResourceId, ResourceId)>,
    /// Resources by type, for collectors.
    by_type: FxHashMap<Arc<str>, Vec<ResourceId>>,
    /// Resources that the compiler itself put in, which are never finished: the main stage and the settings.
    pub unmanaged: usize,
}

fn title_key(type_name: &str, title: &str) -> String {
    format!("{type_name}\0{title}")
}

fn unique_key(type_name: &str, parts: &[Option<String>]) -> String {
    let mut key = type_name.to_owned();
    for part in parts {
        key.push('\0');
        key.push_str(part.as_deref().unwrap_or("\u{1}"));
    }
    key
}

/// As Ruby's `inspect` prints an array of strings and nils.
fn inspect(parts: &[Option<String>]) -> String {
    let parts: Vec<String> =
        parts.iter().map(|part| part.as_ref().map_or("nil".to_owned(), |text| format!("{text:?}"))).collect();
    format!("[{}]", parts.join(", "))
}

impl Draft {
    pub(crate) fn resource(&self, id: ResourceId) -> &DraftResource {
        &self.resources[id.0 as usize]
    }

    pub(crate) fn resource_mut(&mut self, id: ResourceId) -> &mut DraftResource {
        &mut self.resources[id.0 as usize]
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ResourceId> + use<> {
        (0..self.resources.len()).map(|index| ResourceId(index as u32))
    }

    /// Resources of a type (written as in the catalog) in the order in which they came.
    pub(crate) fn of_type(&self, type_name: &str) -> Vec<ResourceId> {
        self.by_type.get(type_name).cloned().unwrap_or_default()
    }

    /// Finds a resource by type (any case) and title, or by what identifies it.
    pub(crate) fn find(&self, type_name: &str, title: &str) -> Option<ResourceId> {
        let (type_name, title) = canonical(type_name, title);
        if let Some(found) = self.table.get(&title_key(&type_name, &title)) {
            return Some(*found);
        }
        let native = native(&type_name)?;
        let (parameter, value) = native.title_parameter(&title);
        let mut names = native.key_attributes.to_vec();
        names.sort_unstable();
        let parts: Vec<_> =
            names.into_iter().map(|name| (name == parameter).then(|| value.clone())).collect();
        self.table.get(&unique_key(&type_name, &parts)).copied()
    }

    /// Finds a resource by a reference given as text: `File[/a]`.
    ///
    /// # Errors
    /// When the text isn't of that form.
    pub(crate) fn find_text(&self, reference: &str) -> Result<Option<ResourceId>, Failure> {
        let parts = reference
            .split_once('[')
            .and_then(|(type_name, rest)| Some((type_name, rest.strip_suffix(']')?)))
            .filter(|(type_name, title)| {
                !type_name.is_empty() && !type_name.contains(']') && !title.is_empty()
            });
        let Some((type_name, title)) = parts else {
            return Err(Failure::raised(format!(
                "No title provided and {reference:?} is not a valid resource reference"
            )));
        };
        Ok(self.find(type_name, title))
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When there is one with the same title, or one that is the same thing under another.
    pub(crate) fn add(&mut self, resource: DraftResource) -> Result<ResourceId, Failure> {
        let key = title_key(&resource.type_name, &resource.title);
        if let Some(existing) = self.table.get(&key) {
            let existing = self.resource(*existing);
            let place = place(existing.file.as_deref(), existing.line);
            let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
            let mut message = format!(
                "Duplicate declaration: {} is already declared{at}; cannot redeclare",
                resource.reference()
            );
            let own = self::place(resource.file.as_deref(), resource.line);
            if !own.is_empty() {
                message = format!("{message} {own}");
            }
            return Err(Failure::raised(message));
        }
        let id = ResourceId(u32::try_from(self.resources.len()).unwrap_or(u32::MAX));
        self.table.insert(key, id);
        claim_aliases(&mut self.table, &self.resources, &resource, id, false)?;
        self.by_type.entry(resource.type_name.clone()).or_default().push(id);
        self.resources.push(resource);
        self.containers.push(Vec::new());
        self.contained.push(Vec::new());
        Ok(id)
    }

    /// Checks the names that `alias` gives once more: it may have been handed down to several resources.
    ///
    /// # Errors
    /// Names the two.
    pub(crate) fn check_aliases(&self) -> Result<(), Failure> {
        if !self.resources.iter().any(|resource| resource.parameters.contains_key("alias")) {
            return Ok(());
        }
        let mut table = FxHashMap::default();
        for id in self.ids().filter(|id| !self.resource(*id).is_virtual) {
            let resource = self.resource(id);
            table.insert(title_key(&resource.type_name, &resource.title), id);
            claim_aliases(&mut table, &self.resources, resource, id, true)?;
        }
        Ok(())
    }

    /// Says that a container contains a resource; saying it twice is nothing new.
    pub(crate) fn add_edge(&mut self, container: ResourceId, resource: ResourceId) {
        if self.edge_set.insert((container, resource)) {
            self.containers[resource.0 as usize].push(container);
            self.contained[container.0 as usize].push(resource);
        }
    }

    /// What contains the resource, in the order in which it was said.
    pub(crate) fn containers_of(&self, id: ResourceId) -> &[ResourceId] {
        &self.containers[id.0 as usize]
    }
}

/// Enters a resource's other names: those of its `alias` parameter, and what identifies it.
fn claim_aliases(
    table: &mut FxHashMap<String, ResourceId>,
    resources: &[DraftResource],
    resource: &DraftResource,
    id: ResourceId,
    finished: bool,
) -> Result<(), Failure> {
    let mut names: Vec<(Vec<Option<String>>, String)> = Vec::new();
    let mut explicit = |name: String| {
        let shown = format!("{name:?}");
        names.push((vec![Some(name)], shown));
    };
    match resource.value("alias") {
        Some(Value::Array(given)) => given.iter().map(ToString::to_string).for_each(&mut explicit),
        Some(given) => explicit(given.to_string()),
        None => {}
    }
    // In a finished catalog Puppet doesn't look at what identifies a resource any more.
    if !finished && resource.is_isomorphic() {
        let key = resource.uniqueness_key();
        let is_title = matches!(&key[..], [Some(only)] if **only == *resource.title);
        if key.iter().any(Option::is_some) && !is_title {
            let shown = inspect(&key);
            names.push((key, shown));
        }
    }
    for (parts, shown) in names {
        if let [Some(name)] = &parts[..]
            && **name == *resource.title
        {
            continue;
        }
        let key = unique_key(&resource.type_name, &parts);
        let existing = match table.get(&key) {
            Some(existing) if *existing != id => &resources[existing.0 as usize],
            _ => {
                table.insert(key, id);
                continue;
            }
        };
        let own = place(resource.file.as_deref(), resource.line);
        let at = if own.is_empty() { String::new() } else { format!(" at {own}") };
        let mut all = vec![Some(resource.type_name.to_string())];
        all.extend(parts);
        let mut message = format!(
            "Cannot alias {} to {shown}{at}; resource {} already declared",
            resource.reference(),
            inspect(&all)
        );
        let theirs = place(existing.file.as_deref(), existing.line);
        if !theirs.is_empty() {
            message = format!("{message} {theirs}");
        }
        return Err(Failure::raised(message));
    }
    Ok(())
}

/// `(file: F, line: L)`, or as much of it as is known.
pub(crate) fn place(file: Option<&str>, line: Option<u32>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("(file: {file}, line: {line})"),
        (Some(file), None) => format!("(file: {file})"),
        (None, Some(line)) => format!("(line: {line})"),
        (None, None) => String::new(),
    }
}
