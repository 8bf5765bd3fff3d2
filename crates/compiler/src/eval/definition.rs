//! Evaluating the bodies of classes, defines and nodes, with their parameters.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use syntax::ast::{Block, Parameter as ParameterDefinition};

use crate::catalog::draft::{Implementation, Parameter, ResourceId};
use crate::environment::Class;
use crate::eval::Evaluator;
use crate::eval::scope::{Frame, Scope, ScopeId, Source, TOP};
use crate::failure::{Failure, Fault};
use crate::resource_types::is_metaparameter;
use crate::types::{Parameter as Expected, Type, validate_parameters};
use crate::value::Value;

impl Evaluator<'_> {
    /// Evaluates a class, an instance of a define, or a node, unless that was done.
    pub(crate) fn evaluate(&mut self, id: ResourceId) -> Result<(), Failure> {
        if self.resource(id).evaluated {
            return Ok(());
        }
        self.draft.resource_mut(id).evaluated = true;
        self.add_scope_tags(id);
        match self.resource(id).implementation.clone() {
            Implementation::Class(class) => self.evaluate_class(id, &class),
            Implementation::Define(define) => {
                let base = self.resource(id).scope;
                let mut scope = Scope::new(Some(base), Some(id), Source::Define(define.name.clone()));
                scope.module.clone_from(&define.module);
                let scope = self.new_scope(scope);
                let definition = define.definition.clone();
                self.set_parameters(id, &definition.parameters, scope)?;
                self.run_body(&definition.body, scope)
            }
            Implementation::Node | Implementation::Native(_) | Implementation::BuiltIn => Ok(()),
        }
    }

    fn evaluate_class(&mut self, id: ResourceId, class: &Arc<Class>) -> Result<(), Failure> {
        let parent = self.parent_class(class)?;
        let mut base = self.resource(id).scope;
        if let Some(parent) = &parent
            && let Some(resource) = self.draft.find("Class", &parent.name)
        {
            self.evaluate(resource)?;
            // A class can be needed in the middle of its parent's own evaluation.
            base = match self.class_scopes.get(&parent.name) {
                Some(scope) => *scope,
                None => return Err(Failure::raised(format!("Could not find scope for {}", parent.name))),
            };
        }
        let mut scope = Scope::new(Some(base), Some(id), Source::Class(class.name.clone()));
        scope.module.clone_from(&class.module);
        scope.inherits = parent.map(|parent| parent.name.clone());
        let scope = self.new_scope(scope);
        self.note_class(&class.name);
        let definition = class.definition.clone();
        self.class_scopes.insert(class.name.clone(), scope);
        self.set_parameters(id, &definition.parameters, scope)?;
        self.add_edge_to_stage(id)?;
        self.run_body(&definition.body, scope)
    }

    /// Enters a class (or node) in the list of the catalog.
    pub(crate) fn note_class(&mut self, name: &Arc<str>) {
        self.draft.classes.push(name.clone());
        self.draft.tags.add_if_valid(name);
    }

    /// `return()` ends a body early.
    pub(crate) fn run_body(&mut self, body: &Block, scope: ScopeId) -> Result<(), Failure> {
        match self.eval_block(body, scope) {
            Ok(_) => Ok(()),
            Err(failure) => match *failure.0 {
                Fault::Return(..) | Fault::Next(..) => Ok(()),
                other => Err(Failure(Box::new(other))),
            },
        }
    }

    /// Hands the tags of the surrounding class or define down.
    pub(crate) fn add_scope_tags(&mut self, id: ResourceId) {
        if std::mem::replace(&mut self.draft.resource_mut(id).scope_tags_added, true) {
            return;
        }
        let Some(container) = self.scope(self.resource(id).scope).resource else { return };
        if container != id {
            let tags = self.resource(container).tags.clone();
            self.draft.resource_mut(id).tags.merge(&tags);
        }
    }

    /// Checks a resource's parameters, completes them with defaults and makes variables of them.
    fn set_parameters(
        &mut self,
        id: ResourceId,
        definitions: &[ParameterDefinition],
        scope: ScopeId,
    ) -> Result<(), Failure> {
        let module = self.scope(scope).module.clone();
        let caller = self.scope(scope).parent.and_then(|parent| self.scope(parent).module.clone());
        self.set_variable(scope, &"module_name".into(), Value::from(module.as_deref().unwrap_or("")))?;
        self.set_variable(scope, &"caller_module_name".into(), Value::from(caller.as_deref().unwrap_or("")))?;
        let resource = self.resource(id);
        let is_class = resource.is_class();
        let (title, name) = (resource.title.clone(), resource.value("name").cloned());
        let reference = resource.reference();
        if is_class {
            self.refuse_data_for(id, definitions)?;
        }
        let title_value = if is_class { Value::from(title.to_lowercase()) } else { Value::String(title) };
        let name_value = match (name, is_class) {
            (Some(Value::String(name)), true) => Value::from(name.to_lowercase()),
            (Some(name), _) => name,
            (None, _) => title_value.clone(),
        };
        self.set_variable(scope, &"title".into(), title_value)?;
        self.set_variable(scope, &"name".into(), name_value)?;
        let values = self.complete_parameters(id, &reference, definitions, scope)?;
        self.validate_parameters(&reference, definitions, &values)?;
        for (parameter, value) in values {
            if self.is_bound(scope, &parameter) {
                return Err(Failure::raised(format!("Cannot reassign variable '${parameter}'")));
            }
            self.set_variable(scope, &parameter, value)?;
        }
        Ok(())
    }

    /// The given parameters and the defaults of the others, defaults from left to right.
    fn complete_parameters(
        &mut self,
        id: ResourceId,
        reference: &str,
        definitions: &[ParameterDefinition],
        scope: ScopeId,
    ) -> Result<IndexMap<Arc<str>, Value, FxBuildHasher>, Failure> {
        let mut list: IndexMap<Arc<str>, Option<Value>, FxBuildHasher> =
            definitions.iter().map(|definition| (definition.name.clone(), None)).collect();
        for (name, parameter) in &self.resource(id).parameters {
            if !matches!(&**name, "name" | "title") {
                list.insert(name.clone(), Some(parameter.value.clone()));
            }
        }
        self.guarded(scope, |this| {
            this.scope_mut(scope).frames.push(Frame::Parameters(list));
            for (index, definition) in definitions.iter().enumerate() {
                let Some(default) = &definition.default else { continue };
                if this.resource(id).value(&definition.name).is_some() {
                    continue;
                }
                let value = this.eval_default(reference, definitions, index, default, scope)?;
                this.set_parameter(scope, &definition.name, value.clone());
                let source = this.resource(id).source.clone();
                let name = definition.name.clone();
                let parameter = Parameter { name, value, source, location: None, append: false };
                this.draft.resource_mut(id).set(parameter)?;
            }
            let frames = &mut this.scope_mut(scope).frames;
            let complete = frames.iter_mut().rev().find_map(|frame| match frame {
                Frame::Parameters(list) => Some(std::mem::take(list)),
                _ => None,
            });
            let complete = complete.unwrap_or_default().into_iter();
            Ok(complete.filter_map(|(name, value)| Some((name, value?))).collect())
        })
    }

    /// Checks names, presence and types.
    pub(crate) fn validate_parameters(
        &mut self,
        reference: &str,
        definitions: &[ParameterDefinition],
        values: &IndexMap<Arc<str>, Value, FxBuildHasher>,
    ) -> Result<(), Failure> {
        let given: Vec<(&str, &Value)> = values
            .iter()
            .filter(|(name, _)| {
                let own = definitions.iter().any(|definition| definition.name == **name);
                own || !(&***name == "name" || is_metaparameter(name))
            })
            .map(|(name, value)| (&**name, value))
            .collect();
        self.check_named(reference, definitions, &given)
    }

    /// Checks arguments given by name against a list of parameters.
    pub(crate) fn check_named(
        &mut self,
        subject: &str,
        definitions: &[ParameterDefinition],
        given: &[(&str, &Value)],
    ) -> Result<(), Failure> {
        let types = self.types_of(definitions)?;
        let parameters: Vec<Expected<'_>> = definitions
            .iter()
            .zip(types.iter())
            .map(|(definition, expected)| Expected {
                name: &definition.name,
                expected: expected.as_ref().unwrap_or(&Type::Any),
                optional: definition.default.is_some(),
            })
            .collect();
        validate_parameters(subject, &parameters, given, false).map_err(Failure::raised)
    }

    /// A class belongs to a stage: its own, that of the class around it, or `main`.
    fn add_edge_to_stage(&mut self, id: ResourceId) -> Result<(), Failure> {
        let resource = self.resource(id);
        let around = self.scope(resource.scope).resource;
        let own = resource.value("stage").cloned();
        let inherited = around.and_then(|around| self.resource(around).value("stage").cloned());
        let wanted = own.clone().or(inherited);
        let title = wanted.as_ref().map_or("main".to_owned(), ToString::to_string);
        let Some(stage) = self.draft.find("Stage", &title) else {
            let wanted = own.as_ref().map_or("main".to_owned(), ToString::to_string);
            return Err(Failure::raised(format!(
                "Could not find stage {wanted} specified by {}",
                self.resource(id).reference()
            )));
        };
        let stage_title = self.resource(stage).title.clone();
        if own.is_none() && &*stage_title != "main" {
            let source = self.resource(id).source.clone();
            let value = Value::String(stage_title);
            self.draft.resource_mut(id).set(Parameter {
                name: "stage".into(),
                value,
                source,
                location: None,
                append: false,
            })?;
        }
        self.draft.add_edge(stage, id);
        Ok(())
    }

    /// The class around all main manifests.
    pub(crate) fn evaluate_main(&mut self, id: ResourceId) -> Result<(), Failure> {
        self.class_scopes.insert("".into(), TOP);
        self.set_variable(TOP, &"module_name".into(), Value::from(""))?;
        self.set_variable(TOP, &"title".into(), Value::from("main"))?;
        self.set_variable(TOP, &"name".into(), Value::from("main"))?;
        self.add_edge_to_stage(id)?;
        for program in self.environment.main().to_vec() {
            self.eval_block(&program.body, TOP)?;
        }
        Ok(())
    }
}
