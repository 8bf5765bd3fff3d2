//! Files of modules: `file`, `binary_file`, `find_file`, `find_template`, `module_directory`.

use std::path::PathBuf;

use super::Call;
use super::collection::flat;
use super::dispatch::{Table, legacy, legacy_arity, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::ruby;
use crate::value::Value;

const PATHS: &[&str] = &["String paths*", "Array[String] paths_array*"];
static FIND_FILE: Table = table("find_file", PATHS);
static FIND_TEMPLATE: Table = table("find_template", PATHS);
static MODULE_DIRECTORY: Table = table("module_directory", &["String names*", "Array[String] names*"]);
static BINARY_FILE: Table = table("binary_file", &["String path"]);

fn path_value(path: PathBuf) -> Value {
    path.to_string_lossy().into_owned().into()
}

pub(super) fn find(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let (table, directory) = match &*call.name {
        "find_file" => (&FIND_FILE, "files"),
        _ => (&FIND_TEMPLATE, "templates"),
    };
    table.select(&call)?;
    let found = flat(&call.args)
        .iter()
        .find_map(|name| evaluator.find_module_file(name.as_str().unwrap_or_default(), directory));
    Ok(found.map_or(Value::Undef, path_value))
}

pub(super) fn module_directory(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    MODULE_DIRECTORY.select(&call)?;
    let names = flat(&call.args);
    let found = names.iter().find_map(|name| evaluator.module_directory(name.as_str().unwrap_or_default()));
    Ok(found.map_or(Value::Undef, path_value))
}

pub(super) fn file(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    let names: Vec<String> = call.args.iter().map(|name| ruby::to_s(&legacy(name))).collect();
    let Some(path) = names.iter().find_map(|name| evaluator.find_module_file(name, "files")) else {
        return Err(Failure::raised(format!("Could not find any files from {}", names.join(", "))));
    };
    let octets = evaluator.read_file(&path).ok_or_else(|| unreadable(&path))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Failure::unsupported(format!(
            "The function 'file' for {}, which is not UTF-8,",
            path.display()
        ))),
    }
}

fn unreadable(path: &std::path::Path) -> Failure {
    Failure::raised(format!("{} can't be read", path.display()))
}

pub(super) fn binary_file(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    BINARY_FILE.select(&call)?;
    let name = call.args[0].as_str().unwrap_or_default();
    let octets = evaluator.find_module_file(name, "files").and_then(|path| evaluator.read_file(&path));
    match octets {
        Some(octets) => Ok(Value::Binary(octets.into())),
        None => Err(Failure::raised(format!("binary_file(): The given file '{name}' does not exist"))),
    }
}
