//! `Type[arguments…]`.

use std::fmt;
use std::sync::Arc;

use super::{
    Callable, FloatRange, IntRange, Params, Patterns, StringBound, StructElement, TimeRange, Type,
    generalize, infer, simple_name,
};
use crate::format::{timespan, timestamp};
use crate::label;
use crate::regex::Regex;
use crate::value::{SemVerRange, Value};

/// Arguments that a type can't be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentFault {
    /// Puppet's text.
    pub text: String,
    /// Which argument is to blame; `None`: the expression as a whole.
    pub argument: Option<usize>,
    /// Whether the text needs the words around it that Puppet puts before errors of its own making
    /// (`Error while evaluating …`); otherwise it stands for itself.
    pub raised: bool,
}

impl fmt::Display for ArgumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn whole(text: String) -> ArgumentFault {
    ArgumentFault { text, argument: None, raised: false }
}

fn at(argument: usize, text: String) -> ArgumentFault {
    ArgumentFault { text, argument: Some(argument), raised: false }
}

fn raised(text: impl Into<String>) -> ArgumentFault {
    ArgumentFault { text: text.into(), argument: None, raised: true }
}

/// `base[arguments…]`.
///
/// # Errors
/// Puppet's text for a wrong number or kind of type arguments.
pub fn parameterize(base: &Type, arguments: &[Value]) -> Result<Type, String> {
    parameterize_located(base, arguments).map_err(|fault| fault.text)
}

/// The same, saying which argument is to blame. Lists among the arguments count as their elements, save for
/// `Callable`, `Struct` and `Init`.
///
/// # Errors
/// Puppet's text for a wrong number or kind of type arguments.
pub fn parameterize_located(base: &Type, arguments: &[Value]) -> Result<Type, ArgumentFault> {
    let flat = flatten(arguments);
    match base {
        Type::Array(..) => array(&flat),
        Type::Hash(..) => hash(&flat),
        Type::Integer(_) => integer(&flat),
        Type::Float(_) => float(&flat),
        Type::String(_) => match flat.len() {
            1 | 2 => Ok(Type::String(StringBound::Size(size(&flat, 0)?.to_size()))),
            n => Err(whole(format!("String supports [] with one or two arguments. Got {n}"))),
        },
        Type::Collection(_) => match flat.len() {
            1 | 2 => Ok(Type::Collection(Some(size(&flat, 0)?.to_size()))),
            n => Err(arity("Collection-Type", 1, Some(2), n)),
        },
        Type::Boolean(_) => {
            count(base, &flat, 1, Some(1))?;
            match flat[0] {
                Value::Bool(value) => Ok(Type::Boolean(Some(value))),
                _ => Err(specialization(base, 0, &flat[0], "TrueClass or FalseClass")),
            }
        }
        Type::Enum(..) => enumeration(base, flat),
        Type::Pattern(_) => pattern(base, &flat),
        Type::Regexp(_) => match flat.as_slice() {
            [Value::String(text)] => Ok(Type::Regexp(Some(Arc::new(Regex::new(text).map_err(raised)?)))),
            [Value::Regex(regex)] => Ok(Type::Regexp(Some(regex.clone()))),
            [other] => Err(specialization(base, 0, other, "String or Regexp")),
            other => {
                let fault = arity(&label::capitalized(&label(base)), 1, None, other.len());
                Err(ArgumentFault { argument: (!other.is_empty()).then_some(1), ..fault })
            }
        },
        Type::Variant(_) => {
            count(base, &flat, 1, None)?;
            Ok(Type::variant(types(base, &flat)?))
        }
        Type::Tuple(..) => tuple(base, flat),
        Type::Struct(_) => match arguments {
            [Value::Hash(members)] => structure(members),
            [other] => Err(specialization(base, 0, other, "Hash")),
            other => Err(arity(&label::capitalized(&label(base)), 1, Some(1), other.len())),
        },
        Type::Optional(_) => Ok(Type::Optional(Some(Arc::new(match flat.as_slice() {
            [Value::String(text)] => Type::string_value(text.clone()),
            flat => one_type("Optional-Type", flat)?,
        })))),
        Type::NotUndef(_) => match flat.as_slice() {
            [] => Ok(Type::NotUndef(None)),
            [Value::String(text)] => Ok(Type::NotUndef(Some(Arc::new(Type::string_value(text.clone()))))),
            [Value::Type(inner)] if **inner == Type::Any => Ok(Type::NotUndef(None)),
            [Value::Type(inner)] => Ok(Type::NotUndef(Some(inner.clone()))),
            [other] => Err(at(
                0,
                format!("NotUndef-Type[] argument must be a Type or a String. Got {}", ruby_class(other)),
            )),
            more => Err(arity("NotUndef-Type", 0, Some(1), more.len())),
        },
        Type::Type(_) => Ok(Type::Type(Some(Arc::new(one_type("Type-Type", &flat)?)))),
        Type::Iterable(_) => Ok(Type::Iterable(Some(Arc::new(one_type("Iterable-Type", &flat)?)))),
        Type::Iterator(_) => Ok(Type::Iterator(Some(Arc::new(one_type("Iterator-Type", &flat)?)))),
        Type::Sensitive(_) => Ok(Type::Sensitive(Arc::new(generalize(&one_type("Sensitive-Type", &flat)?)))),
        Type::Callable(_) => callable(arguments),
        Type::SemVer(_) => semver(base, &flat),
        Type::Timestamp(_) => {
            let (from, to) = times(base, &flat, timestamp::bound)?;
            Ok(Type::Timestamp(TimeRange { from, to }))
        }
        Type::Timespan(_) => {
            let (from, to) = times(base, &flat, timespan::bound)?;
            Ok(Type::Timespan(TimeRange { from, to }))
        }
        Type::Runtime(..) => match flat.as_slice() {
            [Value::String(runtime), Value::String(class)] => {
                Ok(Type::Runtime(Some(runtime.clone()), Some(class.clone())))
            }
            [first, second] => {
                let wrong = if first.as_str().is_none() { (0, first) } else { (1, second) };
                Err(specialization(base, wrong.0, wrong.1, "String or String"))
            }
            // Puppet's message says one, whatever the least number is.
            other => Err(arity(&label::capitalized(&label(base)), 1, Some(2), other.len())),
        },
        Type::Class(None) => match flat.as_slice() {
            [Value::String(name)] => {
                let name = name.to_lowercase();
                Ok(Type::Class(Some(name.strip_prefix("::").unwrap_or(&name).into())))
            }
            [other] => Err(at(
                0,
                format!(
                    "Illegal Class name in class reference. {} cannot be used where a String is expected",
                    label::capitalized(&label::value(other))
                ),
            )),
            other => Err(arity("Class", 1, Some(usize::MAX), other.len())),
        },
        Type::Resource { name, title: None } => resource(name.as_ref(), &flat),
        Type::Reference(name) => Err(whole(format!("Resource type not found: {name}"))),
        Type::Alias(alias) => match alias.resolved() {
            Some(target) => parameterize_located(target, arguments),
            None => Err(whole(format!("Reference to unresolved type {}", alias.name))),
        },
        Type::Init(..) | Type::Object(_) | Type::TypeSet | Type::Uri => {
            Err(whole(format!("{}[] is not supported by Bunraku yet", simple_name(base))))
        }
        _ => Err(whole(format!("Operator '[]' is not applicable to {}.", label::with_article(&label(base))))),
    }
}

fn flatten(arguments: &[Value]) -> Vec<Value> {
    arguments
        .iter()
        .flat_map(|argument| match argument {
            Value::Array(items) => flatten(items),
            other => vec![other.clone()],
        })
        .collect()
}

/// How Puppet's messages name a type: `Array-Type`.
fn label(of: &Type) -> String {
    label::value(&Value::of_type(of.clone()))
}

/// `max` `None`: exactly `min` as far as the message goes; `usize::MAX`: without end.
fn arity(subject: &str, min: usize, max: Option<usize>, got: usize) -> ArgumentFault {
    whole(match max {
        Some(usize::MAX) => format!("{subject}[] accepts {min} or more arguments. Got {got}"),
        Some(max) if max != min => format!("{subject}[] accepts {min} to {max} arguments. Got {got}"),
        _ => format!("{subject}[] accepts {min} argument{}. Got {got}", if min == 1 { "" } else { "s" }),
    })
}

fn count(base: &Type, arguments: &[Value], min: usize, max: Option<usize>) -> Result<(), ArgumentFault> {
    let got = arguments.len();
    if got >= min && max.is_none_or(|max| got <= max) {
        return Ok(());
    }
    Err(arity(&label::capitalized(&label(base)), min, Some(max.unwrap_or(usize::MAX)), got))
}

/// How Puppet names an argument of a kind that doesn't fit.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Undef => "Undef".to_owned(),
        Value::Default => "Default".to_owned(),
        other => generalize(&infer(other)).to_string(),
    }
}

fn specialization(base: &Type, argument: usize, got: &Value, expected: &str) -> ArgumentFault {
    at(
        argument,
        format!(
            "Error creating type specialization of {}, Cannot use {} where {expected} is expected",
            label::with_article(&label(base)),
            kind_of(got)
        ),
    )
}

/// Ruby's name for the class of a value: some of Puppet's messages show it.
pub(crate) fn ruby_class(value: &Value) -> String {
    match value {
        Value::Undef => "NilClass".to_owned(),
        Value::Default => "Symbol".to_owned(),
        Value::Bool(true) => "TrueClass".to_owned(),
        Value::Bool(false) => "FalseClass".to_owned(),
        Value::Int(_) => "Integer".to_owned(),
        Value::Float(_) => "Float".to_owned(),
        Value::String(_) => "String".to_owned(),
        Value::Regex(_) => "Regexp".to_owned(),
        Value::Array(_) => "Array".to_owned(),
        Value::Hash(_) => "Hash".to_owned(),
        Value::Type(of) => match &**of {
            Type::Alias(_) => "Puppet::Pops::Types::PTypeAliasType".to_owned(),
            of => format!("Puppet::Pops::Types::P{}Type", simple_name(of)),
        },
        Value::Sensitive(_) => "Puppet::Pops::Types::PSensitiveType::Sensitive".to_owned(),
        Value::Timestamp(_) => "Puppet::Pops::Time::Timestamp".to_owned(),
        Value::Timespan(_) => "Puppet::Pops::Time::Timespan".to_owned(),
        Value::SemVer(_) => "SemanticPuppet::Version".to_owned(),
        Value::SemVerRange(_) => "SemanticPuppet::VersionRange".to_owned(),
        Value::Binary(_) => "Puppet::Pops::Types::PBinaryType::Binary".to_owned(),
        Value::Closure(_) => "Puppet::Pops::Evaluator::Closure".to_owned(),
        Value::Iterator(_) => "Puppet::Pops::Types::Iterator".to_owned(),
    }
}

fn types(base: &Type, arguments: &[Value]) -> Result<Vec<Type>, ArgumentFault> {
    arguments
        .iter()
        .enumerate()
        .map(|(i, argument)| match argument {
            Value::Type(inner) => Ok((**inner).clone()),
            other => Err(specialization(base, i, other, "Any-Type")),
        })
        .collect()
}

fn type_at(base: &str, arguments: &[Value], i: usize) -> Result<Type, ArgumentFault> {
    match &arguments[i] {
        Value::Type(inner) => Ok((**inner).clone()),
        other => Err(at(i, format!("{base}[] arguments must be types. Got {}", ruby_class(other)))),
    }
}

fn one_type(base: &str, arguments: &[Value]) -> Result<Type, ArgumentFault> {
    match arguments.len() {
        1 => type_at(base, arguments, 0),
        n => Err(whole(format!("{base}[] accepts 1 argument. Got {n}"))),
    }
}

/// A size given by one `Integer` type, or by one or two integers (or `default`).
fn size(arguments: &[Value], first: usize) -> Result<IntRange, ArgumentFault> {
    if let [Value::Type(inner)] = arguments
        && let Type::Integer(range) = **inner
    {
        return Ok(range);
    }
    for (i, argument) in arguments.iter().enumerate() {
        if !matches!(argument, Value::Int(_) | Value::Default) {
            return Err(at(
                first + i,
                format!(
                    "A Type's size constraint arguments must be a single Integer type, or 1-2 integers (or default). \
                     Got {}",
                    label::with_article(&label::class_of(argument))
                ),
            ));
        }
    }
    range(arguments)
}

fn range(arguments: &[Value]) -> Result<IntRange, ArgumentFault> {
    let bound = |i: usize| match arguments.get(i) {
        Some(Value::Int(n)) => Some(*n),
        _ => None,
    };
    let found = IntRange { from: bound(0), to: bound(1) };
    match (found.from, found.to) {
        (Some(from), Some(to)) if from > to => {
            Err(raised(format!("'from' must be less or equal to 'to'. Got ({from}, {to}")))
        }
        _ => Ok(found),
    }
}

fn integer(arguments: &[Value]) -> Result<Type, ArgumentFault> {
    if !(1..=2).contains(&arguments.len()) {
        let got = arguments.len();
        return Err(whole(format!(
            "Integer-Type supports [] with one or two arguments (from, to). Got {got}"
        )));
    }
    for (i, argument) in arguments.iter().enumerate() {
        if !matches!(argument, Value::Int(_) | Value::Default) {
            let got = ruby_class(argument);
            return Err(at(
                i,
                format!("Integer-Type [] requires all arguments to be integers (or default). Got {got}"),
            ));
        }
    }
    range(arguments).map(Type::Integer)
}

fn float(arguments: &[Value]) -> Result<Type, ArgumentFault> {
    if !(1..=2).contains(&arguments.len()) {
        let got = arguments.len();
        return Err(whole(format!("Float-Type supports [] with one or two arguments (from, to). Got {got}")));
    }
    let mut found = [None, None];
    for (i, argument) in arguments.iter().enumerate() {
        found[i] = match argument {
            Value::Int(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            Value::Default => None,
            other => {
                let got = ruby_class(other);
                return Err(at(
                    i,
                    format!(
                        "Float-Type [] requires all arguments to be floats, or integers (or default). Got {got}"
                    ),
                ));
            }
        };
    }
    let (from, to) = (found[0].unwrap_or(f64::NEG_INFINITY), found[1].unwrap_or(f64::INFINITY));
    if from > to {
        let (from, to) = (crate::format::float(from), crate::format::float(to));
        return Err(raised(format!("'from' must be less or equal to 'to'. Got ({from}, {to}")));
    }
    Ok(Type::Float(FloatRange { from, to }))
}

fn array(arguments: &[Value]) -> Result<Type, ArgumentFault> {
    let typed = matches!(arguments.first(), Some(Value::Type(_)));
    match arguments.len() {
        1 => Ok(Type::array_of(type_at("Array-Type", arguments, 0)?, None)),
        2 | 3 if typed => {
            Ok(Type::array_of(type_at("Array-Type", arguments, 0)?, Some(size(&arguments[1..], 1)?)))
        }
        2 => Ok(Type::array_of(Type::Any, Some(size(arguments, 0)?))),
        3 => type_at("Array-Type", arguments, 0),
        n => Err(whole(format!("Array-Type[] accepts 1 to 3 arguments. Got {n}"))),
    }
}

fn hash(arguments: &[Value]) -> Result<Type, ArgumentFault> {
    if let [Value::Int(_), Value::Int(_)] = arguments {
        return Ok(Type::hash_of(Type::Any, Type::Any, Some(range(arguments)?)));
    }
    for i in 0..arguments.len().min(2) {
        type_at("Hash-Type", arguments, i)?;
    }
    let limit = match arguments.len() {
        2 => None,
        3 => match &arguments[2] {
            Value::Int(_) | Value::Default => Some(range(&arguments[2..])?),
            Value::Type(inner) if matches!(**inner, Type::Integer(_)) => Some(size(&arguments[2..], 2)?),
            other => return Err(raised(format!("comparison of {} with Infinity failed", ruby_class(other)))),
        },
        4 => Some(size(&arguments[2..], 2)?),
        n => return Err(whole(format!("Hash-Type[] accepts 2 to 4 arguments. Got {n}"))),
    };
    Ok(Type::hash_of(type_at("", arguments, 0)?, type_at("", arguments, 1)?, limit))
}

fn enumeration(base: &Type, mut arguments: Vec<Value>) -> Result<Type, ArgumentFault> {
    let ignore_case = match arguments.last() {
        Some(Value::Bool(flag)) => Some(*flag),
        _ => None,
    };
    if ignore_case.is_some() {
        arguments.pop();
    }
    count(base, &arguments, 1, None)?;
    let mut values = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        match argument {
            Value::String(text) => values.push(text.clone()),
            other => return Err(specialization(base, i, other, "String")),
        }
    }
    Ok(Type::enumeration(values, ignore_case.unwrap_or(false)))
}

fn pattern(base: &Type, arguments: &[Value]) -> Result<Type, ArgumentFault> {
    count(base, arguments, 1, None)?;
    let mut regexes = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        match argument {
            Value::String(text) => regexes.push(Arc::new(Regex::new(text).map_err(raised)?)),
            Value::Regex(regex) => regexes.push(regex.clone()),
            Value::Type(inner) => match &**inner {
                Type::Pattern(Patterns(inner)) => regexes.extend(inner.iter().cloned()),
                Type::Regexp(Some(regex)) => regexes.push(regex.clone()),
                Type::Regexp(None) => regexes.push(Arc::new(Regex::new("").map_err(raised)?)),
                _ => {
                    return Err(specialization(
                        base,
                        i,
                        argument,
                        "String or Regexp or Pattern-Type or Regexp-Type",
                    ));
                }
            },
            other => {
                return Err(specialization(
                    base,
                    i,
                    other,
                    "String or Regexp or Pattern-Type or Regexp-Type",
                ));
            }
        }
    }
    Ok(Type::pattern(regexes))
}

fn is_size(argument: Option<&Value>) -> bool {
    match argument {
        Some(Value::Int(_) | Value::Default) => true,
        Some(Value::String(text)) => **text == *"default",
        _ => false,
    }
}

/// Takes one or two sizes off the end of the arguments.
fn trailing_size(arguments: &mut Vec<Value>) -> Result<Option<IntRange>, ArgumentFault> {
    let n = arguments.len();
    let sizes = match n {
        0 => return Ok(None),
        _ if n >= 2 && is_size(arguments.get(n - 2)) && is_size(arguments.last()) => 2,
        _ if is_size(arguments.last()) => 1,
        _ => return Ok(None),
    };
    let limits = arguments.split_off(n - sizes);
    range(&limits).map(Some)
}

fn tuple(base: &Type, mut arguments: Vec<Value>) -> Result<Type, ArgumentFault> {
    let limit = trailing_size(&mut arguments)?;
    count(base, &arguments, 1, None)?;
    Ok(Type::Tuple(types(base, &arguments)?.into(), limit.map(IntRange::to_size)))
}

fn callable(arguments: &[Value]) -> Result<Type, ArgumentFault> {
    let mut returns = None;
    let mut params = arguments.to_vec();
    if let Some(Value::Array(inner)) = arguments.first() {
        match arguments {
            [_, Value::Type(found)] => returns = Some((**found).clone()),
            [_, _] => return Err(raised("Callable return type must be a type")),
            other => {
                return Err(whole(format!("A Callable-Type[] accepts 2 arguments. Got {}", other.len())));
            }
        }
        params = inner.to_vec();
    }
    let block = match params.last() {
        Some(Value::Type(last)) if is_callable(last, true) => {
            let block = (**last).clone();
            params.pop();
            Some(block)
        }
        _ => None,
    };
    let limit = trailing_size(&mut params)?;
    let mut types: Vec<Type> = params.iter().map(type_of).collect();
    if types.is_empty() && limit.is_some_and(|limit| limit.to != Some(0)) {
        types.push(Type::Unit);
    }
    let params = Params { types: types.into(), size: limit.map(IntRange::to_size) };
    let returns = returns.filter(|returns| *returns != Type::Any);
    Ok(Type::Callable(Arc::new(Callable { params: Some(params), block, returns })))
}

/// The type that an argument stands for: text is the name of a class of Ruby's, other values show their own type.
fn type_of(argument: &Value) -> Type {
    match argument {
        Value::Type(inner) => (**inner).clone(),
        Value::String(text) => Type::Runtime(Some("ruby".into()), Some(text.clone())),
        other => generalize(&infer(other)),
    }
}

/// Whether the type is one of lambdas (or, if allowed, optional ones).
pub(super) fn is_callable(of: &Type, optional: bool) -> bool {
    match of {
        Type::Callable(_) => true,
        Type::Optional(Some(inner)) => optional && is_callable(inner, optional),
        Type::Variant(types) => types.0.iter().all(|one| is_callable(one, optional)),
        Type::Alias(alias) => alias.resolved().is_some_and(|target| {
            !matches!(target, Type::Alias(_) | Type::Variant(_)) && is_callable(target, optional)
        }),
        _ => false,
    }
}

fn structure(members: &crate::value::Hash) -> Result<Type, ArgumentFault> {
    let mut elements = Vec::new();
    for (key, value) in members {
        let value = &type_of(value);
        let literal = |of: &Type| match of {
            Type::String(StringBound::Value(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        let (name, optional) = match key {
            Value::String(name) if name.is_empty() => {
                return Err(raised("Struct element key cannot be an empty String"));
            }
            Value::String(name) => (Some(name.clone()), super::assignable(value, &Type::Undef)),
            Value::Type(key) => match &**key {
                Type::NotUndef(Some(inner)) => (literal(inner), false),
                Type::Optional(Some(inner)) => (literal(inner), true),
                Type::Enum(values, _) if values.len() == 1 => (Some(values[0].clone()), false),
                Type::NotUndef(None) | Type::Optional(None) | Type::Enum(..) => (None, false),
                string @ Type::String(_) => (literal(string), false),
                _ => return Err(illegal_member(&Value::Type(key.clone()))),
            },
            other => return Err(illegal_member(other)),
        };
        let Some(name) = name else {
            return Err(raised(format!(
                "Unable to extract a non-empty literal string from Struct member key type {key}"
            )));
        };
        elements.push(StructElement { name, optional, value: value.clone() });
    }
    Ok(Type::Struct(elements.into()))
}

fn illegal_member(key: &Value) -> ArgumentFault {
    raised(format!(
        "Illegal Struct member key type. Expected NotUndef, Optional, String, or Enum. Got: {}",
        ruby_class(key)
    ))
}

fn semver(base: &Type, arguments: &[Value]) -> Result<Type, ArgumentFault> {
    count(base, arguments, 1, None)?;
    let mut ranges = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        ranges.push(match argument {
            Value::String(text) => SemVerRange::parse(text).map_err(raised)?,
            Value::SemVerRange(range) => (**range).clone(),
            other => return Err(specialization(base, i, other, "String or SemanticPuppet::VersionRange")),
        });
    }
    Ok(Type::SemVer(super::semver::merge_all(ranges).into()))
}

type Bounds = (Option<i128>, Option<i128>);

fn times(
    base: &Type,
    arguments: &[Value],
    bound: impl Fn(&Value) -> Result<Option<i128>, String>,
) -> Result<Bounds, ArgumentFault> {
    if arguments.len() > 2 {
        let subject = label::capitalized(&label(base));
        return Err(whole(format!("{subject}[] accepts 0 to 2 arguments. Got {}", arguments.len())));
    }
    let one = |i: usize| arguments.get(i).map_or(Ok(None), &bound).map_err(raised);
    let (from, to) = (one(0)?, one(1)?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let text = |i: usize| arguments.get(i).map(Value::to_string).unwrap_or_default();
        return Err(raised(format!("'from' must be less or equal to 'to'. Got ({}, {}", text(0), text(1))));
    }
    Ok((from, to))
}

fn resource(name: Option<&Arc<str>>, arguments: &[Value]) -> Result<Type, ArgumentFault> {
    let (name, titles): (Arc<str>, &[Value]) = match (name, arguments) {
        (Some(name), titles) => (name.clone(), titles),
        (None, [Value::String(text), titles @ ..]) => (capitalized(text).into(), titles),
        (None, [Value::Type(of), titles @ ..]) => match &**of {
            Type::Resource { name: Some(name), .. } => (name.clone(), titles),
            Type::Reference(name) => (name.clone(), titles),
            other => return Err(illegal_kind(&Value::of_type(other.clone()))),
        },
        (None, [other, ..]) => return Err(illegal_kind(other)),
        (None, []) => return Err(whole("Resource-Type[] accepts 1 or more arguments. Got 0".to_owned())),
    };
    match titles {
        [] => Ok(Type::Resource { name: Some(name), title: None }),
        [Value::String(title)] => Ok(Type::Resource { name: Some(name), title: Some(title.clone()) }),
        [other, ..] => {
            let base = Type::Resource { name: Some(name), title: None };
            let text = format!(
                "Error creating type specialization of {}, Cannot use {} where a resource title String is expected",
                label::with_article(&label(&base)),
                kind_of(other)
            );
            Err(at(arguments.len() - titles.len(), text))
        }
    }
}

fn illegal_kind(got: &Value) -> ArgumentFault {
    at(0, format!("First argument to Resource[] must be a resource type or a String. Got {}.", kind_of(got)))
}

/// `my::define` as `My::Define`; a name that starts with a capital stays as it is.
pub(crate) fn capitalized(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return name.to_owned();
    }
    let segments = name.split("::").map(crate::format::capitalize);
    segments.collect::<Vec<_>>().join("::")
}
