//! What a rule is asked.

use pki::Certificate;

/// One request, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Method, in capitals.
    pub method: &'a str,
    /// Path as [`crate::seen`] gives it.
    pub path: &'a str,
    /// Query as it came, without its question mark.
    pub query: &'a str,
    /// Name in the verified certificate; none: nobody has proved who he is.
    pub certname: Option<&'a str>,
    /// That certificate, as far as it is known.
    pub certificate: Option<&'a Certificate>,
}

impl Question<'_> {
    /// Whether the requester has proved who he is. A certificate without a name proves nothing.
    pub(crate) fn authenticated(&self) -> bool {
        self.certname.is_some_and(|name| !name.is_empty())
    }

    /// All values that the query gives to a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Vec<String> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .filter(|(key, _)| crate::path::form_decoded(key) == name)
            .map(|(_, value)| crate::path::form_decoded(value))
            .collect()
    }
}
