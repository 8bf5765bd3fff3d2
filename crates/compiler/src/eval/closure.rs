//! Lambdas as functions receive them, and parameter lists of lambdas and functions.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::ast::{Expr, Lambda, Parameter};

use crate::eval::Evaluator;
use crate::eval::scope::{Frame, ScopeId, TOP};
use crate::failure::{Failure, Fault};
use crate::types::signature::{Arity, Signature, describe_call};
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
        self.check_arguments("lambda", &lambda.parameters, &given)?;
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

    /// Checks number and types of arguments that were given to the function of that name, or to a `lambda`.
    pub(crate) fn check_arguments(
        &mut self,
        callee: &str,
        parameters: &[Parameter],
        args: &[Value],
    ) -> Result<(), Failure> {
        let types = self.types_of(parameters)?;
        let declared = parameters.iter().zip(types.iter()).map(|(parameter, expected)| {
            let (expected, arity) = match expected {
                Some(Type::Array(element, _)) if parameter.captures_rest => {
                    ((**element).clone(), Arity::Repeated(0))
                }
                expected => {
                    let arity = match (parameter.captures_rest, &parameter.default) {
                        (true, _) => Arity::Repeated(0),
                        (false, Some(_)) => Arity::Optional,
                        (false, None) => Arity::Required,
                    };
                    (expected.clone().unwrap_or(Type::Any), arity)
                }
            };
            (parameter.name.to_string(), expected, arity)
        });
        let signature = Signature::new(declared.collect(), None);
        if signature.accepts(args, None) {
            return Ok(());
        }
        Err(Failure::raised(describe_call(callee, &[&signature], args, None)))
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
