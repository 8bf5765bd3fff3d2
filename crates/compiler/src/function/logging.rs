//! `debug`, `info`, `notice`, `warning`, `err`, `alert`, `emerg`, `crit`.

use super::Call;
use crate::eval::Evaluator;
use crate::eval::api::Level;
use crate::failure::Failure;
use crate::format::display;
use crate::value::Value;

pub(super) fn log(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let level = match &*call.name {
        "debug" => Level::Debug,
        "info" => Level::Info,
        "notice" => Level::Notice,
        "warning" => Level::Warning,
        "err" => Level::Err,
        "alert" => Level::Alert,
        "emerg" => Level::Emerg,
        _ => Level::Crit,
    };
    if call.lambda.is_some() {
        return Err(Failure::raised(format!("'{}' does not expect a block", call.name)));
    }
    let texts: Vec<String> = call.args.iter().map(display).collect();
    evaluator.log(level, call.scope, &texts.join(" "));
    Ok(Value::Undef)
}
