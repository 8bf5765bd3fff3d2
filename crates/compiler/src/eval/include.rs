//! Classes: finding, declaring, including, containing, requiring.

use std::sync::Arc;

use crate::catalog::draft::{DraftResource, Implementation, Parameter, Parameters, ResourceId};
use crate::catalog::{Kind, Tags, capitalize};
use crate::environment::Class;
use crate::eval::Evaluator;
use crate::eval::api::Inclusion;
use crate::eval::overrides::at_place;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::function::Call;
use crate::types::Type;
use crate::value::Value;

impl Evaluator<'_> {
    /// Declares classes as `include`, `contain`, `require` do. `names` are plain names, resolved from the top.
    ///
    /// # Errors
    /// `Could not find class ::x for NODE`, or what the body of the class raises.
    pub fn declare_classes(
        &mut self,
        call: &Call,
        names: &[Arc<str>],
        how: Inclusion,
    ) -> Result<(), Failure> {
        let mut classes = Vec::with_capacity(names.len());
        for name in names {
            classes.push(self.find_class(name)?);
        }
        let declared = self.include(call.scope, &classes)?;
        let Some(container) = self.scope(call.scope).resource else { return Ok(()) };
        match how {
            Inclusion::Include => {}
            Inclusion::Contain => {
                for resource in declared {
                    self.draft.add_edge(container, resource);
                }
            }
            Inclusion::Require => {
                for class in classes {
                    self.require_class(container, &class)?;
                }
            }
        }
        Ok(())
    }

    fn require_class(&mut self, container: ResourceId, class: &Class) -> Result<(), Failure> {
        let source = self.resource(container).source.clone();
        let resource = self.draft.resource_mut(container);
        let mut required = match resource.value("require") {
            Some(Value::Array(items)) => items.to_vec(),
            Some(single) => vec![single.clone()],
            None => Vec::new(),
        };
        required.push(Value::of_type(Type::Class(Some(class.name.clone()))));
        resource.set(Parameter {
            name: "require".into(),
            value: Value::array(required),
            source,
            location: None,
            append: false,
        })
    }

    /// The class of that name, loading it if need be.
    pub(crate) fn find_class(&mut self, name: &str) -> Result<Arc<Class>, Failure> {
        match self.environment.class(self.world, name)? {
            Some(class) => Ok(class),
            None => {
                let name = name.strip_prefix("::").unwrap_or(name).to_lowercase();
                Err(Failure::raised(format!("Could not find class ::{name} for {}", self.request.certname)))
            }
        }
    }

    /// Declares classes that aren't yet, without parameters, and evaluates those that are new. Gives the resources
    /// of all, those already there first.
    pub(crate) fn include(
        &mut self,
        scope: ScopeId,
        classes: &[Arc<Class>],
    ) -> Result<Vec<ResourceId>, Failure> {
        let mut old = Vec::new();
        let mut new = Vec::new();
        for class in classes {
            let evaluated = self.class_scopes.get(&class.name).copied();
            match evaluated.and_then(|scope| self.scope(scope).resource) {
                Some(resource) => old.push(resource),
                None => new.push(self.ensure_class(scope, class)?),
            }
        }
        for resource in &new {
            self.evaluate(*resource)?;
        }
        old.extend(new);
        Ok(old)
    }

    /// The class's resource; a new one without parameters when there is none.
    pub(crate) fn ensure_class(&mut self, scope: ScopeId, class: &Arc<Class>) -> Result<ResourceId, Failure> {
        if let Some(existing) = self.draft.find("Class", &class.name) {
            return Ok(existing);
        }
        let resource = self.new_class_resource(scope, class, Kind::Unknown);
        self.add_class_resource(scope, class, resource)
    }

    pub(crate) fn new_class_resource(&self, scope: ScopeId, class: &Arc<Class>, kind: Kind) -> DraftResource {
        let title: Arc<str> = capitalize(&class.name).into();
        let mut tags = Tags::default();
        tags.add_if_valid("class");
        tags.add_if_valid(&title);
        DraftResource {
            type_name: "Class".into(),
            title,
            implementation: Implementation::Class(class.clone()),
            kind,
            file: None,
            line: None,
            is_virtual: false,
            exported: false,
            parameters: Parameters::default(),
            tags,
            sensitive: Vec::new(),
            scope,
            source: self.scope(scope).source.clone(),
            evaluated: false,
            scope_tags_added: false,
            overridden: false,
        }
    }

    /// Adds a class's resource, its parent class first.
    pub(crate) fn add_class_resource(
        &mut self,
        scope: ScopeId,
        class: &Arc<Class>,
        resource: DraftResource,
    ) -> Result<ResourceId, Failure> {
        if let Some(parent) = self.parent_class(class)?
            && self.draft.find("Class", &parent.name).is_none()
        {
            self.ensure_class(scope, &parent)?;
        }
        self.draft.tags.merge(&resource.tags);
        self.add_resource(scope, resource)
    }

    /// The class that a class inherits from.
    pub(crate) fn parent_class(&mut self, class: &Class) -> Result<Option<Arc<Class>>, Failure> {
        let Some(parent) = &class.definition.parent else { return Ok(None) };
        let name = parent.strip_prefix("::").unwrap_or(parent);
        match self.environment.class(self.world, name)? {
            Some(found) => Ok(Some(found)),
            None => {
                let text = format!(
                    "Could not find parent resource type '::{name}' of type hostclass in {}",
                    self.environment.name()
                );
                Err(at_place(&text, Some(&self.locate(class.definition.span))))
            }
        }
    }
}
