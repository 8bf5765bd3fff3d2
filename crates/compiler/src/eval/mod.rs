//! The evaluator: files are chapters of the language. `api.rs` is what builtin functions may call.

mod access;
pub mod api;
mod assignment;
mod call;
pub mod closure;
mod collect;
pub(crate) mod compare;
pub mod compile;
mod control;
mod data;
mod definition;
mod expression;
mod include;
mod literal;
pub mod log;
mod node;
mod number;
mod operator;
pub(crate) mod overrides;
mod relationship;
pub(crate) mod resource;
pub mod scope;
mod template;
mod type_name;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::collect::Collector;
use crate::catalog::draft::{Draft, DraftResource, Parameter, ResourceId};
use crate::catalog::relationship::Relationship;
use crate::environment::Environment;
use crate::eval::compile::NodeRequest;
use crate::eval::log::Log;
use crate::eval::scope::{Scope, ScopeId, Source};
use crate::failure::{Failure, Fault, Location};
use crate::label::with_article;
use crate::types::Type;
use crate::value::Value;
use crate::world::World;

/// Evaluates the manifests of one node into a catalog.
pub struct Evaluator<'w> {
    pub(crate) environment: &'w Environment,
    pub(crate) world: &'w dyn World,
    pub(crate) request: &'w NodeRequest,
    pub(crate) scopes: Vec<Scope>,
    /// Scopes of evaluated classes (and nodes) by name.
    pub(crate) class_scopes: FxHashMap<Arc<str>, ScopeId>,
    /// Variables of the top scope and of classes by full name, without leading `::`.
    pub(crate) qualified: FxHashMap<String, Value>,
    pub(crate) draft: Draft,
    /// Collectors that still look for resources.
    pub(crate) collectors: Vec<Collector>,
    pub(crate) relationships: Vec<Relationship>,
    /// Overrides of resources that aren't there yet.
    pub(crate) pending_overrides: Vec<Override>,
    /// Code that has overridden by a collector: it may override everything from then on.
    pub(crate) free_overriders: FxHashSet<Source>,
    pub(crate) logs: Vec<Log>,
    /// Messages that are said only once.
    pub(crate) said: FxHashSet<String>,
    /// Types of parameters by address of the parameter list, which lives as long as the environment.
    pub(crate) parameter_types: FxHashMap<usize, Arc<Vec<Option<Type>>>>,
    pub(crate) aliases: FxHashMap<Arc<str>, Arc<crate::types::Alias>>,
    /// Compiled patterns by source.
    pub(crate) regexes: FxHashMap<Arc<str>, Arc<crate::regex::Regex>>,
    /// Templates stay alive so that addresses in `parameter_types` stay theirs.
    pub(crate) templates: Vec<Arc<syntax::EppTemplate>>,
    pub(crate) template_sources: Vec<Arc<syntax::Source>>,
    /// How deep expressions are nested at the moment.
    pub(crate) depth: u32,
}

/// Parameters for a resource from elsewhere than its declaration.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub reference: String,
    pub parameters: Vec<Parameter>,
    pub source: Source,
    pub location: Location,
}

/// Deeper nesting than this would exhaust the stack given to a compilation.
const DEPTH_LIMIT: u32 = 3000;

impl Evaluator<'_> {
    /// Gives a failure its place, and what was being evaluated if it can't tell itself.
    pub(crate) fn placed(
        &self,
        failure: Failure,
        span: syntax::Span,
        evaluated: impl FnOnce() -> String,
    ) -> Failure {
        match *failure.0 {
            Fault::Issue(text) => Failure::located(format!("Evaluation Error: {text} {}", self.locate(span))),
            Fault::Raised(text) => Failure::located(format!(
                "Evaluation Error: Error while evaluating {}, {text} {}",
                with_article(&evaluated()),
                self.locate(span)
            )),
            other => Failure(Box::new(other)),
        }
    }

    /// An error that blames another expression than the one that is being evaluated.
    pub(crate) fn blame(&self, span: syntax::Span, text: impl std::fmt::Display) -> Failure {
        Failure::located(format!("Evaluation Error: {text} {}", self.locate(span)))
    }

    /// File, line and column of a span.
    pub(crate) fn locate(&self, span: syntax::Span) -> Location {
        if let Some(source) = self.template_sources.iter().find(|source| source.id() == span.file) {
            let at = source.location(span.start);
            let file = (!source.name().is_empty()).then(|| source.shared_name());
            return Location { file, line: at.line, column: at.column };
        }
        self.environment.locate(span)
    }

    pub(crate) fn resource(&self, id: ResourceId) -> &DraftResource {
        self.draft.resource(id)
    }

    /// Whether code of `child` may override what `ancestor` has declared.
    pub(crate) fn is_child_of(&self, child: &Source, ancestor: &Source) -> bool {
        if self.free_overriders.contains(child) {
            return true;
        }
        let mut current = child.clone();
        loop {
            let Source::Class(name) = &current else { return false };
            let Some(scope) = self.class_scopes.get(name) else { return false };
            let Some(parent) = self.scope(*scope).inherits.clone() else { return false };
            current = Source::Class(parent);
            if current == *ancestor {
                return true;
            }
        }
    }
}
