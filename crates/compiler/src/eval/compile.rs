//! One compilation from start to end.

use std::fmt;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value as Json};

use crate::catalog::draft::{Draft, DraftResource, Implementation, Parameters, ResourceId};
use crate::catalog::{Catalog, Kind, Tags};
use crate::environment::Environment;
use crate::eval::Evaluator;
use crate::eval::log::Log;
use crate::eval::scope::{Scope, Source, TOP};
use crate::failure::{Failure, Fault};
use crate::resource_types::native;
use crate::value::Value;
use crate::world::World;

/// What a catalog is asked for.
#[derive(Clone, Debug, Default)]
pub struct NodeRequest {
    /// Name of the node.
    pub certname: String,
    /// Facts by name: `$facts`, and a variable of the top scope each.
    pub facts: Map<String, Json>,
    /// `$trusted`
    pub trusted: Trusted,
    /// `$server_facts`, and a variable of the top scope each; `environment` is added.
    pub server_facts: Map<String, Json>,
    /// The agent's id of its run.
    pub transaction_uuid: Option<String>,
    /// Id for the catalog: fresh for each compilation.
    pub catalog_uuid: String,
    /// Milliseconds since the Unix epoch.
    pub now_millis: i64,
}

/// What is known of the node from its certificate.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    pub authenticated: Authenticated,
    /// Empty when the node has no certificate.
    pub certname: String,
    /// Short names or OIDs with their values.
    pub extensions: Vec<(String, String)>,
    /// Data of the trusted external command.
    pub external: Map<String, Json>,
}

/// How sure it is that the node is who it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authenticated {
    /// By its certificate.
    Remote,
    /// Compiled on this machine.
    #[default]
    Local,
    No,
}

/// What a compilation yields.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub catalog: Catalog,
    /// Messages in the order in which they came.
    pub logs: Vec<Log>,
}

/// A compilation that failed. Prints as Puppet's one line.
#[derive(Clone, Debug)]
pub struct CompileFailure {
    /// `Evaluation Error: … (file: F, line: L, column: C) on node NAME`
    pub message: String,
    /// What was said until then.
    pub logs: Vec<Log>,
}

impl fmt::Display for CompileFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileFailure {}

/// Enough for [`super::DEPTH_LIMIT`] levels of expressions, also without optimisation.
const STACK_OCTETS: usize = 256 << 20;

/// Compiles the catalog of a node.
///
/// # Errors
/// Everything wrong with the manifests, and what Bunraku doesn't support yet.
pub fn compile(
    environment: &Environment,
    world: &dyn World,
    request: &NodeRequest,
) -> Result<Compiled, CompileFailure> {
    // Expressions nest on the stack; a thread of its own has room for more than a worker's.
    let result = std::thread::scope(|threads| {
        std::thread::Builder::new()
            .name("compile".to_owned())
            .stack_size(STACK_OCTETS)
            .spawn_scoped(threads, || run(environment, world, request))
            .map(|thread| thread.join())
    });
    let message = match result {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(_)) => "the compiler panicked".to_owned(),
        Err(error) => format!("no thread for the compiler: {error}"),
    };
    Err(CompileFailure { message: format!("{message} on node {}", request.certname), logs: Vec::new() })
}

fn run(
    environment: &Environment,
    world: &dyn World,
    request: &NodeRequest,
) -> Result<Compiled, CompileFailure> {
    let mut evaluator = Evaluator {
        environment,
        world,
        request,
        scopes: vec![Scope::new(None, None, Source::Main)],
        class_scopes: FxHashMap::default(),
        qualified: FxHashMap::default(),
        draft: Draft::default(),
        collectors: Vec::new(),
        relationships: Vec::new(),
        pending_overrides: Vec::new(),
        free_overriders: FxHashSet::default(),
        logs: Vec::new(),
        said: FxHashSet::default(),
        parameter_types: FxHashMap::default(),
        aliases: FxHashMap::default(),
        regexes: FxHashMap::default(),
        templates: Vec::new(),
        template_sources: Vec::new(),
        depth: 0,
    };
    let outcome = evaluator.compile();
    evaluator.take_remarks();
    match outcome {
        Ok(()) => {
            let logs = std::mem::take(&mut evaluator.logs);
            Ok(Compiled { catalog: evaluator.into_catalog(), logs })
        }
        Err(failure) => Err(CompileFailure {
            message: format!("{} on node {}", uncaught(failure), request.certname),
            logs: evaluator.logs,
        }),
    }
}

/// The text of a failure that nothing has caught.
fn uncaught(failure: Failure) -> String {
    let (name, at) = match &*failure.0 {
        Fault::Break(at) => ("break", at),
        Fault::Next(_, at) => ("next", at),
        Fault::Return(_, at) => ("return", at),
        _ => return failure.text(),
    };
    let place = crate::catalog::draft::place(at.file.as_deref(), Some(at.line));
    format!("{name}() from context where this is illegal {place}")
}

impl Evaluator<'_> {
    fn compile(&mut self) -> Result<(), Failure> {
        self.take_remarks();
        self.add_main_stage()?;
        self.set_node_variables()?;
        self.add_settings()?;
        let main = self.add_main_class()?;
        self.evaluate_main(main)?;
        self.evaluate_node()?;
        self.generate()?;
        self.finish()?;
        self.check_complete()
    }

    fn built_in(&self, type_name: &str, title: &str, implementation: Implementation) -> DraftResource {
        let mut tags = Tags::default();
        tags.add_if_valid(type_name);
        if title != "main" {
            tags.add_if_valid(title);
        }
        let kind =
            if matches!(implementation, Implementation::Native(_)) { Kind::Native } else { Kind::Unknown };
        DraftResource {
            type_name: type_name.into(),
            title: title.into(),
            implementation,
            kind,
            file: None,
            line: None,
            is_virtual: false,
            exported: false,
            parameters: Parameters::default(),
            tags,
            sensitive: Vec::new(),
            scope: TOP,
            source: Source::Main,
            evaluated: true,
            scope_tags_added: true,
            overridden: false,
        }
    }

    fn add_main_stage(&mut self) -> Result<(), Failure> {
        let implementation = native("stage").map_or(Implementation::BuiltIn, Implementation::Native);
        let stage = self.built_in("Stage", "main", implementation);
        self.draft.add(stage)?;
        self.draft.unmanaged += 1;
        Ok(())
    }

    /// The class whose variables are Puppet's settings.
    fn add_settings(&mut self) -> Result<(), Failure> {
        let resource = self.built_in("Class", "Settings", Implementation::BuiltIn);
        let id = self.draft.add(resource)?;
        self.draft.unmanaged += 1;
        let scope = self.new_scope(Scope::new(Some(TOP), Some(id), Source::Class("settings".into())));
        self.class_scopes.insert("settings".into(), scope);
        self.note_class(&"settings".into());
        if let Some(stage) = self.draft.find("Stage", "main") {
            self.draft.add_edge(stage, id);
        }
        for (name, value) in &self.environment.settings().settings {
            self.set_variable(scope, &name.as_str().into(), Value::from(value.as_str()))?;
        }
        Ok(())
    }

    fn add_main_class(&mut self) -> Result<ResourceId, Failure> {
        let resource = self.built_in("Class", "main", Implementation::BuiltIn);
        let id = self.draft.add(resource)?;
        self.scope_mut(TOP).resource = Some(id);
        Ok(id)
    }

    /// Facts, server facts and `$trusted` as variables of the top scope.
    fn set_node_variables(&mut self) -> Result<(), Failure> {
        let request = self.request;
        let facts = from_json(&Json::Object(request.facts.clone()));
        let server_facts = from_json(&Json::Object(request.server_facts.clone()));
        for (name, value) in [&facts, &server_facts].into_iter().filter_map(Value::as_hash).flatten() {
            let Value::String(name) = name else { continue };
            if matches!(&**name, "environment" | "trusted") || self.is_bound(TOP, name) {
                continue;
            }
            self.set_variable(TOP, name, value.clone())?;
        }
        let environment = Value::from(self.environment.name());
        let mut server_facts = server_facts.as_hash().cloned().unwrap_or_default();
        server_facts.insert("environment".into(), environment.clone());
        let reserved = [
            ("environment", environment),
            ("trusted", trusted(&request.trusted)),
            ("server_facts", Value::Hash(Arc::new(server_facts))),
            ("facts", facts),
        ];
        for (name, value) in reserved {
            self.set_variable(TOP, &name.into(), value)?;
        }
        Ok(())
    }

    /// Collectors and defines can make new work for each other until nothing is left.
    fn generate(&mut self) -> Result<(), Failure> {
        for _ in 0..1000 {
            let collected = self.evaluate_collectors()?;
            let evaluated = self.evaluate_defines()?;
            if !collected && !evaluated {
                return Ok(());
            }
        }
        Err(Failure::located("Somehow looped more than 1000 times while evaluating host catalog"))
    }

    fn evaluate_defines(&mut self) -> Result<bool, Failure> {
        let waiting: Vec<ResourceId> = self
            .draft
            .ids()
            .filter(|id| {
                let resource = self.resource(*id);
                let is_native = matches!(resource.implementation, Implementation::Native(_));
                !resource.evaluated && !resource.is_virtual && !is_native
            })
            .collect();
        for id in &waiting {
            self.evaluate(*id).map_err(|failure| self.in_resource(failure, *id))?;
        }
        Ok(!waiting.is_empty())
    }

    /// An error inside an instance of a define names the instance's place too.
    fn in_resource(&self, failure: Failure, id: ResourceId) -> Failure {
        let resource = self.resource(id);
        let place = crate::catalog::draft::place(resource.file.as_deref(), resource.line);
        let text = uncaught(failure);
        Failure::located(format!(
            "Evaluation Error: Error while evaluating a Resource Statement, {text} {place}"
        ))
    }
}

/// A fact as a value.
pub(crate) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Undef,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::array(items.iter().map(from_json).collect()),
        Json::Object(entries) => {
            Value::hash(entries.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value))))
        }
    }
}

fn trusted(trusted: &Trusted) -> Value {
    let authenticated = match trusted.authenticated {
        Authenticated::Remote => Value::from("remote"),
        Authenticated::Local => Value::from("local"),
        Authenticated::No => Value::Bool(false),
    };
    let (host, domain) = match trusted.certname.split_once('.') {
        Some((host, domain)) => (Value::from(host), Value::from(domain)),
        None if trusted.certname.is_empty() => (Value::Undef, Value::Undef),
        None => (Value::from(trusted.certname.as_str()), Value::Undef),
    };
    let certname =
        if trusted.certname.is_empty() { Value::Undef } else { Value::from(trusted.certname.as_str()) };
    let extensions = trusted
        .extensions
        .iter()
        .map(|(name, value)| (Value::from(name.as_str()), Value::from(value.as_str())));
    Value::hash([
        ("authenticated".into(), authenticated),
        ("certname".into(), certname),
        ("extensions".into(), Value::hash(extensions)),
        ("hostname".into(), host),
        ("domain".into(), domain),
        ("external".into(), from_json(&Json::Object(trusted.external.clone()))),
    ])
}
