//! Names of types: builtin ones, resource types, and aliases from modules.

use std::sync::{Arc, OnceLock};

use crate::catalog::capitalize;
use crate::catalog::draft::Implementation;
use crate::eval::Evaluator;
use crate::eval::scope::TOP;
use crate::failure::Failure;
use crate::resource_types::native;
use crate::types::{Alias, Type};
use crate::value::Value;

impl Evaluator<'_> {
    /// `Integer`, `File`, `My::Define`, `My::Alias`
    pub(crate) fn eval_type_name(&mut self, name: &str) -> Result<Value, Failure> {
        match self.find_type(name)? {
            Some(found) => Ok(Value::of_type(found)),
            None => Err(Failure::issue(format!("Resource type not found: {name}"))),
        }
    }

    /// The type of that name, or `None`.
    pub(crate) fn find_type(&mut self, name: &str) -> Result<Option<Type>, Failure> {
        let name = name.strip_prefix("::").unwrap_or(name);
        if let Some(builtin) = crate::types::builtin(name) {
            return Ok(Some(builtin));
        }
        if let Some(alias) = self.aliases.get(name) {
            return Ok(Some(Type::Alias(alias.clone())));
        }
        if self.find_resource_type(name)?.is_some() {
            return Ok(Some(Type::Resource { name: Some(capitalize(name).into()), title: None }));
        }
        let Some(unit) = self.environment.alias(self.world, name)? else { return Ok(None) };
        // Entered before its text is evaluated, so that it may speak of itself.
        let alias = Arc::new(Alias { name: unit.name.clone(), target: OnceLock::new() });
        self.aliases.insert(unit.name.clone(), alias.clone());
        let definition = unit.definition.clone();
        let value = self.without_frames(TOP, |this| this.eval(&definition.type_expr, TOP))?;
        let Value::Type(target) = value else {
            return Err(self.blame(definition.type_expr.span, "The type alias does not stand for a type"));
        };
        // The cell was made here and is set once.
        let _ = alias.target.set((*target).clone());
        Ok(Some(Type::Alias(alias)))
    }

    /// What implements resources of that type: Puppet itself or a define.
    ///
    /// # Errors
    /// A type that a module implements in Ruby, which Bunraku can't know the parameters of.
    pub(crate) fn find_resource_type(&mut self, name: &str) -> Result<Option<Implementation>, Failure> {
        let name = name.strip_prefix("::").unwrap_or(name);
        if let Some(native) = native(name) {
            return Ok(Some(Implementation::Native(native)));
        }
        if let Some(path) = self.environment.ruby_type(self.world, name) {
            return Err(Failure::unsupported(format_args!(
                "the resource type '{}' written in Ruby ({})",
                name.to_lowercase(),
                path.display()
            )));
        }
        let define = self.environment.define(self.world, name)?;
        Ok(define.map(Implementation::Define))
    }
}
