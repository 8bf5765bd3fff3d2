//! `lookup` and the `hiera` functions. There is no data yet: what would need some is refused.

use super::Call;
use super::dispatch::{Table, table_with};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::{describe_types, infer_set, instance_of};
use crate::value::{Key, Value};

static LOOKUP: Table = table_with(
    "lookup",
    &[
        ("NameType", "Variant[String,Array[String]]"),
        ("ValueType", "Type"),
        ("DefaultValueType", "Any"),
        ("MergeType", "Variant[String[1],Hash[String,Scalar]]"),
        ("BlockType", "Callable[NameType]"),
        (
            "OptionsWithName",
            "Struct[{name => NameType, value_type => Optional[ValueType], default_value => Optional[DefaultValueType], \
             override => Optional[Hash[String,Any]], default_values_hash => Optional[Hash[String,Any]], \
             merge => Optional[MergeType]}]",
        ),
        (
            "OptionsWithoutName",
            "Struct[{value_type => Optional[ValueType], default_value => Optional[DefaultValueType], \
             override => Optional[Hash[String,Any]], default_values_hash => Optional[Hash[String,Any]], \
             merge => Optional[MergeType]}]",
        ),
    ],
    &[
        "NameType name, ValueType value_type?, MergeType merge?",
        "NameType name, Optional[ValueType] value_type, Optional[MergeType] merge, DefaultValueType default_value",
        "NameType name, ValueType value_type?, MergeType merge?, &BlockType block",
        "OptionsWithName options_hash, &BlockType block?",
        "Variant[String,Array[String]] name, OptionsWithoutName options_hash, &BlockType block?",
    ],
);

pub(super) fn hiera(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    Err(Failure::unsupported(format!("The function '{}'", call.name)))
}

/// What `lookup` gives depends on the data first, defaults last: only an override is certain without data.
pub(super) fn lookup(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = LOOKUP.select(&call)?;
    let options = match signature {
        3 => call.args[0].as_hash(),
        4 => call.args[1].as_hash(),
        _ => None,
    };
    let option = |name: &str| options.and_then(|options| options.get(&Key(name)));
    let name = match signature {
        3 => option("name").cloned().unwrap_or(Value::Undef),
        _ => call.args[0].clone(),
    };
    if let (Some(Value::Hash(overrides)), Value::String(name)) = (option("override"), &name)
        && let Some(found) = overrides.get(&Key(name))
    {
        if let Some(Value::Type(expected)) = option("value_type")
            && !instance_of(expected, found)
        {
            return Err(Failure::raised(describe_types(
                "Found value has wrong type,",
                expected,
                &infer_set(found),
            )));
        }
        return Ok(found.clone());
    }
    Err(Failure::unsupported("The function 'lookup' (data of Hiera)"))
}
