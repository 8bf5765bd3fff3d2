//! Lists with indentation → text.

/// What a dump consists of.
pub(super) enum Item {
    Text(String),
    List(Vec<Item>),
    Indent,
    Dedent,
    Break,
}

impl From<&str> for Item {
    fn from(text: &str) -> Item {
        Item::Text(text.to_string())
    }
}

impl From<String> for Item {
    fn from(text: String) -> Item {
        Item::Text(text)
    }
}

/// The indentation, which Puppet keeps over everything it formats.
#[derive(Default)]
pub(super) struct Layout {
    indent: i64,
}

impl Layout {
    /// The text of an item.
    pub fn format(&mut self, item: &Item) -> String {
        let mut parts = Vec::new();
        self.flatten(item, &mut parts);
        let mut text = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 && part != ")" && !ends_open(&parts[index - 1]) && !starts_blank(part) {
                text.push(' ');
            }
            text.push_str(part);
        }
        text
    }

    fn flatten(&mut self, item: &Item, parts: &mut Vec<String>) {
        match item {
            Item::Text(text) => parts.push(text.clone()),
            Item::Indent => self.indent += 1,
            Item::Dedent => self.indent -= 1,
            Item::Break => {
                let width = usize::try_from(self.indent).unwrap_or(0);
                parts.push(format!("\n{}", "  ".repeat(width)));
            }
            Item::List(items) => {
                parts.push("(".to_string());
                for item in items {
                    self.flatten(item, parts);
                }
                parts.push(")".to_string());
            }
        }
    }
}

/// Whether any line of a part ends with white space or an opening parenthesis.
fn ends_open(part: &str) -> bool {
    let bytes = part.as_bytes();
    bytes.iter().enumerate().any(|(at, &byte)| {
        let line_end = at + 1 == bytes.len() || bytes[at + 1] == b'\n';
        line_end && (byte == b'(' || is_space(byte))
    })
}

/// Whether any line of a part starts with white space.
fn starts_blank(part: &str) -> bool {
    let bytes = part.as_bytes();
    bytes.iter().enumerate().any(|(at, &byte)| is_space(byte) && (at == 0 || bytes[at - 1] == b'\n'))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
