//! What builtin functions may ask of the evaluator (see also `call_lambda` and `call_function`, `declare_classes`,
//! `evaluate_epp`, `log` and `warn` in their own chapters).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syntax::FileId;

use crate::catalog::collect::Search;
use crate::catalog::draft::Parameter;
use crate::eval::Evaluator;
use crate::eval::resource::Declaration;
use crate::eval::scope::{Found, ScopeId, TOP};
use crate::failure::{Failure, Fault};
use crate::function::Call;
use crate::types::Type;
use crate::value::Value;
use crate::world::EntryKind;

pub use crate::eval::log::Log;

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

impl Level {
    /// Puppet's name of the level.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Err => "err",
            Level::Alert => "alert",
            Level::Emerg => "emerg",
            Level::Crit => "crit",
        }
    }
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

impl<'w> Evaluator<'w> {
    /// The value of a variable (`x`, `::x`, `a::x`) seen from the scope; `None` when there is none. Never warns.
    pub fn variable(&mut self, scope: ScopeId, name: &str) -> Option<Value> {
        match self.find_variable(scope, name) {
            Ok(Found::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// Says a warning once per compilation.
    pub fn warn_once(&mut self, message: &str) {
        if self.said.insert(message.to_owned()) {
            self.warn(message, None);
        }
    }

    /// Declares one resource: `create_resources`. `type_name` may carry `@`/`@@` as prefix.
    ///
    /// # Errors
    /// As a resource expression.
    pub fn declare_resource(
        &mut self,
        call: &Call,
        type_name: &str,
        title: &str,
        parameters: &[(Arc<str>, Value)],
    ) -> Result<(), Failure> {
        let bare = type_name.trim_start_matches('@');
        let prefix = type_name.len() - bare.len();
        let source = self.scope(call.scope).source.clone();
        let parameters: Vec<Parameter> = parameters
            .iter()
            .map(|(name, value)| Parameter {
                name: name.clone(),
                value: value.clone(),
                source: source.clone(),
                location: None,
                append: false,
            })
            .collect();
        let declaration = Declaration {
            type_name: bare.to_lowercase(),
            is_virtual: prefix > 0,
            exported: prefix > 1,
            location: call.location.clone(),
        };
        self.declare(&declaration, &title.into(), &parameters, call.scope)?;
        Ok(())
    }

    /// Makes virtual resources real, now or when they come: `realize`. References as `File[/a]`.
    pub fn realize(&mut self, references: Vec<String>) {
        self.push_collector(Search::References(references), None);
    }

    /// Adds tags to the scope's resource and all that it declares from now on: `tag`.
    ///
    /// # Errors
    /// When a tag isn't a valid one.
    pub fn tag(&mut self, scope: ScopeId, tags: &[Arc<str>]) -> Result<(), Failure> {
        let Some(resource) = self.scope(scope).resource else { return Ok(()) };
        for tag in tags {
            let set = &mut self.draft.resource_mut(resource).tags;
            set.add(tag).map_err(|tag| Failure::raised(format!("Invalid tag '{tag}'")))?;
        }
        Ok(())
    }

    /// Whether each of the tags is on the catalog, or on the scope's resource or what is around it: `tagged`.
    pub fn tagged(&mut self, scope: ScopeId, tags: &[Arc<str>]) -> bool {
        let resource = self.scope(scope).resource;
        tags.iter().all(|tag| {
            let tag = tag.to_lowercase();
            self.draft.tags.contains(&tag)
                || resource.is_some_and(|resource| self.tagged_above(resource, &tag))
        })
    }

    /// Whether the resource or class is in the catalog by now: `defined(File['/a'])`, `defined(Class['b'])`.
    pub fn is_declared(&mut self, type_name: &str, title: &str) -> bool {
        self.draft.find(type_name, title).is_some()
    }

    /// Whether a class, define, native type or type alias of that name exists (loading it if need be):
    /// `defined('name')`.
    ///
    /// # Errors
    /// When loading finds a file with errors.
    pub fn is_known_name(&mut self, name: &str) -> Result<bool, Failure> {
        Ok(self.find_resource_type(name)?.is_some() || self.is_known_class(name)?)
    }

    /// Whether resources of that type can be declared.
    ///
    /// # Errors
    /// When loading finds a file with errors.
    pub fn is_known_resource_type(&mut self, name: &str) -> Result<bool, Failure> {
        Ok(self.find_resource_type(name)?.is_some())
    }

    /// Whether there is a class of that name.
    ///
    /// # Errors
    /// When loading finds a file with errors.
    pub fn is_known_class(&mut self, name: &str) -> Result<bool, Failure> {
        Ok(self.environment.class(self.world, name)?.is_some())
    }

    /// A parameter of a declared resource: `getparam`, `File['/a']['mode']`; `None` when the resource isn't there.
    pub fn resource_parameter(&mut self, type_name: &str, title: &str, parameter: &str) -> Option<Value> {
        let resource = self.draft.find(type_name, title)?;
        Some(self.parameter_or_default(resource, parameter))
    }

    /// Reads a file by absolute path through the world; `None` when it isn't there.
    pub fn read_file(&self, path: &Path) -> Option<Vec<u8>> {
        self.world.read(path).ok()
    }

    /// Absolute path of `MODULE/REST` in that directory (`files`, `templates`) of the module; absolute paths are
    /// given back as they are when they exist.
    pub fn find_module_file(&self, reference: &str, directory: &str) -> Option<PathBuf> {
        if reference.starts_with('/') {
            let path = PathBuf::from(reference);
            return self.world.kind(&path).map(|_| path);
        }
        let (module, rest) = reference.split_once('/')?;
        let path = self.environment.module(module)?.directory.join(directory).join(rest);
        self.world.kind(&path).map(|_| path)
    }

    /// Whether the path is a plain file.
    pub fn is_file(&self, path: &Path) -> bool {
        self.world.kind(path) == Some(EntryKind::File)
    }

    /// Directory of a module of the environment.
    pub fn module_directory(&self, module: &str) -> Option<PathBuf> {
        self.environment.module(module).map(|module| module.directory.clone())
    }

    /// Name of the module whose code stands in this scope; empty when none.
    pub fn module_name(&self, scope: ScopeId) -> Arc<str> {
        self.scope(scope).module.clone().unwrap_or_else(|| "".into())
    }

    /// Name of the environment.
    pub fn environment_name(&self) -> &str {
        self.environment.name()
    }

    /// Certname of the node that is compiled.
    pub fn certname(&self) -> &str {
        &self.request.certname
    }

    /// Milliseconds since the Unix epoch, as given with the request (no clock is read).
    pub fn now_millis(&self) -> i64 {
        self.request.now_millis
    }

    /// Evaluates text that names a type (`"Integer[1,2]"`), aliases of modules and resource types included.
    ///
    /// # Errors
    /// Puppet's text when it isn't a type.
    pub fn type_from_text(&mut self, text: &str) -> Result<Type, Failure> {
        let not_a_type =
            || Failure::raised(format!("The expression <{text}> is not a valid type specification."));
        let (program, diagnostics) = syntax::parse(text, FileId(u32::MAX / 2));
        let [only] = &program.body.statements[..] else { return Err(not_a_type()) };
        if diagnostics.iter().any(syntax::Diagnostic::is_error) {
            return Err(not_a_type());
        }
        match self.without_frames(TOP, |this| this.eval(only, TOP)) {
            Ok(Value::Type(found)) => Ok((*found).clone()),
            Ok(_) => Err(not_a_type()),
            Err(failure) => match *failure.0 {
                // The place inside of the text means nothing to anyone.
                Fault::Located(message) => {
                    let message = message.strip_prefix("Evaluation Error: ").unwrap_or(&message);
                    let end = message.rfind(" (line: ").unwrap_or(message.len());
                    Err(Failure::issue(&message[..end]))
                }
                other => Err(Failure(Box::new(other))),
            },
        }
    }
}
