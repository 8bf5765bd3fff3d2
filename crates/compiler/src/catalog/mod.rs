//! The catalog: what a compilation yields, and the [`draft`] it is made in.

pub(crate) mod collect;
pub(crate) mod draft;
pub mod encode;
pub(crate) mod finish;
pub(crate) mod merge;
pub(crate) mod relationship;
pub(crate) mod tags;

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::value::Value;
pub use tags::Tags;

/// A finished catalog.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Certname of the node.
    pub name: Arc<str>,
    /// Name of the environment.
    pub environment: Arc<str>,
    /// Seconds since the Unix epoch, Puppet's version when no `config_version` is set.
    pub version: i64,
    /// Identifies this compilation.
    pub catalog_uuid: String,
    /// Given by the caller; Puppet's static catalogs use it.
    pub code_id: Option<String>,
    /// Names of the classes (and the node) in the order of their evaluation.
    pub classes: Vec<Arc<str>>,
    pub tags: Tags,
    pub resources: Vec<Resource>,
    /// Containment: indices into `resources`, container first.
    pub edges: Vec<(usize, usize)>,
}

/// A resource of a finished catalog.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Capitalised, such as `File` or `My::Define`.
    pub type_name: Arc<str>,
    /// Capitalised for classes.
    pub title: Arc<str>,
    pub tags: Tags,
    pub file: Option<Arc<str>>,
    pub line: Option<u32>,
    pub exported: bool,
    pub kind: Kind,
    /// Without those that are `undef`.
    pub parameters: IndexMap<Arc<str>, Value, FxBuildHasher>,
    /// Names of parameters whose values were `Sensitive`; `parameters` has the bare values.
    pub sensitive_parameters: Vec<Arc<str>>,
}

/// What Puppet calls the kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Implemented by the agent.
    Native,
    Define,
    /// A class declared like a resource.
    Class,
    /// Classes that were included, and nodes.
    Unknown,
}

impl Kind {
    /// As the catalog writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Native => "compilable_type",
            Kind::Define => "defined_type",
            Kind::Class => "class",
            Kind::Unknown => "unknown",
        }
    }
}

impl Resource {
    /// `Type[title]`
    pub fn reference(&self) -> String {
        format!("{}[{}]", self.type_name, self.title)
    }
}

/// `my::define` → `My::Define`: each segment with its first letter large and the rest small.
pub fn capitalize(name: &str) -> String {
    let mut capitalized = String::with_capacity(name.len());
    for (index, segment) in name.split("::").enumerate() {
        if index > 0 {
            capitalized.push_str("::");
        }
        let mut letters = segment.chars();
        if let Some(first) = letters.next() {
            capitalized.extend(first.to_uppercase());
            capitalized.push_str(&letters.as_str().to_lowercase());
        }
    }
    capitalized
}

/// How the catalog writes type and title of a reference: types capitalised, titles of classes too.
pub fn canonical(type_name: &str, title: &str) -> (String, String) {
    let type_name = capitalize(type_name.strip_prefix("::").unwrap_or(type_name));
    if type_name != "Class" {
        return (type_name, title.to_owned());
    }
    let title = title.strip_prefix("::").unwrap_or(title);
    match title {
        "" | "main" => (type_name, "main".to_owned()),
        title => (type_name, capitalize(title)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_capitalised_by_segment() {
        assert_eq!(capitalize("my::dEFINE"), "My::Define");
        assert_eq!(canonical("class", "::a::b"), ("Class".to_owned(), "A::B".to_owned()));
        assert_eq!(canonical("file", "a::b"), ("File".to_owned(), "a::b".to_owned()));
    }
}
