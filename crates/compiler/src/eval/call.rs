//! Calls of functions.

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{Call as CallExpr, ExprKind, Lambda, MethodCall};

use crate::environment::Function;
use crate::eval::Evaluator;
use crate::eval::closure::Closure;
use crate::eval::scope::{Frame, ScopeId, TOP};
use crate::failure::{Failure, Fault, Location};
use crate::function::{Call, lookup};
use crate::label;
use crate::value::Value;

impl Evaluator<'_> {
    pub(crate) fn eval_call(
        &mut self,
        call: &CallExpr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let is_type = match &call.function.kind {
            ExprKind::TypeName(_) => true,
            ExprKind::Access { target, .. } => matches!(target.kind, ExprKind::TypeName(_)),
            _ => false,
        };
        let (name, mut args) = if is_type {
            ("new".into(), vec![self.eval(&call.function, scope)?])
        } else {
            match &call.function.kind {
                ExprKind::Name(name) => (name.clone(), Vec::new()),
                ExprKind::RenderText(_) => {
                    return Err(Failure::issue(
                        "Ambiguous EPP parameter expression. Probably missing '<%-' before parameters to \
                         remove leading whitespace",
                    ));
                }
                _ => {
                    let shown = label::capitalized(&label::of(&call.function));
                    let text = format!(
                        "Illegal expression. {shown} is unacceptable as function name in a Function Call"
                    );
                    return Err(self.blame(call.function.span, text));
                }
            }
        };
        args.extend(self.eval_arguments(&call.arguments, scope)?);
        self.dispatch(&name, args, call.lambda.as_ref(), span, scope)
    }

    pub(crate) fn eval_method_call(
        &mut self,
        call: &MethodCall,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let mut args = self.eval_arguments(std::slice::from_ref(&*call.receiver), scope)?;
        args.extend(self.eval_arguments(&call.arguments, scope)?);
        self.dispatch(&call.method, args, call.lambda.as_ref(), span, scope)
    }

    fn dispatch(
        &mut self,
        name: &Arc<str>,
        args: Vec<Value>,
        lambda: Option<&Arc<Lambda>>,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let lambda = lambda.map(|lambda| Arc::new(Closure::new(lambda.clone(), scope)));
        let location = self.locate(span);
        self.call_function(scope, name, args, lambda, &location)
    }

    /// Calls any function by name, as `call()` does.
    ///
    /// # Errors
    /// `Unknown function: 'NAME'.`, or what the function raises.
    pub fn call_function(
        &mut self,
        scope: ScopeId,
        name: &str,
        args: Vec<Value>,
        lambda: Option<Arc<Closure>>,
        location: &Location,
    ) -> Result<Value, Failure> {
        let plain = name.strip_prefix("::").unwrap_or(name);
        if let Some(builtin) = lookup(plain) {
            let call = Call { name: plain.into(), scope, args, lambda, location: location.clone() };
            return builtin(self, call);
        }
        match self.environment.function(self.world, plain)? {
            Some(function) => self.call_puppet_function(&function, args, lambda.is_some()),
            None => Err(Failure::issue(format!("Unknown function: '{name}'."))),
        }
    }

    /// A function in the Puppet language sees the top scope and its own variables, nothing of the caller's.
    fn call_puppet_function(
        &mut self,
        function: &Arc<Function>,
        args: Vec<Value>,
        has_block: bool,
    ) -> Result<Value, Failure> {
        let definition = &function.definition;
        if has_block {
            return Err(Failure::raised(format!("'{}' does not expect a block", function.name)));
        }
        self.check_arguments(&function.name, &definition.parameters, &args)?;
        let module = self.scope_mut(TOP).module.take();
        self.scope_mut(TOP).module.clone_from(&function.module);
        let result = self.without_frames(TOP, |this| {
            let bindings = this.bind_arguments(&function.name, &definition.parameters, args, TOP)?;
            this.guarded(TOP, |this| {
                let frames = &mut this.scope_mut(TOP).frames;
                frames.push(Frame::Local(bindings));
                frames.push(Frame::Match(None));
                this.eval_block(&definition.body, TOP)
            })
        });
        self.scope_mut(TOP).module = module;
        let value = match result {
            Ok(value) => value,
            Err(failure) => match *failure.0 {
                Fault::Return(value, _) | Fault::Next(value, _) => value,
                other => return Err(Failure(Box::new(other))),
            },
        };
        let subject = format!("value returned from {}", function.name);
        self.check_returned(&subject, definition.return_type.as_ref(), value, TOP)
    }
}
