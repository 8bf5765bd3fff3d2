//! The catalog as it arrives: resources, containment, relationships.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// `Type[title]`
pub type Reference = String;

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub kind: String,
    pub title: String,
    pub tags: Vec<String>,
    pub file: Option<String>,
    pub line: Option<i64>,
    pub parameters: Map<String, Value>,
    /// Puppet's `isomorphic?`-free distinction: classes, stages and defines contain, they are not applied.
    pub container: bool,
    /// Exported resources belong to other nodes.
    pub exported: bool,
    /// Names of the parameters whose values must not be shown.
    pub sensitive: Vec<String>,
}

impl Resource {
    /// `Type[title]`
    pub fn reference(&self) -> Reference {
        format!("{}[{}]", self.kind, self.title)
    }

    /// A parameter's value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(Value::as_str)
    }
}

/// A parsed catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    pub version: String,
    pub raw_version: Value,
    pub catalog_uuid: Option<String>,
    pub resources: IndexMap<Reference, Resource>,
    /// Container → contained.
    pub containment: Vec<(Reference, Reference)>,
}

/// What is wrong with a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogFault {
    #[error("the catalog has no list of resources")]
    NoResources,
    #[error("a resource of the catalog has no {0}")]
    Incomplete(&'static str),
}

/// Types that only contain others.
const CONTAINERS: [&str; 3] = ["Stage", "Class", "Node"];

impl Catalog {
    /// Reads the JSON of the server.
    pub fn parse(document: &Value) -> Result<Catalog, CatalogFault> {
        let list = document["resources"].as_array().ok_or(CatalogFault::NoResources)?;
        let mut resources = IndexMap::new();
        for entry in list {
            let resource = resource(entry)?;
            resources.insert(resource.reference(), resource);
        }
        let edges = document["edges"].as_array().into_iter().flatten();
        let containment = edges
            .filter_map(|e| Some((e["source"].as_str()?.to_string(), e["target"].as_str()?.to_string())))
            .collect();
        let version = match &document["version"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(Catalog {
            version,
            raw_version: document["version"].clone(),
            catalog_uuid: document["catalog_uuid"].as_str().map(str::to_string),
            resources,
            containment,
        })
    }

    /// The container of each contained resource.
    pub fn containers(&self) -> BTreeMap<&str, &str> {
        self.containment.iter().map(|(from, to)| (to.as_str(), from.as_str())).collect()
    }

    /// `/Stage[main]/Main/Node[default]/Notify[x]`: containers outermost first; a class by its name alone.
    pub fn path_of(&self, reference: &str) -> Vec<String> {
        let containers = self.containers();
        let mut path = vec![shown(reference)];
        let mut inner = reference;
        while let Some(outer) = containers.get(inner) {
            path.push(shown(outer));
            inner = outer;
            // A catalog of a faulty server may contain itself.
            if path.len() > self.resources.len() + 1 {
                break;
            }
        }
        path.reverse();
        path
    }
}

/// `Class[Foo::Bar]` is shown as `Foo::Bar`, everything else as it is.
fn shown(reference: &str) -> String {
    let class = reference.strip_prefix("Class[").and_then(|rest| rest.strip_suffix(']'));
    class.map_or_else(|| reference.to_string(), capitalized)
}

/// `foo::bar` → `Foo::Bar`
fn capitalized(name: &str) -> String {
    let segments = name.split("::").map(|segment| {
        let mut characters = segment.chars();
        characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
    });
    segments.collect::<Vec<String>>().join("::")
}

fn resource(entry: &Value) -> Result<Resource, CatalogFault> {
    let kind = entry["type"].as_str().ok_or(CatalogFault::Incomplete("type"))?.to_string();
    let title = entry["title"].as_str().ok_or(CatalogFault::Incomplete("title"))?.to_string();
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_string)).collect()
    };
    let mut parameters = entry["parameters"].as_object().cloned().unwrap_or_default();
    let mut sensitive = strings(&entry["sensitive_parameters"]);
    for (name, value) in &mut parameters {
        if value["__ptype"] == "Sensitive" {
            *value = value["__pvalue"].take();
            sensitive.push(name.clone());
        }
    }
    Ok(Resource {
        // A define's instances and classes are "unknown" or absent to old servers; `kind` tells newer ones apart.
        container: CONTAINERS.contains(&kind.as_str()) || entry["kind"] == "unknown",
        tags: strings(&entry["tags"]),
        file: entry["file"].as_str().map(str::to_string),
        line: entry["line"].as_i64(),
        exported: entry["exported"].as_bool().unwrap_or(false),
        parameters,
        sensitive,
        kind,
        title,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_names_all_containers() {
        let catalog = Catalog::parse(&json!({
            "version": 1795341305,
            "resources": [
                {"type": "Stage", "title": "main"}, {"type": "Class", "title": "main"},
                {"type": "Class", "title": "web::server"},
                {"type": "Notify", "title": "hello", "parameters": {"message": "x"}},
            ],
            "edges": [
                {"source": "Stage[main]", "target": "Class[main]"},
                {"source": "Stage[main]", "target": "Class[web::server]"},
                {"source": "Class[web::server]", "target": "Notify[hello]"},
            ],
        }))
        .unwrap();
        assert_eq!(catalog.path_of("Notify[hello]"), ["Stage[main]", "Web::Server", "Notify[hello]"]);
        assert_eq!(catalog.version, "1795341305");
        assert!(catalog.resources["Class[main]"].container);
        assert!(!catalog.resources["Notify[hello]"].container);
    }

    #[test]
    fn a_document_without_resources_is_no_catalog() {
        assert_eq!(Catalog::parse(&json!({})), Err(CatalogFault::NoResources));
        let nameless = json!({"resources": [{"type": "File"}]});
        assert_eq!(Catalog::parse(&nameless), Err(CatalogFault::Incomplete("title")));
    }
}
