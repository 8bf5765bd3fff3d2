//! The configuration read again while a role is at work: on SIGHUP, and for the front end when an operator asks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use access::LiveRules;
use gateway::{NewCourse, Reload, Reread};
use tracing::{info, warn};
use wire::access_log::AccessLog;
use wire::tls::{Identity, TrustBundle};

use super::front_end::{catalog_workers, role_certnames, tuning};
use crate::config::Config;
use crate::config::changes::{self, Effect, Role};

/// The configuration that a process goes by.
#[derive(Clone)]
struct Current {
    config: Arc<Mutex<Config>>,
    role: Role,
}

/// A configuration that a process could go by.
struct Fresh {
    config: Config,
    changes: Vec<String>,
    notes: Vec<String>,
}

impl Current {
    fn new(config: &Config, role: Role) -> Current {
        Current { config: Arc::new(Mutex::new(config.clone())), role }
    }

    fn read(&self) -> Result<Fresh, Vec<String>> {
        let old = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = Config::load(&old.path).map_err(|fault| vec![fault.to_string()])?;
        let (mut now, mut notes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes::between(&old, &config) {
            match change.effect(self.role) {
                Effect::Now => now.push(change.text),
                Effect::Elsewhere => notes.push(format!("{} (not for this process)", change.text)),
                Effect::Restart => refused.push(format!("{}: only a restart changes this", change.text)),
            }
        }
        if refused.is_empty() { Ok(Fresh { config, changes: now, notes }) } else { Err(refused) }
    }

    fn replace(&self, config: Config) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

/// The front end's source.
pub struct FrontEndSource {
    current: Current,
    certname: String,
    identity: Identity,
    trust: TrustBundle,
    access_log: Arc<AccessLog>,
}

impl FrontEndSource {
    /// Beginning with `config`; the rest is what the front end shares with it.
    pub fn new(
        config: &Config,
        certname: &str,
        identity: Identity,
        trust: TrustBundle,
        access_log: Arc<AccessLog>,
    ) -> FrontEndSource {
        let current = Current::new(config, Role::FrontEnd);
        FrontEndSource { current, certname: certname.to_string(), identity, trust, access_log }
    }

    /// The certificate and authorities as their files have them, if they can be used, and what is new about them.
    fn credentials(&self, config: &Config, changes: &mut Vec<String>) -> Result<[Vec<u8>; 3], Vec<String>> {
        let mut faults = Vec::new();
        let mut read = |path: PathBuf| {
            std::fs::read(&path).unwrap_or_else(|fault| {
                faults.push(format!("{}: {fault}", path.display()));
                Vec::new()
            })
        };
        let certificate_path = config.certificate_path(&self.certname);
        let certificate = read(certificate_path.clone());
        let (key, bundle) = (read(config.key_path(&self.certname)), read(config.ca_bundle_path()));
        if !faults.is_empty() {
            return Err(faults);
        }
        match Identity::from_pem(&certificate, &key) {
            Ok(fresh) => {
                let (is, was) = (fresh.certificate(), self.identity.certificate());
                if is.der() != was.der() {
                    changes.push(format!(
                        "certificate of {}: {} → {}",
                        self.certname,
                        was.serial(),
                        is.serial()
                    ));
                }
            }
            Err(fault) => faults.push(format!("{}: {fault}", certificate_path.display())),
        }
        match TrustBundle::from_pem(&bundle) {
            Ok(fresh) => {
                let ders = |trust: &TrustBundle| {
                    let mut ders: Vec<Vec<u8>> =
                        trust.certificates().iter().map(|one| one.der().to_vec()).collect();
                    ders.sort();
                    ders
                };
                if ders(&fresh) != ders(&self.trust) {
                    changes.push("the CA's certificates".to_string());
                }
            }
            Err(fault) => faults.push(format!("{}: {fault}", config.ca_bundle_path().display())),
        }
        if faults.is_empty() { Ok([certificate, key, bundle]) } else { Err(faults) }
    }
}

impl Reload for FrontEndSource {
    fn read(&self) -> Result<Reread, Vec<String>> {
        let fresh = self.current.read();
        // What is wrong with the certificates is said together with what is wrong with the file.
        let mut changes = Vec::new();
        let old = self.current.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let credentials = self.credentials(&old, &mut changes);
        let (fresh, [certificate, key, bundle]) = match (fresh, credentials) {
            (Ok(fresh), Ok(credentials)) => (fresh, credentials),
            (Err(mut faults), Err(more)) => {
                faults.extend(more);
                return Err(faults);
            }
            (Err(faults), _) | (_, Err(faults)) => return Err(faults),
        };
        let Fresh { config, changes: settings, mut notes } = fresh;
        changes.splice(0..0, settings);
        let (limits, fewer) = super::descriptors::fit(config.front_end.limits.of_listener())
            .map_err(|fault| vec![format!("{fault:#}")])?;
        notes.extend(fewer);
        let course = NewCourse {
            catalog_workers: catalog_workers(&config),
            role_certnames: role_certnames(&config),
            tuning: tuning(&config),
            rules: config.access.rules()?,
            limits,
        };
        let (identity, trust) = (self.identity.clone(), self.trust.clone());
        let (access_log, current) = (Arc::clone(&self.access_log), self.current.clone());
        let commit = Box::new(move || {
            // Both have been read before, from the same bytes.
            if let Err(fault) = identity.replace(&certificate, &key) {
                warn!("the certificate cannot be used: {fault}");
            }
            if let Err(fault) = trust.replace_authorities(&bundle) {
                warn!("the CA's certificates cannot be used: {fault}");
            }
            access_log.set_format(config.access_format);
            current.replace(config);
        });
        Ok(Reread { changes, notes, course, commit })
    }
}

/// A worker's source: rules and the form of its access log. Its certificate and what it trusts it follows by itself.
pub struct WorkerSource {
    current: Current,
    rules: LiveRules,
    access_log: Arc<AccessLog>,
}

impl WorkerSource {
    /// Beginning with `config`.
    pub fn new(config: &Config, role: Role, rules: LiveRules, access_log: Arc<AccessLog>) -> WorkerSource {
        WorkerSource { current: Current::new(config, role), rules, access_log }
    }

    /// Reads again, and goes by it or says why not.
    pub fn reload(&self) {
        let path = self.current.config.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        let fresh = self.current.read().and_then(|fresh| Ok((fresh.config.access.rules()?, fresh)));
        match fresh {
            Ok((rules, Fresh { config, changes, notes })) => {
                self.rules.replace(rules);
                self.access_log.set_format(config.access_format);
                self.current.replace(config);
                tell(&path, &changes, &notes);
            }
            Err(faults) => warn!("{} is refused, the old one goes on: {}", path.display(), faults.join("; ")),
        }
    }
}

fn tell(path: &Path, changes: &[String], notes: &[String]) {
    let changes = if changes.is_empty() { "nothing has changed".to_string() } else { changes.join("; ") };
    info!("{} read again: {changes}", path.display());
    for note in notes {
        info!("{note}");
    }
}
