//! Loading an environment: modules, main manifests, and the tables of definitions.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use indexmap::IndexMap;
use syntax::ast::{Definition, ExprKind, NodeDefinition, Program};
use syntax::{Diagnostic, FileId, Severity, Source};

use super::{Environment, EnvironmentSettings, Known, Module, Node, Unit};
use crate::failure::Failure;
use crate::regex::Regex;
use crate::resource_types::is_metaparameter;
use crate::world::{EntryKind, World, files_below};

/// Why an environment can't be used. Prints as Puppet's one line; ` on node NAME` is for the caller to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFailure {
    /// What Puppet's exception says.
    pub message: String,
    /// When there are several errors, each of them; Puppet logs them before giving up.
    pub details: Vec<String>,
}

impl fmt::Display for LoadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoadFailure {}

impl From<Failure> for LoadFailure {
    fn from(failure: Failure) -> LoadFailure {
        LoadFailure { message: failure.text(), details: Vec::new() }
    }
}

impl Environment {
    /// Lists the modules and parses the main manifests.
    ///
    /// # Errors
    /// Syntax errors and double definitions in the main manifests; a manifest that can't be read. A manifest
    /// that doesn't exist is an empty one, as for Puppet.
    pub fn load(world: &dyn World, settings: EnvironmentSettings) -> Result<Environment, LoadFailure> {
        let mut environment = Environment {
            modules: modules(world, &settings),
            settings,
            main: Vec::new(),
            nodes: Vec::new(),
            sources: RwLock::default(),
            known: RwLock::default(),
            loading: Mutex::default(),
            remarks: Mutex::default(),
        };
        let manifest = environment.settings.manifest.clone();
        let files = match world.kind(&manifest) {
            Some(EntryKind::Directory) => {
                files_below(world, &manifest, "pp").map_err(|error| unreadable(&manifest, &error))?
            }
            Some(EntryKind::File) => vec![manifest],
            None => Vec::new(),
        };
        for file in files {
            let (program, warnings) =
                environment.parse(world, &file, None).map_err(|failure| LoadFailure {
                    message: format!(
                        "Could not parse for environment {}: {}",
                        environment.settings.name, failure.message
                    ),
                    ..failure
                })?;
            environment.remark(warnings);
            environment.main.push(program);
        }
        for program in environment.main.clone() {
            environment.define_all(&program, None)?;
            for definition in &program.definitions {
                if let Definition::Node(node) = definition {
                    environment.define_node(node)?;
                }
            }
        }
        Ok(environment)
    }

    /// `expected` is the name that the place of a module's file stands for.
    fn parse(
        &self,
        world: &dyn World,
        path: &Path,
        expected: Option<&str>,
    ) -> Result<(Arc<Program>, Vec<String>), LoadFailure> {
        let octets = world.read(path).map_err(|error| unreadable(path, &error))?;
        let text = String::from_utf8(octets).map_err(|error| LoadFailure {
            message: format!(
                "The file {} is not valid UTF-8 at octet {}",
                path.display(),
                error.utf8_error().valid_up_to()
            ),
            details: Vec::new(),
        })?;
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let id = FileId(u32::try_from(sources.len()).unwrap_or(u32::MAX));
        let source = Arc::new(Source::new(id, path.to_string_lossy().as_ref(), text));
        sources.push(source.clone());
        drop(sources);
        let (program, mut diagnostics, grammatical) = syntax::parse_with_verdict(source.text(), id);
        if let (true, Some(expected)) = (grammatical, expected) {
            diagnostics.extend(syntax::validate::check_placement(&program, &source, Some(expected)));
        }
        let warnings = judge(&diagnostics, &source, grammatical)?;
        Ok((Arc::new(program), warnings))
    }

    /// See [`Environment::load_file`], which makes sure that this happens once per file.
    pub(super) fn parse_into_known(
        &self,
        world: &dyn World,
        path: &Path,
        module: Option<&Module>,
    ) -> Result<(), Failure> {
        let expected = module.and_then(|module| name_of_place(&module.name, &module.directory, path));
        let (program, warnings) = self
            .parse(world, path, expected.as_deref())
            .map_err(|failure| Failure::located(failure.message))?;
        self.remark(warnings);
        self.define_all(&program, module.map(|module| module.name.clone())).map_err(|failure| {
            // Without a place it gets that of the expression which has asked for the file.
            if failure.message.ends_with(')') {
                Failure::located(failure.message)
            } else {
                Failure::raised(failure.message)
            }
        })
    }

    /// Enters a program's definitions into the tables.
    fn define_all(&self, program: &Program, module: Option<Arc<str>>) -> Result<(), LoadFailure> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for definition in &program.definitions {
            self.check_metaparameters(definition)?;
            if let Err(message) = self.define_one(&mut known, definition, module.clone()) {
                let place = self.locate(definition.span());
                let file = place.file.as_deref().unwrap_or_default();
                let message = format!("{message} (file: {file}, line: {})", place.line);
                return Err(LoadFailure { message, details: Vec::new() });
            }
        }
        Ok(())
    }

    /// A parameter with the name of a metaparameter needs a default, and even then it's worth a warning.
    fn check_metaparameters(&self, definition: &Definition) -> Result<(), LoadFailure> {
        let (name, parameters) = match definition {
            Definition::Class(class) => (&class.name, &class.parameters),
            Definition::ResourceType(define) => (&define.name, &define.parameters),
            _ => return Ok(()),
        };
        for parameter in parameters.iter().filter(|parameter| is_metaparameter(&parameter.name)) {
            let (parameter_name, name) = (&parameter.name, name.to_lowercase());
            if parameter.default.is_none() {
                let message = format!(
                    "{parameter_name} is a metaparameter; please choose another parameter name in the {name} definition"
                );
                return Err(LoadFailure { message, details: Vec::new() });
            }
            self.remark(vec![format!(
                "{parameter_name} is a metaparam; this value will inherit to all contained resources in the {name} definition"
            )]);
        }
        Ok(())
    }

    fn define_one(
        &self,
        known: &mut Known,
        definition: &Definition,
        module: Option<Arc<str>>,
    ) -> Result<(), String> {
        match definition {
            Definition::Class(class) => {
                let name: Arc<str> = class.name.to_lowercase().into();
                if let Some(other) = known.classes.get(&name) {
                    let place = self.place(other.definition.span);
                    return Err(format!("Class '{name}' is already defined{place}; cannot redefine"));
                }
                if let Some(other) = known.defines.get(&name) {
                    let place = self.place(other.definition.span);
                    return Err(format!(
                        "Definition '{name}' is already defined{place}; cannot be redefined as a class"
                    ));
                }
                known.missing.remove(&format!("class {name}"));
                let unit = Unit { name: name.clone(), module, definition: class.clone() };
                known.classes.insert(name, Arc::new(unit));
            }
            Definition::ResourceType(define) => {
                let name: Arc<str> = define.name.to_lowercase().into();
                if let Some(other) = known.classes.get(&name) {
                    let place = self.place(other.definition.span);
                    return Err(format!(
                        "'{name}' is already defined{place} as a class; cannot redefine as a definition"
                    ));
                }
                if let Some(other) = known.defines.get(&name) {
                    let place = self.place(other.definition.span);
                    return Err(format!(
                        "Definition '{name}' is already defined{place}; cannot be redefined"
                    ));
                }
                known.missing.remove(&format!("define {name}"));
                let unit = Unit { name: name.clone(), module, definition: define.clone() };
                known.defines.insert(name, Arc::new(unit));
            }
            Definition::Function(function) => {
                let name = function.name.clone();
                let unit = Unit { name: name.clone(), module, definition: function.clone() };
                known.missing.remove(&format!("function {name}"));
                known.functions.insert(name, Arc::new(unit));
            }
            Definition::TypeAlias(alias) => {
                let name: Arc<str> = alias.name.to_lowercase().into();
                let unit = Unit { name: alias.name.clone(), module, definition: alias.clone() };
                known.missing.remove(&format!("alias {name}"));
                known.aliases.insert(name, Arc::new(unit));
            }
            Definition::TypeMapping(_) => {
                return Err("A type mapping (type Runtime[…] = …) is not supported by Bunraku yet".into());
            }
            Definition::TypeDefinition(_) | Definition::Plan(_) | Definition::Node(_) => {}
        }
        Ok(())
    }

    fn define_node(&mut self, definition: &Arc<NodeDefinition>) -> Result<(), LoadFailure> {
        for host in &definition.hosts {
            let (name, pattern): (Arc<str>, _) = match &host.kind {
                ExprKind::String(text) | ExprKind::Name(text) => (text.to_lowercase().into(), None),
                ExprKind::Default => ("default".into(), None),
                ExprKind::Regex(source) => {
                    let pattern = Regex::new(source).map_err(|error| LoadFailure {
                        message: format!("{error} {}", self.locate(host.span)),
                        details: Vec::new(),
                    })?;
                    (name_of_pattern(source).into(), Some(pattern))
                }
                _ => continue,
            };
            if let Some(other) = self.nodes.iter().find(|node| node.name == name) {
                let place = self.place(other.definition.span);
                let here = self.place(definition.span);
                let message = format!("Node '{name}' is already defined{place}; cannot redefine{here}");
                return Err(LoadFailure { message, details: Vec::new() });
            }
            self.nodes.push(Arc::new(Node { name, pattern, definition: definition.clone() }));
        }
        Ok(())
    }

    /// ` (file: F, line: L)`
    fn place(&self, span: syntax::Span) -> String {
        let place = self.locate(span);
        match place.file {
            Some(file) => format!(" (file: {file}, line: {})", place.line),
            None => format!(" (line: {})", place.line),
        }
    }
}

/// The name Puppet makes for a node given as a pattern.
fn name_of_pattern(source: &str) -> String {
    let kept: String = source
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        .collect();
    format!("__node_regexp__{}", kept.trim_start_matches('.'))
}

/// `apache::mod` for `apache/manifests/mod.pp`, `apache` for its `init.pp`; for functions and types alike.
fn name_of_place(module: &str, directory: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(directory).ok()?.with_extension("");
    let mut segments: Vec<String> =
        below.iter().map(|segment| segment.to_string_lossy().into_owned()).skip(1).collect();
    if segments == ["init"] {
        segments.clear();
    }
    segments.insert(0, module.to_owned());
    Some(segments.join("::"))
}

/// Errors stop; warnings are handed on. Of a text that breaks the grammar only the first error is told.
pub(crate) fn judge(
    diagnostics: &[Diagnostic],
    source: &Source,
    grammatical: bool,
) -> Result<Vec<String>, LoadFailure> {
    let errors = diagnostics.iter().filter(|d| d.is_error()).map(|d| d.one_line(source));
    let errors: Vec<String> = errors.take(if grammatical { usize::MAX } else { 1 }).collect();
    let warnings = diagnostics.iter().filter(|d| d.severity != Severity::Error);
    let warnings: Vec<String> = warnings.map(|d| d.one_line(source)).collect();
    match &errors[..] {
        [] => Ok(warnings),
        [only] => Err(LoadFailure { message: only.clone(), details: Vec::new() }),
        several => {
            let counted = if warnings.is_empty() {
                format!("Language validation logged {} errors. Giving up", several.len())
            } else {
                format!(
                    "Language validation logged {} errors, and {} warnings. Giving up",
                    several.len(),
                    warnings.len()
                )
            };
            let message = format!("{counted} (file: {})", source.name());
            Err(LoadFailure { message, details: errors })
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoadFailure {
    let message = format!("{error} ({})", path.display());
    LoadFailure { message, details: Vec::new() }
}

fn modules(world: &dyn World, settings: &EnvironmentSettings) -> IndexMap<Arc<str>, Module> {
    let mut found = IndexMap::new();
    for directory in &settings.modulepath {
        // A module path often names directories that don't exist (yet).
        for entry in world.list(directory).unwrap_or_default() {
            if entry.kind != EntryKind::Directory || !is_module_name(&entry.name) {
                continue;
            }
            let name: Arc<str> = entry.name.as_str().into();
            let module = Module { name: name.clone(), directory: directory.join(&entry.name) };
            found.entry(name).or_insert(module);
        }
    }
    found
}

fn is_module_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
