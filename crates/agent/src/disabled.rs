//! An agent that an administrator has disabled does nothing: Puppet's file, with the reason in it.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::settings::Settings;

fn path(settings: &Settings) -> PathBuf {
    settings.vardir.join("state/agent_disabled.lock")
}

/// Why it is disabled, if it is.
pub fn reason(settings: &Settings) -> Option<String> {
    let text = std::fs::read_to_string(path(settings)).ok()?;
    let document: Option<Value> = serde_json::from_str(&text).ok();
    Some(document.and_then(|d| d["disabled_message"].as_str().map(str::to_string)).unwrap_or_default())
}

/// No runs from now on. What was said before stays.
pub fn disable(settings: &Settings, reason: &str) -> io::Result<()> {
    let path = path(settings);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::File::options().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            io::Write::write_all(&mut file, json!({ "disabled_message": reason }).to_string().as_bytes())
        }
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Runs again.
pub fn enable(settings: &Settings) -> io::Result<()> {
    match std::fs::remove_file(path(settings)) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}
