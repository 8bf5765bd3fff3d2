//! An environment: its main manifests, its modules, and the definitions loaded from them.
//!
//! Main manifests are parsed when the environment is loaded; files of modules when a name asks for them. What was
//! parsed stays, so an environment is shared by all compilations until its files change; then a new one is loaded.

mod load;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};
use syntax::ast::{
    ClassDefinition, FunctionDefinition, NodeDefinition, Program, ResourceTypeDefinition, TypeAlias,
};
use syntax::{FileId, Source, Span};

use crate::failure::{Failure, Location};
use crate::regex::Regex;
use crate::world::{EntryKind, World};

pub use load::LoadFailure;
pub(crate) use load::judge;

/// Where an environment's code lies.
#[derive(Clone, Debug)]
pub struct EnvironmentSettings {
    /// Name of the environment, such as `production`.
    pub name: String,
    /// The environment's own directory, if it has one: there `hiera.yaml` and `functions/` are looked for.
    pub directory: Option<PathBuf>,
    /// A file, or a directory whose `.pp` files (at any depth, sorted) together are the main manifest.
    pub manifest: PathBuf,
    /// Directories that hold modules, earlier ones first.
    pub modulepath: Vec<PathBuf>,
    /// Puppet's settings as manifests see them (`$settings::name`); what isn't here is undefined.
    pub settings: Vec<(String, String)>,
}

/// A definition with the module it came from.
#[derive(Debug)]
pub struct Unit<T> {
    /// Full name in lower case; as written for type aliases.
    pub name: Arc<str>,
    /// Module of the file; `None` in main manifests.
    pub module: Option<Arc<str>>,
    pub definition: Arc<T>,
}

/// A class.
pub type Class = Unit<ClassDefinition>;
/// A defined resource type.
pub type Define = Unit<ResourceTypeDefinition>;
/// A function in the Puppet language.
pub type Function = Unit<FunctionDefinition>;
/// A type alias.
pub type Alias = Unit<TypeAlias>;

/// One host match of a `node` statement.
#[derive(Debug)]
pub struct Node {
    /// As the catalog names it; made up from the pattern for a regular expression.
    pub name: Arc<str>,
    /// The pattern of `node /…/`.
    pub pattern: Option<Regex>,
    pub definition: Arc<NodeDefinition>,
}

/// A module of the environment.
#[derive(Debug)]
pub struct Module {
    pub name: Arc<str>,
    pub directory: PathBuf,
}

/// See the module's documentation.
pub struct Environment {
    settings: EnvironmentSettings,
    modules: IndexMap<Arc<str>, Module>,
    main: Vec<Arc<Program>>,
    nodes: Vec<Arc<Node>>,
    sources: RwLock<Vec<Arc<Source>>>,
    known: RwLock<Known>,
    /// Held while a file is read into `known`.
    loading: Mutex<()>,
    /// Warnings about files, until a compilation tells them.
    remarks: Mutex<Vec<String>>,
}

/// What has been loaded so far.
#[derive(Default)]
struct Known {
    classes: FxHashMap<Arc<str>, Arc<Class>>,
    defines: FxHashMap<Arc<str>, Arc<Define>>,
    functions: FxHashMap<Arc<str>, Arc<Function>>,
    aliases: FxHashMap<Arc<str>, Arc<Alias>>,
    /// Files that were read, with what failed in them: a broken file fails each time it is asked for.
    files: FxHashMap<PathBuf, Result<(), Failure>>,
    /// Names that were looked for in vain (`class a::b`).
    missing: FxHashSet<String>,
}

impl Environment {
    /// Name of the environment.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What it was loaded from.
    pub fn settings(&self) -> &EnvironmentSettings {
        &self.settings
    }

    /// Its modules, by name.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.get(name)
    }

    /// Its modules in the order of the module path.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// Warnings about files read since they were last taken, in Puppet's words. A compilation takes those that come
    /// up in its course, and those of the main manifests if it is the first.
    pub fn take_remarks(&self) -> Vec<String> {
        std::mem::take(&mut self.remarks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn remark(&self, warnings: Vec<String>) {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }

    pub(crate) fn main(&self) -> &[Arc<Program>] {
        &self.main
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The text a span lies in.
    pub(crate) fn source(&self, file: FileId) -> Option<Arc<Source>> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        sources.get(file.0 as usize).cloned()
    }

    /// Line and column of a span's start.
    pub(crate) fn locate(&self, span: Span) -> Location {
        let Some(source) = self.source(span.file) else { return Location::default() };
        let at = source.location(span.start);
        let file = (!source.name().is_empty()).then(|| source.shared_name());
        Location { file, line: at.line, column: at.column }
    }

    /// The class of that name (any case, with or without leading `::`), loaded from its module if need be.
    ///
    /// # Errors
    /// When the file it should be in has errors.
    pub(crate) fn class(&self, world: &dyn World, name: &str) -> Result<Option<Arc<Class>>, Failure> {
        self.find(world, "class", name, |known| &known.classes)
    }

    /// The defined type of that name, see [`Environment::class`].
    ///
    /// # Errors
    /// When the file it should be in has errors.
    pub(crate) fn define(&self, world: &dyn World, name: &str) -> Result<Option<Arc<Define>>, Failure> {
        self.find(world, "define", name, |known| &known.defines)
    }

    fn find<T>(
        &self,
        world: &dyn World,
        what: &str,
        name: &str,
        table: impl Fn(&Known) -> &FxHashMap<Arc<str>, Arc<T>>,
    ) -> Result<Option<Arc<T>>, Failure> {
        let name = name.strip_prefix("::").unwrap_or(name).to_lowercase();
        let missing_key = format!("{what} {name}");
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = table(&known).get(name.as_str()) {
                return Ok(Some(found.clone()));
            }
            if known.missing.contains(&missing_key) {
                return Ok(None);
            }
        }
        let segments: Vec<&str> = name.split("::").collect();
        if let Some(module) = self.modules.get(segments[0]) {
            for depth in 1..=segments.len() {
                let mut path = module.directory.join("manifests");
                if depth == 1 {
                    path.push("init.pp");
                } else {
                    path.extend(&segments[1..depth - 1]);
                    path.push(format!("{}.pp", segments[depth - 1]));
                }
                self.load_file(world, &path, Some(module))?;
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(found) = table(&known).get(name.as_str()) {
                    return Ok(Some(found.clone()));
                }
            }
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).missing.insert(missing_key);
        Ok(None)
    }

    /// The function of that name written in the Puppet language.
    ///
    /// # Errors
    /// When the file it should be in has errors, or the function exists but is written in Ruby.
    pub(crate) fn function(&self, world: &dyn World, name: &str) -> Result<Option<Arc<Function>>, Failure> {
        let name = name.strip_prefix("::").unwrap_or(name);
        if let Some(found) = self.known.read().unwrap_or_else(PoisonError::into_inner).functions.get(name) {
            return Ok(Some(found.clone()));
        }
        if self.is_known_missing("function", name) {
            return Ok(None);
        }
        let segments: Vec<&str> = name.split("::").collect();
        let (root, module) = match (segments[0], &self.settings.directory) {
            ("environment", Some(directory)) => (Some(directory.clone()), None),
            (first, _) => {
                let module = self.modules.get(first);
                (module.map(|module| module.directory.clone()), module)
            }
        };
        if let Some(root) = root {
            let mut path = root.join("functions");
            path.extend(if segments.len() > 1 { &segments[1..] } else { &segments[..] });
            path.set_extension("pp");
            self.load_file(world, &path, module)?;
            if let Some(found) = self.known.read().unwrap_or_else(PoisonError::into_inner).functions.get(name)
            {
                return Ok(Some(found.clone()));
            }
        }
        self.refuse_ruby_function(world, &segments)?;
        self.note_missing("function", name);
        Ok(None)
    }

    /// A function in Ruby would be called by Puppet, so not knowing it must not look like a spelling mistake.
    fn refuse_ruby_function(&self, world: &dyn World, segments: &[&str]) -> Result<(), Failure> {
        let file = format!("{}.rb", segments.join("/"));
        for module in self.modules.values() {
            for place in ["lib/puppet/functions", "lib/puppet/parser/functions"] {
                let path = module.directory.join(place).join(&file);
                if world.kind(&path) == Some(EntryKind::File) {
                    return Err(Failure::unsupported(format!(
                        "the function '{}' written in Ruby ({})",
                        segments.join("::"),
                        path.display()
                    )));
                }
            }
        }
        Ok(())
    }

    /// The type alias of that name (`My::Port`), in any case.
    ///
    /// # Errors
    /// When the file it should be in has errors.
    pub(crate) fn alias(&self, world: &dyn World, name: &str) -> Result<Option<Arc<Alias>>, Failure> {
        let name = name.strip_prefix("::").unwrap_or(name).to_lowercase();
        if let Some(found) =
            self.known.read().unwrap_or_else(PoisonError::into_inner).aliases.get(name.as_str())
        {
            return Ok(Some(found.clone()));
        }
        if self.is_known_missing("alias", &name) {
            return Ok(None);
        }
        let segments: Vec<&str> = name.split("::").collect();
        let root = match (segments[0], &self.settings.directory) {
            ("environment", Some(directory)) => Some((directory.clone(), None)),
            (first, _) => self.modules.get(first).map(|module| (module.directory.clone(), Some(module))),
        };
        if let Some((root, module)) = root {
            let mut path = root.join("types");
            path.extend(if segments.len() > 1 { &segments[1..] } else { &["init_typeset"][..] });
            path.set_extension("pp");
            self.load_file(world, &path, module)?;
            if let Some(found) =
                self.known.read().unwrap_or_else(PoisonError::into_inner).aliases.get(name.as_str())
            {
                return Ok(Some(found.clone()));
            }
        }
        self.note_missing("alias", &name);
        Ok(None)
    }

    /// The file in which a module implements a resource type in Ruby, if one does.
    pub(crate) fn ruby_type(&self, world: &dyn World, name: &str) -> Option<PathBuf> {
        if name.contains(':') {
            return None;
        }
        let file = format!("lib/puppet/type/{}.rb", name.to_lowercase());
        self.modules
            .values()
            .map(|module| module.directory.join(&file))
            .find(|path| world.kind(path) == Some(EntryKind::File))
    }

    fn is_known_missing(&self, what: &str, name: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.missing.contains(&format!("{what} {name}"))
    }

    fn note_missing(&self, what: &str, name: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.missing.insert(format!("{what} {name}"));
    }

    /// Parses a file of a module once and adds its definitions; nothing happens when there is no such file.
    fn load_file(&self, world: &dyn World, path: &Path, module: Option<&Module>) -> Result<(), Failure> {
        if let Some(outcome) = self.known.read().unwrap_or_else(PoisonError::into_inner).files.get(path) {
            return outcome.clone();
        }
        if world.kind(path) != Some(EntryKind::File) {
            return Ok(());
        }
        // One file at a time: a second thread would find the definitions of the first one in its way.
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = self.known.read().unwrap_or_else(PoisonError::into_inner).files.get(path) {
            return outcome.clone();
        }
        let outcome = self.parse_into_known(world, path, module);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.files.insert(path.to_owned(), outcome.clone());
        outcome
    }
}
