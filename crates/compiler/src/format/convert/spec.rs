//! Formats (`%#8.3p`), and maps from types to formats.

use crate::types::{FloatRange, Type, assignable};
use crate::value::{Hash, Key, Value};

/// Formats by type, the most special first.
pub(super) type Formats = Vec<(Type, Spec)>;

/// What formats look like.
pub const FORMAT_PATTERN: &str = r"^%([\s\[+#0{<(|-]*)([1-9][0-9]*)?(?:\.([0-9]+))?([a-zA-Z])$";

/// One format.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// As written.
    pub text: String,
    pub letter: char,
    pub alternative: bool,
    pub left: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
    delimiter: Option<char>,
    space: bool,
    pub separator: Option<String>,
    /// Between key and value of a hash.
    pub association: Option<String>,
    /// Formats of what is inside of an array or hash.
    pub inner: Option<Formats>,
}

impl Spec {
    pub fn parse(text: &str) -> Result<Spec, String> {
        let invalid = || {
            format!("The format '{text}' is not a valid format on the form '%<flags><width>.<prec><format>'")
        };
        let body = text.strip_prefix('%').ok_or_else(invalid)?;
        let is_flag = |c: char| c.is_ascii_whitespace() || "[+#0{<(|-".contains(c);
        let flags: Vec<char> = body.chars().take_while(|c| is_flag(*c)).collect();
        let rest: String = body.chars().skip(flags.len()).collect();
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let width = rest[..digits].parse().ok();
        let mut rest = &rest[digits..];
        let mut precision = None;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.chars().take_while(char::is_ascii_digit).count();
            precision = Some(after[..digits].parse().map_err(|_| invalid())?);
            rest = &after[digits..];
        }
        let mut letters = rest.chars();
        let letter = letters.next().filter(char::is_ascii_alphabetic).ok_or_else(invalid)?;
        if letters.next().is_some() {
            return Err(invalid());
        }
        if (1..flags.len()).any(|i| flags[..i].contains(&flags[i])) {
            return Err(format!("The same flag can only be used once, got '{text}'"));
        }
        let mut delimiters = flags.iter().filter(|c| "[{(<|".contains(**c)).copied();
        let delimiter = delimiters.next();
        if delimiters.next().is_some() {
            return Err(format!(
                "Only one of the delimiters [ {{ ( < | can be given in the format flags, got '{text}'"
            ));
        }
        Ok(Spec {
            text: text.to_owned(),
            letter,
            alternative: flags.contains(&'#'),
            left: flags.contains(&'-'),
            width,
            precision,
            delimiter,
            space: flags.contains(&' '),
            separator: None,
            association: None,
            inner: None,
        })
    }

    /// What goes around a container.
    pub fn delimiters(&self, default: (&'static str, &'static str)) -> (&'static str, &'static str) {
        match self.delimiter {
            Some('[') => ("[", "]"),
            Some('{') => ("{", "}"),
            Some('(') => ("(", ")"),
            Some('<') => ("<", ">"),
            Some(_) => ("|", "|"),
            None if self.space => ("", ""),
            None => default,
        }
    }

    /// Text with width and precision applied.
    pub fn apply(&self, text: &str) -> String {
        let text: String = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        let width = self.width.unwrap_or(0);
        if self.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }

    fn merged_with(&self, higher: &Spec) -> Spec {
        Spec {
            separator: higher.separator.clone().or_else(|| self.separator.clone()),
            association: higher.association.clone().or_else(|| self.association.clone()),
            inner: merge_formats(self.inner.clone(), higher.inner.clone()),
            ..higher.clone()
        }
    }
}

fn constant(text: &str) -> Spec {
    Spec::parse(text).expect("a constant format parses")
}

/// Formats inside of containers.
pub(super) fn inner_defaults() -> Formats {
    vec![(Type::Any, constant("%p"))]
}

/// Formats that hold unless others are given.
pub(super) fn defaults() -> Formats {
    let array = Spec {
        separator: Some(", ".to_owned()),
        association: Some(", ".to_owned()),
        inner: Some(inner_defaults()),
        ..constant("%a")
    };
    let hash = Spec {
        separator: Some(", ".to_owned()),
        association: Some(" => ".to_owned()),
        inner: Some(inner_defaults()),
        ..constant("%h")
    };
    vec![
        (Type::Object(None), constant("%p")),
        (Type::Float(FloatRange::ALL), constant("%f")),
        (Type::Numeric, constant("%d")),
        (Type::any_array(), array),
        (Type::any_hash(), hash),
        (Type::Binary, constant("%B")),
        (Type::Any, constant("%s")),
    ]
}

/// Reads `{Type => format}`.
pub(super) fn read_map(map: &Hash) -> Result<Formats, String> {
    let mut formats = Vec::new();
    for (key, value) in map {
        let Value::Type(of) = key else {
            return Err(format!(
                "top level keys in the format hash must be data types, got instance of '{}'",
                crate::types::ruby_class(key)
            ));
        };
        let spec = match value {
            Value::Hash(parts) => read_container(parts)?,
            Value::String(text) => Spec::parse(text)?,
            other => Spec::parse(&other.to_string())?,
        };
        formats.push(((**of).clone(), spec));
    }
    Ok(formats)
}

fn read_container(parts: &Hash) -> Result<Spec, String> {
    const KEYS: [&str; 4] = ["separator", "separator2", "format", "string_formats"];
    if parts.keys().any(|key| !key.as_str().is_some_and(|key| KEYS.contains(&key))) {
        let shown = crate::format::ruby::inspect(&Value::Hash(std::sync::Arc::new(parts.clone())));
        return Err(format!(
            "only 'separator', 'separator2', 'format', 'string_formats' are allowed in a container format, got {shown}"
        ));
    }
    let text = |key: &str| parts.get(&Key(key)).and_then(Value::as_str).map(str::to_owned);
    let mut spec = Spec::parse(&text("format").unwrap_or_default())?;
    spec.separator = text("separator");
    spec.association = text("separator2");
    spec.inner = match parts.get(&Key("string_formats")) {
        Some(Value::Hash(map)) => Some(read_map(map)?),
        _ => None,
    };
    Ok(spec)
}

/// The formats of both, `higher` winning.
pub(super) fn merge_formats(lower: Option<Formats>, higher: Option<Formats>) -> Option<Formats> {
    let (lower, higher) = match (lower, higher) {
        (Some(lower), Some(higher)) => (lower, higher),
        (lower, higher) => return lower.or(higher),
    };
    let kept: Formats = lower
        .into_iter()
        .filter(|(key, _)| !higher.iter().any(|(other, _)| other != key && assignable(other, key)))
        .collect();
    let mut merged: Formats = Vec::new();
    for (key, spec) in &kept {
        let over = higher.iter().find(|(other, _)| other == key);
        merged.push((key.clone(), over.map_or_else(|| spec.clone(), |(_, over)| spec.merged_with(over))));
    }
    merged.extend(higher.into_iter().filter(|(key, _)| !kept.iter().any(|(other, _)| other == key)));
    sort(&mut merged);
    Some(merged)
}

/// Special types before general ones; those that don't compare by kind and text.
fn sort(formats: &mut Formats) {
    let mut rest = std::mem::take(formats);
    rest.sort_by(|(a, _), (b, _)| match (rank(a), rank(b)) {
        (0, _) | (_, 0) => a.to_string().cmp(&b.to_string()),
        (a, b) => a.cmp(&b),
    });
    while !rest.is_empty() {
        let is_least = |i: usize| {
            rest.iter().enumerate().all(|(j, (other, _))| {
                i == j || !assignable(&rest[i].0, other) || assignable(other, &rest[i].0)
            })
        };
        let next = (0..rest.len()).find(|i| is_least(*i)).unwrap_or(0);
        formats.push(rest.remove(next));
    }
}

fn rank(of: &Type) -> u8 {
    match of {
        Type::Struct(_) => 1,
        Type::Hash(..) => 2,
        Type::Tuple(..) => 3,
        Type::Array(..) => 4,
        Type::Pattern(_) => 10,
        Type::Enum(..) => 11,
        Type::String(_) => 12,
        _ => 0,
    }
}

/// The format for values of the type.
pub(super) fn find(of: &Type, formats: &Formats) -> Spec {
    let found = formats.iter().find(|(key, _)| assignable(key, of));
    found.map_or_else(|| constant("%s"), |(_, spec)| spec.clone())
}
