//! Hiera: not there yet, so manifests that would get data from it must not compile as if there were none.

use std::path::Path;

use syntax::ast::Parameter as ParameterDefinition;

use crate::catalog::draft::{Implementation, ResourceId};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::world::{World, files_below};

impl Evaluator<'_> {
    /// Refuses to evaluate a class whose parameters Puppet would look up in data files.
    ///
    /// # Errors
    /// Names the `hiera.yaml` that would be used.
    pub(crate) fn refuse_data_for(
        &mut self,
        id: ResourceId,
        definitions: &[ParameterDefinition],
    ) -> Result<(), Failure> {
        let missing = definitions.iter().any(|parameter| self.resource(id).value(&parameter.name).is_none());
        if !missing {
            return Ok(());
        }
        let module = match &self.resource(id).implementation {
            Implementation::Class(class) => class.name.split("::").next().unwrap_or_default().to_owned(),
            _ => return Ok(()),
        };
        match self.data_source(&module) {
            Some(path) => {
                Err(Failure::unsupported(format!("looking up class parameters with Hiera ({path})")))
            }
            None => Ok(()),
        }
    }

    /// The `hiera.yaml` that could have data for keys of that module; `None` when none can.
    pub fn data_source(&self, module: &str) -> Option<String> {
        let environment = self.environment.settings().directory.as_deref();
        let module = self.environment.module(module).map(|module| module.directory.as_path());
        [environment, module]
            .into_iter()
            .flatten()
            .find(|directory| has_data(self.world, directory))
            .map(|directory| directory.join("hiera.yaml").display().to_string())
    }
}

/// Whether the directory's `hiera.yaml`, if it has one, could find data. The one that Puppet puts in a new
/// environment can't, as long as nobody has put data beside it.
fn has_data(world: &dyn World, directory: &Path) -> bool {
    let Ok(octets) = world.read(&directory.join("hiera.yaml")) else { return false };
    let text = String::from_utf8_lossy(&octets);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut directories = Vec::new();
    for line in lines {
        let entry = line.trim_start_matches("- ");
        let Some((key, value)) = entry.split_once(':') else { continue };
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        match key {
            "datadir" => directories.push(value.to_owned()),
            "data_hash" if matches!(value, "yaml_data" | "json_data") => {}
            "data_hash" | "lookup_key" | "data_dig" | "hiera3_backend" => return true,
            _ => {}
        }
    }
    if directories.is_empty() {
        directories.push("data".to_owned());
    }
    directories.iter().any(|name| {
        let files = |end| files_below(world, &directory.join(name), end).is_ok_and(|found| !found.is_empty());
        name.contains('%') || files("yaml") || files("json") || files("yml") || files("eyaml")
    })
}
