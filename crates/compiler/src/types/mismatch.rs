//! Saying in Puppet's words why a value or type isn't what was asked for.

mod describe;
mod message;

use super::{IntRange, Type, infer_set, instance_of, normalize};
use crate::value::Value;

pub use describe::describe;
pub(super) use describe::merge_descriptions;

/// A step on the way to the part that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Subject(String),
    Entry(String),
    KeyOfEntry(String),
    Parameter(String),
    Return,
    Block,
    Index(usize),
    Variant(usize),
    /// One of several signatures of a function.
    Signature(usize),
}

impl Step {
    /// Whether the step only tells alternatives apart.
    fn is_alternative(&self) -> bool {
        matches!(self, Step::Variant(_) | Step::Signature(_))
    }
}

/// What is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    MissingKey(String),
    MissingParameter(String),
    ExtraneousKey(String),
    InvalidParameter(String),
    UnexpectedBlock,
    MissingBlock,
    Unresolved(String),
    Type {
        expected: Type,
        actual: Type,
    },
    /// Texts that had to match an enum or a pattern.
    Pattern {
        expected: Type,
        actual: Type,
    },
    Size {
        expected: IntRange,
        actual: IntRange,
    },
    Count {
        expected: IntRange,
        actual: IntRange,
    },
}

/// One thing that doesn't fit, and where.
#[derive(Clone, Debug)]
pub struct Mismatch {
    pub(super) path: Vec<Step>,
    pub(super) fault: Fault,
}

impl PartialEq for Mismatch {
    /// Alternatives on the path play no part. Faults about keys never equal each other: Puppet says each of them.
    fn eq(&self, other: &Mismatch) -> bool {
        let about_key = matches!(
            self.fault,
            Fault::MissingKey(_)
                | Fault::MissingParameter(_)
                | Fault::ExtraneousKey(_)
                | Fault::InvalidParameter(_)
        );
        !about_key && self.fault == other.fault && self.place().eq(other.place())
    }
}

impl Mismatch {
    pub(super) fn new(path: &[Step], fault: Fault) -> Mismatch {
        Mismatch { path: path.to_vec(), fault }
    }

    pub(super) fn types(path: &[Step], expected: &Type, actual: &Type) -> Mismatch {
        Mismatch::new(path, Fault::Type { expected: normalize(expected), actual: normalize(actual) })
    }

    fn place(&self) -> impl Iterator<Item = &Step> {
        self.path.iter().filter(|step| !step.is_alternative())
    }

    /// Without the step at that position.
    pub(super) fn without_step(mut self, position: usize) -> Mismatch {
        if position < self.path.len() {
            self.path.remove(position);
        }
        self
    }

    /// The text, with a blank before it: it continues the name of what is spoken of.
    pub fn text(&self) -> String {
        message::text(self)
    }
}

/// The text of a mismatch: `SUBJECT expects …, got …`, for instance `describe_mismatch("parameter 'x'", …)` →
/// `parameter 'x' expects an Integer value, got String`.
pub fn describe_mismatch(subject: &str, expected: &Type, actual: &Value) -> String {
    describe_types(subject, expected, &infer_set(actual))
}

/// The same for a value of which only the type is known.
pub fn describe_types(subject: &str, expected: &Type, actual: &Type) -> String {
    let found = describe(expected, actual, vec![Step::Subject(subject.to_owned())]);
    match found.as_slice() {
        [one] => one.text().trim().to_owned(),
        many => many.iter().map(Mismatch::text).collect::<Vec<_>>().join("\n "),
    }
}

/// A parameter of a class, define or template.
#[derive(Clone, Debug)]
pub struct Parameter<'a> {
    pub name: &'a str,
    pub expected: &'a Type,
    /// Whether it has a default value.
    pub optional: bool,
}

/// Checks the parameters that were given: each is known and of its type, and none is missing.
///
/// # Errors
/// `SUBJECT: has no parameter named 'x'` and the like; several ones on a line each.
pub fn validate_parameters(
    subject: &str,
    parameters: &[Parameter<'_>],
    given: &[(&str, &Value)],
    missing_is_fine: bool,
) -> Result<(), String> {
    let mut found: Vec<Mismatch> = given
        .iter()
        .filter(|(name, _)| !parameters.iter().any(|parameter| parameter.name == *name))
        .map(|(name, _)| Mismatch::new(&[], Fault::InvalidParameter((*name).to_owned())))
        .collect();
    for parameter in parameters {
        match given.iter().find(|(name, _)| *name == parameter.name) {
            Some((name, value)) if !instance_of(parameter.expected, value) => {
                let path = vec![Step::Parameter((*name).to_owned())];
                found.extend(describe(parameter.expected, &infer_set(value), path));
            }
            None if !missing_is_fine && !parameter.optional => {
                found.push(Mismatch::new(&[], Fault::MissingParameter(parameter.name.to_owned())));
            }
            _ => {}
        }
    }
    report(subject, &found)
}

/// Checks the default value of a parameter.
///
/// # Errors
/// `SUBJECT: parameter 'x' expects …, got …`.
pub fn validate_default_parameter(
    subject: &str,
    name: &str,
    expected: &Type,
    value: &Value,
) -> Result<(), String> {
    if instance_of(expected, value) {
        return Ok(());
    }
    let actual = super::generalize(&infer_set(value));
    report(subject, &describe(expected, &actual, vec![Step::Parameter(name.to_owned())]))
}

fn report(subject: &str, found: &[Mismatch]) -> Result<(), String> {
    match found {
        [] => Ok(()),
        [one] => Err(format!("{subject}:{}", one.text())),
        many => {
            Err(format!("{subject}:\n {}", many.iter().map(Mismatch::text).collect::<Vec<_>>().join("\n ")))
        }
    }
}
