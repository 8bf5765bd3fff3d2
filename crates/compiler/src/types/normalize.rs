//! Types without their particulars (`generalize`) and in their simplest form (`normalize`).

use std::sync::Arc;

use super::{
    Callable, FloatRange, IntRange, Params, StringBound, StructElement, TimeRange, Type, assignable,
};

/// The type without ranges, sizes and values of its instances: `Array[Integer[1,1]]` becomes `Array[Integer]`.
pub fn generalize(of: &Type) -> Type {
    match of {
        Type::Boolean(_) => Type::Boolean(None),
        Type::Integer(_) => Type::Integer(IntRange::default()),
        Type::Float(_) => Type::Float(FloatRange::ALL),
        Type::String(_) => Type::any_string(),
        Type::Enum(values, _) => {
            let sizes = values.iter().map(|value| value.chars().count() as i64);
            match (sizes.clone().min(), sizes.max()) {
                (Some(min), Some(max)) => Type::String(StringBound::Size(IntRange::new(min, max))),
                _ => Type::any_string(),
            }
        }
        Type::Timestamp(_) => Type::Timestamp(TimeRange::default()),
        Type::Timespan(_) => Type::Timespan(TimeRange::default()),
        Type::Collection(_) => Type::Collection(None),
        Type::Array(element, _) => Type::Array(Arc::new(generalize(element)), None),
        Type::Hash(pair, Some(size)) if is_empty_hash(pair, *size) => of.clone(),
        Type::Hash(pair, _) => Type::Hash(Arc::new((generalize(&pair.0), generalize(&pair.1))), None),
        other => map_parts(other, &generalize),
    }
}

fn is_empty_hash(pair: &(Type, Type), size: IntRange) -> bool {
    *pair == (Type::Unit, Type::Unit) && size == IntRange::new(0, 0)
}

/// The type with every direct part replaced, where parts keep their meaning.
fn map_parts(of: &Type, change: &dyn Fn(&Type) -> Type) -> Type {
    let inner = |part: &Option<Arc<Type>>| part.as_ref().map(|part| Arc::new(change(part)));
    match of {
        Type::Struct(elements) => Type::Struct(
            elements
                .iter()
                .map(|element| StructElement { value: change(&element.value), ..element.clone() })
                .collect(),
        ),
        Type::Tuple(types, size) => Type::Tuple(types.iter().map(change).collect(), *size),
        Type::Variant(types) if !types.0.is_empty() => Type::variant(types.0.iter().map(change)),
        Type::Optional(part) => Type::Optional(inner(part)),
        Type::NotUndef(part) => Type::NotUndef(inner(part)),
        Type::Type(part) => Type::Type(inner(part)),
        Type::Iterable(part) => Type::Iterable(inner(part)),
        Type::Iterator(part) => Type::Iterator(inner(part)),
        Type::Sensitive(part) => Type::Sensitive(Arc::new(change(part))),
        Type::Callable(callable) => Type::Callable(Arc::new(Callable {
            params: callable
                .params
                .as_ref()
                .map(|params| Params { types: params.types.iter().map(change).collect(), size: params.size }),
            block: callable.block.as_ref().map(change),
            returns: callable.returns.as_ref().map(change),
        })),
        other => other.clone(),
    }
}

/// The simplest type with the same instances, as far as Puppet goes with it.
pub fn normalize(of: &Type) -> Type {
    match of {
        Type::Collection(_) => Type::Collection(None),
        // Puppet drops the size of an array of anything here; messages show it.
        Type::Array(element, _) if **element == Type::Any => Type::any_array(),
        Type::Array(element, size) => Type::Array(Arc::new(normalize(element)), *size),
        Type::Hash(pair, size) => Type::Hash(Arc::new((normalize(&pair.0), normalize(&pair.1))), *size),
        Type::NotUndef(Some(inner)) => match normalize(inner) {
            Type::Optional(Some(inner)) => normalize(&Type::NotUndef(Some(inner))),
            Type::Optional(None) => Type::NotUndef(None),
            Type::Any => Type::NotUndef(None),
            inner if !assignable(&inner, &Type::Undef) => inner,
            inner => Type::NotUndef(Some(Arc::new(inner))),
        },
        Type::Optional(Some(inner)) => match normalize(inner) {
            Type::NotUndef(Some(inner)) => normalize(&Type::Optional(Some(inner))),
            Type::NotUndef(None) => Type::Optional(None),
            inner if assignable(&inner, &Type::Undef) => inner,
            inner => Type::optional(inner),
        },
        Type::Variant(types) if !types.0.is_empty() => {
            normalize_variant(types.0.iter().map(normalize).collect())
        }
        other => map_parts(other, &normalize),
    }
}

fn normalize_variant(types: Vec<Type>) -> Type {
    if types.len() == 1 {
        return types[0].clone();
    }
    if types.iter().any(|one| matches!(one, Type::Undef | Type::Optional(_))) {
        let rest = types.into_iter().filter(|one| *one != Type::Undef).map(|one| match one {
            Type::Optional(Some(inner)) => (*inner).clone(),
            Type::Optional(None) => Type::Any,
            other => other,
        });
        return normalize(&Type::optional(Type::variant(rest)));
    }
    let mut types: Vec<Type> = types
        .into_iter()
        .flat_map(|one| match one {
            Type::Variant(inner) => inner.0.to_vec(),
            other => vec![other],
        })
        .collect();
    types = merge_not_undefs(types);
    types = merge_enums(types);
    types = merge_patterns(types);
    types = merge_versions(types);
    types = merge_ranges(
        types,
        |one| match one {
            Type::Integer(range) => Some(*range),
            _ => None,
        },
        IntRange::merge,
        Type::Integer,
    );
    types = merge_ranges(
        types,
        |one| match one {
            Type::Float(range) => Some(*range),
            _ => None,
        },
        FloatRange::merge,
        Type::Float,
    );
    types = merge_ranges(
        types,
        |one| match one {
            Type::Timespan(range) => Some(*range),
            _ => None,
        },
        TimeRange::merge,
        Type::Timespan,
    );
    types = merge_ranges(
        types,
        |one| match one {
            Type::Timestamp(range) => Some(*range),
            _ => None,
        },
        TimeRange::merge,
        Type::Timestamp,
    );
    Type::variant(types)
}

/// Takes out the types that `select` picks; None when fewer than two are there.
fn take<T>(types: &[Type], select: impl Fn(&Type) -> Option<T>) -> Option<(Vec<T>, Vec<Type>)> {
    let picked: Vec<T> = types.iter().filter_map(&select).collect();
    (picked.len() > 1).then(|| (picked, types.iter().filter(|one| select(one).is_none()).cloned().collect()))
}

fn merge_not_undefs(types: Vec<Type>) -> Vec<Type> {
    let picked = take(&types, |one| match one {
        Type::NotUndef(inner) => Some(inner.as_ref().map_or(Type::Any, |inner| (**inner).clone())),
        _ => None,
    });
    let Some((inner, mut others)) = picked else { return types };
    others.push(Type::NotUndef(Some(Arc::new(normalize(&Type::variant(inner))))));
    others
}

fn merge_enums(types: Vec<Type>) -> Vec<Type> {
    let mut types = types;
    let exact = take(&types, |one| match one {
        Type::Enum(values, false) if !values.is_empty() => Some(values.to_vec()),
        Type::String(StringBound::Value(value)) => Some(vec![value.clone()]),
        _ => None,
    });
    if let Some((values, mut others)) = exact {
        others.push(Type::enumeration(values.into_iter().flatten(), false));
        types = others;
    }
    let loose = take(&types, |one| match one {
        Type::Enum(values, true) if !values.is_empty() => Some(values.to_vec()),
        _ => None,
    });
    if let Some((values, mut others)) = loose {
        let lower = values.into_iter().flatten().map(|value| Arc::from(value.to_lowercase()));
        others.push(Type::enumeration(lower, true));
        types = others;
    }
    types
}

fn merge_patterns(types: Vec<Type>) -> Vec<Type> {
    let picked = take(&types, |one| match one {
        Type::Pattern(patterns) => Some(patterns.0.to_vec()),
        _ => None,
    });
    let Some((patterns, mut others)) = picked else { return types };
    others.push(Type::pattern(patterns.into_iter().flatten()));
    others
}

fn merge_versions(types: Vec<Type>) -> Vec<Type> {
    let picked = take(&types, |one| match one {
        Type::SemVer(ranges) => Some(ranges.to_vec()),
        _ => None,
    });
    let Some((ranges, others)) = picked else { return types };
    let mut merged =
        vec![Type::SemVer(super::semver::merge_all(ranges.into_iter().flatten().collect()).into())];
    merged.extend(others);
    merged
}

fn merge_ranges<R: Copy>(
    types: Vec<Type>,
    select: impl Fn(&Type) -> Option<R>,
    merge: impl Fn(R, R) -> Option<R>,
    wrap: impl Fn(R) -> Type,
) -> Vec<Type> {
    let Some((mut ranges, others)) = take(&types, select) else { return types };
    let mut result = Vec::new();
    while let Some(mut range) = ranges.pop() {
        let mut apart = Vec::new();
        for other in ranges {
            match merge(range, other) {
                Some(both) => range = both,
                None => apart.push(other),
            }
        }
        result.push(wrap(range));
        ranges = apart;
    }
    result.extend(others);
    result
}
