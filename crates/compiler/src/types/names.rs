//! The types that exist before any manifest is read.

use std::sync::{Arc, LazyLock, OnceLock};

use super::{Alias, Callable, FloatRange, IntRange, Patterns, TimeRange, Type, Variants, parse_type_with};

/// The builtin type of that name (in any letter case), e.g. `Integer`, without parameters.
/// Resource types and aliases of modules aren't found here: the evaluator looks those up itself.
pub fn builtin(name: &str) -> Option<Type> {
    Some(match name.to_ascii_lowercase().as_str() {
        "any" => Type::Any,
        "array" => Type::any_array(),
        "binary" => Type::Binary,
        "boolean" => Type::Boolean(None),
        "callable" => Type::Callable(Arc::new(Callable::default())),
        "catalogentry" => Type::CatalogEntry,
        "class" => Type::Class(None),
        "collection" => Type::Collection(None),
        "data" => data(),
        "default" => Type::Default,
        "deferred" => Type::Object(Some("Deferred".into())),
        "enum" => Type::Enum(Arc::new([]), false),
        "error" => Type::Object(Some("Error".into())),
        "float" => Type::Float(FloatRange::ALL),
        "hash" => Type::any_hash(),
        "init" => Type::Init(None, Arc::new([])),
        "integer" => Type::Integer(IntRange::default()),
        "iterable" => Type::Iterable(None),
        "iterator" => Type::Iterator(None),
        "notundef" => Type::NotUndef(None),
        "numeric" => Type::Numeric,
        "object" => Type::Object(None),
        "optional" => Type::Optional(None),
        "pattern" => Type::Pattern(Patterns(Arc::new([]))),
        "puppet::lookupkey" => alias("Puppet::LookupKey"),
        "puppet::lookupvalue" => alias("Puppet::LookupValue"),
        "regexp" => Type::Regexp(None),
        "resource" => Type::Resource { name: None, title: None },
        "richdata" => rich_data(),
        "richdatakey" => alias("RichDataKey"),
        "runtime" => Type::Runtime(None, None),
        "scalar" => Type::Scalar,
        "scalardata" => Type::ScalarData,
        "semver" => Type::SemVer(Arc::new([])),
        "semverrange" => Type::SemVerRange,
        "sensitive" => Type::Sensitive(Arc::new(Type::Any)),
        "string" => Type::any_string(),
        "struct" => Type::Struct(Arc::new([])),
        "timespan" => Type::Timespan(TimeRange::default()),
        "timestamp" => Type::Timestamp(TimeRange::default()),
        "tuple" => Type::Tuple(Arc::new([]), None),
        "type" => Type::Type(None),
        "typereference" => Type::Reference("UnresolvedReference".into()),
        "typeset" => Type::TypeSet,
        "undef" => Type::Undef,
        "uri" => Type::Uri,
        "variant" => Type::Variant(Variants(Arc::new([]))),
        _ => return None,
    })
}

/// What the aliases that come with Puppet stand for.
const ALIASES: [(&str, &str); 5] = [
    ("Data", "Variant[ScalarData,Undef,Hash[String,Data],Array[Data]]"),
    ("RichDataKey", "Variant[String,Numeric]"),
    (
        "RichData",
        "Variant[Scalar,SemVerRange,Binary,Sensitive,Type,TypeSet,URI,Object,Undef,Default,\
         Hash[RichDataKey,RichData],Array[RichData]]",
    ),
    ("Puppet::LookupKey", "RichDataKey"),
    ("Puppet::LookupValue", "RichData"),
];

static RESOLVED: LazyLock<Vec<Arc<Alias>>> = LazyLock::new(|| {
    let aliases: Vec<Arc<Alias>> = ALIASES
        .iter()
        .map(|(name, _)| Arc::new(Alias { name: (*name).into(), target: OnceLock::new() }))
        .collect();
    for (alias, (_, text)) in aliases.iter().zip(ALIASES) {
        let target = parse_type_with(text, &|name| {
            aliases.iter().find(|other| *other.name == *name).map(|other| Type::Alias(other.clone()))
        });
        // Set exactly once, right here.
        let _ = alias.target.set(target.expect("a constant alias parses"));
    }
    aliases
});

fn alias(name: &str) -> Type {
    let found = RESOLVED.iter().find(|alias| *alias.name == *name);
    Type::Alias(found.expect("only the names in ALIASES are asked for").clone())
}

/// Whether the alias is one that comes with Puppet; those never print what they stand for.
pub(super) fn is_builtin_alias(name: &str) -> bool {
    ALIASES.iter().any(|(known, _)| *known == name)
}

/// `Data`: what JSON can say.
pub fn data() -> Type {
    alias("Data")
}

/// `RichData`: what a catalog can say.
pub fn rich_data() -> Type {
    alias("RichData")
}
