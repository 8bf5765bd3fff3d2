//! Regular expressions: Ruby's syntax, translated.

use std::hash::{Hash, Hasher};

/// A compiled regular expression; equal when written alike.
#[derive(Debug)]
pub struct Regex {
    source: String,
    program: fancy_regex::Regex,
}

impl Regex {
    /// Compiles a pattern in Ruby's syntax.
    ///
    /// # Errors
    /// The text says what is wrong with the pattern.
    pub fn new(source: &str) -> Result<Regex, String> {
        let program = fancy_regex::Regex::new(source).map_err(|error| error.to_string())?;
        Ok(Regex { source: source.to_owned(), program })
    }

    /// The pattern as written, without the slashes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The groups of the first match (`[0]` the whole match; `None` a group that took no part), or `None`.
    ///
    /// # Errors
    /// When the search gave up (too much backtracking).
    pub fn captures(&self, text: &str) -> Result<Option<Vec<Option<String>>>, String> {
        let found = self.program.captures(text).map_err(|error| error.to_string())?;
        Ok(found.map(|groups| {
            (0..groups.len()).map(|i| groups.get(i).map(|group| group.as_str().to_owned())).collect()
        }))
    }

    /// Whether the text holds a match.
    ///
    /// # Errors
    /// As [`Regex::captures`].
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        self.program.is_match(text).map_err(|error| error.to_string())
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Regex) -> bool {
        self.source == other.source
    }
}

impl Eq for Regex {}

impl Hash for Regex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}
