//! One `puppet.conf`, asked setting by setting: for command lines that read it in the place of a `bunraku.toml`.

use super::{File, Host, Import, Mapper};
use crate::config_import::puppet_conf::{self, Unresolved};

/// A `puppet.conf` as `puppetserver ca` reads it.
pub struct Lookup<'a> {
    mapper: Mapper<'a>,
}

impl<'a> Lookup<'a> {
    /// Reads the file.
    pub fn new(file: &File, host: &'a Host<'a>) -> Lookup<'a> {
        let mapper = Mapper {
            host,
            conf_name: file.name.clone(),
            conf: puppet_conf::parse(&file.text),
            folders: Vec::new(),
            listen_host: None,
            listen_port: None,
            result: Import::default(),
        };
        Lookup { mapper }
    }

    /// A setting that the file has, with its references followed. `[agent]` counts where no section of the server has it.
    ///
    /// # Errors
    /// [`Unresolved`]: the reference that cannot be followed.
    pub fn given(&self, name: &str) -> Result<Option<String>, Unresolved> {
        let of_agent =
            || self.mapper.conf.entries.iter().find(|entry| entry.section == "agent" && entry.name == name);
        let entry = self.mapper.entry(name).or_else(of_agent);
        entry.map(|entry| self.mapper.resolve(&entry.value)).transpose()
    }

    /// A setting that the file has, or Puppet's default.
    ///
    /// # Errors
    /// [`Unresolved`], also when there is no such default.
    pub fn value(&self, name: &str) -> Result<String, Unresolved> {
        match self.given(name)? {
            Some(value) => Ok(value),
            None => self.mapper.resolve(&format!("${{{name}}}")),
        }
    }
}
