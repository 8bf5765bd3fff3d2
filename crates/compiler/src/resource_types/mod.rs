//! What the compiler must know of the resource types that come with Puppet: their names, parameters and which
//! parameter the title stands for. The table is generated from a real Puppet, see generate.rb.

mod table;

pub use table::{METAPARAMETERS, NATIVE_TYPES};

/// A resource type implemented by the agent.
#[derive(Debug, PartialEq, Eq)]
pub struct NativeType {
    /// In lower case.
    pub name: &'static str,
    /// Properties and parameters, without metaparameters.
    pub parameters: &'static [&'static str],
    /// The parameters that together identify a resource, first the one the title sets.
    pub key_attributes: &'static [&'static str],
    /// Whether two resources with the same key attributes are the same thing.
    pub isomorphic: bool,
}

/// Metaparameters that express relationships; they aren't handed down from container to contained.
pub const RELATIONSHIPS: &[&str] = &["require", "subscribe", "before", "notify"];

/// The native type of that name, in any case.
pub fn native(name: &str) -> Option<&'static NativeType> {
    let found = NATIVE_TYPES
        .binary_search_by(|entry| entry.name.bytes().cmp(name.bytes().map(|byte| byte.to_ascii_lowercase())));
    found.ok().map(|index| &NATIVE_TYPES[index])
}

/// Whether every type has this parameter.
pub fn is_metaparameter(name: &str) -> bool {
    METAPARAMETERS.contains(&name)
}

impl NativeType {
    /// Whether a resource of this type can have the parameter.
    pub fn accepts(&self, parameter: &str) -> bool {
        parameter == "name" || self.parameters.contains(&parameter) || is_metaparameter(parameter)
    }

    /// The one parameter that `name` stands for, if the type has a single key attribute.
    pub fn name_variable(&self) -> &'static str {
        match self.key_attributes {
            [only] => only,
            _ => "name",
        }
    }

    /// The parameter set by the title, and its value: only `file` changes it (no slashes at the end).
    pub fn title_parameter(&self, title: &str) -> (&'static str, String) {
        if self.name == "file" {
            return ("path", without_trailing_slashes(title).to_owned());
        }
        (self.name_variable(), title.to_owned())
    }
}

/// `/a/b//` → `/a/b`, but `/` and `C:/` keep theirs.
fn without_trailing_slashes(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() || (trimmed.len() > 1 && trimmed.ends_with(':')) {
        return &path[..path.len().min(trimmed.len() + 1)];
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_in_any_case() {
        assert!(NATIVE_TYPES.is_sorted_by_key(|entry| entry.name));
        assert_eq!(native("File").map(|entry| entry.name), Some("file"));
        assert_eq!(native("nonsense"), None);
    }

    #[test]
    fn titles_of_files_lose_their_trailing_slashes() {
        let path = |title| native("file").map(|file| file.title_parameter(title).1);
        assert_eq!(path("/a/b//").as_deref(), Some("/a/b"));
        assert_eq!(path("/").as_deref(), Some("/"));
        assert_eq!(path("///").as_deref(), Some("/"));
        assert_eq!(path("C:/").as_deref(), Some("C:/"));
    }
}
