//! `front_end_error.log`: one sentence per event that an operator may have to act on, with its time.
//!
//! Such events are rare (a worker that goes or returns, a change of the active CA), so a line is written at once and
//! by whoever has it; nothing on a request's way waits for more than one short `write`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::clock::wall_time;

/// The error log.
#[derive(Debug)]
pub struct ErrorLog {
    path: PathBuf,
    file: Mutex<File>,
}

impl ErrorLog {
    /// Opens for appending; creates it when missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Mutex::new(append(path)?) })
    }

    /// Goes on in a new file of the same name, after the old one was renamed.
    pub fn reopen(&self) -> io::Result<()> {
        let fresh = append(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Writes one sentence. A full disk must not stop the front end, so a failure goes to standard error only.
    pub fn say(&self, sentence: impl AsRef<str>) {
        let line = format!("{} {}\n", wall_time(), one_line(sentence.as_ref()));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::error!(%error, line = line.trim_end(), "the error log cannot be written");
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Causes may hold text from the other side of a connection: nobody forges a line of this log.
fn one_line(sentence: &str) -> String {
    sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("front_end_error.log");
        let log = ErrorLog::open(&path).unwrap();
        log.say("ca-1 disabled: connection refused\n2026 ca-1 enabled");
        std::fs::rename(&path, dir.path().join("old")).unwrap();
        log.reopen().unwrap();
        log.say("second");
        let old = std::fs::read_to_string(dir.path().join("old")).unwrap();
        assert_eq!(old.lines().count(), 1);
        assert!(old.contains("Z ca-1 disabled: connection refused 2026 ca-1 enabled"), "{old}");
        assert!(std::fs::read_to_string(&path).unwrap().ends_with(" second\n"));
    }
}
