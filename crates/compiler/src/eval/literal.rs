//! Strings with interpolation, heredocs, regular expressions and hashes.

use std::sync::Arc;

use syntax::ast::{Expr, ExprKind, HashEntry, Segment};

use crate::eval::Evaluator;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::regex::Regex;
use crate::value::{Hash, Value};

impl Evaluator<'_> {
    pub(crate) fn eval_interpolated(
        &mut self,
        segments: &[Segment],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let mut text = String::new();
        for segment in segments {
            match segment {
                Segment::Text(literal, _) => text.push_str(literal),
                Segment::Expr(expr) => match self.eval_segment(expr, scope)? {
                    Value::String(value) => text.push_str(&value),
                    value => text.push_str(&crate::format::display(&value)),
                },
            }
        }
        Ok(Value::from(text))
    }

    /// `${name}` is the variable of that name.
    fn eval_segment(&mut self, expr: &Expr, scope: ScopeId) -> Result<Value, Failure> {
        match &expr.kind {
            ExprKind::Name(name) => self.read_variable(scope, name, expr.span),
            _ => self.eval(expr, scope),
        }
    }

    /// Syntax tags ask Puppet to check the text; the parser has done so for texts without interpolation.
    pub(crate) fn eval_heredoc(
        &mut self,
        syntax: Option<&str>,
        text: &Expr,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let value = self.eval(text, scope)?;
        let is_json = syntax.is_some_and(|syntax| syntax.split('+').next_back() == Some("json"));
        if let (true, Value::String(text)) = (is_json, &value)
            && let Err(error) = serde_json::from_str::<serde_json::Value>(text)
        {
            return Err(Failure::issue(format!("Invalid produced text having syntax: 'json'. {error}")));
        }
        Ok(value)
    }

    pub(crate) fn eval_regex(&mut self, source: &Arc<str>) -> Result<Value, Failure> {
        if let Some(regex) = self.regexes.get(source) {
            return Ok(Value::Regex(regex.clone()));
        }
        let regex = Arc::new(Regex::new(source).map_err(Failure::raised)?);
        self.regexes.insert(source.clone(), regex.clone());
        Ok(Value::Regex(regex))
    }

    pub(crate) fn eval_hash(&mut self, entries: &[HashEntry], scope: ScopeId) -> Result<Value, Failure> {
        let mut hash = Hash::with_capacity_and_hasher(entries.len(), Default::default());
        for entry in entries {
            let key = self.eval(&entry.key, scope)?;
            let value = self.eval(&entry.value, scope)?;
            hash.insert(key, value);
        }
        Ok(Value::Hash(Arc::new(hash)))
    }
}
