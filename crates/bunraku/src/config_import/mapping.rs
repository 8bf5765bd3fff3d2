//! What becomes of each setting: taken into `bunraku.toml`, the same without a setting, or without equivalent. Pure but
//! for the questions that [`Host`] answers.

mod conf_d;
mod lookup;
mod reasons;

use std::path::Path;

use super::hocon::{self, Node};
use super::puppet_conf::{self, Entry, PuppetConf};
pub use lookup::Lookup;

/// A file to be imported.
pub struct File {
    /// As messages name it.
    pub name: String,
    pub text: String,
}

/// What must be asked of the machine on which the settings hold.
pub struct Host<'a> {
    /// Its full name, Puppet's default certname.
    pub name: String,
    /// Folder of `puppet.conf`.
    pub confdir: String,
    /// Whether there is such a file or folder; a link is neither.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

/// What became of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in `bunraku.toml`: where, or how it went into other settings.
    Taken(String),
    /// Bunraku does this without being told.
    BuiltIn(String),
    /// Nothing of Bunraku does this.
    NoEquivalent(String),
    /// It is not for the server, or another line counts.
    Ignored(String),
    /// It cannot be understood.
    Refused(String),
}

/// One line of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub file: String,
    pub line: usize,
    /// As it stands there.
    pub setting: String,
    pub verdict: Verdict,
}

/// A setting of `bunraku.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub section: &'static str,
    pub key: &'static str,
    pub value: toml::Value,
    /// `file:line`, or that it is Puppet's default.
    pub origin: String,
}

/// The result.
#[derive(Debug)]
pub struct Import {
    pub settings: Vec<Setting>,
    /// Whether the packaged rules hold beside those that follow.
    pub packaged_rules: bool,
    /// Rules of an `auth.conf`, and where each stands.
    pub rules: Vec<(access::Rule, String)>,
    pub accounts: Vec<Account>,
    /// The CA's directory.
    pub cadir: String,
}

impl Default for Import {
    fn default() -> Import {
        let (settings, rules, accounts) = (Vec::new(), Vec::new(), Vec::new());
        Import { settings, packaged_rules: true, rules, accounts, cadir: String::new() }
    }
}

/// Everything that is known while mapping.
struct Mapper<'a> {
    host: &'a Host<'a>,
    conf_name: String,
    conf: PuppetConf,
    /// What `puppetserver.conf` says of Puppet's folders: name, value, origin. These win.
    folders: Vec<(&'static str, String, String)>,
    /// What `webserver.conf` says of the listener.
    listen_host: Option<(String, String)>,
    listen_port: Option<(String, String)>,
    result: Import,
}

/// Imports `puppet.conf` and the files of `conf.d`.
pub fn import(puppet_conf: Option<&File>, conf_d: &[File], host: &Host<'_>) -> Import {
    let conf = puppet_conf.map(|file| puppet_conf::parse(&file.text)).unwrap_or_default();
    let conf_name = puppet_conf.map(|file| file.name.clone()).unwrap_or_default();
    let mut mapper = Mapper {
        host,
        conf_name,
        conf,
        folders: Vec::new(),
        listen_host: None,
        listen_port: None,
        result: Import::default(),
    };
    for file in conf_d {
        match hocon::parse(&file.text) {
            Ok(root) => conf_d::read(&mut mapper, &file.name, &root),
            Err(fault) => {
                mapper.account(&file.name, fault.line, "", Verdict::Refused(fault.reason));
            }
        }
    }
    mapper.puppet_conf();
    mapper.places();
    mapper.result.accounts.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    mapper.result
}

impl Mapper<'_> {
    fn account(&mut self, file: &str, line: usize, setting: &str, verdict: Verdict) {
        let account = Account { file: file.to_string(), line, setting: setting.to_string(), verdict };
        self.result.accounts.push(account);
    }

    fn set(
        &mut self,
        section: &'static str,
        key: &'static str,
        value: impl Into<toml::Value>,
        origin: String,
    ) {
        self.result.settings.push(Setting { section, key, value: value.into(), origin });
    }

    /// The entry of `puppet.conf` that counts for the server: `[server]` before `[master]` before `[main]`, and in each of
    /// them the first of several.
    fn entry(&self, name: &str) -> Option<&Entry> {
        let of = |section: &str| {
            self.conf.entries.iter().find(|entry| entry.section == section && entry.name == name)
        };
        of("server").or_else(|| of("master")).or_else(|| of("main"))
    }

    /// A setting's value before its references are followed: the one that counts, or Puppet's default.
    fn raw(&self, name: &str) -> Option<String> {
        let folder = self.folders.iter().find(|(known, ..)| *known == name);
        if let Some((_, value, _)) = folder {
            return Some(value.clone());
        }
        self.entry(name).map(|entry| entry.value.clone()).or_else(|| self.default(name))
    }

    /// Puppet's default of the settings that others refer to.
    fn default(&self, name: &str) -> Option<String> {
        let debian = self.host.confdir == "/etc/puppet";
        let text = match name {
            "confdir" => &self.host.confdir,
            "certname" => &self.host.name,
            "vardir" if debian => "/var/cache/puppet",
            "vardir" => "/opt/puppetlabs/server/data/puppetserver",
            "ssldir" if debian => "/var/lib/puppet/ssl",
            "ssldir" => "$confdir/ssl",
            "codedir" if self.host.confdir == "/etc/puppetlabs/puppet" => "/etc/puppetlabs/code",
            "codedir" => "$confdir/code",
            "environmentpath" => "$codedir/environments",
            "basemodulepath" if debian => "$codedir/modules:/usr/share/puppet/modules",
            "basemodulepath" => "$codedir/modules:/opt/puppetlabs/puppet/modules",
            "reportdir" => "$vardir/reports",
            "logdir" => "/var/log/puppetlabs/puppetserver",
            "server" => "puppet",
            "cadir" => return Some(self.default_cadir()),
            _ => return None,
        };
        Some(text.to_string())
    }

    /// Below `ssldir` if it is (still) there, beside Puppet's folder otherwise.
    fn default_cadir(&self) -> String {
        let old = self.resolve("$ssldir/ca").unwrap_or_default();
        if (self.host.exists)(Path::new(&old)) {
            return old;
        }
        match self.host.confdir.as_str() {
            "/etc/puppetlabs/puppet" => "/etc/puppetlabs/puppetserver/ca".to_string(),
            confdir => format!("{confdir}/puppetserver/ca"),
        }
    }

    fn resolve(&self, value: &str) -> Result<String, puppet_conf::Unresolved> {
        puppet_conf::interpolate(value, &|name| self.raw(name))
    }

    /// Where a setting comes from, for the comment beside it.
    fn origin(&self, name: &str) -> String {
        if let Some((.., origin)) = self.folders.iter().find(|(known, ..)| *known == name) {
            return origin.clone();
        }
        match self.entry(name) {
            Some(entry) => format!("{}:{}", self.conf_name, entry.line),
            None => "Puppet's default".to_string(),
        }
    }

    fn puppet_conf(&mut self) {
        let file = self.conf_name.clone();
        for strange in self.conf.strange.clone() {
            let verdict = Verdict::Refused("neither a setting nor a section".to_string());
            self.account(&file, strange.line, &strange.text, verdict);
        }
        for entry in self.conf.entries.clone() {
            let setting = format!("[{}] {} = {}", entry.section, entry.name, entry.value);
            let verdict = self.judge(&entry);
            self.account(&file, entry.line, &setting, verdict);
        }
    }

    fn judge(&mut self, entry: &Entry) -> Verdict {
        match entry.section.as_str() {
            "main" | "server" | "master" => {}
            "agent" | "user" => {
                return Verdict::Ignored("for agents and other commands, not for the server".into());
            }
            _ => return Verdict::NoEquivalent("environments have no section of their own any more".into()),
        }
        let name = entry.name.as_str();
        if let Some((.., origin)) = self.folders.iter().find(|(known, ..)| *known == name) {
            return Verdict::Ignored(format!("{origin} counts for the server"));
        }
        let counting = self.entry(name).map(|other| (other.section.clone(), other.line));
        if let Some((section, line)) = counting.filter(|(_, line)| *line != entry.line) {
            return Verdict::Ignored(format!("[{section}] in line {line} counts"));
        }
        let value = match self.resolve(&entry.value) {
            Ok(value) => value,
            Err(puppet_conf::Unresolved(unknown)) => {
                return Verdict::Refused(format!("${unknown} is not known, or leads in a circle"));
            }
        };
        let origin = format!("{}:{}", self.conf_name, entry.line);
        let taken = |place: &str| Verdict::Taken(place.to_string());
        match name {
            "certname" => taken("[front_end] certname, [main] server"),
            "ssldir" | "environmentpath" | "basemodulepath" | "reportdir" => taken(&format!("[main] {name}")),
            "logdir" => {
                self.set("main", "logdir", value, origin);
                taken("[main] logdir")
            }
            "cadir" => taken("[[ca.member]] cadir"),
            "confdir" | "vardir" | "codedir" => taken("followed where other settings name it"),
            "autosign" => {
                match value.as_str() {
                    "true" => self.set("ca", "autosign", true, origin),
                    "false" => self.set("ca", "autosign", false, origin),
                    path if !Path::new(path).is_absolute() => {
                        return Verdict::Refused(
                            "neither true nor false, nor a path that begins with '/'".into(),
                        );
                    }
                    _ => self.set("ca", "autosign", value, origin),
                }
                taken("[ca] autosign")
            }
            "ca_name" => {
                self.set("ca", "ca_name", value, origin);
                taken("[ca] ca_name")
            }
            "ca_ttl" => self.duration("ca_ttl", &value, origin),
            "allow_duplicate_certs" => self.truth("allow_duplicate_certs", &value, origin),
            "serverport" | "masterport" => {
                if value.parse::<u16>().is_err() {
                    return Verdict::Refused("not a port".into());
                }
                if self.listen_port.is_some() {
                    return Verdict::Ignored(
                        "for agents; webserver.conf says where the server listens".into(),
                    );
                }
                self.listen_port = Some((value, origin));
                taken("[front_end] listen")
            }
            other => reasons::of_puppet_conf(other, &value),
        }
    }

    fn duration(&mut self, key: &'static str, value: &str, origin: String) -> Verdict {
        match crate::config::duration::parse(value) {
            Ok(_) => {
                self.set("ca", key, value, origin);
                Verdict::Taken(format!("[ca] {key}"))
            }
            Err(fault) => Verdict::Refused(fault.to_string()),
        }
    }

    fn truth(&mut self, key: &'static str, value: &str, origin: String) -> Verdict {
        match value {
            "true" | "false" => {
                self.set("ca", key, value == "true", origin);
                Verdict::Taken(format!("[ca] {key}"))
            }
            _ => Verdict::Refused("neither true nor false".into()),
        }
    }

    /// What `bunraku.toml` needs in any case: names, folders, the listener.
    fn places(&mut self) {
        for key in ["ssldir", "environmentpath", "basemodulepath", "reportdir"] {
            if let Some(value) = self.raw(key).and_then(|raw| self.resolve(&raw).ok()) {
                let origin = self.origin(key);
                self.set("main", key, value, origin);
            }
        }
        if let Some(value) = self.folders.iter().find(|(name, ..)| *name == "logdir").cloned() {
            self.set("main", "logdir", value.1, value.2);
        }
        let certname = self.raw("certname").and_then(|raw| self.resolve(&raw).ok());
        if let Some(certname) = certname {
            let origin = self.origin("certname");
            self.set("main", "server", certname.clone(), origin.clone());
            self.set("front_end", "certname", certname, origin);
        }
        let known = |found: &Option<(String, String)>, default: &str| {
            found.clone().unwrap_or_else(|| (default.to_string(), "Puppet's default".to_string()))
        };
        let (host, host_origin) = known(&self.listen_host, "0.0.0.0");
        let (port, port_origin) = known(&self.listen_port, "8140");
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let origin =
            if host_origin == port_origin { port_origin } else { format!("{host_origin}, {port_origin}") };
        self.set("front_end", "listen", format!("{host}:{port}"), origin);
        self.result.cadir = self.raw("cadir").and_then(|raw| self.resolve(&raw).ok()).unwrap_or_default();
        let default = self.resolve("$confdir/autosign.conf").unwrap_or_default();
        let chosen = self.result.settings.iter().any(|setting| setting.key == "autosign");
        if !chosen && (self.host.exists)(Path::new(&default)) {
            self.set("ca", "autosign", default, "Puppet's default, and the file is there".to_string());
        }
    }
}

/// One member of an object, for messages.
fn shown(key: &str, node: &Node) -> String {
    let text = node.print();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{key}: {short}…") } else { format!("{key}: {text}") }
}

/// `bunraku.toml` with these settings, each with where it comes from.
pub fn to_toml(import: &Import) -> String {
    let mut text = String::from(
        "# Written by 'bunraku config import'. What is not here has its default; docs/bunraku.example.toml\n# of Bunraku's source tells all settings.\n\nversion = 1\n",
    );
    let section = |text: &mut String, name: &str| {
        text.push_str(&format!("\n[{name}]\n"));
        for setting in import.settings.iter().filter(|setting| setting.section == name) {
            text.push_str(&format!("# {}\n{} = {}\n", setting.origin, setting.key, setting.value));
        }
    };
    section(&mut text, "main");
    section(&mut text, "ca");
    for (name, port, suffix, comment) in [
        ("ca-1", 18_142, "", "The CA's directory, used as it is."),
        ("ca-2", 18_143, ".standby", "A hot standby; leave it out to have none."),
    ] {
        let cadir = toml::Value::from(format!("{}{suffix}", import.cadir));
        text.push_str(&format!(
            "\n# {comment}\n[[ca.member]]\nname = \"{name}\"\naddress = \"127.0.0.1:{port}\"\n\
             certname = \"bunraku-{name}\"\ncadir = {cadir}\n"
        ));
    }
    section(&mut text, "front_end");
    if !import.packaged_rules {
        text.push_str(
            "\n[access]\n# Not all of the packaged rules are there: none but these hold.\npackaged = false\n",
        );
    }
    for (rule, origin) in &import.rules {
        text.push_str(&format!("\n# {origin}\n{}", crate::config::access::written(rule)));
    }
    text
}

#[cfg(test)]
mod tests;
