//! Lambdas as functions receive them, and parameter lists of lambdas and functions.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::ast::{Expr, Lambda, Parameter};

use crate::eval::Evaluator;
use crate::eval::scope::{Frame, ScopeId, TOP};
use crate::failure::{Failure, Fault};
use crate::types::{Type, describe_mismatch, instance_of};
use crate::value::Value;

/// A lambda together with the scope it was written in.
#[derive(Debug)]
pub struct Closure {
    lambda: Arc<Lambda>,
    /// Scope in which the lambda was written; its own variables get a new frame over this one.
    scope: ScopeId,
}

impl Closure {
    pub(crate) fn new(lambda: Arc<Lambda>, scope: ScopeId) -> Closure {
        Closure { lambda, scope }
    }

    /// How many arguments must be given at least.
    pub fn required_count(&self) -> usize {
        required(&self.lambda.parameters)
    }

    /// How many arguments can be given at most; `None` when any number can.
    pub fn limit(&self) -> Option<usize> {
        limit(&self.lambda.parameters)
    }

    /// How many parameters are declared, a splat counting as one: `each` on a hash gives one pair to a
    /// lambda of one parameter and key, value to one of two.
    pub fn parameter_count(&self) -> usize {
        self.lambda.parameters.len()
    }

    /// Names of the parameters, without `$`.
    pub fn parameter_names(&self) -> Vec<&str> {
        self.lambda.parameters.iter().map(|parameter| &*parameter.name).collect()
    }

    /// Whether the last parameter is a splat.
    pub fn takes_rest(&self) -> bool {
        takes_rest(&self.lambda.parameters)
    }
}

fn takes_rest(parameters: &[Parameter]) -> bool {
    parameters.last().is_some_and(|last| last.captures_rest)
}

fn required(parameters: &[Parameter]) -> usize {
    parameters.iter().filter(|parameter| parameter.default.is_none() && !parameter.captures_rest).count()
}

fn limit(parameters: &[Parameter]) -> Option<usize> {
    (!takes_rest(parameters)).then_some(parameters.len())
}

impl Evaluator<'_> {
    /// Calls a lambda. Types of arguments and their number are checked with Puppet's messages; `next(v)` inside
    /// gives `v`; `break()` comes out as `Fault::Break`, for the iterating function to catch; `return` passes
    /// through.
    ///
    /// # Errors
    /// Whatever the body raises.
    pub fn call_lambda(&mut self, closure: &Arc<Closure>, args: Vec<Value>) -> Result<Value, Failure> {
        let (lambda, scope) = (&closure.lambda, closure.scope);
        let bindings = self.bind_arguments("lambda", &lambda.parameters, args.clone(), scope)?;
        let given: Vec<Value> = final_arguments(&lambda.parameters, &bindings);
        self.check_arguments("block", &lambda.parameters, &given)?;
        let result = self.guarded(scope, |this| {
            let frames = &mut this.scope_mut(scope).frames;
            frames.push(Frame::Local(bindings));
            frames.push(Frame::Match(None));
            this.eval_block(&lambda.body, scope)
        });
        let value = match result {
            Ok(value) => value,
            Err(failure) => match *failure.0 {
                Fault::Next(value, _) => value,
                other => return Err(Failure(Box::new(other))),
            },
        };
        self.check_returned("value returned from lambda", lambda.return_type.as_ref(), value, scope)
    }

    /// Gives each parameter its value, defaults evaluated from left to right.
    pub(crate) fn bind_arguments(
        &mut self,
        callee: &str,
        parameters: &[Parameter],
        args: Vec<Value>,
        scope: ScopeId,
    ) -> Result<FxHashMap<Arc<str>, Value>, Failure> {
        self.guarded(scope, |this| {
            let unassigned = parameters.iter().map(|parameter| (parameter.name.clone(), None)).collect();
            this.scope_mut(scope).frames.push(Frame::Parameters(unassigned));
            let mut bindings = FxHashMap::default();
            for (index, parameter) in parameters.iter().enumerate() {
                let value = match (&parameter.default, args.get(index)) {
                    (Some(default), None) => {
                        let value = this.eval_default(callee, parameters, index, default, scope)?;
                        if parameter.captures_rest { as_array(value) } else { value }
                    }
                    (Some(default), Some(Value::Undef))
                        if parameter.captures_rest && args.len() == index + 1 =>
                    {
                        as_array(this.eval_default(callee, parameters, index, default, scope)?)
                    }
                    (None, None) if parameter.captures_rest => Value::array(Vec::new()),
                    (None, None) => {
                        let text =
                            format!("Parameter ${} is required but no value was given", parameter.name);
                        return Err(this.blame(parameter.span, text));
                    }
                    (_, Some(_)) if parameter.captures_rest => Value::array(args[index..].to_vec()),
                    (_, Some(value)) => value.clone(),
                };
                this.set_parameter(scope, &parameter.name, value.clone());
                bindings.insert(parameter.name.clone(), value);
            }
            Ok(bindings)
        })
    }

    /// Gives a parameter its value in the innermost parameter list.
    pub(crate) fn set_parameter(&mut self, scope: ScopeId, name: &Arc<str>, value: Value) {
        let frames = self.scope_mut(scope).frames.iter_mut().rev();
        for frame in frames {
            if let Frame::Parameters(parameters) = frame {
                parameters.insert(name.clone(), Some(value));
                return;
            }
        }
    }

    /// The value of a default, which may speak of the parameters to its left.
    pub(crate) fn eval_default(
        &mut self,
        callee: &str,
        parameters: &[Parameter],
        index: usize,
        default: &Expr,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let result = self.guarded(scope, |this| {
            this.scope_mut(scope).frames.push(Frame::Match(None));
            this.eval(default, scope)
        });
        result.map_err(|failure| match *failure.0 {
            Fault::Unassigned(missing) => {
                let position = parameters.iter().position(|parameter| parameter.name == missing);
                Failure::raised(if position.is_some_and(|position| position < index) {
                    format!("{callee}: expects a value for parameter ${missing}")
                } else {
                    format!(
                        "{callee}: default expression for ${} tries to illegally access not yet evaluated ${missing}",
                        parameters[index].name
                    )
                })
            }
            other => Failure(Box::new(other)),
        })
    }

    /// The types of a parameter list; `None` where none is given.
    pub(crate) fn types_of(&mut self, parameters: &[Parameter]) -> Result<Arc<Vec<Option<Type>>>, Failure> {
        let address = parameters.as_ptr() as usize;
        if let Some(types) = self.parameter_types.get(&address) {
            return Ok(types.clone());
        }
        let mut types = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            types.push(match &parameter.type_expr {
                Some(expr) => Some(self.eval_type(expr, TOP)?),
                None => None,
            });
        }
        let types = Arc::new(types);
        if !parameters.is_empty() {
            self.parameter_types.insert(address, types.clone());
        }
        Ok(types)
    }

    fn eval_type(&mut self, expr: &Expr, scope: ScopeId) -> Result<Type, Failure> {
        match self.eval(expr, scope)? {
            Value::Type(found) => Ok((*found).clone()),
            _ => Err(self.blame(expr.span, "The expression is not a type")),
        }
    }

    /// Checks number and types of arguments that were given.
    pub(crate) fn check_arguments(
        &mut self,
        callee: &str,
        parameters: &[Parameter],
        args: &[Value],
    ) -> Result<(), Failure> {
        let types = self.types_of(parameters)?;
        let (least, most) = (required(parameters), limit(parameters));
        if args.len() < least || most.is_some_and(|most| args.len() > most) {
            return Err(Failure::raised(format!(
                "{callee} expects {}, got {}",
                counted(least, most),
                if args.is_empty() { "none".to_owned() } else { args.len().to_string() }
            )));
        }
        let mut wrong = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let index = index.min(parameters.len().saturating_sub(1));
            let Some(Some(expected)) = types.get(index) else { continue };
            let parameter = &parameters[index];
            let expected = match expected {
                Type::Array(element, _) if parameter.captures_rest => &**element,
                other => other,
            };
            if !instance_of(expected, arg) {
                let subject = format!("parameter '{}'", parameter.name);
                let mismatch = describe_mismatch(&subject, expected, arg);
                if !wrong.contains(&mismatch) {
                    wrong.push(mismatch);
                }
            }
        }
        match &wrong[..] {
            [] => Ok(()),
            [only] => Err(Failure::raised(format!("{callee} {only}"))),
            several => {
                let mut text = format!("{callee} expects ({})", signature(parameters, &types));
                for mismatch in several {
                    text.push_str("\n  rejected: ");
                    text.push_str(mismatch);
                }
                Err(Failure::raised(text))
            }
        }
    }

    pub(crate) fn check_returned(
        &mut self,
        subject: &str,
        expected: Option<&Expr>,
        value: Value,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let Some(expr) = expected else { return Ok(value) };
        let expected = self.eval_type(expr, scope)?;
        if instance_of(&expected, &value) {
            return Ok(value);
        }
        let subject = format!("{subject} has wrong type,");
        Err(Failure::raised(describe_mismatch(&subject, &expected, &value)))
    }
}

fn as_array(value: Value) -> Value {
    match value {
        Value::Array(_) => value,
        other => Value::array(vec![other]),
    }
}

/// The arguments with defaults filled in and the splat unfolded.
fn final_arguments(parameters: &[Parameter], bindings: &FxHashMap<Arc<str>, Value>) -> Vec<Value> {
    let mut values = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        match bindings.get(&parameter.name) {
            Some(Value::Array(items)) if parameter.captures_rest => values.extend(items.iter().cloned()),
            Some(value) => values.push(value.clone()),
            None => {}
        }
    }
    values
}

/// `2 arguments`, `at least 1 argument`, …
fn counted(least: usize, most: Option<usize>) -> String {
    let range = match most {
        Some(most) if most == least && least == 0 => "no".to_owned(),
        Some(most) if most == least => least.to_string(),
        Some(most) if least == 0 => format!("at most {most}"),
        Some(most) => format!("between {least} and {most}"),
        None if least == 0 => "unlimited".to_owned(),
        None => format!("at least {least}"),
    };
    let single = (least == 1 && matches!(most, Some(1) | None)) || (least == 0 && most == Some(1));
    format!("{range} argument{}", if single { "" } else { "s" })
}

/// `Integer a, String b?`
fn signature(parameters: &[Parameter], types: &[Option<Type>]) -> String {
    let least = required(parameters);
    let parts: Vec<String> = parameters
        .iter()
        .zip(types)
        .enumerate()
        .map(|(index, (parameter, of))| {
            let of = match of {
                Some(Type::Array(element, _)) if parameter.captures_rest => crate::types::print(element),
                Some(Type::Optional(Some(inner))) if index >= least => crate::types::print(inner),
                Some(of) => crate::types::print(of),
                None => "Any".to_owned(),
            };
            let mark = if parameter.captures_rest {
                "*"
            } else if index >= least {
                "?"
            } else {
                ""
            };
            format!("{of} {}{mark}", parameter.name)
        })
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_arguments_read_as_in_puppet() {
        assert_eq!(counted(1, Some(1)), "1 argument");
        assert_eq!(counted(0, Some(0)), "no arguments");
        assert_eq!(counted(1, Some(3)), "between 1 and 3 arguments");
        assert_eq!(counted(1, None), "at least 1 argument");
        assert_eq!(counted(0, Some(1)), "at most 1 argument");
    }
}
