//! From the regular expressions that Puppet users write (Ruby's, Onigmo syntax) to those of the engines we link.
//!
//! The two syntaxes look alike and mean different things: Ruby's `^` and `$` are always per line, its `(?m)` lets
//! the dot match a newline, `\w`, `\d` and `\s` are ASCII while POSIX brackets are Unicode, and plain groups stop
//! capturing once a group has a name. Nothing here guesses: what has no exact equivalent is refused by name.

use super::RegexFault;

/// Ruby's option letters of a regular expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// `i`: letter case does not matter.
    pub ignore_case: bool,
    /// `m`: the dot matches a newline too.
    pub multi_line: bool,
    /// `x`: white space and comments in the pattern are skipped.
    pub extended: bool,
}

/// The outcome of a translation.
#[derive(Debug)]
pub struct Translated {
    /// Pattern for an engine in its default mode.
    pub pattern: String,
    /// Same, but `^` never matches after a newline that ends the text (needs look-around).
    pub pattern_strict_start: Option<String>,
    /// Back-references, look-around, atomic or possessive parts are in it.
    pub needs_backtracking: bool,
}

const DIGIT: &str = "0-9";
const WORD: &str = "a-zA-Z0-9_";
const SPACE: &str = r" \t\r\n\x0B\x0C";
const HEX: &str = "0-9a-fA-F";

/// Translates `source` under `options`.
///
/// # Errors
/// A construct that is malformed or has no exact equivalent.
pub fn translate(source: &str, options: Options) -> Result<Translated, RegexFault> {
    let plain = run(source, options, false)?;
    let strict = if plain.line_start { Some(run(source, options, true)?.out) } else { None };
    Ok(Translated {
        pattern: plain.out,
        pattern_strict_start: strict,
        needs_backtracking: plain.backtracking,
    })
}

fn run(source: &str, options: Options, strict: bool) -> Result<Translator<'_>, RegexFault> {
    let chars: Vec<char> = source.chars().collect();
    let named = has_named_group(&chars);
    let mut translator = Translator {
        source,
        chars,
        at: 0,
        out: String::with_capacity(source.len() + 16),
        named,
        backtracking: false,
        line_start: false,
        strict,
    };
    let mut flags = String::from("(?m");
    if options.ignore_case {
        flags.push('i');
    }
    if options.multi_line {
        flags.push('s');
    }
    flags.push(')');
    translator.out.push_str(&flags);
    translator.alternatives(options.extended, 0)?;
    if translator.at < translator.chars.len() {
        return Err(translator.fault("unmatched close parenthesis"));
    }
    Ok(translator)
}

/// Whether any group of the pattern is named: then Ruby makes all plain groups non-capturing.
fn has_named_group(chars: &[char]) -> bool {
    let mut at = 0;
    let mut in_class = 0;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => in_class += 1,
            ']' if in_class > 0 => in_class -= 1,
            '(' if in_class == 0 && chars.get(at + 1) == Some(&'?') => {
                let (third, fourth) = (chars.get(at + 2), chars.get(at + 3));
                if third == Some(&'\'')
                    || (third == Some(&'<') && !matches!(fourth, Some('=' | '!')))
                    || (third == Some(&'P') && fourth == Some(&'<'))
                {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

struct Translator<'a> {
    source: &'a str,
    chars: Vec<char>,
    at: usize,
    out: String,
    named: bool,
    backtracking: bool,
    line_start: bool,
    strict: bool,
}

impl Translator<'_> {
    fn fault(&self, what: &str) -> RegexFault {
        RegexFault::Malformed { pattern: self.source.to_owned(), what: what.to_owned() }
    }

    fn unsupported(&self, what: &str) -> RegexFault {
        RegexFault::Unsupported { pattern: self.source.to_owned(), construct: what.to_owned() }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let matches = wanted.chars().enumerate().all(|(i, c)| self.peek_at(i) == Some(c));
        if matches {
            self.at += wanted.chars().count();
        }
        matches
    }

    /// Everything up to the end of the enclosing group. `(?i)` in the middle opens a group that ends with it.
    fn alternatives(&mut self, mut extended: bool, depth: usize) -> Result<(), RegexFault> {
        if depth > 200 {
            return Err(self.unsupported("more than 200 nested groups"));
        }
        let mut to_close = 0;
        while let Some(c) = self.peek() {
            match c {
                ')' => break,
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                }
                '(' => {
                    if let Some(on) = self.switch_flags()? {
                        // Ruby: `a(?i)b|c` is `a(?i:b|c)`.
                        to_close += 1;
                        extended = on.unwrap_or(extended);
                        continue;
                    }
                    let start = self.out.len();
                    if self.group(extended, depth)? {
                        self.quantifiers(start, extended)?;
                    }
                }
                _ => {
                    let start = self.out.len();
                    if self.atom(extended)? {
                        self.quantifiers(start, extended)?;
                    }
                }
            }
        }
        for _ in 0..to_close {
            self.out.push(')');
        }
        Ok(())
    }

    /// `(?imx-imx)` without a colon. Returns what it says about `x` (`Some(None)`: nothing).
    fn switch_flags(&mut self) -> Result<Option<Option<bool>>, RegexFault> {
        if self.peek_at(1) != Some('?') {
            return Ok(None);
        }
        let mut ahead = 2;
        while matches!(self.peek_at(ahead), Some('i' | 'm' | 'x' | '-' | 'a' | 'u' | 'd')) {
            ahead += 1;
        }
        if ahead == 2 || self.peek_at(ahead) != Some(')') {
            return Ok(None);
        }
        let letters: String = self.chars[self.at + 2..self.at + ahead].iter().collect();
        self.at += ahead + 1;
        let extended = self.open_flags(&letters)?;
        Ok(Some(extended))
    }

    /// Writes `(?is-is:` for Ruby's option letters; answers what they say about `x`.
    fn open_flags(&mut self, letters: &str) -> Result<Option<bool>, RegexFault> {
        let (mut on, mut off, mut negative, mut extended) = (String::new(), String::new(), false, None);
        for letter in letters.chars() {
            match letter {
                '-' if negative => return Err(self.fault("undefined group option")),
                '-' => negative = true,
                'x' => extended = Some(!negative),
                'i' | 'm' => {
                    let ours = if letter == 'm' { 's' } else { 'i' };
                    if negative { off.push(ours) } else { on.push(ours) }
                }
                other => return Err(self.unsupported(&format!("(?{other})"))),
            }
        }
        self.out.push_str("(?");
        self.out.push_str(&on);
        if !off.is_empty() {
            self.out.push('-');
            self.out.push_str(&off);
        }
        self.out.push(':');
        Ok(extended)
    }

    /// A parenthesised part. False when it was only a comment.
    fn group(&mut self, extended: bool, depth: usize) -> Result<bool, RegexFault> {
        self.at += 1;
        let mut inner_extended = extended;
        if self.eat("?#") {
            while let Some(c) = self.peek() {
                self.at += 1;
                match c {
                    '\\' => self.at += 1,
                    ')' => return Ok(false),
                    _ => {}
                }
            }
            return Err(self.fault("end pattern in group"));
        } else if self.eat("?:") {
            self.out.push_str("(?:");
        } else if self.eat("?=") {
            self.lookaround("(?=");
        } else if self.eat("?!") {
            self.lookaround("(?!");
        } else if self.eat("?<=") {
            self.lookaround("(?<=");
        } else if self.eat("?<!") {
            self.lookaround("(?<!");
        } else if self.eat("?>") {
            self.lookaround("(?>");
        } else if self.eat("?~") {
            return Err(self.unsupported("absence operator (?~...)"));
        } else if self.eat("?(") {
            return Err(self.unsupported("conditional group (?(...)...)"));
        } else if self.eat("?<") {
            self.named_group('>')?;
        } else if self.eat("?'") {
            self.named_group('\'')?;
        } else if self.eat("?") {
            let mut letters = String::new();
            while let Some(c @ ('i' | 'm' | 'x' | '-' | 'a' | 'u' | 'd')) = self.peek() {
                letters.push(c);
                self.at += 1;
            }
            if !self.eat(":") {
                return Err(self.fault("undefined group option"));
            }
            inner_extended = self.open_flags(&letters)?.unwrap_or(extended);
        } else if self.named {
            self.out.push_str("(?:");
        } else {
            self.out.push('(');
        }
        self.alternatives(inner_extended, depth + 1)?;
        if !self.eat(")") {
            return Err(self.fault("end pattern with unmatched parenthesis"));
        }
        self.out.push(')');
        Ok(true)
    }

    fn lookaround(&mut self, open: &str) {
        self.backtracking = true;
        self.out.push_str(open);
    }

    fn named_group(&mut self, end: char) -> Result<(), RegexFault> {
        let mut name = String::new();
        loop {
            match self.peek() {
                Some(c) if c == end => break,
                Some(c) if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
                Some(_) => {
                    return Err(self.unsupported("a group name with other than ASCII letters, digits, _"));
                }
                None => return Err(self.fault("invalid group name <>")),
            }
            self.at += 1;
        }
        self.at += 1;
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.fault("group name is empty"));
        }
        self.out.push_str("(?P<");
        self.out.push_str(&name);
        self.out.push('>');
        Ok(())
    }

    /// One character, class, escape or anchor. False when nothing that could be repeated was written.
    fn atom(&mut self, extended: bool) -> Result<bool, RegexFault> {
        let Some(c) = self.peek() else { return Ok(false) };
        self.at += 1;
        match c {
            ' ' | '\t' | '\n' | '\r' | '\x0B' | '\x0C' if extended => Ok(false),
            '#' if extended => {
                while let Some(c) = self.peek() {
                    self.at += 1;
                    if c == '\n' {
                        break;
                    }
                }
                Ok(false)
            }
            '^' => {
                self.line_start = true;
                // Ruby's ^ does not match after a newline that is the last character.
                self.out.push_str(if self.strict { r"(?:\A|^(?!\z))" } else { "^" });
                Ok(true)
            }
            '$' => {
                self.out.push('$');
                Ok(true)
            }
            '.' => {
                self.out.push('.');
                Ok(true)
            }
            '[' => {
                self.class(0)?;
                Ok(true)
            }
            '\\' => {
                self.escape()?;
                Ok(true)
            }
            '*' | '+' | '?' => Err(self.fault("target of repeat operator is not specified")),
            c => {
                push_literal(&mut self.out, c);
                Ok(true)
            }
        }
    }

    /// Quantifiers after an atom that was written at `start`.
    fn quantifiers(&mut self, start: usize, extended: bool) -> Result<(), RegexFault> {
        let mut several = false;
        loop {
            if extended {
                while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
                    self.at += 1;
                }
            }
            let (text, interval) = match self.peek() {
                Some(c @ ('*' | '+' | '?')) => {
                    self.at += 1;
                    (c.to_string(), false)
                }
                Some('{') => match self.interval()? {
                    Some(text) => (text, true),
                    None => return Ok(()),
                },
                _ => return Ok(()),
            };
            if several {
                self.out.insert_str(start, "(?:");
                self.out.push(')');
            }
            self.out.push_str(&text);
            several = true;
            if self.peek() == Some('?') {
                self.at += 1;
                self.out.push('?');
            } else if self.peek() == Some('+') && !interval {
                self.at += 1;
                self.backtracking = true;
                self.out.push('+');
            }
        }
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; None (and nothing read) when the brace is an ordinary character.
    fn interval(&mut self) -> Result<Option<String>, RegexFault> {
        let mut ahead = 1;
        let mut number = |at: usize, this: &Self| {
            let mut digits = String::new();
            let mut i = at;
            while let Some(c) = this.peek_at(i).filter(char::is_ascii_digit) {
                digits.push(c);
                i += 1;
            }
            ahead = i;
            digits
        };
        let low = number(1, self);
        let after_low = 1 + low.len();
        let text = match self.peek_at(after_low) {
            Some('}') if !low.is_empty() => format!("{{{low}}}"),
            Some(',') => {
                let high = number(after_low + 1, self);
                if self.peek_at(after_low + 1 + high.len()) != Some('}')
                    || (low.is_empty() && high.is_empty())
                {
                    return Ok(None);
                }
                let bound = |digits: &str| digits.parse::<u32>().ok();
                if bound(&high).is_some_and(|high| bound(&low).is_some_and(|low| low > high)) {
                    return Err(self.fault("upper is smaller than lower in repeat range"));
                }
                let low = if low.is_empty() { "0" } else { &low };
                format!("{{{low},{high}}}")
            }
            _ => return Ok(None),
        };
        self.at += ahead + 1;
        Ok(Some(text))
    }

    /// After a backslash, outside of a class.
    fn escape(&mut self) -> Result<(), RegexFault> {
        let Some(c) = self.peek() else { return Err(self.fault("too short escape sequence")) };
        if let Some(set) = shorthand(c) {
            self.at += 1;
            self.out.push_str(&set);
            return Ok(());
        }
        match c {
            'A' | 'z' | 'b' | 'B' => {
                self.at += 1;
                self.out.push('\\');
                self.out.push(c);
            }
            'Z' => {
                self.at += 1;
                self.backtracking = true;
                self.out.push_str(r"(?=\n?\z)");
            }
            'R' => {
                self.at += 1;
                self.backtracking = true;
                self.out.push_str(r"(?>\r\n|[\n\x0B\x0C\r\x{85}\x{2028}\x{2029}])");
            }
            'G' | 'K' | 'X' | 'g' | 'M' => return Err(self.unsupported(&format!("\\{c}"))),
            'p' | 'P' => {
                let set = self.property()?;
                self.out.push_str(&set);
            }
            'k' => {
                self.at += 1;
                self.back_reference_by_name()?;
            }
            '1'..='9' if !self.named => {
                let mut digits = String::new();
                while let Some(d) = self.peek().filter(char::is_ascii_digit) {
                    digits.push(d);
                    self.at += 1;
                }
                if digits.len() > 1 {
                    return Err(self.unsupported(&format!("\\{digits}")));
                }
                self.backtracking = true;
                self.out.push_str(&format!("(?:\\{digits})"));
            }
            '1'..='9' => return Err(self.fault("numbered backref/call is not allowed. (use name)")),
            _ => {
                let literal = self.character_escape()?;
                push_literal(&mut self.out, literal);
            }
        }
        Ok(())
    }

    fn back_reference_by_name(&mut self) -> Result<(), RegexFault> {
        let end = match self.peek() {
            Some('<') => '>',
            Some('\'') => '\'',
            _ => return Err(self.fault("invalid backref number/name")),
        };
        self.at += 1;
        let mut name = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == end {
                break;
            }
            name.push(c);
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(self.unsupported(&format!("\\k<{name}>")));
        }
        self.backtracking = true;
        let opened = [format!("(?<{name}>"), format!("(?'{name}'")];
        if name.chars().all(|c| c.is_ascii_digit()) {
            self.out.push_str(&format!("(?:\\{name})"));
        } else if !opened.iter().any(|opened| self.source.contains(opened)) {
            return Err(self.fault(&format!("undefined name <{name}> reference")));
        } else {
            self.out.push_str(&format!("(?P={name})"));
        }
        Ok(())
    }

    /// An escape that stands for one character, inside or outside of a class.
    fn character_escape(&mut self) -> Result<char, RegexFault> {
        let Some(c) = self.peek() else { return Err(self.fault("too short escape sequence")) };
        self.at += 1;
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0C',
            'v' => '\x0B',
            'a' => '\x07',
            'e' => '\x1B',
            'x' => {
                let code = self.digits(16, 2);
                self.code_point(code, "\\x")?
            }
            'u' if self.eat("{") => {
                let code = self.digits(16, 6);
                if !self.eat("}") {
                    return Err(self.unsupported("\\u{...} with several code points"));
                }
                self.code_point(code, "\\u")?
            }
            'u' => {
                let code = self.digits(16, 4);
                self.code_point(code, "\\u")?
            }
            'c' => {
                let Some(letter) = self.peek().filter(char::is_ascii) else {
                    return Err(self.fault("too short control sequence"));
                };
                self.at += 1;
                char::from(letter as u8 & 0x1f)
            }
            'C' | 'M' => return Err(self.unsupported(&format!("\\{c}-"))),
            '0'..='7' => {
                self.at -= 1;
                let code = self.digits(8, 3);
                self.code_point(code, "\\0")?
            }
            other => other,
        })
    }

    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let mut value = None;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            value = Some(value.unwrap_or(0) * radix + digit);
            self.at += 1;
        }
        value
    }

    fn code_point(&self, code: Option<u32>, escape: &str) -> Result<char, RegexFault> {
        let code = code.ok_or_else(|| self.fault(&format!("invalid {escape} escape")))?;
        if escape == "\\x" && code > 0x7f {
            return Err(self.unsupported("\\x with a byte above 7F"));
        }
        char::from_u32(code).ok_or_else(|| self.fault("invalid Unicode range"))
    }

    /// `\p{...}` or `\P{...}`; `self.at` is at the letter.
    fn property(&mut self) -> Result<String, RegexFault> {
        let mut negated = self.peek() == Some('P');
        self.at += 1;
        if !self.eat("{") {
            return Err(self.fault("invalid character property name {p}"));
        }
        if self.eat("^") {
            negated = !negated;
        }
        let mut name = String::new();
        loop {
            match self.peek() {
                Some('}') => break,
                Some(c) => name.push(c),
                None => return Err(self.fault("invalid character property name")),
            }
            self.at += 1;
        }
        self.at += 1;
        let folded = name.to_ascii_lowercase().replace([' ', '_', '-'], "");
        Ok(match posix(&folded) {
            Some(set) => format!("[{}{set}]", if negated { "^" } else { "" }),
            None => {
                let property = format!("\\p{{{name}}}");
                if regex::Regex::new(&property).is_err() {
                    return Err(self.fault(&format!("invalid character property name {{{name}}}")));
                }
                if negated { property.replacen('p', "P", 1) } else { property }
            }
        })
    }

    /// A bracket expression; the opening bracket has been read.
    fn class(&mut self, depth: usize) -> Result<(), RegexFault> {
        if depth > 50 {
            return Err(self.unsupported("more than 50 nested character classes"));
        }
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.peek() else { return Err(self.fault("premature end of char-class")) };
            if c == ']' && !first {
                self.at += 1;
                self.out.push(']');
                return Ok(());
            }
            if c == ']' && !self.chars[self.at + 1..].contains(&']') {
                return Err(self.fault("empty char-class"));
            }
            first = false;
            self.at += 1;
            match c {
                '[' if self.peek() == Some(':') && self.posix_bracket()? => {}
                '[' => self.class(depth + 1)?,
                '&' if self.peek() == Some('&') => {
                    self.at += 1;
                    self.out.push_str("&&");
                }
                '-' => self.hyphen(),
                '\\' => self.class_escape()?,
                c => push_class_literal(&mut self.out, c),
            }
        }
    }

    /// A hyphen is a range only between two single characters.
    fn hyphen(&mut self) {
        let before = self.at.checked_sub(2).map(|i| self.chars[i]);
        let opens =
            before == Some('[') || (before == Some('^') && self.at >= 3 && self.chars[self.at - 3] == '[');
        let range = !opens && !matches!(self.peek(), None | Some(']')) && !self.after_set();
        self.out.push_str(if range { "-" } else { r"\-" });
    }

    /// Whether what was written last in the class is a set, not a character.
    fn after_set(&self) -> bool {
        let previous = self.at.checked_sub(2).map(|i| self.chars[i]);
        let escaped = self.at >= 3 && self.chars[self.at - 3] == '\\';
        (escaped && matches!(previous, Some('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'h' | 'H')))
            || (!escaped && previous == Some(']'))
            || self.out.ends_with("&&")
    }

    fn class_escape(&mut self) -> Result<(), RegexFault> {
        let Some(c) = self.peek() else { return Err(self.fault("end pattern at escape")) };
        if let Some(set) = shorthand(c) {
            self.at += 1;
            self.out.push_str(&set);
            return Ok(());
        }
        match c {
            'p' | 'P' => {
                let set = self.property()?;
                self.out.push_str(&set);
            }
            'b' => {
                self.at += 1;
                self.out.push_str(r"\x08");
            }
            'R' | 'X' => return Err(self.unsupported(&format!("\\{c} in a character class"))),
            _ => {
                let literal = self.character_escape()?;
                push_class_literal(&mut self.out, literal);
            }
        }
        Ok(())
    }

    /// `[:name:]` inside a class; the opening bracket has been read. False (nothing read) when it is none.
    fn posix_bracket(&mut self) -> Result<bool, RegexFault> {
        let mut ahead = 1;
        let negated = self.peek_at(ahead) == Some('^');
        if negated {
            ahead += 1;
        }
        let mut name = String::new();
        while let Some(c) = self.peek_at(ahead).filter(char::is_ascii_lowercase) {
            name.push(c);
            ahead += 1;
        }
        if self.peek_at(ahead) != Some(':') || self.peek_at(ahead + 1) != Some(']') {
            return Ok(false);
        }
        let Some(set) = posix(&name) else { return Err(self.fault("invalid POSIX bracket type")) };
        self.at += ahead + 2;
        self.out.push_str(&format!("[{}{set}]", if negated { "^" } else { "" }));
        Ok(true)
    }
}

/// `\d`-like letters as a bracket expression: Ruby means ASCII.
fn shorthand(letter: char) -> Option<String> {
    let set = match letter.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        's' => SPACE,
        'h' => HEX,
        _ => return None,
    };
    Some(format!("[{}{set}]", if letter.is_ascii_uppercase() { "^" } else { "" }))
}

/// The contents of a POSIX bracket in Unicode, as Ruby understands them.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "alpha" => r"\p{Alphabetic}",
        "blank" => r"\t\p{Zs}",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\s\p{Cc}\p{Cn}\p{Cs}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\p{Cc}\p{Cn}\p{Cs}\x{2028}\x{2029}]",
        "punct" => r"\p{P}$+<=>\^`|\~",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "xdigit" => HEX,
        "word" => r"\w",
        "ascii" => r"\x00-\x7F",
        _ => return None,
    })
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation()
        && !matches!(c, '_' | '\'' | '"' | '/' | '%' | ',' | ':' | ';' | '=' | '@' | '`' | '!' | '<' | '>')
    {
        out.push('\\');
        out.push(c);
    } else if c == '\n' {
        out.push_str(r"\n");
    } else {
        out.push(c);
    }
}

fn push_class_literal(out: &mut String, c: char) {
    if matches!(c, '[' | ']' | '\\' | '^' | '-' | '&' | '~' | '#' | '|') {
        out.push('\\');
    }
    out.push(c);
}
