//! A rule as it is written.

use crate::Whom;

/// What a rule is about, and whom it lets pass. Nothing of it has been looked at yet; [`crate::Rules::new`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Tells it from the others; messages name it.
    pub name: String,
    /// 1 to 999: the first rule that fits a request decides. Those with the same order go by their names.
    pub order: i64,
    /// Which paths.
    pub place: Place,
    /// Which methods, in any case; none: all.
    pub methods: Vec<String>,
    /// Parameters that the query must have, each with one of these values.
    pub query: Vec<(String, Vec<String>)>,
    /// Who may, of those who have a certificate.
    pub allow: Vec<Whom>,
    /// Who may not. Looked at first.
    pub deny: Vec<Whom>,
    /// Everybody may, with a certificate or without.
    pub allow_unauthenticated: bool,
}

/// Which paths a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// All that begin with this text (type `path`).
    Prefix(String),
    /// Those in which this expression is found (type `regex`).
    Regex(String),
}
