//! One agent at a time: Puppet's lock files, with the process id of their holder in them, so that the two agents also
//! wait for each other where they share their files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tokio::time::{Instant, sleep};

use crate::console::{Console, Level};
use crate::settings::Settings;

/// What is done under a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Getting certificates (`ssldir/ssl.lock`).
    Certificates,
    /// Applying a catalog (`vardir/state/agent_catalog_run.lock`).
    Run,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next finds that its holder is gone, if it stays.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes a lock, waiting as long as the settings allow; `None` when another agent has it (which has been said).
pub async fn take(work: Work, settings: &Settings, console: &mut Console) -> io::Result<Option<Lock>> {
    let path = match work {
        Work::Certificates => settings.ssldir.join("ssl.lock"),
        Work::Run => settings.vardir.join("state/agent_catalog_run.lock"),
    };
    let deadline = settings.maxwaitforlock.map(|longest| Instant::now() + longest);
    loop {
        if let Some(lock) = try_take(&path)? {
            return Ok(Some(lock));
        }
        let pause = settings.waitforlock;
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if pause < Duration::from_secs(1) || late {
            let (level, text) = refusal(work, &path, late && !pause.is_zero());
            console.say(level, text);
            return Ok(None);
        }
        console.say(
            Level::Info,
            match work {
                Work::Certificates => "Another puppet instance is already running; waiting for it to finish",
                Work::Run => {
                    "Another puppet instance is already running; --waitforlock flag used, waiting for running instance \
                     to finish."
                }
            },
        );
        console.say(Level::Info, format!("Will try again in {} seconds.", pause.as_secs()));
        sleep(pause).await;
    }
}

/// Puppet's words.
fn refusal(work: Work, path: &Path, late: bool) -> (Level, String) {
    let another = "Another puppet instance is already running and the";
    match (work, late) {
        (Work::Certificates, false) => {
            (Level::Error, format!("{another} waitforlock setting is set to 0; exiting"))
        }
        (Work::Certificates, true) => {
            (Level::Error, format!("{another} maxwaitforlock timeout has been exceeded; exiting"))
        }
        (Work::Run, false) => (
            Level::Notice,
            format!(
                "Run of Puppet configuration client already in progress; skipping  ({} exists)",
                path.display()
            ),
        ),
        (Work::Run, true) => {
            (Level::Notice, "Exiting now because the maxwaitforlock timeout has been exceeded.".to_string())
        }
    }
}

/// The lock, unless a living agent has it.
fn try_take(path: &Path) -> io::Result<Option<Lock>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // It appears with its content: an empty one would look stale.
    let own = path.with_extension(format!("lock.{}", std::process::id()));
    std::fs::write(&own, std::process::id().to_string())?;
    let mut linked = std::fs::hard_link(&own, path);
    if linked.as_ref().is_err_and(|fault| fault.kind() == io::ErrorKind::AlreadyExists) && !is_held(path) {
        match std::fs::remove_file(path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => linked = Err(fault),
            _ => linked = std::fs::hard_link(&own, path),
        }
    }
    std::fs::remove_file(&own)?;
    match linked {
        Ok(()) => Ok(Some(Lock { path: path.to_path_buf() })),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Whether the process in the file lives and is an agent (a process id is given again some time).
fn is_held(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) else { return false };
    if test_kill_process(pid).is_err_and(|fault| fault == rustix::io::Errno::SRCH) {
        return false;
    }
    let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    ["puppet", "bunraku"].iter().any(|name| line.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_had_once_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/run.lock");
        let lock = try_take(&path).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(lock);
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_of_nobody_who_lives_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.lock");
        // No process has this id; the first one is no agent; a word is none at all.
        for stale in ["2147483646", "1", "word", ""] {
            std::fs::write(&path, stale).unwrap();
            let lock = try_take(&path).unwrap();
            assert!(lock.is_some(), "{stale}");
        }
    }

    #[test]
    fn a_lock_of_a_living_agent_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.lock");
        let mut agent = std::process::Command::new("sh")
            .args(["-c", "echo; read x # puppet"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Between its birth and its first word it has no command line.
        std::io::Read::read_exact(agent.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        std::fs::write(&path, agent.id().to_string()).unwrap();
        assert!(try_take(&path).unwrap().is_none());
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(try_take(&path).unwrap().is_some());
    }
}
