//! `new`: making an instance of a type, `Integer('3')`, `String(1.5, '%.2f')`.

mod binary;
mod collection;
mod numeric;
mod semver;
mod time;

use std::sync::Arc;

use super::Call;
use super::dispatch::{Table, table, table_with};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::convert::convert;
use crate::regex::Regex;
use crate::types::{Type, describe_types, generalize, infer, infer_set, instance_of, simple_name};
use crate::value::Value;

static NEW: Table = table("new", &["Type type, Any args*, &Callable block?"]);
static STRING: Table = table_with(
    "new_string",
    &[
        ("Format", r"Pattern[/^%([\s\[+#0{<(|-]*)([1-9][0-9]*)?(?:\.([0-9]+))?([a-zA-Z])$/]"),
        (
            "ContainerFormat",
            "Struct[{Optional[format] => Format, Optional[separator] => String, Optional[separator2] => String, \
             Optional[string_formats] => Hash[Type,Format]}]",
        ),
        ("TypeMap", "Hash[Type,Variant[Format,ContainerFormat]]"),
        ("Convertible", "Any"),
        ("Formats", "Variant[Default,String[1],TypeMap]"),
    ],
    &["Convertible from, Formats string_formats?"],
);
static BOOLEAN: Table = table(
    "new_boolean",
    &["Variant[Integer,Float,Boolean,Enum['false','true','yes','no','y','n',true]] from"],
);
static REGEXP: Table = table("new_float", &["String pattern, Boolean escape?"]);
static SENSITIVE: Table = table("new_Sensitive", &["Sensitive value", "Any value"]);
static UNIT: Table = table("new_unit", &["Any from"]);
static TYPE: Table = table("new_type", &["String[1] type_string"]);

pub(super) fn new(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    NEW.select(&call)?;
    let Value::Type(of) = call.args[0].clone() else { return Ok(Value::Undef) };
    let args = &call.args[1..];
    if let ([only], false) = (args, matches!(&*of, Type::Init(..)))
        && instance_of(&of, only)
    {
        return Ok(only.clone());
    }
    let made = make(evaluator, &of, args)?;
    if !instance_of(&of, &made) {
        let subject = format!("Converted value from {of}.new() has wrong type,");
        return Err(Failure::raised(describe_types(&subject, &of, &infer_set(&made))));
    }
    if call.lambda.is_some() {
        return call.yield_to(evaluator, vec![made]);
    }
    Ok(made)
}

fn make(evaluator: &mut Evaluator<'_>, of: &Type, args: &[Value]) -> Result<Value, Failure> {
    match of {
        Type::Alias(_) => match of.resolve() {
            Type::Alias(alias) => {
                Err(Failure::raised(format!("Reference to unresolved type {}", alias.name)))
            }
            resolved => make(evaluator, &resolved.clone(), args),
        },
        Type::Optional(Some(inner)) | Type::NotUndef(Some(inner)) => make(evaluator, inner, args),
        Type::NotUndef(None) | Type::Unit => {
            UNIT.choose(args)?;
            Ok(args[0].clone())
        }
        Type::Integer(_) => numeric::integer(args),
        Type::Float(_) => numeric::float(args),
        Type::Numeric => numeric::numeric(args),
        Type::String(_) => {
            STRING.choose(args)?;
            convert(&args[0], args.get(1).unwrap_or(&Value::Default))
                .map(Value::from)
                .map_err(Failure::raised)
        }
        Type::Boolean(_) => boolean(args),
        Type::Array(..) | Type::Tuple(..) => collection::array(args),
        Type::Hash(..) | Type::Struct(_) => collection::hash(args),
        Type::Regexp(_) => {
            REGEXP.choose(args)?;
            let text = args[0].as_str().unwrap_or_default();
            let source =
                if args.get(1) == Some(&Value::Bool(true)) { Regex::escape(text) } else { text.to_owned() };
            Regex::new(&source).map(|regex| Value::Regex(Arc::new(regex))).map_err(Failure::raised)
        }
        Type::Sensitive(_) => Ok(match SENSITIVE.choose(args)? {
            0 => args[0].clone(),
            _ => Value::Sensitive(Arc::new(args[0].clone())),
        }),
        Type::Timestamp(_) => time::timestamp(evaluator, args),
        Type::Timespan(_) => time::timespan(args),
        Type::SemVer(_) => semver::version(args),
        Type::SemVerRange => semver::range(args),
        Type::Binary => binary::binary(args),
        Type::Type(_) => {
            TYPE.choose(args)?;
            evaluator.type_from_text(args[0].as_str().unwrap_or_default()).map(Value::of_type)
        }
        Type::Object(_) | Type::Uri | Type::Init(..) | Type::TypeSet => {
            Err(Failure::unsupported(format!("Making an instance of {}", simple_name(of))))
        }
        other => Err(Failure::raised(format!("Creation of new instance of type '{other}' is not supported"))),
    }
}

/// The text for a value that can't be made one of the named type.
fn unconvertible(function: &str, value: &Value, name: &str) -> Failure {
    Failure::raised(match value {
        Value::String(text) => format!("'{function}' The string '{text}' cannot be converted to {name}"),
        other => {
            let of = generalize(&infer(other));
            format!("'{function}' Value of type {of} cannot be converted to {name}")
        }
    })
}

fn boolean(args: &[Value]) -> Result<Value, Failure> {
    if BOOLEAN.position(args).is_none() {
        return Err(match args {
            [only] => unconvertible("new_boolean", only, "Boolean"),
            _ => return BOOLEAN.choose(args).map(|_| Value::Undef),
        });
    }
    Ok(Value::Bool(match &args[0] {
        Value::Int(n) => *n != 0,
        Value::Float(x) => *x != 0.0,
        Value::String(text) => !matches!(text.to_lowercase().as_str(), "false" | "no" | "n"),
        other => other.is_truthy(),
    }))
}
