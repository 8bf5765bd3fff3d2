//! Functions of the catalog: `create_resources`, `defined`, `realize`, `tag`, `tagged`.

use std::sync::Arc;

use super::Call;
use super::collection::flat;
use super::dispatch::{Table, legacy, legacy_arity, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::ruby;
use crate::types::Type;
use crate::value::{Hash, Value};

static DEFINED: Table =
    table("defined", &["Variant[String,Type[CatalogEntry],Type[Type[CatalogEntry]]] vals+"]);

pub(super) fn create_resources(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 2, None)?;
    if call.args.len() > 3 {
        return Err(Failure::raised(format!(
            "create_resources(): wrong number of arguments ({}; must be 2 or 3)",
            call.args.len()
        )));
    }
    let Value::Hash(instances) = &call.args[1] else {
        return Err(Failure::raised("create_resources(): second argument must be a hash"));
    };
    let none = Arc::new(Hash::default());
    let defaults = match call.args.get(2) {
        None => &none,
        Some(Value::Hash(defaults)) => defaults,
        Some(_) => {
            return Err(Failure::raised("create_resources(): third argument, if provided, must be a hash"));
        }
    };
    let type_name = ruby::to_s(&legacy(&call.args[0]));
    if type_name.starts_with('@') && type_name.trim_start_matches('@').eq_ignore_ascii_case("class") {
        return Err(Failure::issue("Classes are not virtualizable"));
    }
    for (title, parameters) in instances.iter() {
        let Value::Hash(parameters) = parameters else {
            return Err(Failure::raised(format!(
                "no implicit conversion of {} into Hash",
                crate::types::ruby_class(&legacy(parameters))
            )));
        };
        let mut merged = (**defaults).clone();
        merged.extend(parameters.iter().map(|(key, value)| (key.clone(), value.clone())));
        let parameters: Vec<(Arc<str>, Value)> = merged
            .iter()
            .filter(|(_, value)| !value.is_undef())
            .map(|(name, value)| (name.to_string().into(), value.clone()))
            .collect();
        let titles = match title {
            Value::Array(titles) => flat(titles),
            title => vec![title.clone()],
        };
        for title in titles {
            evaluator.declare_resource(&call, &type_name, &title.to_string(), &parameters)?;
        }
    }
    // As a statement function it has no value.
    Ok(Value::Undef)
}

/// Whether any of the names and references is known or in the catalog.
pub(super) fn defined(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    DEFINED.select(&call)?;
    for value in &call.args {
        if is_defined(evaluator, &call, value)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn is_defined(evaluator: &mut Evaluator<'_>, call: &Call, value: &Value) -> Result<bool, Failure> {
    let all_classes = || Failure::raised("The given class type is a reference to all classes");
    let all_types = || Failure::raised("The given resource type is a reference to all kind of types");
    let of = match value {
        Value::String(text) if text.is_empty() => return Ok(false),
        Value::String(text) => {
            return match text.strip_prefix('$') {
                Some(name) if !name.is_empty() => Ok(evaluator.variable(call.scope, name).is_some()),
                _ if &**text == "main" => Ok(true),
                _ => evaluator.is_known_name(&text.to_lowercase()),
            };
        }
        Value::Type(of) => of,
        _ => return Ok(false),
    };
    match &**of {
        Type::Resource { name, title } => {
            let name = name.as_ref().ok_or_else(all_types)?;
            match title {
                Some(title) => Ok(evaluator.is_declared(name, title)),
                None => evaluator.is_known_resource_type(name),
            }
        }
        Type::Class(name) => Ok(evaluator.is_declared("Class", name.as_ref().ok_or_else(all_classes)?)),
        Type::Type(Some(inner)) => match &**inner {
            Type::Class(name) => evaluator.is_known_class(name.as_ref().ok_or_else(all_classes)?),
            inner @ Type::Resource { .. } => {
                let inner = Value::of_type(inner.clone());
                is_defined(evaluator, call, &inner)
            }
            _ => Ok(false),
        },
        _ => Ok(false),
    }
}

pub(super) fn realize(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    let references = flat(&call.args).iter().map(|value| ruby::to_s(&legacy(value))).collect();
    evaluator.realize(references);
    Ok(Value::Undef)
}

fn tags(call: &Call) -> Vec<Arc<str>> {
    flat(&call.args).iter().map(|value| ruby::to_s(&legacy(value)).into()).collect()
}

pub(super) fn tag(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    evaluator.tag(call.scope, &tags(&call))?;
    Ok(Value::Undef)
}

pub(super) fn tagged(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    Ok(Value::Bool(evaluator.tagged(call.scope, &tags(&call))))
}
