//! `target[keys…]`

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{Expr, ExprKind};

use crate::catalog::capitalize;
use crate::catalog::draft::{Implementation, ResourceId};
use crate::eval::scope::ScopeId;
use crate::eval::{Evaluator, number};
use crate::failure::Failure;
use crate::label;
use crate::types::{Type, generalize, infer};
use crate::value::Value;

impl Evaluator<'_> {
    pub(crate) fn eval_access(
        &mut self,
        expr: &Expr,
        target_expr: &Expr,
        key_exprs: &[Expr],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let target = self.eval(target_expr, scope)?;
        let mut keys = Vec::with_capacity(key_exprs.len());
        for key in key_exprs {
            // A class reference may name classes by types that don't exist.
            let value = match (&key.kind, &target) {
                (ExprKind::TypeName(name), Value::Type(of)) if matches!(**of, Type::Class(_)) => {
                    let found = self.find_type(name)?;
                    Value::of_type(found.unwrap_or_else(|| Type::Reference(name.clone())))
                }
                _ => self.eval(key, scope)?,
            };
            keys.push(value);
        }
        let at = At { whole: expr.span, target: target_expr.span, keys: key_exprs };
        match &target {
            Value::String(text) => self.string_access(text, &keys, &at),
            Value::Array(items) => self.array_access(items, &keys, &at),
            Value::Hash(hash) => Ok(match &keys[..] {
                [key] => hash.get(key).cloned().unwrap_or(Value::Undef),
                keys => {
                    let found = keys.iter().filter_map(|key| hash.get(key));
                    Value::array(found.filter(|value| !value.is_undef()).cloned().collect())
                }
            }),
            Value::Type(of) => self.type_access(of, keys, &at),
            Value::Binary(_) => Err(Failure::unsupported("the [] operator on a Binary")),
            other => {
                let other = label::with_article(&label::value(other));
                Err(self.blame(at.target, format_args!("Operator '[]' is not applicable to {other}.")))
            }
        }
    }

    fn string_access(&mut self, text: &str, keys: &[Value], at: &At<'_>) -> Result<Value, Failure> {
        let keys = flattened(keys);
        if keys.is_empty() || keys.len() > 2 {
            let text = format!("String supports [] with one or two arguments. Got {}", keys.len());
            return Err(self.blame(at.target, text));
        }
        let mut positions = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let position = match key {
                Value::Int(position) => Some(*position),
                Value::String(digits) => match number::parse(digits) {
                    Some(Value::Int(position)) => Some(position),
                    _ => None,
                },
                _ => None,
            };
            match position {
                Some(position) => positions.push(position),
                None => {
                    let kind = match key {
                        Value::String(digits) => number::parse(digits).unwrap_or_else(|| key.clone()),
                        _ => key.clone(),
                    };
                    let kind = label::with_article(&key_type_name(&kind));
                    let text = format!(
                        "A substring operation does not accept {kind} as a character index. Expected an Integer"
                    );
                    return Err(self.blame(at.key(index), text));
                }
            }
        }
        let letters: Vec<char> = text.chars().collect();
        let (start, length) = match positions[..] {
            [position, count] => range(position, count, letters.len()),
            _ => (from_end(positions[0], letters.len()), 1),
        };
        if start < 0 || length <= 0 {
            return Ok(Value::from(""));
        }
        let part: String = letters.iter().skip(start as usize).take(length as usize).collect();
        Ok(Value::from(part))
    }

    fn array_access(&mut self, items: &[Value], keys: &[Value], at: &At<'_>) -> Result<Value, Failure> {
        let keys = flattened(keys);
        if keys.is_empty() || keys.len() > 2 {
            let text = format!("Array supports [] with one or two arguments. Got {}", keys.len());
            return Err(self.blame(at.target, text));
        }
        let mut positions = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            match self.numeric(key, at.key(index))? {
                Value::Int(position) => positions.push(position),
                other => {
                    let text =
                        format!("An Array[] cannot use {} where Integer is expected", key_type_name(&other));
                    return Err(self.blame(at.key(index), text));
                }
            }
        }
        if let [position] = positions[..] {
            let index = usize::try_from(from_end(position, items.len())).ok();
            return Ok(index.and_then(|index| items.get(index)).cloned().unwrap_or(Value::Undef));
        }
        let (start, length) = range(positions[0], positions[1], items.len());
        if start < 0 || length <= 0 {
            return Ok(Value::array(Vec::new()));
        }
        let part = items.iter().skip(start as usize).take(length as usize);
        Ok(Value::array(part.cloned().collect()))
    }

    fn type_access(&mut self, of: &Type, keys: Vec<Value>, at: &At<'_>) -> Result<Value, Failure> {
        match of {
            Type::Resource { name, title } => self.resource_access(name.as_ref(), title.as_ref(), keys, at),
            Type::Class(name) => self.class_access(name.as_ref(), keys, at),
            Type::Reference(name) => Err(Failure::issue(format!("Resource type not found: {name}"))),
            base => crate::types::parameterize_located(base, &keys).map(Value::of_type).map_err(|fault| {
                if fault.raised {
                    return Failure::raised(fault.text);
                }
                match fault.argument {
                    Some(index) => self.blame(at.key(index), fault.text),
                    None => Failure::issue(fault.text),
                }
            }),
        }
    }

    /// `Resource[type, title…]`, `File[title…]`, `File['/a'][parameter…]`
    fn resource_access(
        &mut self,
        name: Option<&Arc<str>>,
        title: Option<&Arc<str>>,
        mut keys: Vec<Value>,
        at: &At<'_>,
    ) -> Result<Value, Failure> {
        let base = name.map_or("Resource", |name| name).to_owned();
        let name: Arc<str> = match name {
            Some(name) => name.clone(),
            None => match keys.remove(0) {
                Value::String(text) => capitalize(&text).into(),
                Value::Type(of) => match &*of {
                    Type::Resource { name: Some(name), title: None } => name.clone(),
                    Type::Resource { name: Some(name), title: Some(_) } => name.clone(),
                    Type::Reference(name) => capitalize(name).into(),
                    _ => return Err(self.not_a_resource_type(&Value::Type(of.clone()), at)),
                },
                other => return Err(self.not_a_resource_type(&other, at)),
            },
        };
        if !is_type_name(&name) {
            let text = format!(
                "Illegal type reference. The given name '{name}' does not conform to the naming rule"
            );
            return Err(self.blame(at.key(0), text));
        }
        let several = keys.len() > 1 || matches!(keys.first(), Some(Value::Array(_)));
        let left = keys.len();
        let keys: Vec<Value> = flattened(&keys).into_iter().filter(|key| !key.is_undef()).collect();
        if keys.is_empty() && left > 0 {
            return Ok(if several { Value::array(Vec::new()) } else { Value::Undef });
        }
        if let Some(title) = title {
            let Some(resource) = self.draft.find(&name, title) else {
                return Err(Failure::issue(format!("Resource not found: {name}['{title}']")));
            };
            let label = format!("{}['{title}']", ruby_capitalize(&name));
            return self.parameters_of(resource, &label, &keys, several);
        }
        if keys.is_empty() {
            return Ok(Value::of_type(Type::Resource { name: Some(name), title: None }));
        }
        let mut references = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let Value::String(title) = key else {
                let text = format!(
                    "Error creating type specialization of {}, Cannot use {} where a resource title String is expected",
                    label::with_article(&format!("{base}-Type")),
                    key_type_name(key)
                );
                // Which key is to blame for a title out of a list, Puppet only guesses, and there may be none.
                let blamed = if keys.len() == left { index } else { index + 1 };
                return Err(match at.keys.get(blamed) {
                    Some(key) => self.blame(key.span, text),
                    None => Failure::located(format!("Evaluation Error: {text}")),
                });
            };
            references.push(Value::of_type(Type::Resource {
                name: Some(name.clone()),
                title: Some(title.clone()),
            }));
        }
        Ok(one_or_all(references, several))
    }

    fn not_a_resource_type(&self, actual: &Value, at: &At<'_>) -> Failure {
        let actual = key_type_name(actual);
        self.blame(
            at.key(0),
            format_args!("First argument to Resource[] must be a resource type or a String. Got {actual}."),
        )
    }

    /// `Class[name…]`, `Class['a'][parameter…]`
    fn class_access(
        &mut self,
        name: Option<&Arc<str>>,
        keys: Vec<Value>,
        at: &At<'_>,
    ) -> Result<Value, Failure> {
        let several = keys.len() > 1 || matches!(keys.first(), Some(Value::Array(_)));
        let keys: Vec<Value> = flattened(&keys).into_iter().filter(|key| !key.is_undef()).collect();
        if keys.is_empty() {
            return Ok(if several { Value::array(Vec::new()) } else { Value::Undef });
        }
        if let Some(name) = name {
            let Some(resource) = self.draft.find("Class", name) else {
                return Err(Failure::issue(format!("Resource not found: Class['{name}']")));
            };
            return self.parameters_of(resource, &format!("Class['{name}']"), &keys, several);
        }
        let mut references = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let Value::String(text) = key else {
                let shown = label::capitalized(&label::value(key));
                let text = format!(
                    "Illegal Class name in class reference. {shown} cannot be used where a String is expected"
                );
                return Err(self.blame(at.key(index), text));
            };
            let lower = text.to_lowercase();
            let lower = lower.strip_prefix("::").unwrap_or(&lower);
            if !is_name(lower) {
                let text = format!(
                    "Illegal name. The given name '{text}' does not conform to the naming rule \
                     /^((::)?[a-z_]\\w*)(::[a-z]\\w*)*$/"
                );
                return Err(self.blame(at.key(index), text));
            }
            references.push(Value::of_type(Type::Class(Some(lower.into()))));
        }
        Ok(one_or_all(references, several))
    }

    fn parameters_of(
        &mut self,
        id: ResourceId,
        label: &str,
        keys: &[Value],
        several: bool,
    ) -> Result<Value, Failure> {
        let mut values = Vec::new();
        for key in keys {
            let known = key.as_str().is_some_and(|name| self.accepts_parameter(id, name));
            let Some(name) = key.as_str().filter(|_| known) else {
                return Err(Failure::issue(format!(
                    "The resource {label} does not have a parameter called '{}'",
                    crate::format::ruby::to_s(key)
                )));
            };
            values.push(self.parameter_or_default(id, name));
        }
        Ok(one_or_all(values, several))
    }

    /// Whether resources of that one's type can have the parameter.
    pub(crate) fn accepts_parameter(&self, id: ResourceId, name: &str) -> bool {
        if name == "name" || crate::resource_types::is_metaparameter(name) {
            return true;
        }
        match &self.resource(id).implementation {
            Implementation::Native(native) => native.accepts(name),
            Implementation::Define(define) => {
                define.definition.parameters.iter().any(|parameter| *parameter.name == *name)
            }
            Implementation::Class(class) => {
                class.definition.parameters.iter().any(|parameter| *parameter.name == *name)
            }
            Implementation::BuiltIn | Implementation::Node => false,
        }
    }

    /// A parameter's value; a default of the scope in which the resource was declared when it has none.
    pub(crate) fn parameter_or_default(&self, id: ResourceId, name: &str) -> Value {
        let resource = self.resource(id);
        if let Some(value) = resource.value(name) {
            return value.clone();
        }
        let defaults = self.lookup_defaults(resource.scope, &resource.type_name);
        defaults.get(name).map_or(Value::Undef, |parameter| parameter.value.clone())
    }
}

/// Where the parts of an access expression stand.
struct At<'a> {
    whole: Span,
    target: Span,
    keys: &'a [Expr],
}

impl At<'_> {
    fn key(&self, index: usize) -> Span {
        self.keys.get(index).map_or(self.whole, |key| key.span)
    }
}

fn flattened(keys: &[Value]) -> Vec<Value> {
    let mut flat = Vec::new();
    for key in keys {
        match key {
            Value::Array(items) => flat.extend(flattened(items)),
            other => flat.push(other.clone()),
        }
    }
    flat
}

fn one_or_all(mut values: Vec<Value>, several: bool) -> Value {
    if several { Value::array(values) } else { values.pop().unwrap_or(Value::Undef) }
}

fn from_end(position: i64, length: usize) -> i64 {
    if position < 0 { position + length as i64 } else { position }
}

/// Start and length of `[start, count]`; negative ones count from the end.
fn range(start: i64, count: i64, length: usize) -> (i64, i64) {
    let start = from_end(start, length);
    let count = if count < 0 { length as i64 - start + count + 1 } else { count };
    if start < 0 { (0, count + start) } else { (start, count) }
}

fn key_type_name(value: &Value) -> String {
    match value {
        Value::Undef => "Undef".to_owned(),
        Value::Default => "Default".to_owned(),
        other => crate::types::print(&generalize(&infer(other))),
    }
}

/// Ruby's `capitalize`: the first letter large, all others small.
fn ruby_capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().to_string() + &letters.as_str().to_lowercase())
        .unwrap_or_default()
}

fn is_word(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_name(name: &str) -> bool {
    name.split("::").enumerate().all(|(index, segment)| {
        is_word(segment) && segment.starts_with(|c: char| c.is_ascii_lowercase() || (index == 0 && c == '_'))
    })
}

fn is_type_name(name: &str) -> bool {
    name.split("::").all(|segment| is_word(segment) && segment.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_both_ends() {
        assert_eq!(range(1, 2, 5), (1, 2));
        assert_eq!(range(-3, -1, 5), (2, 3));
        assert_eq!(range(-7, 4, 5), (0, 2));
    }

    #[test]
    fn names_are_checked() {
        assert!(is_name("a::b2"));
        assert!(!is_name("a::_b"));
        assert!(!is_name("a b"));
        assert!(is_type_name("A::B"));
    }
}
