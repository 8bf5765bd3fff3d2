//! Puppet's type system. (Start of half B's part; signatures below are what the evaluator calls.)

use std::sync::Arc;

use crate::value::Value;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Any,
    /// `Resource`, `File`, `File['/a']`: `name` capitalised (`File`, `My::Define`), `None` for plain `Resource`.
    Resource { name: Option<Arc<str>>, title: Option<Arc<str>> },
    /// `Class`, `Class['a::b']`: name in lower case without leading `::`.
    Class(Option<Arc<str>>),
    /// A name that isn't a known type (`TypeReference`), as written.
    Reference(Arc<str>),
    /// A type alias: its name and what it stands for, filled in after the alias's own text was evaluated
    /// so that aliases may speak of themselves.
    Alias(Arc<Alias>),
}

/// See [`Type::Alias`].
#[derive(Debug)]
pub struct Alias {
    pub name: Arc<str>,
    pub target: std::sync::OnceLock<Type>,
}

impl PartialEq for Alias {
    fn eq(&self, other: &Alias) -> bool {
        self.name == other.name
    }
}

impl Eq for Alias {}

impl std::hash::Hash for Alias {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The builtin type of that (capitalised) name, e.g. `Integer`, without parameters.
/// Resource types and aliases aren't found here: the evaluator looks those up itself.
pub fn builtin(name: &str) -> Option<Type> {
    (name == "Any").then_some(Type::Any)
}

/// `base[arguments…]`.
///
/// # Errors
/// Puppet's text for a wrong number or kind of type arguments.
pub fn parameterize(base: &Type, arguments: &[Value]) -> Result<Type, String> {
    let _ = arguments;
    Err(format!("{base:?} can't be parameterised yet"))
}

/// Whether the value is an instance of the type.
pub fn instance_of(expected: &Type, value: &Value) -> bool {
    let _ = value;
    matches!(expected, Type::Any)
}

/// Whether every instance of `sub` is one of `sup`.
pub fn assignable(sup: &Type, sub: &Type) -> bool {
    sup == sub || matches!(sup, Type::Any)
}

/// The type of a value.
pub fn infer(value: &Value) -> Type {
    let _ = value;
    Type::Any
}

/// The text of a mismatch: `SUBJECT expects …, got …` (Puppet's TypeMismatchDescriber), for instance
/// `describe_mismatch("parameter 'x'", …)` → `parameter 'x' expects an Integer value, got String`.
pub fn describe_mismatch(subject: &str, expected: &Type, actual: &Value) -> String {
    format!("{subject} expects {expected:?}, got {actual:?}")
}
