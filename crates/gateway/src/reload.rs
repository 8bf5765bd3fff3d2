//! A configuration that is read again while the front end is at work.

use access::Rules;
use serde::Serialize;
use wire::Limits;

use crate::pool::Place;
use crate::settings::{Tuning, WorkerAddress};

/// Where the configuration comes from.
pub trait Reload: Send + Sync {
    /// Reads it again, from its files (blocking), and puts all of it to the test.
    ///
    /// # Errors
    /// Everything that is wrong with it, and everything that has changed and cannot while the front end runs.
    fn read(&self) -> Result<Reread, Vec<String>>;
}

/// A configuration that can be put into force.
pub struct Reread {
    /// What is different from the one in force, a sentence part each.
    pub changes: Vec<String>,
    /// What else whoever asked should know.
    pub notes: Vec<String>,
    /// What the front end goes by.
    pub course: NewCourse,
    /// Puts into force what the front end shares with others: certificates, trusted authorities, the log's format.
    pub commit: Box<dyn FnOnce() + Send>,
}

/// What can change of [`crate::FrontEndSettings`].
pub struct NewCourse {
    /// See there.
    pub catalog_workers: Vec<(WorkerAddress, Place)>,
    /// See there.
    pub role_certnames: Vec<String>,
    /// See there.
    pub tuning: Tuning,
    /// Who may ask for what.
    pub rules: Rules,
    /// What the listener allows its clients.
    pub limits: Limits,
}

/// What came of reading it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// What is different now.
    pub changes: Vec<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// A configuration without a source: it stays as it is.
pub struct Fixed;

impl Reload for Fixed {
    fn read(&self) -> Result<Reread, Vec<String>> {
        Err(vec!["this front end has no configuration that could be read again".to_owned()])
    }
}
