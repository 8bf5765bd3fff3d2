//! What is wrong with a rule.

/// Why a rule cannot be put into force. The texts say what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// A rule needs a name.
    #[error("a rule has no name; name it for what it lets pass")]
    Nameless,
    /// Two rules have the same name.
    #[error("rule '{0}': there is another one with this name")]
    Twice(String),
    /// The order is out of range.
    #[error(
        "rule '{rule}': order {order} is not a number from 1 to 999 (the packaged rules have 500, the last of them 999)"
    )]
    Order {
        /// Its name.
        rule: String,
        /// What stands there.
        order: i64,
    },
    /// The method is none that a rule can be about.
    #[error("rule '{rule}': method '{method}' is none of delete, get, head, post, put")]
    Method {
        /// Its name.
        rule: String,
        /// What stands there.
        method: String,
    },
    /// An expression cannot be read.
    #[error("rule '{rule}': the expression {expression} cannot be used: {why}")]
    Expression {
        /// Its name.
        rule: String,
        /// What stands there.
        expression: String,
        /// The reader's words.
        why: String,
    },
    /// A name that is no pattern of any kind.
    #[error(
        "rule '{rule}': '{name}' is no certname, no *.domain, no /expression/, and not *; what has other characters can be \
         written as an /expression/"
    )]
    Name {
        /// Its name.
        rule: String,
        /// What stands there.
        name: String,
    },
    /// `$n` where the expression of the path has no such group.
    #[error("rule '{rule}': '{name}' refers to a group that its path does not have")]
    Group {
        /// Its name.
        rule: String,
        /// What stands there.
        name: String,
    },
    /// An extension that has no identifier.
    #[error(
        "rule '{rule}': '{extension}' is neither a short name of Puppet's (pp_role) nor an object identifier"
    )]
    Extension {
        /// Its name.
        rule: String,
        /// What stands there.
        extension: String,
    },
    /// An entry that means nobody.
    #[error("rule '{0}': an entry of allow or deny names no extension")]
    Empty(String),
    /// It says at the same time that everybody may, and who may.
    #[error(
        "rule '{0}': allow or deny say nothing beside allow_unauthenticated = true; leave one of them out"
    )]
    Contradiction(String),
    /// It does not say who may.
    #[error("rule '{0}': it says neither allow nor deny nor allow_unauthenticated = true")]
    Silent(String),
}
