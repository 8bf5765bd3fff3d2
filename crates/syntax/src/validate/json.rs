//! Whether a text is JSON (RFC 8259; comments are let through, as Puppet's parser does).

/// How deep lists and objects may be nested.
const MAX_DEPTH: usize = 100;

/// What is wrong with a text; `None` if it is JSON.
pub(super) fn fault(text: &str) -> Option<String> {
    let mut reader = Reader { text, pos: 0 };
    let valid = reader.value(0).is_some() && {
        reader.blanks();
        reader.pos == text.len()
    };
    if valid {
        return None;
    }
    let rest: String = text.get(reader.pos..).unwrap_or("").chars().take(60).collect();
    Some(format!("unexpected token at '{}'", rest.replace("\r\n", "\\n").replace('\n', "\\n")))
}

struct Reader<'a> {
    text: &'a str,
    pos: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        loop {
            let rest = &self.text[self.pos..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.pos += rest.len() - trimmed.len();
            let comment = match trimmed.get(..2) {
                Some("/*") => trimmed.find("*/").map(|end| end + 2),
                Some("//") => Some(trimmed.find('\n').unwrap_or(trimmed.len())),
                _ => None,
            };
            match comment {
                Some(length) => self.pos += length,
                None => return,
            }
        }
    }

    /// The position stays at what is wrong.
    fn value(&mut self, depth: usize) -> Option<()> {
        self.blanks();
        match self.peek()? {
            b'{' if depth < MAX_DEPTH => self.members(b'}', |reader| {
                reader.blanks();
                reader.string()?;
                reader.blanks();
                reader.eat(b':').then_some(())?;
                reader.value(depth + 1)
            }),
            b'[' if depth < MAX_DEPTH => self.members(b']', |reader| reader.value(depth + 1)),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => ["true", "false", "null"]
                .iter()
                .find_map(|word| self.text[self.pos..].starts_with(word).then(|| self.pos += word.len())),
        }
    }

    fn members(&mut self, close: u8, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.pos += 1;
        self.blanks();
        if self.eat(close) {
            return Some(());
        }
        loop {
            member(self)?;
            self.blanks();
            if self.eat(close) {
                return Some(());
            }
            self.eat(b',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<()> {
        let start = self.pos;
        let ended = self.eat(b'"') && self.string_rest();
        if !ended {
            self.pos = start;
        }
        ended.then_some(())
    }

    fn string_rest(&mut self) -> bool {
        while let Some(byte) = self.peek() {
            self.pos += 1;
            match byte {
                b'"' => return true,
                b'\\' => self.pos += self.text[self.pos..].chars().next().map_or(0, char::len_utf8),
                0..0x20 => return false,
                _ => {}
            }
        }
        false
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.pos;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.pos += 1;
        }
        (self.pos > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn json_is_told_from_what_is_not() {
        for valid in
            ["{}", " [1, -2.5e3, \"a\\\"b\", null] ", "\"x\"", "{\"a\": {\"b\": []}} // x", "/* y */ 0"]
        {
            assert_eq!(fault(valid), None, "{valid}");
        }
        for invalid in
            ["", "{\"a\": 1,}", "[1 2]", "{a: 1}", "01", "\"a", "'a'", "tru", "[", "{\"a\"}", "1 2"]
        {
            assert!(fault(invalid).is_some(), "{invalid}");
        }
        assert!(fault(&"[".repeat(100_000)).is_some());
    }
}
