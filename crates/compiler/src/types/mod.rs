//! Puppet's type system.
//!
//! [`Type`] is a plain tree. What one does with types has a file each: `infer` (from a value), `assign` (is
//! every A a B), `instance` (is this value a B), `normalize`, `print`, `parameterize` (`Array[String]`), `parse`
//! (types written in text), and `mismatch`/`signature` (saying in Puppet's words why not).

mod assign;
mod infer;
mod instance;
mod iterable;
mod mismatch;
mod names;
mod normalize;
mod parameterize;
mod parse;
mod print;
pub mod range;
pub mod semver;
pub mod signature;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use assign::{assignable, equivalent};
pub use infer::{callable_of, common_type, infer, infer_set};
pub use instance::instance_of;
pub use iterable::{element_type, iterable_items};
pub use mismatch::{
    Mismatch, Parameter, describe_mismatch, describe_types, validate_default_parameter, validate_parameters,
};
pub use names::{builtin, data, rich_data};
pub use normalize::{generalize, normalize};
pub use parameterize::{ArgumentFault, parameterize, parameterize_located};
pub(crate) use parameterize::{capitalized, ruby_class};
pub use parse::{parse_type, parse_type_with};
pub use print::{print, print_expanded, simple_name};
pub use range::{FloatRange, IntRange, TimeRange};

use crate::regex::Regex;
use crate::value::{SemVerRange, Value};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Any,
    /// Element type of the empty array: fits everything, and everything fits it.
    Unit,
    Undef,
    Default,
    Scalar,
    ScalarData,
    Numeric,
    Binary,
    CatalogEntry,
    SemVerRange,
    TypeSet,
    Boolean(Option<bool>),
    Integer(IntRange),
    Float(FloatRange),
    String(StringBound),
    /// Values are sorted and free of duplicates; the flag: letter case does not matter.
    Enum(Arc<[Arc<str>]>, bool),
    Pattern(Patterns),
    Regexp(Option<Arc<Regex>>),
    Collection(Option<IntRange>),
    /// Element type and size.
    Array(Arc<Type>, Option<IntRange>),
    /// Key type, value type and size.
    Hash(Arc<(Type, Type)>, Option<IntRange>),
    Tuple(Arc<[Type]>, Option<IntRange>),
    Struct(Arc<[StructElement]>),
    Variant(Variants),
    Optional(Option<Arc<Type>>),
    NotUndef(Option<Arc<Type>>),
    /// `None` is `Type` itself: the type of all types.
    Type(Option<Arc<Type>>),
    Iterable(Option<Arc<Type>>),
    Iterator(Option<Arc<Type>>),
    /// `Sensitive` holds `Any`.
    Sensitive(Arc<Type>),
    Callable(Arc<Callable>),
    /// Ranges the version must be in one of; none means any version.
    SemVer(Arc<[SemVerRange]>),
    Timestamp(TimeRange),
    Timespan(TimeRange),
    Uri,
    /// Contained type and the arguments of `new` after the first.
    Init(Option<Arc<Type>>, Arc<[Value]>),
    /// Runtime and name of the class.
    Runtime(Option<Arc<str>>, Option<Arc<str>>),
    /// `Object`, or one of the object types that Puppet defines itself (`Deferred`, `Error`).
    Object(Option<Arc<str>>),
    /// `Resource`, `File`, `File['/a']`: `name` capitalised (`File`, `My::Define`), `None` for plain `Resource`.
    Resource {
        name: Option<Arc<str>>,
        title: Option<Arc<str>>,
    },
    /// `Class`, `Class['a::b']`: name in lower case without leading `::`.
    Class(Option<Arc<str>>),
    /// A name that isn't a known type (`TypeReference`), as written.
    Reference(Arc<str>),
    /// A type alias: its name and what it stands for, filled in after the alias's own text was evaluated
    /// so that aliases may speak of themselves.
    Alias(Arc<Alias>),
}

/// What limits a string type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StringBound {
    Any,
    /// Number of characters.
    Size(IntRange),
    /// The type of exactly this string; prints as plain `String`.
    Value(Arc<str>),
}

/// Types any of which will do. Equal when the same types are in it, in any order.
#[derive(Clone, Debug)]
pub struct Variants(pub Arc<[Type]>);

/// Patterns any of which will do. Equal when the same patterns are in it, in any order.
#[derive(Clone, Debug)]
pub struct Patterns(pub Arc<[Arc<Regex>]>);

/// A member of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructElement {
    pub name: Arc<str>,
    /// Whether the key may be missing.
    pub optional: bool,
    pub value: Type,
}

/// What can be called with which arguments. `params` `None`: nothing is known of the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Callable {
    pub params: Option<Params>,
    /// Type of the lambda that is taken, or `Optional` of it.
    pub block: Option<Type>,
    pub returns: Option<Type>,
}

/// Parameter types as a tuple: the last repeats up to `size`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    pub types: Arc<[Type]>,
    pub size: Option<IntRange>,
}

impl Params {
    /// The same as a type.
    pub fn tuple(&self) -> Type {
        Type::Tuple(self.types.clone(), self.size)
    }
}

/// See [`Type::Alias`].
#[derive(Debug)]
pub struct Alias {
    pub name: Arc<str>,
    pub target: std::sync::OnceLock<Type>,
}

impl Alias {
    /// What the alias stands for; `None` while it is being defined.
    pub fn resolved(&self) -> Option<&Type> {
        self.target.get()
    }
}

impl PartialEq for Alias {
    fn eq(&self, other: &Alias) -> bool {
        self.name == other.name
    }
}

impl Eq for Alias {}

impl Hash for Alias {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl PartialEq for Variants {
    fn eq(&self, other: &Variants) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|t| other.0.contains(t))
    }
}

impl Eq for Variants {}

impl Hash for Variants {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Patterns) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|p| other.0.contains(p))
    }
}

impl Eq for Patterns {}

impl Hash for Patterns {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

impl Type {
    /// `Array` of anything.
    pub fn any_array() -> Type {
        Type::Array(Arc::new(Type::Any), None)
    }

    /// `Hash` of anything.
    pub fn any_hash() -> Type {
        Type::Hash(Arc::new((Type::Any, Type::Any)), None)
    }

    /// `Array[element]`; of size zero its elements are `Unit`.
    pub fn array_of(element: Type, size: Option<IntRange>) -> Type {
        let empty = size.is_some_and(|size| size.from == Some(0) && size.to == Some(0));
        Type::Array(Arc::new(if empty { Type::Unit } else { element }), size.map(IntRange::to_size))
    }

    /// `Hash[key, value]`; of size zero both are `Unit`.
    pub fn hash_of(key: Type, value: Type, size: Option<IntRange>) -> Type {
        let empty = size.is_some_and(|size| size.from == Some(0) && size.to == Some(0));
        let pair = if empty { (Type::Unit, Type::Unit) } else { (key, value) };
        Type::Hash(Arc::new(pair), size.map(IntRange::to_size))
    }

    /// `Tuple[types…]`.
    pub fn tuple(types: Vec<Type>) -> Type {
        Type::Tuple(types.into(), None)
    }

    /// `Optional[inner]`.
    pub fn optional(inner: Type) -> Type {
        Type::Optional(Some(Arc::new(inner)))
    }

    /// `String` of any length.
    pub fn any_string() -> Type {
        Type::String(StringBound::Any)
    }

    /// The type of exactly this string.
    pub fn string_value(text: impl Into<Arc<str>>) -> Type {
        Type::String(StringBound::Value(text.into()))
    }

    /// `Enum[values…]`.
    pub fn enumeration(values: impl IntoIterator<Item = Arc<str>>, ignore_case: bool) -> Type {
        let mut values: Vec<Arc<str>> = values.into_iter().collect();
        values.sort();
        values.dedup();
        Type::Enum(values.into(), ignore_case)
    }

    /// `Variant[types…]`: nested variants are opened, duplicates left out; of a single type it is that type.
    pub fn variant(types: impl IntoIterator<Item = Type>) -> Type {
        let mut flat: Vec<Type> = Vec::new();
        for one in types {
            let inner = match &one {
                Type::Variant(inner) => inner.0.to_vec(),
                _ => vec![one],
            };
            for one in inner {
                if !flat.contains(&one) {
                    flat.push(one);
                }
            }
        }
        match flat.len() {
            1 => flat.swap_remove(0),
            _ => Type::Variant(Variants(flat.into())),
        }
    }

    /// `Pattern[regexes…]` without duplicates.
    pub fn pattern(regexes: impl IntoIterator<Item = Arc<Regex>>) -> Type {
        let mut unique: Vec<Arc<Regex>> = Vec::new();
        for regex in regexes {
            if !unique.contains(&regex) {
                unique.push(regex);
            }
        }
        Type::Pattern(Patterns(unique.into()))
    }

    /// What the type stands for when it is an alias (of an alias …), itself otherwise.
    pub fn resolve(&self) -> &Type {
        let mut at = self;
        for _ in 0..100 {
            match at {
                Type::Alias(alias) => match alias.resolved() {
                    Some(target) => at = target,
                    None => return at,
                },
                _ => return at,
            }
        }
        at
    }
}

impl std::fmt::Display for Type {
    /// As Puppet prints the type.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print(self))
    }
}

#[cfg(test)]
mod tests;
