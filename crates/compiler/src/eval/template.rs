//! EPP templates.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::ast::{Expr, Parameter};
use syntax::{FileId, Source};

use crate::eval::Evaluator;
use crate::eval::scope::{Frame, Rendered, ScopeId, TOP};
use crate::failure::{Failure, Fault};
use crate::format::display;
use crate::function::Call;
use crate::value::Value;

impl Evaluator<'_> {
    /// Evaluates an EPP template: `epp` (text read by the caller) and `inline_epp`. `file` is for messages.
    ///
    /// # Errors
    /// As Puppet: unknown or missing parameters, errors of the template.
    pub fn evaluate_epp(
        &mut self,
        call: &Call,
        text: &str,
        file: Option<&str>,
        parameters: Option<&Value>,
    ) -> Result<Value, Failure> {
        let function = if file.is_some() { "epp" } else { "inline_epp" };
        // Numbers from the far end, so that they never meet those of the environment's files.
        let id = FileId(u32::MAX - u32::try_from(self.template_sources.len()).unwrap_or(0));
        let source = Arc::new(Source::new(id, file.unwrap_or("inlined-epp-text"), text));
        let (template, diagnostics, grammatical) = syntax::parse_epp_with_verdict(text, id);
        crate::environment::judge(&diagnostics, &source, grammatical)
            .map_err(|failure| Failure::raised(format!("{function}(): Invalid EPP: {failure}")))?;
        if !template.definitions.is_empty() {
            return Err(Failure::raised(format!(
                "{function}(): The EPP template contains illegal expressions (definitions)"
            )));
        }
        let template = Arc::new(template);
        self.template_sources.push(source);
        self.templates.push(template.clone());
        let mut given = FxHashMap::default();
        match parameters {
            None | Some(Value::Undef) => {}
            Some(Value::Hash(hash)) => {
                for (name, value) in hash.iter() {
                    given.insert(Arc::from(name.to_string()), value.clone());
                }
            }
            Some(other) => {
                return Err(Failure::raised(format!(
                    "{function}(): the template_args must be a Hash, got a {}",
                    crate::label::value(other)
                )));
            }
        }
        // Templates in files see what functions see; inline ones are part of the code around them.
        let is_inline = file.is_none();
        let scope = if is_inline { call.scope } else { self.global_scope(call.scope) };
        let run = |this: &mut Self| {
            let bindings = match &template.parameters {
                Some(parameters) => this.bind_template(parameters, given, scope)?,
                None => given,
            };
            this.guarded(scope, |this| {
                let frames = &mut this.scope_mut(scope).frames;
                frames.push(Frame::Local(bindings));
                frames.push(Frame::Match(None));
                frames.push(Frame::Template(Vec::new()));
                let level = frames.len() - 1;
                this.eval_block(&template.body, scope)?;
                Ok(match this.scope_mut(scope).frames.get_mut(level) {
                    Some(Frame::Template(rendered)) => std::mem::take(rendered),
                    _ => Vec::new(),
                })
            })
        };
        let rendered = if is_inline { run(self)? } else { self.without_frames(scope, run)? };
        Ok(joined(&rendered))
    }

    /// The node's scope if the call comes from below one, else the top scope.
    fn global_scope(&self, scope: ScopeId) -> ScopeId {
        let mut next = Some(scope);
        while let Some(id) = next {
            if matches!(self.scope(id).source, crate::eval::scope::Source::Node(_)) {
                return id;
            }
            next = self.scope(id).parent;
        }
        TOP
    }

    fn bind_template(
        &mut self,
        parameters: &[Parameter],
        mut given: FxHashMap<Arc<str>, Value>,
        scope: ScopeId,
    ) -> Result<FxHashMap<Arc<str>, Value>, Failure> {
        self.guarded(scope, |this| {
            let list = parameters
                .iter()
                .map(|parameter| {
                    let value = given.get(&parameter.name).filter(|value| !value.is_undef());
                    (parameter.name.clone(), value.cloned())
                })
                .collect();
            this.scope_mut(scope).frames.push(Frame::Parameters(list));
            for (index, parameter) in parameters.iter().enumerate() {
                if given.get(&parameter.name).is_some_and(|value| !value.is_undef()) {
                    continue;
                }
                if let Some(default) = &parameter.default {
                    let value = this.eval_default("lambda", parameters, index, default, scope)?;
                    this.set_parameter(scope, &parameter.name, value.clone());
                    given.insert(parameter.name.clone(), value);
                }
            }
            Ok(())
        })?;
        self.check_named("lambda", parameters, &given.iter().map(|(k, v)| (&**k, v)).collect::<Vec<_>>())?;
        Ok(given)
    }

    pub(crate) fn eval_render_text(&mut self, text: &str, scope: ScopeId) -> Result<Value, Failure> {
        self.emit(scope, Rendered::Text(text.to_owned()))
    }

    pub(crate) fn eval_render(&mut self, inner: &Expr, scope: ScopeId) -> Result<Value, Failure> {
        let value = self.eval(inner, scope)?;
        let rendered = match value {
            Value::Sensitive(inner) => Rendered::Sensitive(inner),
            other => Rendered::Text(display(&other)),
        };
        self.emit(scope, rendered)
    }

    fn emit(&mut self, scope: ScopeId, piece: Rendered) -> Result<Value, Failure> {
        let frames = self.scope_mut(scope).frames.iter_mut().rev();
        for frame in frames {
            if let Frame::Template(rendered) = frame {
                rendered.push(piece);
                return Ok(Value::Undef);
            }
        }
        Err(Failure(Box::new(Fault::Raised("text of a template outside of one".to_owned()))))
    }
}

/// The text; sensitive as a whole when a part of it is.
fn joined(rendered: &[Rendered]) -> Value {
    let mut text = String::new();
    let mut sensitive = false;
    for piece in rendered {
        match piece {
            Rendered::Text(part) => text.push_str(part),
            Rendered::Sensitive(value) => {
                sensitive = true;
                text.push_str(&display(value));
            }
        }
    }
    let value = Value::from(text);
    if sensitive { Value::Sensitive(Arc::new(value)) } else { value }
}
