//! Messages to the operator.

use crate::eval::Evaluator;
use crate::eval::api::Level;
use crate::eval::scope::ScopeId;
use crate::failure::Location;

/// One message of a compilation, complete with its source and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub level: Level,
    pub message: String,
}

impl Evaluator<'_> {
    /// Tells what the parser had to say about files that were read meanwhile.
    pub(crate) fn take_remarks(&mut self) {
        let remarks = self.environment.take_remarks().into_iter();
        self.logs.extend(remarks.map(|message| Log { level: Level::Warning, message }));
    }

    /// Says something to the operator, with Puppet's source prefix `Scope(Class[main]): `.
    pub fn log(&mut self, level: Level, scope: ScopeId, message: &str) {
        self.take_remarks();
        let message = format!("{}: {message}", self.scope_label(scope));
        self.logs.push(Log { level, message });
    }

    /// A warning without source prefix, with the place behind it if given (deprecations and the like).
    pub fn warn(&mut self, message: &str, location: Option<&Location>) {
        self.take_remarks();
        let message = match location {
            Some(location) => format!("{message} {location}"),
            None => message.to_owned(),
        };
        self.logs.push(Log { level: Level::Warning, message });
    }
}
