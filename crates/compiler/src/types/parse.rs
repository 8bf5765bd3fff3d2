//! Types written in text, for signatures of builtin functions: `Variant[Array[String], String[1, 3]]`.
//!
//! This is no parser of the Puppet language: names, literals, brackets and `=>` are all it knows.

use std::sync::Arc;

use super::{Type, builtin, parameterize};
use crate::regex::Regex;
use crate::value::Value;

/// Reads a type.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_type(text: &str) -> Result<Type, String> {
    parse_type_with(text, &|_| None)
}

/// Reads a type in which names may also be what `local` knows (local aliases).
///
/// # Errors
/// What is wrong with the text.
pub fn parse_type_with(text: &str, local: &dyn Fn(&str) -> Option<Type>) -> Result<Type, String> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0, local };
    let value = reader.value()?;
    reader.blank();
    if reader.at < reader.chars.len() {
        return Err(format!("unexpected text after the type in '{text}'"));
    }
    match value {
        Value::Type(found) => Ok((*found).clone()),
        _ => Err(format!("'{text}' is not a type")),
    }
}

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    local: &'a dyn Fn(&str) -> Option<Type>,
}

impl Reader<'_> {
    fn blank(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        self.blank();
        let found = self.peek() == Some(c);
        if found {
            self.at += 1;
        }
        found
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == end {
                return Ok(text);
            }
            if c == '\\' && self.peek() == Some(end) {
                text.push(end);
                self.at += 1;
            } else {
                text.push(c);
            }
        }
        Err(format!("{end} is missing"))
    }

    fn list(&mut self, end: char) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        while !self.eat(end) {
            items.push(self.value()?);
            if !self.eat(',') {
                if self.eat(end) {
                    break;
                }
                return Err(format!("{end} is missing"));
            }
        }
        Ok(items)
    }

    fn value(&mut self) -> Result<Value, String> {
        self.blank();
        let Some(c) = self.peek() else { return Err("a type is missing".to_owned()) };
        match c {
            '\'' | '"' => {
                self.at += 1;
                Ok(self.until(c)?.into())
            }
            '/' => {
                self.at += 1;
                let source = self.until('/')?;
                Ok(Value::Regex(Arc::new(Regex::new(&source)?)))
            }
            '[' => {
                self.at += 1;
                Ok(Value::array(self.list(']')?))
            }
            '{' => {
                self.at += 1;
                let mut pairs = Vec::new();
                while !self.eat('}') {
                    let key = self.value()?;
                    if !(self.eat('=') && self.eat('>')) {
                        return Err("=> is missing".to_owned());
                    }
                    pairs.push((key, self.value()?));
                    self.eat(',');
                }
                Ok(Value::hash(pairs))
            }
            '-' | '0'..='9' => {
                let start = self.at;
                self.at += 1;
                while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
                    self.at += 1;
                }
                let text: String = self.chars[start..self.at].iter().collect();
                match text.parse::<i64>() {
                    Ok(n) => Ok(Value::Int(n)),
                    Err(_) => text.parse().map(Value::Float).map_err(|_| format!("'{text}' is no number")),
                }
            }
            'A'..='Z' => self.reference(),
            _ => match self.word().as_str() {
                "" => Err(format!("unexpected '{c}'")),
                "default" => Ok(Value::Default),
                "undef" => Ok(Value::Undef),
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                name => Ok(name.into()),
            },
        }
    }

    fn reference(&mut self) -> Result<Value, String> {
        let name = self.word();
        let base = (self.local)(&name)
            .or_else(|| builtin(&name))
            .unwrap_or_else(|| Type::Resource { name: Some(name.as_str().into()), title: None });
        if !self.eat('[') {
            return Ok(Value::of_type(base));
        }
        let arguments = self.list(']')?;
        Ok(Value::of_type(parameterize(&base, &arguments)?))
    }
}
