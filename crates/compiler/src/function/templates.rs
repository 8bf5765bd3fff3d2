//! Templates: `epp` and `inline_epp`; those in ERB are refused.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::Value;

static EPP: Table = table("epp", &[r"String path, Hash[Pattern[/^\w+$/],Any] parameters?"]);
static INLINE_EPP: Table = table("inline_epp", &[r"String template, Hash[Pattern[/^\w+$/],Any] parameters?"]);

pub(super) fn epp(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    EPP.select(&call)?;
    let name = call.args[0].as_str().unwrap_or_default().to_owned();
    let with_suffix = if name.ends_with(".epp") { name.clone() } else { format!("{name}.epp") };
    let found = evaluator
        .find_module_file(&name, "templates")
        .or_else(|| evaluator.find_module_file(&with_suffix, "templates"));
    let Some(path) = found else {
        return Err(Failure::raised(format!("Could not find template '{name}'")));
    };
    let shown = path.to_string_lossy().into_owned();
    let octets = evaluator
        .read_file(&path)
        .ok_or_else(|| Failure::raised(format!("Could not find template '{name}'")))?;
    let text = String::from_utf8(octets)
        .map_err(|_| Failure::unsupported(format!("The template {shown}, which is not UTF-8,")))?;
    evaluator.evaluate_epp(&call, &text, Some(&shown), call.args.get(1))
}

pub(super) fn inline_epp(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    INLINE_EPP.select(&call)?;
    let text = call.args[0].as_str().unwrap_or_default().to_owned();
    evaluator.evaluate_epp(&call, &text, None, call.args.get(1))
}

/// Templates in ERB are programs in Ruby.
pub(super) fn erb(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    Err(Failure::unsupported(format!("The function '{}' (templates in ERB)", call.name)))
}
