//! Signatures of functions: which one of several takes the arguments of a call, and saying why none does.

use std::sync::Arc;

use super::mismatch::{Fault, Mismatch, Step, describe, merge_descriptions};
use super::parameterize::is_callable;
use super::{Callable, IntRange, Params, Type, assignable, infer_set, instance_of, parse_type_with};
use crate::eval::closure::Closure;
use crate::value::Value;

/// One signature.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Names of the parameters, in order.
    pub names: Vec<String>,
    /// What can be called: parameters always known.
    pub callable: Callable,
    /// Name of the lambda that is taken.
    pub block_name: String,
}

/// How often a parameter can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    Required,
    Optional,
    /// Any number of times, from that number on.
    Repeated(i64),
}

impl Signature {
    /// From parameters and the type of lambda.
    pub fn new(parameters: Vec<(String, Type, Arity)>, block: Option<(String, Type)>) -> Signature {
        let (mut from, mut to) = (0, Some(0));
        for (_, _, arity) in &parameters {
            match arity {
                Arity::Required => {
                    from += 1;
                    to = to.map(|to| to + 1);
                }
                Arity::Optional => to = to.map(|to| to + 1),
                Arity::Repeated(least) => {
                    from += least;
                    to = None;
                }
            }
        }
        let size = (from == 0 || to != Some(from)).then_some(IntRange { from: Some(from), to });
        let (names, types): (Vec<String>, Vec<Type>) =
            parameters.into_iter().map(|(name, expected, _)| (name, expected)).unzip();
        let (block_name, block) =
            block.map_or((String::new(), None), |(name, expected)| (name, Some(expected)));
        let params = Params { types: types.into(), size };
        Signature { names, callable: Callable { params: Some(params), block, returns: None }, block_name }
    }

    /// Reads `TYPE name, TYPE name?, TYPE name*, &TYPE block?`: `?` is optional, `*` and `+` repeat, `&` is the
    /// lambda. For the constant tables of builtin functions.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str, local: &dyn Fn(&str) -> Option<Type>) -> Result<Signature, String> {
        let mut parameters = Vec::new();
        let mut block = None;
        for part in split(text) {
            let (of, name) = part.rsplit_once(' ').ok_or_else(|| format!("'{part}' has no name"))?;
            let plain = name.trim_end_matches(['?', '*', '+']);
            if let Some(of) = of.strip_prefix('&') {
                let expected = parse_type_with(of, local)?;
                let expected = if name.ends_with('?') { Type::optional(expected) } else { expected };
                block = Some((plain.to_owned(), expected));
                continue;
            }
            let arity = match name.chars().last() {
                Some('?') => Arity::Optional,
                Some('*') => Arity::Repeated(0),
                Some('+') => Arity::Repeated(1),
                _ => Arity::Required,
            };
            parameters.push((plain.to_owned(), parse_type_with(of, local)?, arity));
        }
        Ok(Signature::new(parameters, block))
    }

    fn params(&self) -> (&[Type], IntRange) {
        match &self.callable.params {
            Some(params) => (&params.types, super::assign::tuple_size(&params.types, params.size)),
            None => (&[], IntRange::SIZE),
        }
    }

    /// Whether a call with these arguments and this lambda is one of this signature.
    pub fn accepts(&self, args: &[Value], lambda: Option<&Arc<Closure>>) -> bool {
        let (types, size) = self.params();
        let fits = size.contains(args.len() as i64)
            && types.last().is_none_or(|last| {
                args.iter().enumerate().all(|(i, arg)| instance_of(types.get(i).unwrap_or(last), arg))
            });
        fits && match (&self.callable.block, lambda) {
            (None, lambda) => lambda.is_none(),
            (Some(expected), Some(lambda)) => assignable(expected, &super::callable_of(lambda)),
            (Some(expected), None) => instance_of(expected, &Value::Undef),
        }
    }

    /// `TYPE name, TYPE name?`, as messages show it.
    pub fn text(&self) -> String {
        let (types, size) = self.params();
        if size == IntRange::new(0, 0) || types.is_empty() {
            return String::new();
        }
        let required = size.from.unwrap_or(0);
        let blanks = vec![String::new(); types.len()];
        let names = if self.names.is_empty() { &blanks } else { &self.names };
        let mut parts: Vec<String> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let mut of = types.get(i).unwrap_or(&types[types.len() - 1]);
            let indicator = if size.to.is_none() && i + 1 == names.len() {
                if required == names.len() as i64 { "+" } else { "*" }
            } else if (i as i64) < required {
                ""
            } else {
                if let Type::Optional(Some(inner)) = of {
                    of = inner;
                }
                "?"
            };
            parts.push(format!("{of} {name}{indicator}"));
        }
        match &self.callable.block {
            Some(Type::Optional(Some(inner))) => parts.push(format!("{inner} {}?", self.block_name)),
            Some(block @ Type::Callable(_)) => parts.push(format!("{block} {}", self.block_name)),
            _ => {}
        }
        parts.join(", ")
    }
}

/// Splits at commas outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start, mut quoted) = (Vec::new(), 0, 0, None);
    for (i, c) in text.char_indices() {
        match (quoted, c) {
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '/') => quoted = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Why none of the signatures takes the call. `name` is that of the function, or `lambda`.
pub fn describe_call(name: &str, signatures: &[&Signature], args: &[Value], lambda: Option<&Type>) -> String {
    let mut types: Vec<Type> = args.iter().map(infer_set).collect();
    types.extend(lambda.cloned());
    let mut found: Vec<Vec<Mismatch>> = signatures
        .iter()
        .enumerate()
        .map(|(i, signature)| arguments(signature, &types, &[Step::Signature(i)]))
        .collect();
    if found.iter().any(Vec::is_empty) {
        let blocks: Vec<Vec<Mismatch>> = signatures
            .iter()
            .enumerate()
            .map(|(i, signature)| block(signature, types.last(), &[Step::Signature(i)]))
            .collect();
        if blocks.iter().all(|faults| !faults.is_empty()) {
            found = blocks;
        } else {
            for (faults, block) in found.iter_mut().zip(blocks) {
                if faults.is_empty() {
                    *faults = block;
                }
            }
        }
    }
    let label = if name == "lambda" { "block".to_owned() } else { format!("'{name}'") };
    let merged = merge_descriptions(0, true, found.clone());
    if let [one] = merged.as_slice() {
        return format!("{label}{}", one.text());
    }
    let rejected = |faults: &[Mismatch], indent: &str| -> Vec<String> {
        faults
            .iter()
            .map(|fault| format!("{indent}rejected:{}", fault.clone().without_step(0).text()))
            .collect()
    };
    if let [signature] = signatures {
        let mut lines = vec![format!("{label} expects ({})", signature.text())];
        lines.extend(rejected(&found[0], "  "));
        return lines.join("\n");
    }
    let mut lines = vec![format!(
        "The function {label} was called with arguments it does not accept. It expects one of:"
    )];
    for (signature, faults) in signatures.iter().zip(&found) {
        lines.push(format!("  ({})", signature.text()));
        lines.extend(rejected(faults, "    "));
    }
    lines.join("\n")
}

fn arguments(signature: &Signature, types: &[Type], path: &[Step]) -> Vec<Mismatch> {
    let (expected, size) = signature.params();
    let given = match types.last() {
        Some(last) if is_callable(last, true) => types.len() - 1,
        _ => types.len(),
    };
    let got = IntRange::exactly(given);
    if !size.covers(got) {
        return vec![Mismatch::new(path, Fault::Count { expected: size, actual: got })];
    }
    let Some(last) = expected.len().checked_sub(1) else { return Vec::new() };
    for (i, one) in types[..given].iter().enumerate() {
        let at = i.min(last);
        if !assignable(&expected[at], one) {
            let mut path = path.to_vec();
            path.push(Step::Parameter(signature.names.get(at).cloned().unwrap_or_default()));
            let found = describe(&expected[at], one, path);
            if !found.is_empty() {
                return found;
            }
        }
    }
    Vec::new()
}

fn block(signature: &Signature, last: Option<&Type>, path: &[Step]) -> Vec<Mismatch> {
    match (&signature.callable.block, last.filter(|last| is_callable(last, true))) {
        (None, Some(_)) => vec![Mismatch::new(path, Fault::UnexpectedBlock)],
        (Some(expected), Some(given)) => {
            let mut path = path.to_vec();
            path.push(Step::Block);
            describe(expected, given, path)
        }
        (Some(expected), None) if !assignable(expected, &Type::Undef) => {
            vec![Mismatch::new(path, Fault::MissingBlock)]
        }
        _ => Vec::new(),
    }
}
