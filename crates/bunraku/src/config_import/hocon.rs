//! Reads the part of HOCON that Puppet Server's configuration files are written in: objects, lists, text with and without
//! quotation marks, comments, `key: value`, `key = value`, `key { … }`, dotted keys. Substitutions (`${…}`), `include` and
//! `+=` are not carried out: they are kept as [`Value::Unread`], so that whoever asks for the value is told.

/// Deeper nesting is nobody's configuration.
const DEEPEST: usize = 64;

/// A value and the line it begins on (counted from 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

/// What a key may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// In the order of the file; a key that is given again stands where it was first, with its last value.
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
    /// Text; numbers, true, false and null are text without quotation marks.
    Text(String),
    /// What this reader does not carry out.
    Unread(String),
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct HoconFault {
    pub line: usize,
    pub reason: String,
}

impl Node {
    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        let [first, rest @ ..] = path else { return Some(self) };
        let Value::Object(members) = &self.value else { return None };
        members.iter().find(|(key, _)| key == first)?.1.at(rest)
    }

    /// The members, if it is an object.
    pub fn members(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// As one line, for messages and comparisons.
    pub fn print(&self) -> String {
        match &self.value {
            Value::Text(text) | Value::Unread(text) => text.clone(),
            Value::List(nodes) => {
                format!("[{}]", nodes.iter().map(Node::print).collect::<Vec<_>>().join(", "))
            }
            Value::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(key, node)| format!("{key}: {}", node.print())).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// Reads a file: one object, with or without its braces.
///
/// # Errors
/// [`HoconFault`] when the text is not HOCON of this kind.
pub fn parse(text: &str) -> Result<Node, HoconFault> {
    let mut reader = Reader { rest: text, line: 1 };
    reader.skip_blank();
    let braced = reader.eat('{');
    let mut members = reader.members(braced, 0)?;
    if braced {
        reader.skip_blank();
        if !reader.rest.is_empty() {
            return Err(reader.fault("text after the closing brace"));
        }
    }
    members.shrink_to_fit();
    Ok(Node { line: 1, value: Value::Object(members) })
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self, reason: &str) -> HoconFault {
        HoconFault { line: self.line, reason: reason.to_string() }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.bump();
        }
        there
    }

    fn at_comment(&self) -> bool {
        self.rest.starts_with('#') || self.rest.starts_with("//")
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.bump();
        }
    }

    /// Blanks, line ends and comments.
    fn skip_blank(&mut self) {
        loop {
            if self.at_comment() {
                self.skip_comment();
            } else if self.peek().is_some_and(is_blank) {
                self.bump();
            } else {
                return;
            }
        }
    }

    /// Blanks of the same line.
    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|c| is_blank(c) && c != '\n') {
            self.bump();
        }
    }

    fn members(&mut self, braced: bool, depth: usize) -> Result<Vec<(String, Node)>, HoconFault> {
        if depth > DEEPEST {
            return Err(self.fault("nested too deep"));
        }
        let mut members: Vec<(String, Node)> = Vec::new();
        loop {
            self.skip_blank();
            while self.eat(',') {
                self.skip_blank();
            }
            match self.peek() {
                None if braced => return Err(self.fault("a closing brace is missing")),
                None => return Ok(members),
                Some('}') if braced => {
                    self.bump();
                    return Ok(members);
                }
                Some('}') => return Err(self.fault("a closing brace without an opening one")),
                Some(_) => {}
            }
            let line = self.line;
            let path = self.key()?;
            let node = if path.first().is_some_and(|key| key == "include") && self.peek() == Some('"') {
                Node { line, value: Value::Unread(format!("include {}", self.quoted()?)) }
            } else {
                self.member_value(depth)?
            };
            put(&mut members, &path, node, line);
        }
    }

    /// A key, split at its dots.
    fn key(&mut self) -> Result<Vec<String>, HoconFault> {
        let mut path = Vec::new();
        loop {
            if path.len() > DEEPEST {
                return Err(self.fault("nested too deep"));
            }
            self.skip_spaces();
            let part = if self.peek() == Some('"') { self.quoted()? } else { self.bare(is_key).to_string() };
            if part.is_empty() {
                return Err(self.fault("a key is missing"));
            }
            path.push(part);
            self.skip_spaces();
            if !self.eat('.') {
                return Ok(path);
            }
        }
    }

    fn member_value(&mut self, depth: usize) -> Result<Node, HoconFault> {
        self.skip_blank();
        let line = self.line;
        if self.rest.starts_with("+=") {
            self.rest = &self.rest[2..];
            self.skip_blank();
            let node = self.value(depth)?;
            return Ok(Node { line, value: Value::Unread(format!("+= {}", node.print())) });
        }
        if self.eat(':') || self.eat('=') {
            self.skip_blank();
            return self.value(depth);
        }
        // `key { … }` needs no sign in between.
        if self.peek() == Some('{') { self.value(depth) } else { Err(self.fault("':' or '=' is missing")) }
    }

    fn value(&mut self, depth: usize) -> Result<Node, HoconFault> {
        let line = self.line;
        let value = match self.peek() {
            None => return Err(self.fault("a value is missing")),
            Some('{') => {
                self.bump();
                Value::Object(self.members(true, depth + 1)?)
            }
            Some('[') => {
                self.bump();
                Value::List(self.list(depth + 1)?)
            }
            Some(_) => self.scalar()?,
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, HoconFault> {
        if depth > DEEPEST {
            return Err(self.fault("nested too deep"));
        }
        let mut nodes = Vec::new();
        loop {
            self.skip_blank();
            while self.eat(',') {
                self.skip_blank();
            }
            match self.peek() {
                None => return Err(self.fault("a closing bracket is missing")),
                Some(']') => {
                    self.bump();
                    return Ok(nodes);
                }
                Some(_) => {
                    let before = self.rest.len();
                    nodes.push(self.value(depth)?);
                    // A brace that closes nothing, say: reading on would find it for ever.
                    if self.rest.len() == before {
                        return Err(self.fault("this cannot stand in a list"));
                    }
                }
            }
        }
    }

    /// Pieces with and without quotation marks up to the end of the line or of the value, put together.
    fn scalar(&mut self) -> Result<Value, HoconFault> {
        let mut text = String::new();
        let mut unread = false;
        loop {
            match self.peek() {
                Some('"') => text.push_str(&self.quoted()?),
                Some('$') => {
                    unread |= self.rest.starts_with("${");
                    let end = if unread { self.rest.find('}').map_or(1, |at| at + 1) } else { 1 };
                    let (piece, rest) = self.rest.split_at(end);
                    text.push_str(piece);
                    self.line += piece.matches('\n').count();
                    self.rest = rest;
                }
                Some(c) if is_blank(c) && c != '\n' => {
                    self.skip_spaces();
                    let goes_on = self.peek().is_some_and(is_bare) && !self.at_comment();
                    if goes_on || matches!(self.peek(), Some('"' | '$')) {
                        text.push(' ');
                    }
                }
                Some(c) if is_bare(c) && !self.at_comment() => {
                    let before = self.rest.len();
                    text.push_str(self.bare(is_bare));
                    if self.rest.len() == before {
                        return Err(self.fault("a value is missing"));
                    }
                }
                _ => break,
            }
        }
        match self.peek() {
            None | Some('\n' | ',' | '}' | ']' | '#' | '/') if unread => Ok(Value::Unread(text)),
            None | Some('\n' | ',' | '}' | ']' | '#' | '/') => Ok(Value::Text(text)),
            Some(other) => Err(self.fault(&format!("'{other}' is not expected in a value"))),
        }
    }

    fn bare(&mut self, belongs: fn(char) -> bool) -> &'a str {
        let mut end = 0;
        for (at, c) in self.rest.char_indices() {
            if !belongs(c) || self.rest[at..].starts_with("//") {
                break;
            }
            end = at + c.len_utf8();
        }
        let (bare, rest) = self.rest.split_at(end);
        self.rest = rest;
        bare
    }

    fn quoted(&mut self) -> Result<String, HoconFault> {
        if let Some(raw) = self.rest.strip_prefix("\"\"\"") {
            let end = raw.find("\"\"\"").ok_or_else(|| self.fault("a closing \"\"\" is missing"))?;
            let text = raw[..end].to_string();
            self.line += text.matches('\n').count();
            self.rest = &raw[end + 3..];
            return Ok(text);
        }
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None | Some('\n') => return Err(self.fault("a closing quotation mark is missing")),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, HoconFault> {
        Ok(match self.bump() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('u') => {
                let mut code = 0;
                for _ in 0..4 {
                    let digit = self.bump().and_then(|c| c.to_digit(16));
                    code = code * 16 + digit.ok_or_else(|| self.fault("\\u needs four digits"))?;
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.fault("an unknown escape")),
        })
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// What may stand in a value without quotation marks.
fn is_bare(c: char) -> bool {
    !is_blank(c)
        && !matches!(
            c,
            '$' | '"'
                | '{'
                | '}'
                | '['
                | ']'
                | ':'
                | '='
                | ','
                | '+'
                | '#'
                | '`'
                | '^'
                | '?'
                | '!'
                | '@'
                | '*'
                | '&'
                | '\\'
        )
}

/// ... and in a key.
fn is_key(c: char) -> bool {
    is_bare(c) && c != '.'
}

/// Puts a value at the end of a path; objects are joined, anything else takes the place of what was there.
fn put(members: &mut Vec<(String, Node)>, path: &[String], node: Node, line: usize) {
    let Some((first, rest)) = path.split_first() else { return };
    let node = if rest.is_empty() {
        node
    } else {
        let mut inner = Vec::new();
        put(&mut inner, rest, node, line);
        Node { line, value: Value::Object(inner) }
    };
    match members.iter_mut().find(|(key, _)| key == first) {
        Some((_, Node { value: Value::Object(old), .. })) if matches!(node.value, Value::Object(_)) => {
            if let Value::Object(new) = node.value {
                for (key, node) in new {
                    let line = node.line;
                    put(old, &[key], node, line);
                }
            }
        }
        Some((_, old)) => *old = node,
        None => members.push((first.clone(), node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at(source: &str, path: &[&str]) -> Option<(String, usize)> {
        let node = parse(source).unwrap();
        node.at(path).map(|node| (node.print(), node.line))
    }

    #[test]
    fn puppet_servers_own_way_of_writing() {
        let source = "# first\ncertificate-authority: {\n    # no\n    allow-subject-alt-names: true # yes\n    \
                      allow-auto-renewal = \"false\"\n    proxy { status.v1 : x }\n}\nwebserver.ssl-port=8140,\n";
        let at = |path: &[&str]| text_at(source, path);
        assert_eq!(at(&["certificate-authority", "allow-subject-alt-names"]), Some(("true".into(), 4)));
        assert_eq!(at(&["certificate-authority", "allow-auto-renewal"]), Some(("false".into(), 5)));
        assert_eq!(at(&["certificate-authority", "proxy", "status", "v1"]), Some(("x".into(), 6)));
        assert_eq!(at(&["webserver", "ssl-port"]), Some(("8140".into(), 8)));
        assert_eq!(at(&["webserver", "host"]), None);
    }

    #[test]
    fn lists_paths_and_rules() {
        let source = "authorization: { rules: [ { match-request: { path: \"^/x/([^/]+)$\", method: [get, post] }\n\
                      allow: \"$1\" }, ] }\nruby-load-path: [/usr/lib/ruby/vendor_ruby]\ndir: /etc/a b // c\n";
        let node = parse(source).unwrap();
        let rules = node.at(&["authorization", "rules"]).unwrap();
        assert_eq!(rules.print(), "[{match-request: {path: ^/x/([^/]+)$, method: [get, post]}, allow: $1}]");
        assert_eq!(node.at(&["ruby-load-path"]).unwrap().print(), "[/usr/lib/ruby/vendor_ruby]");
        assert_eq!(node.at(&["dir"]).unwrap().print(), "/etc/a b");
    }

    #[test]
    fn the_last_value_counts_and_objects_join() {
        let source = "a: { x: 1, y: 2 }\na: { y: 3 }\nb: 1\nb: 2\na.z: \"\"\"q\"\"\"";
        assert_eq!(parse(source).unwrap().print(), "{a: {x: 1, y: 3, z: q}, b: 2}");
    }

    #[test]
    fn what_is_not_carried_out_is_told() {
        let node = parse("a: ${b}/x\nc += 1\ninclude \"other.conf\"\n").unwrap();
        for key in ["a", "c", "include"] {
            assert!(matches!(node.at(&[key]).unwrap().value, Value::Unread(_)), "{key}");
        }
    }

    #[test]
    fn what_is_no_hocon_is_refused_with_its_line() {
        for (source, line) in [
            ("a: {\n b: 1\n", 3),
            ("a: 1\n}", 2),
            ("a: [1, 2", 1),
            ("a: [ {} }\n ]", 1),
            ("a \"b\"", 1),
            ("a: \"x\n\"", 2),
            ("x: \"\\q\"", 1),
            (": 1", 1),
            ("{a: 1} b", 1),
        ] {
            assert_eq!(parse(source).map_err(|fault| fault.line), Err(line), "{source}");
        }
        assert!(parse(&"a{".repeat(1000)).is_err());
        assert!(parse(&format!("a:{}", "[".repeat(1000))).is_err());
    }
}
