//! The wording of mismatches.

use std::mem::discriminant;

use super::{Fault, Mismatch, Step};
use crate::label::with_article;
use crate::types::{
    IntRange, StringBound, Type, assignable, builtin, generalize, print_expanded, simple_name,
};

pub(super) fn text(mismatch: &Mismatch) -> String {
    let mut path = mismatch.path.as_slice();
    let mut place = String::new();
    if let Some(Step::Signature(i)) = path.first() {
        place.push_str(&format!(" {}.", i + 1));
        path = &path[1..];
    }
    for step in path {
        place.push(' ');
        place.push_str(&step_text(step));
    }
    format!("{place} {}", fault_text(&mismatch.fault))
}

fn step_text(step: &Step) -> String {
    match step {
        Step::Subject(name) => name.clone(),
        Step::Entry(key) => format!("entry '{key}'"),
        Step::KeyOfEntry(key) => format!("key of entry '{key}'"),
        Step::Parameter(name) => format!("parameter '{name}'"),
        Step::Return => "return".to_owned(),
        Step::Block => "block".to_owned(),
        Step::Index(i) => format!("index {i}"),
        Step::Variant(i) => format!("variant {i}"),
        Step::Signature(i) => format!("{}.", i + 1),
    }
}

fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::MissingKey(key) => format!("expects a value for key '{key}'"),
        Fault::MissingParameter(name) => format!("expects a value for parameter '{name}'"),
        Fault::ExtraneousKey(key) => format!("unrecognized key '{key}'"),
        Fault::InvalidParameter(name) => format!("has no parameter named '{name}'"),
        Fault::UnexpectedBlock => "does not expect a block".to_owned(),
        Fault::MissingBlock => "expects a block".to_owned(),
        Fault::Unresolved(name) => format!("references an unresolved type '{name}'"),
        Fault::Type { expected, actual } => type_text(expected, actual),
        Fault::Pattern { expected, actual } => pattern_text(expected, actual),
        Fault::Size { expected, actual } => {
            format!("expects size to be {}, got {}", range_text(*expected, "0"), range_text(*actual, "0"))
        }
        Fault::Count { expected, actual } => {
            let (min, max) = (expected.from.unwrap_or(0), expected.to);
            let single = (min == 1 && matches!(max, Some(1) | None)) || (min == 0 && max == Some(1));
            format!(
                "expects {} argument{}, got {}",
                range_text(*expected, "no"),
                if single { "" } else { "s" },
                range_text(*actual, "none")
            )
        }
    }
}

fn range_text(range: IntRange, zero: &str) -> String {
    match (range.from.unwrap_or(0), range.to) {
        (min, Some(max)) if min == max => {
            if min == 0 {
                zero.to_owned()
            } else {
                min.to_string()
            }
        }
        (0, None) => "unlimited".to_owned(),
        (0, Some(max)) => format!("at most {max}"),
        (min, None) => format!("at least {min}"),
        (min, Some(max)) => format!("between {min} and {max}"),
    }
}

fn type_text(expected: &Type, actual: &Type) -> String {
    let (expected, optional) = match expected {
        Type::Optional(Some(inner)) => (&**inner, true),
        other => (other, false),
    };
    let list = match expected {
        Type::Variant(types) => types.0.to_vec(),
        other => vec![other.clone()],
    };
    let (mut names, got) = if is_detailed(&list, actual) {
        (list.iter().map(print_expanded).collect::<Vec<_>>(), detailed(&list, actual))
    } else {
        let mut names: Vec<String> = Vec::new();
        for name in list.iter().map(short_name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (names, short_name(actual))
    };
    if optional {
        names.insert(0, "Undef".to_owned());
    }
    match names.as_slice() {
        [] => format!("expects a Variant value, got {got}"),
        [one] => format!("expects {} value, got {got}", with_article(one)),
        [one, two] => format!("expects a value of type {one} or {two}, got {got}"),
        [init @ .., last] => format!("expects a value of type {}, or {last}, got {got}", init.join(", ")),
    }
}

fn pattern_text(expected: &Type, actual: &Type) -> String {
    let (expected, prefix) = match expected {
        Type::Optional(Some(inner)) => (&**inner, "an undef value or "),
        other => (other, ""),
    };
    let got = match actual {
        Type::String(StringBound::Value(text)) => format!("'{text}'"),
        other => short_name(other),
    };
    format!("expects {prefix}a match for {}, got {got}", print_expanded(expected))
}

/// The name of a type; of one that wraps another, with the name of that.
fn short_name(of: &Type) -> String {
    let inner = match of {
        Type::Type(Some(inner))
        | Type::NotUndef(Some(inner))
        | Type::Optional(Some(inner))
        | Type::Iterable(Some(inner))
        | Type::Iterator(Some(inner))
        | Type::Init(Some(inner), _)
        | Type::Sensitive(inner) => Some(inner),
        _ => None,
    };
    match inner.filter(|inner| ***inner != Type::Any) {
        Some(inner) => format!("{}[{}]", simple_name(of), simple_name(inner)),
        None => simple_name(of),
    }
}

fn same_kind(expected: &Type, actual: &Type) -> bool {
    discriminant(expected) == discriminant(actual)
        || matches!(expected, Type::Alias(_))
        || matches!(actual, Type::Alias(_))
        || matches!(
            (expected, actual),
            (Type::Struct(_), Type::Hash(..)) | (Type::Tuple(..), Type::Array(..))
        )
}

/// Whether types are shown with all their parameters.
fn is_detailed(expected: &[Type], actual: &Type) -> bool {
    expected.iter().any(|one| same_kind(one, actual)) || expected.iter().any(|one| fits_default(one, actual))
}

/// Whether the type would do without the parameters of what is expected.
fn fits_default(expected: &Type, actual: &Type) -> bool {
    let resolved = match expected {
        Type::Alias(alias) => alias.resolved().unwrap_or(expected),
        other => other,
    };
    let bare = match resolved {
        Type::Object(_) => Type::Object(None),
        other => match builtin(&simple_name(other)) {
            Some(bare) => bare,
            None => return false,
        },
    };
    assignable(&bare, actual)
}

fn detailed(expected: &[Type], actual: &Type) -> String {
    let resolved: Vec<&Type> = expected.iter().map(Type::resolve).collect();
    if resolved.iter().any(|one| same_kind(one, actual)) {
        return print_expanded(actual);
    }
    let general = generalize(actual);
    if resolved.iter().any(|one| assignable(one, &general)) {
        return print_expanded(actual);
    }
    simple_name(actual)
}
