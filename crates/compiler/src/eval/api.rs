//! What builtin functions may ask of the evaluator.

use std::path::PathBuf;
use std::sync::Arc;

use crate::eval::Evaluator;
use crate::eval::closure::Closure;
use crate::eval::scope::ScopeId;
use crate::failure::{Failure, Location};
use crate::function::Call;
use crate::types::Type;
use crate::value::Value;

/// Severity of a message, in Puppet's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Err,
    Alert,
    Emerg,
    Crit,
}

/// How a class comes into the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inclusion {
    Include,
    /// Also contained by the class or define that calls.
    Contain,
    /// Also required by it.
    Require,
}

// Half A fills these in; the signatures are settled.
#[allow(unused_variables, clippy::unused_self)]
impl<'w> Evaluator<'w> {
    /// Calls a lambda. Types of arguments and their number are checked with Puppet's messages
    /// (`block expects …` / `lambda expects …`); `next(v)` inside gives `v`; `break()` comes out as
    /// `Fault::Break`, for the iterating function to catch; `return` passes through.
    ///
    /// # Errors
    /// Whatever the body raises.
    pub fn call_lambda(&mut self, closure: &Arc<Closure>, args: Vec<Value>) -> Result<Value, Failure> {
        Err(Failure::unsupported("calling a lambda"))
    }

    /// Calls any function by name, as `call()` does.
    ///
    /// # Errors
    /// `Unknown function: 'NAME'.`, or what the function raises.
    pub fn call_function(
        &mut self, scope: ScopeId, name: &str, args: Vec<Value>, lambda: Option<Arc<Closure>>, location: &Location,
    ) -> Result<Value, Failure> {
        Err(Failure::unsupported("calling a function"))
    }

    /// The value of a variable (`x`, `::x`, `a::x`) seen from the scope; `None` when there is none. Never warns.
    pub fn variable(&mut self, scope: ScopeId, name: &str) -> Option<Value> {
        None
    }

    /// Says something to the operator, with Puppet's source prefix `Scope(Class[main]): `.
    pub fn log(&mut self, level: Level, scope: ScopeId, message: &str) {}

    /// A warning without source prefix, with the place behind it if given (deprecations and the like).
    pub fn warn(&mut self, message: &str, location: Option<&Location>) {}

    /// Declares classes as `include`, `contain`, `require` do. `names` are plain names, resolved from the top.
    ///
    /// # Errors
    /// `Could not find class ::x for NODE`, or what the body of the class raises.
    pub fn declare_classes(
        &mut self, call: &Call, names: &[Arc<str>], how: Inclusion,
    ) -> Result<(), Failure> {
        Err(Failure::unsupported("include"))
    }

    /// Declares one resource: `create_resources`. `type_name` may carry `@`/`@@` as prefix.
    ///
    /// # Errors
    /// As a resource expression.
    pub fn declare_resource(
        &mut self, call: &Call, type_name: &str, title: &str, parameters: &[(Arc<str>, Value)],
    ) -> Result<(), Failure> {
        Err(Failure::unsupported("create_resources"))
    }

    /// Adds tags to the scope's resource and all that it declares from now on: `tag`.
    ///
    /// # Errors
    /// When a tag isn't a valid one.
    pub fn tag(&mut self, scope: ScopeId, tags: &[Arc<str>]) -> Result<(), Failure> {
        Err(Failure::unsupported("tag"))
    }

    /// Whether the scope's resource carries all the tags: `tagged`.
    pub fn tagged(&mut self, scope: ScopeId, tags: &[Arc<str>]) -> bool {
        false
    }

    /// Whether the resource or class is in the catalog by now: `defined(File['/a'])`, `defined(Class['b'])`.
    pub fn is_declared(&mut self, type_name: &str, title: &str) -> bool {
        false
    }

    /// Whether a class, define, native type or type alias of that name exists (loading it if need be):
    /// `defined('name')`.
    ///
    /// # Errors
    /// When loading finds a file with errors.
    pub fn is_known_name(&mut self, name: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    /// A parameter of a declared resource: `getparam`, `File['/a']['mode']`; `None` when the resource isn't there.
    pub fn resource_parameter(&mut self, type_name: &str, title: &str, parameter: &str) -> Option<Value> {
        None
    }

    /// Reads a file by absolute path through the world; `None` when it isn't there.
    pub fn read_file(&self, path: &std::path::Path) -> Option<Vec<u8>> {
        None
    }

    /// Absolute path of `MODULE/REST` in that directory (`files`, `templates`) of the module; absolute paths are
    /// given back as they are when they exist.
    pub fn find_module_file(&self, reference: &str, directory: &str) -> Option<PathBuf> {
        None
    }

    /// Directory of a module of the environment.
    pub fn module_directory(&self, module: &str) -> Option<PathBuf> {
        None
    }

    /// Name of the module whose code stands in this scope; empty when none.
    pub fn module_name(&self, scope: ScopeId) -> Arc<str> {
        "".into()
    }

    /// Name of the environment.
    pub fn environment_name(&self) -> &str {
        ""
    }

    /// Certname of the node that is compiled.
    pub fn certname(&self) -> &str {
        ""
    }

    /// Milliseconds since the Unix epoch, as given with the request (no clock is read).
    pub fn now_millis(&self) -> i64 {
        0
    }

    /// Evaluates text that names a type (`"Integer[1,2]"`), aliases of modules and resource types included.
    ///
    /// # Errors
    /// Puppet's text when it isn't a type.
    pub fn type_from_text(&mut self, text: &str) -> Result<Type, Failure> {
        Err(Failure::unsupported("a type given as text"))
    }

    /// Evaluates an EPP template: `epp` (text read by the caller) and `inline_epp`. `file` is for messages.
    ///
    /// # Errors
    /// As Puppet: unknown or missing parameters, errors of the template.
    pub fn evaluate_epp(
        &mut self, call: &Call, text: &str, file: Option<&str>, parameters: Option<&Value>,
    ) -> Result<Value, Failure> {
        Err(Failure::unsupported("epp"))
    }
}
