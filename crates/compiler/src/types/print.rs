//! Types as Puppet prints them.

use std::collections::HashSet;

use super::names::is_builtin_alias;
use super::{Callable, IntRange, StringBound, StructElement, TimeRange, Type, assignable};
use crate::format;
use crate::value::Value;

/// The type as Puppet prints it; an alias also says what it stands for.
pub fn print(of: &Type) -> String {
    match of {
        // The type of all objects prints its (empty) definition when it stands alone.
        Type::Object(None) => "Object[{}]".to_owned(),
        of => Printer { expand: matches!(of, Type::Alias(_)), open: HashSet::new() }.text(of),
    }
}

/// The same with every alias in it saying what it stands for.
pub fn print_expanded(of: &Type) -> String {
    Printer { expand: true, open: HashSet::new() }.text(of)
}

/// The name of the type without parameters; of an alias its own name.
pub fn simple_name(of: &Type) -> String {
    let name = match of {
        Type::Any => "Any",
        Type::Unit => "Unit",
        Type::Undef => "Undef",
        Type::Default => "Default",
        Type::Scalar => "Scalar",
        Type::ScalarData => "ScalarData",
        Type::Numeric => "Numeric",
        Type::Binary => "Binary",
        Type::CatalogEntry => "CatalogEntry",
        Type::SemVerRange => "SemVerRange",
        Type::TypeSet => "TypeSet",
        Type::Boolean(_) => "Boolean",
        Type::Integer(_) => "Integer",
        Type::Float(_) => "Float",
        Type::String(_) => "String",
        Type::Enum(..) => "Enum",
        Type::Pattern(_) => "Pattern",
        Type::Regexp(_) => "Regexp",
        Type::Collection(_) => "Collection",
        Type::Array(..) => "Array",
        Type::Hash(..) => "Hash",
        Type::Tuple(..) => "Tuple",
        Type::Struct(_) => "Struct",
        Type::Variant(_) => "Variant",
        Type::Optional(_) => "Optional",
        Type::NotUndef(_) => "NotUndef",
        Type::Type(_) => "Type",
        Type::Iterable(_) => "Iterable",
        Type::Iterator(_) => "Iterator",
        Type::Sensitive(_) => "Sensitive",
        Type::Callable(_) => "Callable",
        Type::SemVer(_) => "SemVer",
        Type::Timestamp(_) => "Timestamp",
        Type::Timespan(_) => "Timespan",
        Type::Uri => "URI",
        Type::Init(..) => "Init",
        Type::Runtime(..) => "Runtime",
        Type::Object(Some(name)) => return name.to_string(),
        Type::Object(None) => "Object",
        Type::Resource { .. } => "Resource",
        Type::Class(_) => "Class",
        Type::Reference(_) => "TypeReference",
        Type::Alias(alias) => return alias.name.to_string(),
    };
    name.to_owned()
}

struct Printer {
    expand: bool,
    /// Aliases that are being expanded, so that recursive ones end.
    open: HashSet<String>,
}

impl Printer {
    fn text(&mut self, of: &Type) -> String {
        let name = simple_name(of);
        match of {
            Type::Boolean(Some(value)) => with(name, vec![value.to_string()]),
            Type::Integer(range) => with(name, bounds(Some(*range))),
            Type::Float(range) if !range.is_unbounded() => {
                let mut parts = vec!["default".to_owned()];
                if range.from != f64::NEG_INFINITY {
                    parts[0] = format::float(range.from);
                }
                if range.to != f64::INFINITY {
                    parts.push(format::float(range.to));
                }
                with(name, parts)
            }
            Type::String(StringBound::Size(size)) => with(name, bounds(Some(*size))),
            Type::Enum(values, ignore_case) => {
                let mut parts: Vec<String> = values.iter().map(|value| format::quote(value)).collect();
                if *ignore_case && !parts.is_empty() {
                    parts.push("true".to_owned());
                }
                with(name, parts)
            }
            Type::Pattern(patterns) => {
                with(name, patterns.0.iter().map(|pattern| pattern.inspect()).collect())
            }
            Type::Regexp(Some(regex)) => with(name, vec![regex.inspect()]),
            Type::Collection(size) => with(name, bounds(*size)),
            Type::Array(_, Some(size)) if *size == IntRange::new(0, 0) => "Array[0, 0]".to_owned(),
            Type::Array(element, size) if **element != Type::Any || size.is_some() => {
                let mut parts = vec![self.text(element)];
                parts.extend(bounds(*size));
                with(name, parts)
            }
            Type::Hash(_, Some(size)) if *size == IntRange::new(0, 0) => "Hash[0, 0]".to_owned(),
            Type::Hash(pair, size) if **pair != (Type::Any, Type::Any) || size.is_some() => {
                let mut parts = vec![self.text(&pair.0), self.text(&pair.1)];
                parts.extend(bounds(*size));
                with(name, parts)
            }
            Type::Tuple(types, size) if !types.is_empty() => {
                let mut parts: Vec<String> = types.iter().map(|one| self.text(one)).collect();
                parts.extend(bounds(*size));
                with(name, parts)
            }
            Type::Struct(elements) if !elements.is_empty() => {
                let members: Vec<String> = elements.iter().map(|element| self.element(element)).collect();
                format!("Struct[{{{}}}]", members.join(", "))
            }
            Type::Variant(types) => with(name, types.0.iter().map(|one| self.text(one)).collect()),
            Type::Optional(Some(inner)) => with(name, vec![self.contained(inner)]),
            Type::NotUndef(Some(inner)) if **inner != Type::Any => with(name, vec![self.contained(inner)]),
            Type::Type(Some(inner)) | Type::Iterable(Some(inner)) | Type::Iterator(Some(inner)) => {
                with(name, vec![self.text(inner)])
            }
            Type::Sensitive(inner) if **inner != Type::Any => with(name, vec![self.text(inner)]),
            Type::Callable(callable) => self.callable(callable),
            Type::SemVer(ranges) => with(name, ranges.iter().map(|range| format!("'{range}'")).collect()),
            Type::Timestamp(range) => with(name, time_bounds(*range, Value::Timestamp)),
            Type::Timespan(range) => with(name, time_bounds(*range, Value::Timespan)),
            Type::Init(Some(inner), arguments) => {
                let mut parts = vec![self.text(inner)];
                parts.extend(arguments.iter().map(format::inspect));
                with(name, parts)
            }
            Type::Runtime(Some(runtime), class) => {
                let mut parts = vec![runtime.to_string()];
                parts.push(class.as_ref().map_or("undef".to_owned(), |class| format::quote(class)));
                with(name, parts)
            }
            Type::Class(Some(class)) => with(name, vec![class.to_string()]),
            Type::Resource { name: Some(kind), title } => {
                with(kind.to_string(), title.iter().map(|title| format::quote(title)).collect())
            }
            Type::Reference(text) => with(name, vec![format::quote(text)]),
            Type::Alias(alias) => match alias.resolved() {
                Some(target) if self.expand && !is_builtin_alias(&name) && self.open.insert(name.clone()) => {
                    let text = format!("{name} = {}", self.text(target));
                    self.open.remove(&name);
                    text
                }
                _ => name,
            },
            _ => name,
        }
    }

    /// Inside `Optional` and `NotUndef` the type of one string prints as that string.
    fn contained(&mut self, inner: &Type) -> String {
        match inner {
            Type::String(StringBound::Value(text)) => format::quote(text),
            other => self.text(other),
        }
    }

    fn element(&mut self, element: &StructElement) -> String {
        let key = format::quote(&element.name);
        let undef_fits = assignable(&element.value, &Type::Undef);
        let key = match (element.optional, undef_fits) {
            (true, false) => format!("Optional[{key}]"),
            (false, true) => format!("NotUndef[{key}]"),
            _ => key,
        };
        format!("{key} => {}", self.text(&element.value))
    }

    fn callable(&mut self, callable: &Callable) -> String {
        let name = "Callable".to_owned();
        let params = callable.params.as_ref().map(|_| self.callable_params(callable));
        match (&callable.returns, params) {
            (None, None) => name,
            (None, Some(params)) => with(name, params),
            (Some(returns), params) => {
                format!("Callable[[{}], {}]", params.unwrap_or_default().join(", "), self.text(returns))
            }
        }
    }

    fn callable_params(&mut self, callable: &Callable) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(params) = &callable.params {
            parts.extend(params.types.iter().filter(|one| **one != Type::Unit).map(|one| self.text(one)));
            if params.types.is_empty() {
                parts.extend(["0".to_owned(), "0".to_owned()]);
            } else {
                parts.extend(bounds(params.size));
            }
        }
        parts.extend(callable.block.as_ref().map(|block| self.text(block)));
        parts
    }
}

fn with(name: String, parts: Vec<String>) -> String {
    if parts.is_empty() { name } else { format!("{name}[{}]", parts.join(", ")) }
}

/// The limits as they stand in brackets: none, the lower, or both.
fn bounds(range: Option<IntRange>) -> Vec<String> {
    let Some(range) = range.filter(|range| !range.is_unbounded()) else { return Vec::new() };
    let mut parts = vec![range.from.map_or("default".to_owned(), |from| from.to_string())];
    parts.extend(range.to.map(|to| to.to_string()));
    parts
}

fn time_bounds(range: TimeRange, value: impl Fn(i128) -> Value) -> Vec<String> {
    if range.is_unbounded() {
        return Vec::new();
    }
    let text = |at: i128| format!("'{}'", format::display(&value(at)));
    let mut parts = vec![range.from.map_or("default".to_owned(), &text)];
    if range.to != range.from {
        parts.extend(range.to.map(&text));
    }
    parts
}
