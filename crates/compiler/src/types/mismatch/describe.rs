//! Finding what doesn't fit.

use super::{Fault, Mismatch, Step};
use crate::types::assign::tuple_size;
use crate::types::{Callable, IntRange, Params, StructElement, Type, assignable, normalize};
use std::sync::Arc;

/// All that speaks against `actual` being assignable to `expected`. (Puppet's way of looking misses some and
/// names some that are fine; what it finds here is what it says.)
pub fn describe(expected: &Type, actual: &Type, path: Vec<Step>) -> Vec<Mismatch> {
    if let Some(name) = unresolved(expected, &mut Vec::new()) {
        return vec![Mismatch::new(&path, Fault::Unresolved(name))];
    }
    find(&normalize(expected), expected, actual, &path)
}

/// The first reference to an unknown type in it.
fn unresolved(of: &Type, open: &mut Vec<Arc<str>>) -> Option<String> {
    match of {
        Type::Reference(name) => Some(name.to_string()),
        Type::Alias(alias) if !open.contains(&alias.name) => {
            open.push(alias.name.clone());
            alias.resolved().and_then(|target| unresolved(target, open))
        }
        Type::Array(inner, _) | Type::Sensitive(inner) => unresolved(inner, open),
        Type::Hash(pair, _) => unresolved(&pair.0, open).or_else(|| unresolved(&pair.1, open)),
        Type::Tuple(types, _) => types.iter().find_map(|one| unresolved(one, open)),
        Type::Variant(types) => types.0.iter().find_map(|one| unresolved(one, open)),
        Type::Struct(elements) => elements.iter().find_map(|element| unresolved(&element.value, open)),
        Type::Optional(Some(inner))
        | Type::NotUndef(Some(inner))
        | Type::Type(Some(inner))
        | Type::Iterable(Some(inner))
        | Type::Iterator(Some(inner)) => unresolved(inner, open),
        _ => None,
    }
}

fn with(path: &[Step], step: Step) -> Vec<Step> {
    let mut path = path.to_vec();
    path.push(step);
    path
}

fn find(expected: &Type, original: &Type, actual: &Type, path: &[Step]) -> Vec<Mismatch> {
    match expected {
        Type::Variant(types) => variant(&types.0, original, actual, path),
        Type::Struct(elements) => structure(elements, original, actual, path),
        Type::Hash(pair, size) => hash(pair, *size, original, actual, path),
        Type::Tuple(types, size) => tuple(types, *size, original, actual, path, false),
        Type::Array(element, size) => array(element, *size, original, actual, path),
        Type::Callable(callable) => lambda(callable, original, actual, path),
        Type::Optional(inner) => match inner {
            Some(inner) if *actual != Type::Undef => {
                let original = if matches!(original, Type::Alias(_)) { original } else { expected };
                find(inner, original, actual, path)
            }
            _ => Vec::new(),
        },
        Type::Pattern(_) | Type::Enum(..) => vec![Mismatch::new(
            path,
            Fault::Pattern { expected: normalize(original), actual: normalize(actual) },
        )],
        Type::Alias(alias) => match alias.resolved() {
            Some(target) => find(&normalize(target), expected, actual, path),
            None => vec![Mismatch::new(path, Fault::Unresolved(alias.name.to_string()))],
        },
        other if assignable(other, actual) => Vec::new(),
        _ => vec![Mismatch::types(path, original, actual)],
    }
}

fn variant(types: &[Type], original: &Type, actual: &Type, path: &[Step]) -> Vec<Mismatch> {
    let mut alternatives: Vec<Type> = types.to_vec();
    if matches!(original, Type::Optional(_)) {
        alternatives.insert(0, Type::Undef);
    }
    let mut found = Vec::new();
    for (i, one) in alternatives.iter().enumerate() {
        let described = describe(one, actual, with(path, Step::Variant(i)));
        if described.is_empty() {
            return Vec::new();
        }
        found.push(described);
    }
    let merged = merge_descriptions(path.len(), false, found);
    if matches!(original, Type::Alias(_)) && merged.len() == 1 {
        return vec![Mismatch::types(path, original, actual)];
    }
    merged
}

/// What alternatives have in common is said once. `counts`: they differ in numbers of arguments, not in sizes.
pub(crate) fn merge_descriptions(varying: usize, counts: bool, found: Vec<Vec<Mismatch>>) -> Vec<Mismatch> {
    let alternatives = found.len();
    let mut all: Vec<Mismatch> = found.into_iter().flatten().collect();
    type Kind = fn(&Fault) -> bool;
    let sizes: Kind = match counts {
        true => |fault| matches!(fault, Fault::Count { .. }),
        false => |fault| matches!(fault, Fault::Size { .. } | Fault::Count { .. }),
    };
    let kinds: [Kind; 4] = [
        sizes,
        |fault| matches!(fault, Fault::MissingBlock),
        |fault| matches!(fault, Fault::UnexpectedBlock),
        |fault| matches!(fault, Fault::Type { .. } | Fault::Pattern { .. }),
    ];
    for kind in kinds {
        let alike: Vec<&Mismatch> = all.iter().filter(|one| kind(&one.fault)).collect();
        if alike.len() != alternatives {
            continue;
        }
        let mut rest = alike.into_iter();
        let Some(first) = rest.next().cloned() else { continue };
        let merged = rest.try_fold(first, |merged, one| {
            let same_place = merged.place().eq(one.place());
            same_place.then(|| Mismatch { fault: merge(&merged.fault, &one.fault), path: merged.path })
        });
        if let Some(merged) = merged {
            all = vec![merged];
            break;
        }
    }
    let mut unique: Vec<Mismatch> = Vec::new();
    for one in all {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    match unique.len() {
        1 => unique.into_iter().map(|one| one.without_step(varying)).collect(),
        _ => unique,
    }
}

fn merge(a: &Fault, b: &Fault) -> Fault {
    match (a, b) {
        (
            Fault::Type { expected, actual },
            Fault::Type { expected: other, .. } | Fault::Pattern { expected: other, .. },
        ) => Fault::Type { expected: either(expected, other), actual: normalize(actual) },
        (
            Fault::Pattern { expected, actual },
            Fault::Type { expected: other, .. } | Fault::Pattern { expected: other, .. },
        ) => Fault::Pattern { expected: either(expected, other), actual: normalize(actual) },
        (
            Fault::Size { expected, actual },
            Fault::Size { expected: other, .. } | Fault::Count { expected: other, .. },
        ) => Fault::Size { expected: span(*expected, *other), actual: *actual },
        (
            Fault::Count { expected, actual },
            Fault::Size { expected: other, .. } | Fault::Count { expected: other, .. },
        ) => Fault::Count { expected: span(*expected, *other), actual: *actual },
        _ => a.clone(),
    }
}

fn either(a: &Type, b: &Type) -> Type {
    normalize(&Type::variant([a.clone(), b.clone()]))
}

fn span(a: IntRange, b: IntRange) -> IntRange {
    let of_size = |range: IntRange| IntRange { from: Some(range.from.unwrap_or(0)), to: range.to };
    of_size(a).span(of_size(b))
}

fn size_fault(path: &[Step], expected: IntRange, actual: IntRange, count: bool) -> Vec<Mismatch> {
    vec![Mismatch::new(
        path,
        if count { Fault::Count { expected, actual } } else { Fault::Size { expected, actual } },
    )]
}

fn array(
    element: &Type,
    size: Option<IntRange>,
    original: &Type,
    actual: &Type,
    path: &[Step],
) -> Vec<Mismatch> {
    match actual {
        Type::Tuple(types, other) => {
            let expected = size.unwrap_or(IntRange::SIZE);
            let got = other.unwrap_or(IntRange::exactly(types.len()));
            if !expected.covers(got) {
                return size_fault(path, expected, got, false);
            }
            let mut found = Vec::new();
            for (i, one) in types.iter().enumerate().filter(|(_, one)| !assignable(element, one)) {
                found.extend(describe(element, one, with(path, Step::Index(i))));
            }
            found
        }
        Type::Array(inner, other) => {
            let got = other.unwrap_or(IntRange::SIZE);
            match size.filter(|size| !size.covers(got)) {
                None => vec![Mismatch::types(path, original, &Type::Array(inner.clone(), None))],
                Some(size) => size_fault(path, size, got, false),
            }
        }
        other => vec![Mismatch::types(path, original, other)],
    }
}

fn hash(
    pair: &(Type, Type),
    size: Option<IntRange>,
    original: &Type,
    actual: &Type,
    path: &[Step],
) -> Vec<Mismatch> {
    match actual {
        Type::Struct(elements) => {
            let expected = size.unwrap_or(IntRange::SIZE);
            let required = elements.iter().filter(|element| !element.optional).count();
            let got = IntRange::new(required as i64, elements.len() as i64);
            if !expected.covers(got) {
                return size_fault(path, expected, got, false);
            }
            let mut found = Vec::new();
            for element in elements.iter() {
                let name = element.name.to_string();
                let key = key_type(element);
                if !assignable(&pair.0, &key) {
                    found.extend(describe(&pair.0, &key, with(path, Step::KeyOfEntry(name.clone()))));
                }
                if !assignable(&pair.1, &element.value) {
                    found.extend(describe(&pair.1, &element.value, with(path, Step::Entry(name))));
                }
            }
            found
        }
        Type::Hash(inner, other) => {
            let got = other.unwrap_or(IntRange::SIZE);
            match size.filter(|size| !size.covers(got)) {
                None => vec![Mismatch::types(path, original, &Type::Hash(inner.clone(), None))],
                Some(size) => size_fault(path, size, got, false),
            }
        }
        other => vec![Mismatch::types(path, original, other)],
    }
}

/// The type of a member's key.
fn key_type(element: &StructElement) -> Type {
    let name = Type::string_value(element.name.clone());
    if element.optional { Type::optional(name) } else { name }
}

fn structure(elements: &[StructElement], original: &Type, actual: &Type, path: &[Step]) -> Vec<Mismatch> {
    match actual {
        Type::Struct(others) => {
            let mut found = Vec::new();
            for element in elements {
                let name = element.name.to_string();
                match others.iter().find(|other| other.name == element.name) {
                    None if element.optional => {}
                    None => found.push(Mismatch::new(path, Fault::MissingKey(name))),
                    Some(other) => {
                        let (key, other_key) = (key_type(element), key_type(other));
                        if !assignable(&key, &other_key) {
                            found.extend(describe(
                                &key,
                                &other_key,
                                with(path, Step::KeyOfEntry(name.clone())),
                            ));
                        }
                        if !assignable(&element.value, &other.value) {
                            found.extend(describe(
                                &element.value,
                                &other.value,
                                with(path, Step::Entry(name)),
                            ));
                        }
                    }
                }
            }
            for other in
                others.iter().filter(|other| !elements.iter().any(|element| element.name == other.name))
            {
                found.push(Mismatch::new(path, Fault::ExtraneousKey(other.name.to_string())));
            }
            found
        }
        Type::Hash(inner, other) => {
            let got = other.unwrap_or(IntRange::SIZE);
            let required = elements.iter().filter(|element| !element.optional).count();
            let expected = IntRange::new(required as i64, elements.len() as i64);
            if expected.covers(got) {
                vec![Mismatch::types(path, original, &Type::Hash(inner.clone(), None))]
            } else {
                size_fault(path, expected, got, false)
            }
        }
        other => vec![Mismatch::types(path, original, other)],
    }
}

fn tuple(
    types: &[Type],
    size: Option<IntRange>,
    original: &Type,
    actual: &Type,
    path: &[Step],
    count: bool,
) -> Vec<Mismatch> {
    let same = matches!(actual, Type::Tuple(others, other) if **others == *types && *other == size);
    if same || (types.is_empty() && matches!(actual, Type::Array(..))) {
        return Vec::new();
    }
    let expected = tuple_size(types, size);
    match actual {
        Type::Tuple(others, other) => {
            let got = tuple_size(others, *other);
            if !expected.covers(got) {
                return size_fault(path, expected, got, count);
            }
            let Some(last) = types.len().checked_sub(1) else { return Vec::new() };
            let mut found = Vec::new();
            for (i, one) in others.iter().enumerate() {
                let at = i.min(last);
                found.extend(describe(&types[at], one, with(path, Step::Index(at))));
            }
            found
        }
        Type::Array(element, other) => {
            let got = other.unwrap_or(IntRange::SIZE);
            if !expected.covers(got) {
                return size_fault(path, expected, got, count);
            }
            let mut found = Vec::new();
            for (i, one) in types.iter().enumerate() {
                found.extend(describe(one, element, with(path, Step::Index(i))));
            }
            found
        }
        other => vec![Mismatch::types(path, original, other)],
    }
}

fn lambda(expected: &Callable, original: &Type, actual: &Type, path: &[Step]) -> Vec<Mismatch> {
    let Type::Callable(found) = actual else { return vec![Mismatch::types(path, original, actual)] };
    if expected.params.is_none() && expected.returns.is_none() {
        return Vec::new();
    }
    if let (Some(wanted), Some(Params { types, size })) = (&expected.params, &found.params) {
        let faults = tuple(
            &wanted.types,
            wanted.size,
            &wanted.tuple(),
            &Type::Tuple(types.clone(), *size),
            path,
            true,
        );
        if !faults.is_empty() {
            return faults;
        }
    }
    let (wanted, got) =
        (expected.returns.as_ref().unwrap_or(&Type::Any), found.returns.as_ref().unwrap_or(&Type::Any));
    if !assignable(wanted, got) {
        return vec![Mismatch::types(&with(path, Step::Return), wanted, got)];
    }
    let (wanted, got) =
        (expected.block.as_ref().unwrap_or(&Type::Undef), found.block.as_ref().unwrap_or(&Type::Undef));
    if assignable(got, wanted) {
        return Vec::new();
    }
    vec![Mismatch::types(&with(path, Step::Block), wanted, got)]
}
