//! `include`, `contain` and `require`.

use std::sync::Arc;

use super::Call;
use super::collection::flat;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::eval::api::Inclusion;
use crate::failure::Failure;
use crate::types::Type;
use crate::value::Value;

const NAMES: &[&str] = &["Any names+"];
static INCLUDE: Table = table("include", NAMES);
static CONTAIN: Table = table("contain", NAMES);
static REQUIRE: Table = table("require", NAMES);

pub(super) fn declare(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let (table, how) = match &*call.name {
        "include" => (&INCLUDE, Inclusion::Include),
        "contain" => (&CONTAIN, Inclusion::Contain),
        _ => (&REQUIRE, Inclusion::Require),
    };
    table.select(&call)?;
    let names: Vec<Arc<str>> = flat(&call.args).iter().map(class_name).collect::<Result<_, _>>()?;
    evaluator.declare_classes(&call, &names, how)?;
    Ok(Value::array(names.into_iter().map(|name| Value::of_type(Type::Class(Some(name)))).collect()))
}

/// The name of a class that is given as text or as reference.
pub(super) fn class_name(value: &Value) -> Result<Arc<str>, Failure> {
    let name: &str = match value {
        Value::Undef => return Err(Failure::raised("Cannot use undef as a class name")),
        Value::String(name) if name.is_empty() => {
            return Err(Failure::raised("Cannot use empty string as a class name"));
        }
        Value::String(name) => name,
        Value::Type(of) => match &**of {
            Type::Class(Some(name)) => name,
            Type::Class(None) => return Err(Failure::raised("Cannot use an unspecific Class[] Type")),
            Type::Resource { name, title } => match (name.as_deref(), title) {
                (None, _) => {
                    return Err(Failure::raised(
                        "Cannot use an unspecific Resource[] where a Resource['class', name] is expected",
                    ));
                }
                (Some(name), _) if !name.eq_ignore_ascii_case("class") => {
                    return Err(Failure::raised(format!(
                        "Cannot use a Resource[{name}] where a Resource['class', name] is expected"
                    )));
                }
                (_, None) => {
                    return Err(Failure::raised(
                        "Cannot use an unspecific Resource['class'] where a Resource['class', name] is expected",
                    ));
                }
                (_, Some(title)) => title,
            },
            other => return Err(no_name(&Value::of_type(other.clone()))),
        },
        other => return Err(no_name(other)),
    };
    let lower = name.to_lowercase();
    Ok(lower.strip_prefix("::").unwrap_or(&lower).into())
}

/// (Puppet stumbles here, with an error of Ruby's.)
fn no_name(value: &Value) -> Failure {
    let label = crate::label::value(value);
    Failure::raised(format!("Cannot use {} as a class name", crate::label::with_article(&label)))
}
