//! What the agent says, as Puppet says it: on the terminal with a level and a colour, and kept for the report.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// Levels of Puppet's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Notice,
    Warning,
    Error,
}

impl Level {
    fn label(self) -> &'static str {
        match self {
            Level::Info => "Info",
            Level::Notice => "Notice",
            Level::Warning => "Warning",
            Level::Error => "Error",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "err",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Level::Info => "32",
            Level::Notice => "0;36",
            Level::Warning => "0;33",
            Level::Error => "1;31",
        }
    }
}

/// Where a message is about: the log's `source`, file and line.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub source: Option<String>,
    pub tags: Vec<String>,
    pub file: Option<String>,
    pub line: Option<i64>,
}

/// Prints messages and keeps them. A clone keeps them in the same place.
#[derive(Debug, Default, Clone)]
pub struct Console {
    kept: Arc<Mutex<Vec<Value>>>,
}

impl Console {
    /// A message of the agent itself.
    pub fn say(&mut self, level: Level, message: impl AsRef<str>) {
        self.say_of(level, message, Origin::default());
    }

    /// A message about a resource; its source is printed before it.
    pub fn say_of(&mut self, level: Level, message: impl AsRef<str>, origin: Origin) {
        let message = message.as_ref();
        let text = match &origin.source {
            Some(source) => format!("{source}: {message}"),
            None => message.to_string(),
        };
        print(level, &text);
        let mut tags = vec![level.name().to_string()];
        tags.extend(origin.tags);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(json!({
            "level": level.name(), "message": message,
            "source": origin.source.as_deref().unwrap_or("Puppet"), "tags": tags,
            "time": jiff::Timestamp::now().to_string(), "file": origin.file, "line": origin.line,
        }));
    }

    /// Text without a level, to stdout, as Puppet prints its last words.
    pub fn plain(&mut self, text: &str) {
        println!("{text}");
    }

    /// The messages so far, in the report's form.
    pub fn logs(&self) -> Vec<Value> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Errors and warnings go to stderr, everything else to stdout.
fn print(level: Level, text: &str) {
    let serious = matches!(level, Level::Warning | Level::Error);
    let terminal = if serious { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let label = level.label();
    let line = if terminal && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{}m{label}: {text}\x1b[0m", level.colour())
    } else {
        format!("{label}: {text}")
    };
    if serious {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}
