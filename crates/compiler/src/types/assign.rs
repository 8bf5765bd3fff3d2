//! Whether every instance of one type is an instance of another.

use std::sync::Arc;

use super::iterable::{element_type, is_iterable};
use super::{Alias, Callable, IntRange, Params, StringBound, StructElement, Type, rich_data};
use crate::regex::Regex;

/// Pairs (alias, other type) whose comparison is under way. To meet one again means that nothing spoke against
/// it so far: recursive types are equal as long as no difference is found.
#[derive(Default)]
struct Guard {
    left: Vec<(Arc<Alias>, Type)>,
    right: Vec<(Type, Arc<Alias>)>,
}

/// Whether every instance of `sub` is one of `sup`.
pub fn assignable(sup: &Type, sub: &Type) -> bool {
    fits(sup, sub, &mut Guard::default())
}

/// Whether both types have the same instances, as far as can be told.
pub fn equivalent(a: &Type, b: &Type) -> bool {
    a == b || (assignable(a, b) && assignable(b, a))
}

fn fits(sup: &Type, sub: &Type, guard: &mut Guard) -> bool {
    match (sup, sub) {
        (Type::Unit, _) | (_, Type::Unit) => return true,
        (Type::Alias(a), Type::Alias(b)) if a == b => return true,
        (Type::Alias(alias), _) => {
            let Some(target) = alias.resolved() else { return false };
            if guard.left.iter().any(|(open, other)| open == alias && other == sub) {
                return true;
            }
            guard.left.push((alias.clone(), sub.clone()));
            let answer = fits(target, sub, guard);
            guard.left.pop();
            return answer;
        }
        (_, Type::Alias(alias)) => {
            let Some(target) = alias.resolved() else { return *sup == Type::Any };
            if guard.right.iter().any(|(other, open)| open == alias && other == sup) {
                return true;
            }
            guard.right.push((sup.clone(), alias.clone()));
            let answer = fits(sup, target, guard);
            guard.right.pop();
            return answer;
        }
        (Type::Any, _) => return true,
        (Type::Variant(wide), Type::Undef) if wide.0.is_empty() => return false,
        (Type::Variant(wide), Type::Variant(_)) if wide.0.is_empty() => return true,
        (Type::NotUndef(None), Type::Variant(narrow)) if narrow.0.is_empty() => return true,
        (_, Type::Variant(narrow)) => {
            return !narrow.0.is_empty() && narrow.0.iter().all(|one| fits(sup, one, guard));
        }
        (_, Type::Optional(inner)) => {
            return fits(sup, &Type::Undef, guard)
                && inner.as_ref().is_none_or(|inner| fits(sup, inner, guard));
        }
        (_, Type::NotUndef(Some(inner))) if !fits(inner, &Type::Undef, guard) => {
            return fits(sup, inner, guard);
        }
        _ => {}
    }
    fits_plain(sup, sub, guard)
}

/// `sub` is no alias, variant or optional here.
fn fits_plain(sup: &Type, sub: &Type, guard: &mut Guard) -> bool {
    match sup {
        Type::Any | Type::Unit => true,
        Type::Undef | Type::Default | Type::Binary | Type::SemVerRange | Type::TypeSet | Type::Uri => {
            sup == sub
        }
        Type::Scalar => matches!(
            sub,
            Type::Scalar
                | Type::ScalarData
                | Type::Numeric
                | Type::String(_)
                | Type::Enum(..)
                | Type::Pattern(_)
                | Type::Integer(_)
                | Type::Float(_)
                | Type::Boolean(_)
                | Type::Regexp(_)
                | Type::SemVer(_)
                | Type::Timespan(_)
                | Type::Timestamp(_)
        ),
        Type::ScalarData => matches!(
            sub,
            Type::ScalarData
                | Type::Numeric
                | Type::String(_)
                | Type::Enum(..)
                | Type::Pattern(_)
                | Type::Integer(_)
                | Type::Float(_)
                | Type::Boolean(_)
        ),
        Type::Numeric => matches!(sub, Type::Numeric | Type::Integer(_) | Type::Float(_)),
        Type::CatalogEntry => matches!(sub, Type::CatalogEntry | Type::Class(_) | Type::Resource { .. }),
        Type::Boolean(wanted) => matches!(sub, Type::Boolean(value) if wanted.is_none() || wanted == value),
        Type::Integer(range) => matches!(sub, Type::Integer(other) if range.covers(*other)),
        Type::Float(range) => matches!(sub, Type::Float(other) if range.covers(*other)),
        Type::String(bound) => fits_string(bound, sub),
        Type::Enum(values, ignore_case) => fits_enum(values, *ignore_case, sub, sup == sub),
        Type::Pattern(patterns) => sup == sub || fits_pattern(&patterns.0, sub),
        Type::Regexp(wanted) => matches!(sub, Type::Regexp(found) if wanted.is_none() || wanted == found),
        Type::Collection(size) => fits_collection(size.unwrap_or(IntRange::SIZE), sub),
        Type::Array(element, size) => fits_array(element, *size, sub, guard),
        Type::Hash(pair, size) => fits_hash(&pair.0, &pair.1, *size, sub, guard),
        Type::Tuple(types, size) => sup == sub || fits_tuple(types, *size, sub, guard),
        Type::Struct(elements) => fits_struct(elements, sub, guard),
        Type::Variant(types) => types.0.iter().any(|one| fits(one, sub, guard)),
        Type::Optional(inner) => {
            *sub == Type::Undef || inner.as_ref().is_none_or(|inner| fits(inner, sub, guard))
        }
        Type::NotUndef(inner) => {
            !fits(sub, &Type::Undef, guard) && inner.as_ref().is_none_or(|inner| fits(inner, sub, guard))
        }
        Type::Type(wanted) => match (wanted, sub) {
            (None, Type::Type(_)) => true,
            (Some(wanted), Type::Type(Some(found))) => fits(wanted, found, guard),
            _ => false,
        },
        Type::Iterable(wanted) => match wanted.as_ref().filter(|wanted| !fits(wanted, &Type::Any, guard)) {
            None => is_iterable(sub),
            Some(wanted) => {
                is_iterable(sub) && element_type(sub).is_some_and(|found| fits(wanted, &found, guard))
            }
        },
        Type::Iterator(wanted) => match (wanted, sub) {
            (None, Type::Iterator(_)) => true,
            (Some(wanted), Type::Iterator(Some(found))) => fits(wanted, found, guard),
            _ => false,
        },
        Type::Sensitive(wanted) => matches!(sub, Type::Sensitive(found) if fits(wanted, found, guard)),
        Type::Callable(wanted) => {
            matches!(sub, Type::Callable(found) if fits_callable(wanted, found, guard))
        }
        Type::SemVer(wanted) => matches!(sub, Type::SemVer(found) if wanted.is_empty()
            || (!found.is_empty() && found.iter().all(|one| wanted.iter().any(|range| range.covers(one))))),
        Type::Timestamp(range) => matches!(sub, Type::Timestamp(other) if range.covers(*other)),
        Type::Timespan(range) => matches!(sub, Type::Timespan(other) if range.covers(*other)),
        Type::Init(None, _) => matches!(sub, Type::Init(..)) || fits(&rich_data(), sub, guard),
        Type::Init(Some(wanted), _) => match sub {
            Type::Init(None, _) => false,
            Type::Init(Some(found), _) => fits(wanted, found, guard),
            other => fits(wanted, other, guard),
        },
        Type::Runtime(runtime, class) => matches!(sub, Type::Runtime(r, c)
            if runtime.as_ref().is_none_or(|_| runtime == r) && class.as_ref().is_none_or(|_| class == c)),
        Type::Object(name) => matches!(sub, Type::Object(other) if name.is_none() || name == other),
        Type::Class(wanted) => matches!(sub, Type::Class(found) if wanted.is_none() || wanted == found),
        Type::Resource { name, title } => match (name, sub) {
            (None, Type::Resource { .. }) => true,
            (Some(name), Type::Resource { name: Some(other), title: other_title }) => {
                name.eq_ignore_ascii_case(other) && (title.is_none() || title == other_title)
            }
            _ => false,
        },
        Type::Reference(_) => sup == sub,
        Type::Alias(_) => false,
    }
}

fn chars(text: &str) -> i64 {
    text.chars().count() as i64
}

fn fits_string(bound: &StringBound, sub: &Type) -> bool {
    match (bound, sub) {
        (StringBound::Any, Type::String(_) | Type::Enum(..) | Type::Pattern(_)) => true,
        (StringBound::Value(wanted), Type::String(StringBound::Value(found))) => wanted == found,
        // Puppet's rule: any enum of exactly one value fits (whatever that value is).
        (StringBound::Value(_), Type::Enum(values, false)) => values.len() == 1,
        (StringBound::Size(size), Type::String(other)) => size.covers(match other {
            StringBound::Size(other) => *other,
            StringBound::Value(text) => IntRange::exactly(text.chars().count()),
            StringBound::Any => IntRange::SIZE,
        }),
        (StringBound::Size(size), Type::Enum(values, _)) => match values.is_empty() {
            true => size.covers(IntRange::SIZE),
            false => values.iter().all(|value| size.contains(chars(value))),
        },
        (StringBound::Size(size), Type::Pattern(_)) => size.covers(IntRange::SIZE),
        _ => false,
    }
}

/// Whether the text is one of the values.
pub(super) fn enum_holds(values: &[Arc<str>], ignore_case: bool, text: &str) -> bool {
    values.iter().any(|value| if ignore_case { value.eq_ignore_ascii_case(text) } else { **value == *text })
}

fn fits_enum(values: &[Arc<str>], ignore_case: bool, sub: &Type, same: bool) -> bool {
    if same {
        return true;
    }
    match sub {
        Type::String(_) | Type::Enum(..) | Type::Pattern(_) if values.is_empty() => true,
        Type::String(StringBound::Value(text)) => enum_holds(values, ignore_case, text),
        Type::Enum(others, theirs) => {
            !others.is_empty()
                && (ignore_case || !theirs)
                && others.iter().all(|other| enum_holds(values, ignore_case, other))
        }
        _ => false,
    }
}

/// Whether any pattern matches; a search that had to be given up counts as no match.
pub(super) fn any_matches(patterns: &[Arc<Regex>], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.is_match(text).unwrap_or(false))
}

fn fits_pattern(patterns: &[Arc<Regex>], sub: &Type) -> bool {
    match sub {
        Type::String(StringBound::Value(text)) => patterns.is_empty() || any_matches(patterns, text),
        Type::Enum(values, _) if !values.is_empty() => {
            patterns.is_empty() || values.iter().all(|value| any_matches(patterns, value))
        }
        Type::String(_) | Type::Enum(..) | Type::Pattern(_) => patterns.is_empty(),
        _ => false,
    }
}

/// The sizes that instances of a tuple can have.
pub(super) fn tuple_size(types: &[Type], size: Option<IntRange>) -> IntRange {
    size.unwrap_or(if types.is_empty() { IntRange::SIZE } else { IntRange::exactly(types.len()) })
}

fn fits_collection(size: IntRange, sub: &Type) -> bool {
    match sub {
        Type::Collection(other) | Type::Array(_, other) | Type::Hash(_, other) => {
            size.covers(other.unwrap_or(IntRange::SIZE))
        }
        Type::Tuple(types, other) => size.covers(other.unwrap_or(IntRange::exactly(types.len()))),
        Type::Struct(elements) => size.covers(IntRange::exactly(elements.len())),
        _ => false,
    }
}

fn fits_array(element: &Type, size: Option<IntRange>, sub: &Type, guard: &mut Guard) -> bool {
    let size = size.unwrap_or(IntRange::SIZE);
    match sub {
        Type::Tuple(types, other) => {
            size.covers(other.unwrap_or(IntRange::exactly(types.len())))
                && types.iter().all(|one| fits(element, one, guard))
        }
        Type::Array(found, other) => {
            size.covers(other.unwrap_or(IntRange::SIZE)) && fits(element, found, guard)
        }
        _ => false,
    }
}

fn fits_hash(key: &Type, value: &Type, size: Option<IntRange>, sub: &Type, guard: &mut Guard) -> bool {
    match sub {
        Type::Hash(pair, other) => {
            let empty = **pair == (Type::Unit, Type::Unit) && *other == Some(IntRange::new(0, 0));
            if empty && size.is_none_or(|size| size.from == Some(0)) {
                return true;
            }
            fits(key, &pair.0, guard)
                && fits(value, &pair.1, guard)
                && size.unwrap_or(IntRange::SIZE).covers(other.unwrap_or(IntRange::SIZE))
        }
        Type::Struct(elements) => {
            size.unwrap_or(IntRange::SIZE).contains(elements.len() as i64)
                && elements.iter().all(|element| {
                    fits(key, &Type::string_value(element.name.clone()), guard)
                        && fits(value, &element.value, guard)
                })
        }
        _ => false,
    }
}

fn fits_tuple(types: &[Type], size: Option<IntRange>, sub: &Type, guard: &mut Guard) -> bool {
    let ours = tuple_size(types, size);
    match sub {
        Type::Tuple(found, other) => {
            if !ours.covers(tuple_size(found, *other)) {
                return false;
            }
            let Some(last) = types.last() else { return true };
            if found.is_empty() {
                return ours.from == Some(0);
            }
            found.iter().enumerate().all(|(i, one)| fits(types.get(i).unwrap_or(last), one, guard))
        }
        Type::Array(element, other) => {
            let theirs = other.unwrap_or(IntRange::SIZE);
            if !ours.covers(theirs) {
                return false;
            }
            let most = theirs.to.map_or(types.len(), |to| types.len().min(to.max(0) as usize));
            types[..most].iter().all(|one| fits(one, element, guard))
        }
        _ => false,
    }
}

fn fits_struct(elements: &[StructElement], sub: &Type, guard: &mut Guard) -> bool {
    match sub {
        Type::Struct(found) => {
            let mut matched = 0;
            for element in elements {
                match found.iter().find(|other| other.name == element.name) {
                    None if element.optional => {}
                    None => return false,
                    Some(other) => {
                        matched += 1;
                        let keys = element.optional || !other.optional;
                        if !keys || !fits(&element.value, &other.value, guard) {
                            return false;
                        }
                    }
                }
            }
            matched == found.len()
        }
        Type::Hash(pair, size) => {
            let required: Vec<&StructElement> = elements.iter().filter(|element| !element.optional).collect();
            let values = required.iter().all(|element| {
                fits(&element.value, &pair.1, guard) && fits(&Type::any_string(), &pair.0, guard)
            });
            values
                && IntRange::new(required.len() as i64, elements.len() as i64)
                    .covers(size.unwrap_or(IntRange::SIZE))
        }
        _ => false,
    }
}

fn fits_callable(wanted: &Callable, found: &Callable, guard: &mut Guard) -> bool {
    if let Some(returns) = &wanted.returns
        && !fits(returns, found.returns.as_ref().unwrap_or(&Type::Any), guard)
    {
        return false;
    }
    let Some(params) = &wanted.params else { return true };
    // The other way round: what is called must take all that callers of the wanted signature give.
    let takes = |theirs: &Params, guard: &mut Guard| fits(&theirs.tuple(), &params.tuple(), guard);
    if !found.params.as_ref().is_some_and(|theirs| takes(theirs, guard)) {
        return false;
    }
    let ours = wanted.block.as_ref().unwrap_or(&Type::Undef);
    fits(found.block.as_ref().unwrap_or(&Type::Undef), ours, guard)
}
