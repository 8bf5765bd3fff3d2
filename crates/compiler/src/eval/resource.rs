//! Resource expressions: `file { '/a': mode => '0644' }`

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use syntax::Span;
use syntax::ast::{
    AttributeOperation, AttributeOperationKind, AttributeOperator, ExprKind, Resource, ResourceForm,
};

use crate::catalog::draft::{
    DraftResource, Implementation, Parameter, Parameters, ResourceId, add_tag_values,
};
use crate::catalog::{Kind, Tags, canonical};
use crate::eval::Evaluator;
use crate::eval::overrides::at_place;
use crate::eval::scope::ScopeId;
use crate::failure::{Failure, Location};
use crate::types::{Type, generalize, infer, print};
use crate::value::Value;

/// What a resource expression says about its resources besides titles and parameters.
pub(crate) struct Declaration {
    pub type_name: String,
    pub is_virtual: bool,
    pub exported: bool,
    pub location: Location,
}

impl Evaluator<'_> {
    pub(crate) fn eval_resource(
        &mut self,
        resource: &Resource,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let type_name = self.resource_type_name(resource, scope)?;
        let location = self.locate(span);
        if resource.form == ResourceForm::Exported {
            self.warn(
                "You cannot collect exported resources without storeconfigs being set; the export is ignored",
                Some(&location),
            );
        }
        let declaration = Declaration {
            type_name,
            is_virtual: resource.form != ResourceForm::Regular,
            exported: resource.form == ResourceForm::Exported,
            location,
        };
        let bodies = self.eval_bodies(resource, scope)?;
        let defaults = bodies
            .iter()
            .find(|body| body.is_default)
            .map(|body| body.parameters.clone())
            .unwrap_or_default();
        let mut references = Vec::new();
        for body in bodies {
            let mut parameters = defaults.clone();
            parameters.extend(body.parameters);
            let parameters: Vec<Parameter> = parameters.into_values().collect();
            for title in &body.titles {
                references.push(self.declare(&declaration, title, &parameters, scope)?);
            }
        }
        Ok(Value::array(references))
    }

    /// The type as text: a name, `class`, or a type expression without title.
    fn resource_type_name(&mut self, resource: &Resource, scope: ScopeId) -> Result<String, Failure> {
        let expr = &resource.type_name;
        if let ExprKind::Name(name) = &expr.kind {
            return Ok(name.to_string());
        }
        let acceptable = match &expr.kind {
            ExprKind::TypeName(_) => true,
            ExprKind::Access { target, .. } => matches!(target.kind, ExprKind::TypeName(_)),
            _ => false,
        };
        let value = self.eval(expr, scope)?;
        let name = match &value {
            Value::Type(of) if acceptable => match &**of {
                Type::Class(None) => return Ok("class".to_owned()),
                Type::Resource { name: Some(name), title: None } => return Ok(name.to_lowercase()),
                Type::Class(Some(_)) | Type::Resource { .. } => value.to_string(),
                _ => print(&generalize(&infer(&value))),
            },
            _ => print(&generalize(&infer(&value))),
        };
        Err(self.blame(expr.span, illegal_type(&name)))
    }

    fn eval_bodies(&mut self, resource: &Resource, scope: ScopeId) -> Result<Vec<Body>, Failure> {
        let mut seen: Vec<Value> = Vec::new();
        let mut bodies = Vec::with_capacity(resource.bodies.len());
        for body in &resource.bodies {
            let titles = match self.eval(&body.title, scope)? {
                Value::Undef => {
                    let text = "Missing title. The title expression resulted in undef";
                    return Err(self.blame(body.title.span, text));
                }
                value => flattened(value),
            };
            let mut own = Vec::with_capacity(titles.len());
            let mut is_default = false;
            for (index, title) in titles.into_iter().enumerate() {
                let wrong = match &title {
                    Value::Undef => Some(format!(
                        "Missing title at index {index}. The title expression resulted in an undef title"
                    )),
                    Value::String(text) if text.is_empty() => Some(format!(
                        "Empty string title at {index}. Title strings must have a length greater than zero."
                    )),
                    Value::String(_) | Value::Default => None,
                    other => Some(format!(
                        "Illegal title type at index {index}. Expected String, got {}",
                        print(&generalize(&infer(other)))
                    )),
                };
                if let Some(text) = wrong {
                    return Err(self.blame(body.title.span, text));
                }
                if seen.contains(&title) {
                    let shown =
                        if title == Value::Default { "default".to_owned() } else { title.to_string() };
                    return Err(Failure::issue(format!(
                        "The title '{shown}' has already been used in this resource expression"
                    )));
                }
                seen.push(title.clone());
                match title {
                    Value::String(text) => own.push(text),
                    _ => is_default = true,
                }
            }
            let mut parameters: IndexMap<Arc<str>, Parameter, FxBuildHasher> = IndexMap::default();
            for parameter in self.eval_operations(&body.operations, scope)? {
                if parameters.contains_key(&parameter.name) {
                    let name = &parameter.name;
                    return Err(Failure::issue(format!("The attribute '{name}' has already been set")));
                }
                parameters.insert(parameter.name.clone(), parameter);
            }
            bodies.push(Body { titles: own, is_default, parameters });
        }
        Ok(bodies)
    }

    /// Attributes with their values, `* => $hash` unfolded.
    pub(crate) fn eval_operations(
        &mut self,
        operations: &[AttributeOperation],
        scope: ScopeId,
    ) -> Result<Vec<Parameter>, Failure> {
        let mut parameters = Vec::with_capacity(operations.len());
        for operation in operations {
            let source = self.scope(scope).source.clone();
            let location = Some(self.locate(operation.span));
            match &operation.kind {
                AttributeOperationKind::Named { name, operator, value } => {
                    let value = self.eval(value, scope)?;
                    let append = *operator == AttributeOperator::Append;
                    let value = self.catalog_value(value).map_err(|failure| {
                        self.placed(failure, operation.span, || format!("'{}' expression", operator.symbol()))
                    })?;
                    parameters.push(Parameter { name: name.clone(), value, source, location, append });
                }
                AttributeOperationKind::Splat(expr) => {
                    let value = self.eval(expr, scope)?;
                    let Value::Hash(hash) = &value else {
                        let actual = print(&generalize(&infer(&value)));
                        let text = format!("Expected value of type Hash, got {actual}");
                        return Err(self.blame(expr.span, text));
                    };
                    for (name, value) in hash.iter() {
                        parameters.push(Parameter {
                            name: name.to_string().into(),
                            value: self.catalog_value(value.clone())?,
                            source: source.clone(),
                            location: location.clone(),
                            append: false,
                        });
                    }
                }
            }
        }
        Ok(parameters)
    }

    /// A value as a parameter holds it. Resource types without title become references with an empty one, as in
    /// Puppet; sequences that are enumerated lazily can't be put in a catalog.
    fn catalog_value(&mut self, value: Value) -> Result<Value, Failure> {
        let inner = |items: &[Value]| {
            let special = |item: &Value| {
                matches!(item, Value::Type(_) | Value::Iterator(_) | Value::Array(_) | Value::Hash(_))
            };
            items.iter().any(special)
        };
        Ok(match &value {
            Value::Iterator(_) => return Err(Failure::raised("Use of an Iterator is not supported here")),
            Value::Type(of) => match &**of {
                Type::Class(None) => {
                    let text = "No title provided and \"class\" is not a valid resource reference";
                    return Err(Failure::raised(text));
                }
                Type::Resource { name: Some(name), .. } if self.find_resource_type(name)?.is_none() => {
                    return Err(Failure::unsupported(format_args!(
                        "a reference to the resource type '{name}', which doesn't exist,"
                    )));
                }
                Type::Resource { name: Some(name), title: None } => {
                    Value::of_type(Type::Resource { name: Some(name.clone()), title: Some("".into()) })
                }
                _ => value,
            },
            Value::Array(items) if inner(items) => {
                let items = items.iter().map(|item| self.catalog_value(item.clone()));
                Value::array(items.collect::<Result<_, _>>()?)
            }
            Value::Hash(hash) => {
                let mut converted =
                    crate::value::Hash::with_capacity_and_hasher(hash.len(), Default::default());
                for (key, value) in hash.iter() {
                    converted.insert(self.catalog_value(key.clone())?, self.catalog_value(value.clone())?);
                }
                Value::Hash(Arc::new(converted))
            }
            _ => value,
        })
    }

    /// Declares one resource and gives the reference to it. Classes are evaluated at once.
    pub(crate) fn declare(
        &mut self,
        declaration: &Declaration,
        title: &Arc<str>,
        parameters: &[Parameter],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        if declaration.type_name.eq_ignore_ascii_case("class") {
            return self.declare_class(declaration, title, parameters, scope);
        }
        let name = declaration.type_name.strip_prefix("::").unwrap_or(&declaration.type_name);
        let Some(implementation) = self.find_resource_type(name)? else {
            return Err(Failure::raised(format!("Unknown resource type: '{}'", declaration.type_name)));
        };
        let kind = match implementation {
            Implementation::Native(_) => Kind::Native,
            _ => Kind::Define,
        };
        let (type_name, title) = canonical(name, title);
        let mut tags = Tags::default();
        let mut set = Parameters::default();
        let place = Some(&declaration.location);
        self.extract_parameters(&mut set, &mut tags, parameters, &type_name, &title, place)?;
        tags.add_if_valid(&type_name);
        tags.add_if_valid(&title);
        let type_name: Arc<str> = type_name.into();
        self.add_defaults(&mut set, &mut tags, scope, &type_name)?;
        let resource = DraftResource {
            type_name: type_name.clone(),
            title: title.into(),
            implementation,
            kind,
            file: declaration.location.file.clone(),
            line: Some(declaration.location.line).filter(|line| *line > 0),
            is_virtual: declaration.is_virtual,
            exported: declaration.exported,
            parameters: set,
            tags,
            sensitive: Vec::new(),
            scope,
            source: self.scope(scope).source.clone(),
            evaluated: false,
            scope_tags_added: false,
            overridden: false,
        };
        let title = resource.title.clone();
        self.add_resource(scope, resource)?;
        Ok(Value::of_type(Type::Resource { name: Some(type_name), title: Some(title) }))
    }

    fn declare_class(
        &mut self,
        declaration: &Declaration,
        title: &Arc<str>,
        parameters: &[Parameter],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        if declaration.is_virtual {
            return Err(Failure::issue("Classes are not virtualizable"));
        }
        let Some(class) = self.environment.class(self.world, title)? else {
            return Err(Failure::raised(format!("Could not find declared class {title}")));
        };
        let mut resource = self.new_class_resource(scope, &class, Kind::Class);
        resource.file.clone_from(&declaration.location.file);
        resource.line = Some(declaration.location.line).filter(|line| *line > 0);
        let mut set = Parameters::default();
        let mut tags = std::mem::take(&mut resource.tags);
        let place = Some(&declaration.location);
        self.extract_parameters(&mut set, &mut tags, parameters, "Class", &resource.title, place)?;
        self.add_defaults(&mut set, &mut tags, scope, "Class")?;
        resource.parameters = set;
        resource.tags = tags;
        let id = self.add_class_resource(scope, &class, resource)?;
        self.evaluate(id)?;
        Ok(Value::of_type(Type::Class(Some(class.name.clone()))))
    }

    fn extract_parameters(
        &self,
        set: &mut Parameters,
        tags: &mut Tags,
        given: &[Parameter],
        type_name: &str,
        title: &str,
        place: Option<&Location>,
    ) -> Result<(), Failure> {
        for parameter in given {
            if set.contains_key(&parameter.name) {
                let name = &parameter.name;
                let text = format!("Duplicate parameter '{name}' for on {type_name}[{title}]");
                return Err(at_place(&text, place));
            }
            if &*parameter.name == "tag" {
                add_tag_values(tags, &parameter.value).map_err(|failure| at_place(&failure.text(), place))?;
            }
            set.insert(parameter.name.clone(), parameter.clone());
        }
        Ok(())
    }

    fn add_defaults(
        &self,
        set: &mut Parameters,
        tags: &mut Tags,
        scope: ScopeId,
        type_name: &str,
    ) -> Result<(), Failure> {
        for (name, default) in self.lookup_defaults(scope, type_name) {
            if set.contains_key(&name) {
                continue;
            }
            if &*name == "tag" {
                add_tag_values(tags, &default.value)?;
            }
            set.insert(name, default);
        }
        Ok(())
    }

    /// Adds a resource to the catalog, contained by the class, define or node of the scope.
    pub(crate) fn add_resource(
        &mut self,
        scope: ScopeId,
        resource: DraftResource,
    ) -> Result<ResourceId, Failure> {
        let (is_class, is_stage) = (resource.is_class(), resource.is_stage());
        let refused = !is_class && resource.value("stage").is_some();
        let reference = refused.then(|| resource.reference());
        let id = self.draft.add(resource)?;
        if let Some(reference) = reference {
            return Err(Failure::raised(format!(
                "Only classes can set 'stage'; normal resources like {reference} cannot change run stage"
            )));
        }
        if !is_class
            && !is_stage
            && let Some(container) = self.scope(scope).resource
        {
            self.draft.add_edge(container, id);
        }
        Ok(id)
    }
}

/// One body of a resource expression, evaluated.
struct Body {
    titles: Vec<Arc<str>>,
    /// `default:`
    is_default: bool,
    parameters: IndexMap<Arc<str>, Parameter, FxBuildHasher>,
}

pub(crate) fn illegal_type(actual: &str) -> String {
    format!(
        "Illegal Resource Type expression, expected result to be a type name, or untitled Resource, got {actual}"
    )
}

fn flattened(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().cloned().flat_map(flattened).collect(),
        other => vec![other],
    }
}
