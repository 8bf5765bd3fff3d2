//! Tags of resources and catalogs.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

/// A set of tags in order of addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(IndexSet<Arc<str>, FxBuildHasher>);

/// Letters, digits and `_`, then also `:`, `.` and `-`; of any alphabet.
pub(crate) fn is_valid(tag: &str) -> bool {
    let mut letters = tag.chars();
    letters.next().is_some_and(|c| c.is_alphanumeric() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.' | '-'))
}

impl Tags {
    /// Adds a tag in lower case; one with `::` brings its segments too.
    ///
    /// # Errors
    /// The tag, when it isn't a valid one.
    pub(crate) fn add(&mut self, tag: &str) -> Result<(), String> {
        let tag = tag.to_lowercase();
        if !is_valid(&tag) {
            return Err(tag);
        }
        self.add_valid(&tag);
        Ok(())
    }

    /// Adds a tag if it is a valid one.
    pub(crate) fn add_if_valid(&mut self, tag: &str) {
        if is_valid(tag) {
            self.add_valid(&tag.to_lowercase());
        }
    }

    fn add_valid(&mut self, tag: &str) {
        if self.0.insert(tag.into()) && tag.contains("::") {
            for segment in tag.split("::").filter(|segment| !segment.is_empty()) {
                self.0.insert(segment.into());
            }
        }
    }

    /// Adds all tags of another set.
    pub(crate) fn merge(&mut self, other: &Tags) {
        for tag in &other.0 {
            if !self.0.contains(tag) {
                self.0.insert(tag.clone());
            }
        }
    }

    /// Whether the set has the tag (given in lower case).
    pub fn contains(&self, tag: &str) -> bool {
        self.0.contains(tag)
    }

    /// The tags in order of addition.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_tags_bring_their_segments() {
        let mut tags = Tags::default();
        assert_eq!(tags.add("A::B"), Ok(()));
        assert_eq!(tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["a::b", "a", "b"]);
        assert_eq!(tags.add("no spaces"), Err("no spaces".to_owned()));
        tags.add_if_valid("/no/path");
        assert_eq!(tags.iter().count(), 3);
    }
}
