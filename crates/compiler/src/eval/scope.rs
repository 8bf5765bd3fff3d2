//! Scopes: top, node, class, define and lambda scopes, and the variables in them.
//!
//! A [`Scope`] belongs to the top level, a node, a class or an instance of a define. Lambdas, functions, templates,
//! matches and parameter lists don't get scopes of their own: they push a [`Frame`] on the scope they run in, and
//! pop it when they end.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::catalog::draft::{Parameter, ResourceId};
use crate::eval::Evaluator;
use crate::failure::{Failure, Fault};
use crate::value::Value;

/// Names a scope of the running compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeId(pub(crate) u32);

/// The scope of main manifests outside any definition.
pub(crate) const TOP: ScopeId = ScopeId(0);

/// Whose code runs: decides about who may override whose parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Main,
    Class(Arc<str>),
    Define(Arc<str>),
    Node(Arc<str>),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Main => f.write_str("Class[main]"),
            Source::Class(name) => write!(f, "Class[{}]", crate::catalog::capitalize(name)),
            Source::Define(name) => f.write_str(&crate::catalog::capitalize(name)),
            Source::Node(name) => write!(f, "Node[{name}]"),
        }
    }
}

/// Parameters of one type that resources get when they don't set them.
pub(crate) type Defaults = IndexMap<Arc<str>, Parameter, FxBuildHasher>;

/// See the module's documentation.
pub(crate) struct Scope {
    /// The scope this one was made from: for a class that of its parent class, else that of who declared it.
    pub parent: Option<ScopeId>,
    /// The class, node or define instance; `None` only before the main class exists.
    pub resource: Option<ResourceId>,
    pub source: Source,
    /// Module of the code; empty for main manifests.
    pub module: Option<Arc<str>>,
    /// Parent class of a class's scope.
    pub inherits: Option<Arc<str>>,
    pub variables: FxHashMap<Arc<str>, Value>,
    pub frames: Vec<Frame>,
    /// By type name as the catalog writes it (`File`).
    pub defaults: FxHashMap<Arc<str>, Defaults>,
}

/// Something that lies over a scope for a while.
pub(crate) enum Frame {
    /// Variables of a lambda, function or template.
    Local(FxHashMap<Arc<str>, Value>),
    /// `$0`, `$1`, … of a match; `None` only guards what lies below from assignments by later matches.
    Match(Option<Arc<Vec<Option<String>>>>),
    /// A parameter list being evaluated; `None` for what has no value yet.
    Parameters(IndexMap<Arc<str>, Option<Value>, FxBuildHasher>),
    /// What a template has rendered so far.
    Template(Vec<Rendered>),
}

/// One piece of a template's output.
pub(crate) enum Rendered {
    Text(String),
    Sensitive(Arc<Value>),
}

impl Scope {
    pub(crate) fn new(parent: Option<ScopeId>, resource: Option<ResourceId>, source: Source) -> Scope {
        Scope {
            parent,
            resource,
            source,
            module: None,
            inherits: None,
            variables: FxHashMap::default(),
            frames: Vec::new(),
            defaults: FxHashMap::default(),
        }
    }

    fn is_node(&self) -> bool {
        matches!(self.source, Source::Node(_))
    }
}

/// What looking for a variable found.
pub(crate) enum Found {
    Value(Value),
    /// A parameter that has no value yet.
    Unassigned,
    Nothing,
}

/// Always there, without value when unset.
const BUILT_IN: [&str; 2] = ["module_name", "caller_module_name"];

fn is_numeric(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

impl Evaluator<'_> {
    pub(crate) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    pub(crate) fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        &mut self.scopes[id.0 as usize]
    }

    pub(crate) fn new_scope(&mut self, scope: Scope) -> ScopeId {
        let id = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        self.scopes.push(scope);
        id
    }

    /// Runs something and pops the frames it has left behind.
    pub(crate) fn guarded<T>(
        &mut self,
        scope: ScopeId,
        run: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let level = self.scope(scope).frames.len();
        let result = run(self);
        self.scope_mut(scope).frames.truncate(level);
        result
    }

    /// Runs something on the bare scope, without the frames that lie over it.
    pub(crate) fn without_frames<T>(
        &mut self,
        scope: ScopeId,
        run: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let saved = std::mem::take(&mut self.scope_mut(scope).frames);
        let result = run(self);
        self.scope_mut(scope).frames = saved;
        result
    }

    /// The value of a variable of an expression; unknown ones warn and are `undef`.
    pub(crate) fn read_variable(
        &mut self,
        scope: ScopeId,
        name: &str,
        span: syntax::Span,
    ) -> Result<Value, Failure> {
        match self.find_variable(scope, name)? {
            Found::Value(value) => Ok(value),
            Found::Unassigned => Err(Failure(Box::new(Fault::Unassigned(name.into())))),
            Found::Nothing => {
                if name.trim_start_matches("::").starts_with("settings::") {
                    return Err(Failure::unsupported(format_args!("the variable ${name}")));
                }
                if !is_numeric(name) && !BUILT_IN.contains(&name) {
                    let location = self.locate(span);
                    self.warn(&format!("Unknown variable: '{name}'."), Some(&location));
                }
                Ok(Value::Undef)
            }
        }
    }

    /// Looks a variable up as Puppet does.
    pub(crate) fn find_variable(&mut self, scope: ScopeId, name: &str) -> Result<Found, Failure> {
        if name.contains("::") {
            return self.find_qualified(name.strip_prefix("::").unwrap_or(name));
        }
        let mut next = Some(scope);
        while let Some(id) = next {
            match self.find_local(id, name) {
                Found::Nothing => {}
                found => return Ok(found),
            }
            next = match self.inherited_scope(id)? {
                Some(inherited) => Some(inherited),
                None => self.enclosing_scope(id),
            };
        }
        Ok(Found::Nothing)
    }

    /// In the frames and the table of one scope.
    fn find_local(&self, id: ScopeId, name: &str) -> Found {
        let scope = self.scope(id);
        for frame in scope.frames.iter().rev() {
            match frame {
                Frame::Local(variables) => {
                    if let Some(value) = variables.get(name) {
                        return Found::Value(value.clone());
                    }
                }
                Frame::Parameters(parameters) => match parameters.get(name) {
                    Some(Some(value)) => return Found::Value(value.clone()),
                    Some(None) => return Found::Unassigned,
                    None => {}
                },
                Frame::Match(Some(groups)) if is_numeric(name) => {
                    let group = name.parse().ok().and_then(|index: usize| groups.get(index));
                    let text = group.and_then(|group| group.as_deref());
                    return Found::Value(text.map_or(Value::Undef, Value::from));
                }
                Frame::Match(_) | Frame::Template(_) => {}
            }
        }
        match scope.variables.get(name) {
            Some(value) => Found::Value(value.clone()),
            None => Found::Nothing,
        }
    }

    fn inherited_scope(&mut self, id: ScopeId) -> Result<Option<ScopeId>, Failure> {
        let Some(parent) = self.scope(id).inherits.clone() else { return Ok(None) };
        Ok(self.class_scopes.get(&parent).copied())
    }

    /// The node's or the top scope: nothing between them and a class or define is seen by name.
    fn enclosing_scope(&self, id: ScopeId) -> Option<ScopeId> {
        let mut next = self.scope(id).parent;
        while let Some(parent) = next {
            if parent == TOP || self.scope(parent).is_node() {
                return Some(parent);
            }
            next = self.scope(parent).parent;
        }
        None
    }

    fn find_qualified(&mut self, name: &str) -> Result<Found, Failure> {
        if let Some(value) = self.qualified.get(name) {
            return Ok(Found::Value(value.clone()));
        }
        let Some((class, leaf)) = name.rsplit_once("::") else { return Ok(Found::Nothing) };
        let Some(class) = self.environment.class(self.world, class)? else { return Ok(Found::Nothing) };
        let Some(scope) = self.class_scopes.get(&class.name).copied() else { return Ok(Found::Nothing) };
        match self.find_local(scope, leaf) {
            Found::Nothing => {}
            found => return Ok(found),
        }
        match self.scope(scope).inherits.clone() {
            Some(parent) => self.find_qualified(&format!("{parent}::{leaf}")),
            None => Ok(Found::Nothing),
        }
    }

    /// Whether the name has a value in the innermost scope, so that it can't be assigned.
    pub(crate) fn is_bound(&self, id: ScopeId, name: &str) -> bool {
        let scope = self.scope(id);
        for frame in scope.frames.iter().rev() {
            match frame {
                Frame::Local(variables) => return variables.contains_key(name),
                Frame::Parameters(parameters) => return parameters.contains_key(name),
                Frame::Match(_) | Frame::Template(_) => {}
            }
        }
        scope.variables.contains_key(name)
    }

    /// Sets a variable in the innermost scope. Whether that is allowed was checked by [`Evaluator::is_bound`].
    pub(crate) fn set_variable(&mut self, id: ScopeId, name: &Arc<str>, value: Value) -> Result<(), Failure> {
        let scope = self.scope_mut(id);
        for frame in scope.frames.iter_mut().rev() {
            match frame {
                Frame::Local(variables) => {
                    variables.insert(name.clone(), value);
                    return Ok(());
                }
                Frame::Parameters(_) => {
                    return Err(Failure::raised(format!(
                        "Attempt to assign variable {name} when evaluating parameters"
                    )));
                }
                Frame::Match(_) | Frame::Template(_) => {}
            }
        }
        scope.variables.insert(name.clone(), value.clone());
        match &scope.source {
            Source::Main => {
                self.qualified.insert(name.to_string(), value);
            }
            Source::Class(class) => {
                let full = format!("{class}::{name}");
                self.qualified.insert(full, value);
            }
            Source::Define(_) | Source::Node(_) => {}
        }
        Ok(())
    }

    /// Remembers a match for `$0`, `$1`, …; a failed match leaves the earlier one.
    pub(crate) fn set_match(&mut self, scope: ScopeId, groups: Option<Vec<Option<String>>>) {
        if let Some(groups) = groups {
            self.scope_mut(scope).frames.push(Frame::Match(Some(Arc::new(groups))));
        }
    }

    /// The defaults that a new resource of that type gets here: those of the scope before those of its parents.
    pub(crate) fn lookup_defaults(&self, scope: ScopeId, type_name: &str) -> Defaults {
        let mut chain = Vec::new();
        let mut next = Some(scope);
        while let Some(id) = next {
            let scope = self.scope(id);
            if let Some(defaults) = scope.defaults.get(type_name) {
                chain.push(defaults);
            }
            next = scope.parent;
        }
        let mut merged = Defaults::default();
        for defaults in chain.into_iter().rev() {
            for (name, parameter) in defaults {
                merged.insert(name.clone(), parameter.clone());
            }
        }
        merged
    }

    /// Whether the value is what a default seen from the scope would give the parameter.
    pub(crate) fn is_default(&self, scope: ScopeId, type_name: &str, name: &str, value: &Value) -> bool {
        let mut next = Some(scope);
        while let Some(id) = next {
            let scope = self.scope(id);
            let default = scope.defaults.get(type_name).and_then(|defaults| defaults.get(name));
            if default.is_some_and(|default| default.value == *value) {
                return true;
            }
            next = scope.parent;
        }
        false
    }

    /// `Scope(Class[main])`, the source of log messages.
    pub(crate) fn scope_label(&self, id: ScopeId) -> String {
        match self.scope(id).resource {
            Some(resource) => format!("Scope({})", self.draft.resource(resource).reference()),
            None => "Scope()".to_owned(),
        }
    }
}
