//! Choosing the signature of a builtin function that takes a call.

use std::sync::{Arc, OnceLock};

use super::Call;
use crate::failure::{Failure, Fault};
use crate::types::signature::{Signature, describe_call};
use crate::types::{Alias, Type, callable_of, parse_type_with};
use crate::value::Value;

/// The signatures of a function, written as [`Signature::parse`] reads them.
pub(super) struct Table {
    name: &'static str,
    /// Aliases that the signatures use: name and type.
    types: &'static [(&'static str, &'static str)],
    signatures: &'static [&'static str],
    parsed: OnceLock<Vec<Signature>>,
}

/// The signatures of a function.
pub(super) const fn table(name: &'static str, signatures: &'static [&'static str]) -> Table {
    Table { name, types: &[], signatures, parsed: OnceLock::new() }
}

/// The same with aliases of its own.
pub(super) const fn table_with(
    name: &'static str,
    types: &'static [(&'static str, &'static str)],
    signatures: &'static [&'static str],
) -> Table {
    Table { name, types, signatures, parsed: OnceLock::new() }
}

impl Table {
    fn parsed(&self) -> &[Signature] {
        self.parsed.get_or_init(|| {
            let aliases: Vec<Arc<Alias>> = self
                .types
                .iter()
                .map(|(name, _)| Arc::new(Alias { name: (*name).into(), target: OnceLock::new() }))
                .collect();
            let local = |name: &str| {
                aliases.iter().find(|alias| *alias.name == *name).map(|alias| Type::Alias(alias.clone()))
            };
            for (alias, (_, text)) in aliases.iter().zip(self.types) {
                let target = parse_type_with(text, &local);
                // Set exactly once, right here.
                let _ = alias.target.set(target.expect("a constant type parses"));
            }
            self.signatures
                .iter()
                .map(|text| Signature::parse(text, &local).expect("a constant signature parses"))
                .collect()
        })
    }

    /// Position of the first signature that takes the call.
    pub fn find(&self, args: &[Value], call: &Call) -> Option<usize> {
        self.parsed().iter().position(|signature| signature.accepts(args, call.lambda.as_ref()))
    }

    /// Position of the first signature that takes the call.
    ///
    /// # Errors
    /// Puppet's account of why none does.
    pub fn select(&self, call: &Call) -> Result<usize, Failure> {
        self.find(&call.args, call).ok_or_else(|| self.refusal(&call.args, call))
    }

    /// Position of the first signature that takes these arguments, without a lambda.
    pub fn position(&self, args: &[Value]) -> Option<usize> {
        self.parsed().iter().position(|signature| signature.accepts(args, None))
    }

    /// The same.
    ///
    /// # Errors
    /// Puppet's account of why none does.
    pub fn choose(&self, args: &[Value]) -> Result<usize, Failure> {
        self.position(args).ok_or_else(|| {
            let signatures: Vec<&Signature> = self.parsed().iter().collect();
            Failure::raised(describe_call(self.name, &signatures, args, None))
        })
    }

    /// Why no signature takes the call.
    pub fn refusal(&self, args: &[Value], call: &Call) -> Failure {
        let signatures: Vec<&Signature> = self.parsed().iter().collect();
        let lambda = call.lambda.as_ref().map(|lambda| callable_of(lambda));
        Failure::raised(describe_call(self.name, &signatures, args, lambda.as_ref()))
    }
}

/// Checks the number of arguments of a function of the old interface.
///
/// # Errors
/// `md5(): Wrong number of arguments given (0 for 1)`.
pub(super) fn legacy_arity(call: &Call, least: usize, most: Option<usize>) -> Result<(), Failure> {
    if call.lambda.is_some() {
        return Err(Failure::raised(format!("'{}' does not expect a block", call.name)));
    }
    let (name, got) = (&call.name, call.args.len());
    if got >= least && most.is_none_or(|most| got <= most) {
        return Ok(());
    }
    let minimum = if most == Some(least) { "" } else { "minimum " };
    Err(Failure::raised(format!("{name}(): Wrong number of arguments given ({got} for {minimum}{least})")))
}

/// What an iterating function does about `break()`: `Ok(None)` says to stop.
pub(super) fn unless_broken(result: Result<Value, Failure>) -> Result<Option<Value>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if matches!(*failure.0, Fault::Break(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// An argument as functions of the old interface get it: `undef` is the empty string, and values that interface
/// doesn't know are text.
pub(super) fn legacy(value: &Value) -> Value {
    match value {
        Value::Undef => "".into(),
        Value::Regex(regex) => regex.inspect().into(),
        Value::SemVer(_)
        | Value::SemVerRange(_)
        | Value::Binary(_)
        | Value::Timespan(_)
        | Value::Timestamp(_) => crate::format::display(value).into(),
        Value::Type(of) => match &**of {
            Type::Resource { name: Some(name), title } => {
                let title = title.as_deref().unwrap_or_default();
                format!("{name}[{title}]").into()
            }
            Type::Class(Some(name)) => format!("Class[{}]", crate::types::capitalized(name)).into(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}
