//! What an operator's `bunraku.toml` means: every setting resolved, every path absolute, all mistakes reported at once.

pub mod access;
pub mod changes;
pub mod duration;
pub mod foreign;
mod limits;
mod places;
mod raw;
pub mod register;
pub mod settings;
mod template;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use foreign::Kind;
pub use limits::ClientLimits;
use raw::{BoolOrText, NumberOrText, RawConfig};
pub use register::{FrontEndAddress, Register};
pub use template::{Layout, render};

/// The layout of a deployment directory that this binary reads and writes.
pub const LAYOUT_VERSION: u32 = 1;

/// A resolved configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    /// Tells two deployments apart, so that their logs can never be joined.
    pub cluster: String,
    pub main: Main,
    /// How the lines of all access logs are written.
    pub access_format: wire::access_log::Format,
    pub ca: Ca,
    pub front_end: FrontEnd,
    /// Front ends beside that one; they have its settings.
    pub further_front_ends: Vec<FrontEndAddress>,
    pub register: Register,
    pub catalog: Vec<CatalogWorker>,
    pub spread: Spread,
    /// Who may ask for what.
    pub access: access::Access,
    pub made: MadeHere,
}

/// What `bunraku ca setup`, `import` and `generate` make, where their flags do not say it. A `bunraku.toml` leaves this to
/// them; a `puppet.conf` has settings for it.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeHere {
    /// Name in the server's certificate; none: this host's.
    pub certname: Option<String>,
    pub key: pki::KeyKind,
    pub root_ca_name: Option<String>,
    /// Further names in the server's certificate, as on the command line.
    pub alt_names: Option<String>,
}

impl Default for MadeHere {
    fn default() -> Self {
        Self { certname: None, key: pki::KeyKind::Rsa4096, root_ca_name: None, alt_names: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Main {
    /// The name under which agents and the command line reach the front end.
    pub server: String,
    pub ssldir: PathBuf,
    pub logdir: PathBuf,
    pub reportdir: PathBuf,
    pub environmentpath: PathBuf,
    pub basemodulepath: Vec<PathBuf>,
    /// Certificate of the command line; carries `pp_cli_auth`.
    pub operator_certname: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ca {
    pub autosign: Autosign,
    pub ca_name: String,
    /// Kind of the CA's key; read only when the CA is made.
    pub key: pki::KeyKind,
    pub ca_ttl: Duration,
    pub allow_subject_alt_names: bool,
    pub allow_authorization_extensions: bool,
    pub allow_duplicate_certs: bool,
    /// Agents get the list of the infrastructure's revocations instead of the full one.
    pub enable_infra_crl: bool,
    /// Whether nodes may renew their certificates by themselves.
    pub allow_auto_renewal: bool,
    /// Life of a certificate that renews itself.
    pub auto_renewal_cert_ttl: Duration,
    /// How long an executable policy may take.
    pub autosign_timeout: Duration,
    /// How many executable policies may run at one time.
    pub autosign_at_once: usize,
    /// Added to the `GEM_PATH` of an executable policy.
    pub autosign_gem_path: String,
    /// `*web.example.com` in an autosign.conf signs nothing, instead of all of `example.com`.
    pub strict_autosign_globs: bool,
    /// How many requests may wait before strangers are turned away.
    pub max_pending: usize,
    /// How many of them may come from one address.
    pub max_pending_per_source: usize,
    /// How long the primary waits for a silent standby before it takes it out of the in-sync set.
    pub standby_timeout: Duration,
    /// The first one is preferred as primary.
    pub members: Vec<CaMember>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Autosign {
    Always,
    Never,
    /// An `autosign.conf`, or an executable policy (decided by its permissions, as in Puppet).
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq)]
pub struct CaMember {
    pub name: String,
    pub address: String,
    pub certname: String,
    /// Nowhere, for one that is not ours.
    pub cadir: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FrontEnd {
    pub name: String,
    pub listen: String,
    pub certname: String,
    pub register: PathBuf,
    /// Where metrics are shown, if anywhere.
    pub admin: Option<String>,
    pub probe_interval: Duration,
    pub probe_timeout: Duration,
    pub ca_hold: Duration,
    pub failback_automatic: bool,
    pub failback_after: Duration,
    /// A catalog whose worker died while compiling it is compiled by another one.
    pub compile_retry: bool,
    /// What is done about clients whose certificates prove nothing.
    pub client_verify: wire::tls::ClientVerify,
    pub limits: ClientLimits,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CatalogWorker {
    pub name: String,
    pub address: String,
    pub certname: String,
    pub kind: Kind,
    /// Weight, tier, limit, kinds of traffic.
    pub place: gateway::Place,
}

/// How requests are spread over catalog workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    pub balance: gateway::Balance,
    /// Time until a worker that comes back has its full share.
    pub slow_start: Duration,
    /// Most requests that wait while all workers are full.
    pub queue: usize,
    /// How long they wait.
    pub queue_time: Duration,
}

/// Why a configuration can't be used; each line says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    #[error(
        "no configuration at {0}\nStart a deployment with 'bunraku up --dir DIR', or name its file with --config DIR/bunraku.toml"
    )]
    Missing(PathBuf),
    #[error("could not read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0} is not valid: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    #[error(
        "{path} has layout version {found}, this bunraku reads version {LAYOUT_VERSION}; use the bunraku that made the directory, or another --dir"
    )]
    Version { path: PathBuf, found: u32 },
    #[error("{path} is not valid:\n{}", .faults.iter().map(|f| format!("  - {f}")).collect::<Vec<_>>().join("\n"))]
    Values { path: PathBuf, faults: Vec<String> },
}

impl Config {
    /// Reads and resolves the file at `path`; relative paths in it are relative to its directory.
    pub fn load(path: &Path) -> Result<Config, ConfigFault> {
        let path = std::path::absolute(path).map_err(|e| ConfigFault::Unreadable(path.to_path_buf(), e))?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(ConfigFault::Missing(path)),
            Err(e) => return Err(ConfigFault::Unreadable(path, e)),
        };
        Config::parse(&path, &text)
    }

    /// Resolves `text` as if it stood in the file `path` (absolute).
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigFault> {
        // The version first: a file of another layout may hold keys that this one does not know.
        let table: toml::Table =
            toml::from_str(text).map_err(|e| ConfigFault::Syntax(path.to_path_buf(), Box::new(e)))?;
        if let Some(found) = table.get("version").and_then(toml::Value::as_integer)
            && found != i64::from(LAYOUT_VERSION)
        {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(ConfigFault::Version { path: path.to_path_buf(), found });
        }
        let raw: RawConfig =
            toml::from_str(text).map_err(|e| ConfigFault::Syntax(path.to_path_buf(), Box::new(e)))?;
        resolve(path, raw)
    }

    /// All front ends, the one of `[front_end]` first.
    pub fn front_ends(&self) -> Vec<FrontEndAddress> {
        let FrontEnd { name, listen, certname, .. } = self.front_end.clone();
        std::iter::once(FrontEndAddress { name, listen, certname })
            .chain(self.further_front_ends.iter().cloned())
            .collect()
    }

    /// The front end that this configuration calls `name`.
    pub fn front_end_named(&self, name: &str) -> Option<FrontEndAddress> {
        self.front_ends().into_iter().find(|one| one.name == name)
    }

    /// The certnames of all front ends.
    pub fn front_end_certnames(&self) -> Vec<String> {
        self.front_ends().into_iter().map(|one| one.certname).collect()
    }

    /// The member that this configuration calls `name`.
    pub fn ca_member(&self, name: &str) -> Option<&CaMember> {
        self.ca.members.iter().find(|m| m.name == name)
    }

    /// Whose program the authority is.
    pub fn ca_kind(&self) -> Kind {
        self.ca.members.first().map_or(Kind::Bunraku, |member| member.kind)
    }

    /// The member that owns the CA directory `cadir`.
    pub fn ca_member_of(&self, cadir: &Path) -> Option<&CaMember> {
        let wanted = std::fs::canonicalize(cadir).ok()?;
        self.ca.members.iter().find(|m| std::fs::canonicalize(&m.cadir).is_ok_and(|c| c == wanted))
    }

    /// `certs/NAME.pem` below `ssldir`, as agents keep it.
    pub fn certificate_path(&self, certname: &str) -> PathBuf {
        self.main.ssldir.join("certs").join(format!("{certname}.pem"))
    }

    /// `private_keys/NAME.pem` below `ssldir`.
    pub fn key_path(&self, certname: &str) -> PathBuf {
        self.main.ssldir.join("private_keys").join(format!("{certname}.pem"))
    }

    /// The trusted CA bundle, `certs/ca.pem`.
    pub fn ca_bundle_path(&self) -> PathBuf {
        self.main.ssldir.join("certs").join("ca.pem")
    }

    /// Where the catalog workers keep each node's last facts.
    pub fn factsdir(&self) -> PathBuf {
        self.main.reportdir.with_file_name("facts")
    }

    /// The rules, as roles hold them.
    ///
    /// # Errors
    /// None that reading the configuration has not found.
    pub fn live_rules(&self) -> anyhow::Result<::access::LiveRules> {
        let rules = self.access.rules().map_err(|faults| anyhow::anyhow!("{}", faults.join("; ")))?;
        Ok(::access::LiveRules::new(rules))
    }

    /// The last known CRL, `crl.pem`.
    pub fn crl_path(&self) -> PathBuf {
        self.main.ssldir.join("crl.pem")
    }
}

fn resolve(path: &Path, raw: RawConfig) -> Result<Config, ConfigFault> {
    let base = path.parent().unwrap_or(Path::new("/")).to_path_buf();
    let layout = Layout::default();
    let mut faults = Vec::new();
    let limits = limits::resolve(&raw.front_end, &mut faults);
    let in_base = |text: &str| base.join(text);
    let mut time = |name: &str, value: Option<NumberOrText>, default: Duration| match value {
        None => default,
        Some(NumberOrText::Number(seconds)) => Duration::from_secs(seconds),
        Some(NumberOrText::Text(text)) => duration::parse(&text).unwrap_or_else(|e| {
            faults.push(format!("{name}: {e}"));
            default
        }),
    };
    let ca_ttl = time("[ca] ca_ttl", raw.ca.ca_ttl, Duration::from_secs(5 * 365 * 86_400));
    let auto_renewal_cert_ttl = time(
        "[ca] auto_renewal_cert_ttl",
        raw.ca.auto_renewal_cert_ttl,
        Duration::from_secs(ca::SIXTY_DAYS.unsigned_abs()),
    );
    let autosign_timeout = time("[ca] autosign_timeout", raw.ca.autosign_timeout, Duration::from_secs(60));
    let standby_timeout = time("[ca] standby_timeout", raw.ca.standby_timeout, Duration::from_secs(1));
    let probe_interval =
        time("[front_end] probe_interval", raw.front_end.probe_interval, Duration::from_millis(250));
    let probe_timeout =
        time("[front_end] probe_timeout", raw.front_end.probe_timeout, Duration::from_millis(500));
    let ca_hold = time("[front_end] ca_hold", raw.front_end.ca_hold, Duration::from_secs(30));
    let failback_after =
        time("[front_end] failback_after", raw.front_end.failback_after, Duration::from_secs(2));
    let slow_start = time("[catalog] slow_start", raw.catalog.slow_start, Duration::from_secs(10));
    let queue_time = time("[catalog] queue_time", raw.catalog.queue_time, Duration::from_secs(30));
    // Puppet refuses more than 50 years: X.509's dates and old agents' libraries end there.
    if ca_ttl > Duration::from_secs(50 * 365 * 86_400) {
        faults.push("[ca] ca_ttl: more than 50 years; Puppet's limit is 50y".to_string());
    }
    let access = access::resolve(raw.access, &mut faults);
    let failback_automatic = match raw.front_end.failback.as_deref() {
        None | Some("auto") => true,
        Some("manual") => false,
        Some(other) => {
            faults.push(format!("[front_end] failback: '{other}' is neither \"auto\" nor \"manual\""));
            true
        }
    };
    let client_verify = match raw.front_end.client_verify.as_deref() {
        None | Some("strict") => wire::tls::ClientVerify::Strict,
        Some("report") => wire::tls::ClientVerify::Report,
        Some(other) => {
            faults.push(format!("[front_end] client_verify: '{other}' is neither \"strict\" nor \"report\""));
            wire::tls::ClientVerify::Strict
        }
    };
    let key = raw.ca.key.as_deref().map_or(Some(pki::KeyKind::Rsa4096), pki::KeyKind::named);
    let key = key.unwrap_or_else(|| {
        faults.push(format!("[ca] key: the kinds of keys are {}", crate::cli::key_kinds()));
        pki::KeyKind::Rsa4096
    });
    let autosign = match raw.ca.autosign {
        None | Some(BoolOrText::Bool(false)) => Autosign::Never,
        Some(BoolOrText::Bool(true)) => Autosign::Always,
        Some(BoolOrText::Text(text)) => match text.as_str() {
            "true" => Autosign::Always,
            "false" => Autosign::Never,
            file => Autosign::File(in_base(file)),
        },
    };
    let members = match raw.ca.member {
        None => layout.ca_members(&base),
        Some(list) => list
            .into_iter()
            .map(|m| {
                let said = foreign::Said {
                    section: "[[ca.member]]",
                    name: &m.name,
                    address: &m.address,
                    certname: m.certname.as_deref(),
                    kind: m.kind.as_deref(),
                };
                let (kind, certname) = foreign::kind(&said, &mut faults);
                if kind == Kind::Bunraku && m.cadir.is_none() {
                    faults.push(format!("[[ca.member]] {}: cadir is missing", m.name));
                }
                let cadir = m.cadir.map(|cadir| in_base(&cadir)).unwrap_or_default();
                CaMember { name: m.name, address: m.address, certname, cadir, kind }
            })
            .collect::<Vec<_>>(),
    };
    if members.len() > 1 && members.iter().any(|m| m.kind == Kind::PuppetServer) {
        faults.push(
            "[[ca.member]]: a Puppet Server is the only member, it cannot be replicated; 'bunraku ca migrate' makes a \
             CA of ours from its directory"
                .to_string(),
        );
    }
    let catalog = match raw.catalog.worker {
        None => layout.catalog_workers(),
        Some(list) => list
            .into_iter()
            .map(|w| {
                let place = places::place(&w, &mut faults);
                let said = foreign::Said {
                    section: "[[catalog.worker]]",
                    name: &w.name,
                    address: &w.address,
                    certname: w.certname.as_deref(),
                    kind: w.kind.as_deref(),
                };
                let (kind, certname) = foreign::kind(&said, &mut faults);
                CatalogWorker { name: w.name, address: w.address, certname, kind, place }
            })
            .collect(),
    };
    let balance = places::balance(raw.catalog.balance.as_deref(), &mut faults);
    let spread = Spread { balance, slow_start, queue: raw.catalog.queue.unwrap_or(1000), queue_time };
    let access_format = match raw.log.access_format.as_deref() {
        None | Some("combined") => wire::access_log::Format::Combined,
        Some("json") => wire::access_log::Format::Json,
        Some(other) => {
            faults.push(format!("[log] access_format: '{other}' is neither \"combined\" nor \"json\""));
            wire::access_log::Format::Combined
        }
    };
    let text = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_string());
    let main = Main {
        server: text(raw.main.server, "localhost"),
        ssldir: in_base(&text(raw.main.ssldir, "ssl")),
        logdir: in_base(&text(raw.main.logdir, "log")),
        reportdir: in_base(&text(raw.main.reportdir, "reports")),
        environmentpath: in_base(&text(raw.main.environmentpath, "code/environments")),
        basemodulepath: text(raw.main.basemodulepath, "code/modules").split(':').map(in_base).collect(),
        operator_certname: text(raw.main.operator_certname, "bunraku-operator"),
    };
    let front_end = FrontEnd {
        name: text(raw.front_end.name, "front-end"),
        listen: text(raw.front_end.listen, &layout.address(0)),
        certname: text(raw.front_end.certname, "bunraku-front-end"),
        register: in_base(&text(raw.front_end.register, "register.json")),
        admin: raw.front_end.admin.filter(|address| !address.is_empty()),
        probe_interval,
        probe_timeout,
        ca_hold,
        failback_automatic,
        failback_after,
        compile_retry: raw.front_end.compile_retry.unwrap_or(true),
        client_verify,
        limits,
    };
    let further_front_ends = register::further(raw.front_end.further);
    let register = register::resolve(&base, raw.register, further_front_ends.len(), &mut faults);
    if members.is_empty() {
        faults.push("[[ca.member]]: at least one CA is needed".to_string());
    }
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let admin_name = "[front_end] admin".to_string();
    let foreign_addresses: BTreeSet<String> = members
        .iter()
        .map(|m| (m.kind, &m.address))
        .chain(catalog.iter().map(|w| (w.kind, &w.address)))
        .filter(|(kind, _)| *kind == Kind::PuppetServer)
        .map(|(_, address)| address.clone())
        .collect();
    let roles = std::iter::once((&front_end.name, &front_end.listen))
        .chain(front_end.admin.as_ref().map(|admin| (&admin_name, admin)))
        .chain(further_front_ends.iter().map(|f| (&f.name, &f.listen)))
        .chain(members.iter().map(|m| (&m.name, &m.address)))
        .chain(catalog.iter().map(|w| (&w.name, &w.address)));
    for (name, address) in roles {
        if !names.insert(name.clone()) {
            faults.push(format!("the name '{name}' is given to two roles"));
        }
        // One Puppet Server may be authority and catalog worker.
        if !addresses.insert(address.clone()) && !foreign_addresses.contains(address) {
            faults.push(format!("the address {address} is given to two roles"));
        }
        let address = address.strip_prefix("http://").unwrap_or(address);
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            faults.push(format!("'{address}' of {name} is not HOST:PORT"));
        }
    }
    if faults.is_empty() {
        let cluster = text(raw.cluster, "unnamed");
        let ca = Ca {
            autosign,
            ca_name: text(raw.ca.ca_name, "Puppet CA: localhost"),
            key,
            ca_ttl,
            allow_subject_alt_names: raw.ca.allow_subject_alt_names.unwrap_or(false),
            allow_authorization_extensions: raw.ca.allow_authorization_extensions.unwrap_or(false),
            allow_duplicate_certs: raw.ca.allow_duplicate_certs.unwrap_or(false),
            enable_infra_crl: raw.ca.enable_infra_crl.unwrap_or(false),
            allow_auto_renewal: raw.ca.allow_auto_renewal.unwrap_or(false),
            auto_renewal_cert_ttl,
            autosign_timeout,
            autosign_at_once: raw.ca.autosign_at_once.unwrap_or(ca::AutosignRules::AT_ONCE),
            autosign_gem_path: text(raw.ca.autosign_gem_path, ""),
            strict_autosign_globs: raw.ca.strict_autosign_globs.unwrap_or(false),
            max_pending: raw.ca.max_pending.unwrap_or(ca::MAX_PENDING),
            max_pending_per_source: raw.ca.max_pending_per_source.unwrap_or(ca::MAX_PENDING_PER_SOURCE),
            standby_timeout,
            members,
        };
        Ok(Config {
            path: path.to_path_buf(),
            cluster,
            main,
            access_format,
            ca,
            front_end,
            further_front_ends,
            register,
            catalog,
            spread,
            access,
            made: MadeHere::default(),
        })
    } else {
        Err(ConfigFault::Values { path: path.to_path_buf(), faults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotated_example_equals_the_defaults() {
        let path = Path::new("/srv/bunraku/bunraku.toml");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bunraku.example.toml");
        let written = Config::parse(path, &std::fs::read_to_string(example).unwrap()).unwrap();
        assert_eq!(written, Config::parse(path, "version = 1").unwrap());
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = "[ca]\nca_ttl = \"60y\"\n[front_end]\nlisten = \"nowhere\"\nfailback = \"never\"\n\
                    client_verify = \"lax\"\nmax_connections = 1\n\
                    [log]\naccess_format = \"xml\"\n";
        let Err(ConfigFault::Values { faults, .. }) = Config::parse(Path::new("/x/bunraku.toml"), text)
        else {
            panic!("must be refused")
        };
        assert_eq!(faults.len(), 6, "{faults:?}");
    }

    #[test]
    fn a_worker_gets_its_place() {
        let worker = |rest: &str| {
            let text = format!(
                "[catalog]\nbalance = \"certname\"\n[[catalog.worker]]\nname = \"w\"\naddress = \"h:1\"\n\
                 certname = \"w\"\n{rest}"
            );
            Config::parse(Path::new("/x/bunraku.toml"), &text)
        };
        let config = worker("weight = 3\ntier = 1\nmax_requests = 8\nserves = [\"files\"]\n").unwrap();
        let serves = vec![gateway::Traffic::Files];
        assert_eq!(config.catalog[0].place, gateway::Place { weight: 3, tier: 1, most: Some(8), serves });
        assert_eq!(config.spread.balance, gateway::Balance::Certname);
        let fault = worker("weight = 0\nserves = [\"catalogs\"]\n").unwrap_err().to_string();
        for part in
            ["w: weight 0", "'catalogs' is none of \"catalog\", \"files\", \"reports\"", "at least one"]
        {
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        let fault = Config::parse(Path::new("/x/bunraku.toml"), "[ca]\nautosgn = true\n").unwrap_err();
        assert!(fault.to_string().contains("autosgn"), "{fault}");
    }

    #[test]
    fn another_layout_version_is_refused_before_its_keys_are_read() {
        let fault =
            Config::parse(Path::new("/x/bunraku.toml"), "version = 7\n[future]\nkey = 1\n").unwrap_err();
        assert!(matches!(fault, ConfigFault::Version { found: 7, .. }), "{fault}");
    }

    #[test]
    fn two_roles_may_not_share_an_address() {
        let text = "[front_end]\nlisten = \"127.0.0.1:18140\"\n";
        let fault = Config::parse(Path::new("/x/bunraku.toml"), text).unwrap_err();
        assert!(fault.to_string().contains("127.0.0.1:18140 is given to two roles"), "{fault}");
    }
}
