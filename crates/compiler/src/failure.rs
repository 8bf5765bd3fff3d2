//! How an evaluation stops: errors with Puppet's texts, and the control transfers `break`, `next`, `return`.

use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// A place in a manifest. Lines and columns count from 1; a column counts characters, not octets.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Location {
    /// Path of the file; `None` for code that came without one.
    pub file: Option<Arc<str>>,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Location {
    /// The suffix Puppet puts behind messages: `(file: F, line: L, column: C)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "(file: {file}, line: {}, column: {})", self.line, self.column),
            None => write!(f, "(line: {}, column: {})", self.line, self.column),
        }
    }
}

/// What ended an evaluation early.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error whose place and context aren't known yet (Ruby's `ArgumentError` and the like). The
    /// expression that was being evaluated adds both: `Error while evaluating a Function Call, TEXT`.
    Raised(String),
    /// An error that tells its own story; only the place is added by the expression around it.
    Issue(String),
    /// A finished message: `Evaluation Error: … (file: F, line: L, column: C)`.
    Located(String),
    /// `break()` in a lambda, with the place of the call for the error when nothing catches it.
    Break(Location),
    /// `next(value)`.
    Next(Value, Location),
    /// `return(value)`.
    Return(Value, Location),
    /// A default value asked for a parameter that has no value yet; the parameter list makes an error of it.
    Unassigned(Arc<str>),
}

/// Boxed so that `Result<Value, Failure>` stays small.
#[derive(Clone, Debug)]
pub struct Failure(pub Box<Fault>);

impl Failure {
    /// An error without place and context, see [`Fault::Raised`]. This is what builtin functions return.
    pub fn raised(text: impl Into<String>) -> Failure {
        Failure(Box::new(Fault::Raised(text.into())))
    }

    /// An error that gets its place from the expression around it, see [`Fault::Issue`].
    pub fn issue(text: impl Into<String>) -> Failure {
        Failure(Box::new(Fault::Issue(text.into())))
    }

    /// A finished message.
    pub fn located(text: impl Into<String>) -> Failure {
        Failure(Box::new(Fault::Located(text.into())))
    }

    /// Something that Bunraku knows it can't do yet. Never answer with a wrong value instead.
    pub fn unsupported(what: impl fmt::Display) -> Failure {
        Failure::issue(format!("{what} is not supported by Bunraku yet"))
    }

    /// The bare text, for messages and tests.
    pub fn text(&self) -> String {
        match &*self.0 {
            Fault::Raised(text) | Fault::Issue(text) | Fault::Located(text) => text.clone(),
            Fault::Break(at) => format!("break() from context where this is illegal {at}"),
            Fault::Next(_, at) => format!("next() from context where this is illegal {at}"),
            Fault::Return(_, at) => format!("return() from context where this is illegal {at}"),
            Fault::Unassigned(name) => format!("the parameter ${name} has no value yet"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Failure {}
