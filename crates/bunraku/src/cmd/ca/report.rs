//! What a CA verb tells: lines while it works, in the words of `puppetserver ca`; or one JSON object at its end.

use anyhow::bail;
use serde_json::{Map, Value, json};

use crate::cli::Output;
use crate::console::{self, Progress, errln};

/// Collects what a verb has to tell.
pub struct Report {
    json: bool,
    document: Map<String, Value>,
    progress: Option<Progress>,
}

impl Report {
    /// A report in the form that the command line asks for.
    pub fn new(output: &Output) -> anyhow::Result<Report> {
        Ok(Report { json: is_json(output)?, document: Map::new(), progress: None })
    }

    /// Long work begins: on a terminal a line shows how far it is.
    pub fn begin(&mut self, label: &str, total: usize) {
        self.progress = Progress::begin(label, total);
    }

    /// One more part of the long work is done.
    pub fn advance(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.advance();
        }
    }

    /// The long work has ended.
    pub fn end(&mut self) {
        self.progress = None;
    }

    /// A line of the text form.
    pub fn say(&mut self, line: &str) {
        self.clear();
        if !self.json {
            console::print(&format!("{line}\n"));
        }
    }

    /// A line of the text form for stderr.
    pub fn warn(&mut self, line: &str) {
        self.clear();
        if !self.json {
            errln!("{line}");
        }
    }

    /// A list of the JSON form that is there even if nothing comes into it.
    pub fn list(&mut self, name: &str) {
        self.document.entry(name).or_insert_with(|| json!([]));
    }

    /// Adds to a list of the JSON form.
    pub fn push(&mut self, name: &str, value: impl Into<Value>) {
        self.list(name);
        if let Some(Value::Array(list)) = self.document.get_mut(name) {
            list.push(value.into());
        }
    }

    /// A member of the JSON form.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.document.insert(name.to_string(), value.into());
    }

    /// Something that was not done: `Error:` and these lines on stderr, or an entry of `errors`.
    pub fn fail(&mut self, certname: Option<&str>, lines: &str) {
        self.clear();
        if self.json {
            let message: Vec<&str> = lines.lines().map(str::trim).collect();
            let mut entry = json!({"message": message.join("\n")});
            if let Some(certname) = certname {
                entry["certname"] = certname.into();
            }
            self.push("errors", entry);
        } else {
            errln!("Error:\n{lines}");
        }
    }

    /// Prints the JSON form, if that is the one. A fault that ended the work is told with what had been done until then:
    /// whoever reads that must know of the names that were signed or revoked before.
    pub fn conclude(mut self, ended: anyhow::Result<u8>) -> anyhow::Result<u8> {
        match ended {
            Ok(code) => self.finish(code),
            Err(fault) if self.json => {
                self.set("error", format!("{fault:#}"));
                self.finish(1)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Prints the JSON form, if that is the one.
    pub fn finish(mut self, code: u8) -> anyhow::Result<u8> {
        self.end();
        if self.json {
            console::print(&format!("{}\n", Value::Object(self.document)));
        }
        Ok(code)
    }

    fn clear(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
    }
}

/// Whether the flags ask for JSON.
pub fn is_json(output: &Output) -> anyhow::Result<bool> {
    match output.format.as_str() {
        _ if output.json => Ok(true),
        "json" => Ok(true),
        "text" => Ok(false),
        other => bail!("Unknown format flag '{other}'. Valid formats are 'text', 'json'."),
    }
}

/// Flags that cannot be followed; all of them at once.
#[derive(Debug, thiserror::Error)]
#[error("{}\n\nSee 'bunraku ca {verb} --help'", .lines.join("\n"))]
pub struct Misuse {
    pub verb: &'static str,
    pub lines: Vec<String>,
}

impl Misuse {
    /// An error, if there are lines.
    pub fn check(verb: &'static str, lines: Vec<String>) -> anyhow::Result<()> {
        if lines.is_empty() { Ok(()) } else { Err(Misuse { verb, lines }.into()) }
    }
}
