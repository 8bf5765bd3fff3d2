//! Whether a request is signed without an operator: `true`, `false`, a file of names ([`list`]), or a policy
//! executable.

pub mod list;
mod policy;

pub use policy::{PolicyAnswer, PolicyFault};

use list::Line;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::{debug, error, warn};

/// The `autosign` setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Autosign {
    /// Sign every request that the rules allow.
    True,
    /// Sign nothing without an operator.
    False,
    /// A file: a policy executable when it may be executed, else a list of names. Read at every request.
    File(PathBuf),
}

/// All that the configuration says about signing without an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutosignRules {
    /// Who signs.
    pub setting: Autosign,
    /// Globs such as `*partial.example.com` sign nothing, instead of all of `example.com`.
    pub strict_globs: bool,
    /// How long a policy executable may take.
    pub time_limit: Duration,
    /// How many policy executables may run at one time; further requests wait for their turn.
    pub at_once: usize,
    /// Directories, separated by colons, at the end of the executable's `GEM_PATH`: where Puppet Server puts those of
    /// its own gems. Empty: the environment is left as it is.
    pub gem_path: String,
}

impl AutosignRules {
    /// Longest run of a policy executable, unless the configuration says otherwise.
    pub const TIME_LIMIT: Duration = Duration::from_secs(30);
    /// Most policy executables at one time, unless the configuration says otherwise.
    pub const AT_ONCE: usize = 16;

    /// With the defaults for everything else.
    pub fn new(setting: Autosign) -> AutosignRules {
        AutosignRules {
            setting,
            strict_globs: false,
            time_limit: AutosignRules::TIME_LIMIT,
            at_once: AutosignRules::AT_ONCE,
            gem_path: String::new(),
        }
    }
}

/// What the setting says about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sign it.
    Sign,
    /// Leave it to an operator.
    Leave,
    /// Only the policy executable knows; [`Autosigner::ask`] must be called, outside every lock.
    AskPolicy(PathBuf),
}

/// A verdict, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// For the audit record: the setting, the file and its line.
    pub reason: String,
}

/// Puts the rules to use.
#[derive(Debug)]
pub struct Autosigner {
    rules: AutosignRules,
    gem_path: Option<OsString>,
    turns: Semaphore,
    /// Lines of which the log has been told. Only an operator can write new ones, and they are forgotten now and then.
    told: Mutex<BTreeSet<String>>,
}

/// A list is read at every request: what is longer was never meant to be one. Octets; some 500,000 names.
const LONGEST_LIST: u64 = 16 * 1024 * 1024;

/// Lines that are remembered as told.
const TOLD: usize = 1024;

impl Autosigner {
    /// With these rules.
    pub fn new(rules: AutosignRules) -> Autosigner {
        let inherited = std::env::var_os("GEM_PATH").filter(|inherited| !inherited.is_empty());
        let gem_path = (!rules.gem_path.is_empty()).then(|| {
            let mut path = inherited.unwrap_or_default();
            if !path.is_empty() {
                path.push(":");
            }
            path.push(&rules.gem_path);
            path
        });
        let turns = Semaphore::new(rules.at_once.max(1));
        Autosigner { rules, gem_path, turns, told: Mutex::default() }
    }

    /// What is to become of a request for `certname`, without running anything. A file that does not exist signs nothing.
    ///
    /// # Errors
    /// When the file exists but cannot be read.
    pub fn judge(&self, certname: &str) -> io::Result<Judgement> {
        let because = |verdict, reason: String| Ok(Judgement { verdict, reason });
        let path = match &self.rules.setting {
            Autosign::True => return because(Verdict::Sign, "autosign = true".into()),
            Autosign::False => return because(Verdict::Leave, "autosign = false".into()),
            Autosign::File(path) => path,
        };
        let shown = path.display();
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                return because(Verdict::Leave, format!("autosign: there is no {shown}"));
            }
            Err(fault) => return Err(fault),
        };
        if !metadata.is_file() {
            // A device has no end, a pipe no beginning.
            return Err(io::Error::other(format!("{shown} is no file")));
        }
        if metadata.permissions().mode() & 0o111 != 0 {
            return because(Verdict::AskPolicy(path.clone()), format!("autosign policy {shown} is asked"));
        }
        if metadata.len() > LONGEST_LIST {
            return Err(io::Error::other(format!("{shown} has more than {LONGEST_LIST} octets")));
        }
        let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        // To the end, though one line decides: the log shall know of every line that is not what it seems.
        let mut signs = None;
        for (number, line) in list::lines(&text).enumerate() {
            let read = Line::parse(line);
            self.tell(path, line, &read);
            if signs.is_none() && read.signs(certname, self.rules.strict_globs) {
                signs = Some((number + 1, line));
            }
        }
        match signs {
            Some((number, line)) => because(Verdict::Sign, format!("{shown} line {number}: {line}")),
            None => because(Verdict::Leave, format!("autosign: no line of {shown} names it")),
        }
    }

    /// Says once what is wrong with a line.
    fn tell(&self, path: &Path, line: &str, read: &Line) {
        let (Line::Invalid | Line::Barren | Line::Glob { misleading: true, .. }) = read else { return };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() >= TOLD {
                told.clear();
            }
            if !told.insert(line.to_owned()) {
                return;
            }
        }
        let path = path.display();
        match read {
            Line::Glob { labels, .. } => {
                let domain = labels.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
                if self.rules.strict_globs {
                    warn!(%path, line, "this glob signs nothing: strict_autosign_globs wants a dot after the star");
                } else {
                    warn!(
                        %path, line,
                        "this glob signs every certname of {domain}, as Puppet Server does: whatever stands before \
                         the first dot counts as a star; strict_autosign_globs = true turns that off"
                    );
                }
            }
            Line::Barren => warn!(%path, line, "a glob without a dot signs nothing"),
            _ => {
                error!(%path, line, "invalid pattern: a line holds one name or glob, no blank and no comment")
            }
        }
    }

    /// Asks the policy executable at `path`, when it is this request's turn, and tells the log what it said.
    ///
    /// # Errors
    /// [`PolicyFault`]; the caller leaves the request to an operator then.
    pub async fn ask(
        &self,
        path: &Path,
        certname: &str,
        request_pem: &str,
    ) -> Result<PolicyAnswer, PolicyFault> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let shown = path.display();
        let answer =
            policy::ask(path, certname, request_pem, self.rules.time_limit, self.gem_path.as_ref()).await;
        if let Err(PolicyFault::TimedOut { stderr, .. }) = &answer
            && !stderr.is_empty()
        {
            warn!(certname, policy = %shown, stderr, "autosign policy, before it was ended");
        }
        let answer = answer?;
        debug!(certname, policy = %shown, stdout = answer.stdout, "autosign policy has ended");
        if !answer.stderr.is_empty() {
            warn!(certname, policy = %shown, stderr = answer.stderr, "autosign policy");
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
