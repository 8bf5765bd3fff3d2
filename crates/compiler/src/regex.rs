//! Regular expressions: Ruby's syntax and meaning, on engines that have neither.

mod translate;

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

pub use translate::Options;

/// Why a pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexFault {
    #[error("{what}: /{pattern}/")]
    Malformed { pattern: String, what: String },
    #[error("{construct} in the regular expression /{pattern}/ is not supported by Bunraku yet")]
    Unsupported { pattern: String, construct: String },
    #[error("The regular expression /{pattern}/ needs too many steps")]
    Exhausted { pattern: String },
}

/// Most steps of a backtracking search before it is given up.
const BACKTRACK_LIMIT: usize = 2_000_000;
/// Largest compiled program in octets.
const SIZE_LIMIT: usize = 16 << 20;

#[derive(Debug)]
enum Engine {
    /// Linear time; for all that needs no look-around and no back-reference.
    Automaton(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Where the groups of a match lie, in octets; `[0]` is the whole match.
pub type Spans = Vec<Option<(usize, usize)>>;

/// A compiled regular expression; equal when written alike.
#[derive(Debug)]
pub struct Regex {
    source: String,
    options: Options,
    engine: Engine,
    /// For texts that end with a newline, when the pattern has a `^`: see [`translate::Translated`].
    strict: Option<(String, OnceLock<Option<Engine>>)>,
}

impl Regex {
    /// Compiles a pattern in Ruby's syntax.
    ///
    /// # Errors
    /// The text says what is wrong with the pattern.
    pub fn new(source: &str) -> Result<Regex, String> {
        Regex::with_options(source, Options::default())
    }

    /// Compiles a pattern with Ruby's option letters.
    ///
    /// # Errors
    /// The text says what is wrong with the pattern.
    pub fn with_options(source: &str, options: Options) -> Result<Regex, String> {
        let translated = translate::translate(source, options).map_err(|fault| fault.to_string())?;
        let engine = compile(source, &translated.pattern, translated.needs_backtracking)?;
        let strict = translated.pattern_strict_start.map(|pattern| (pattern, OnceLock::new()));
        Ok(Regex { source: source.to_owned(), options, engine, strict })
    }

    /// A pattern that matches exactly the text.
    pub fn escape(text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            match c {
                '\n' => escaped.push_str("\\n"),
                '\t' => escaped.push_str("\\t"),
                '\r' => escaped.push_str("\\r"),
                '\x0C' => escaped.push_str("\\f"),
                '\x0B' => escaped.push_str("\\v"),
                ' ' => escaped.push_str("\\ "),
                '[' | ']' | '{' | '}' | '(' | ')' | '|' | '-' | '*' | '.' | '\\' | '?' | '+' | '^' | '$'
                | '#' => {
                    escaped.push('\\');
                    escaped.push(c);
                }
                c => escaped.push(c),
            }
        }
        escaped
    }

    /// The pattern as written, without the slashes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The pattern; options, if there are any, as a group around it.
    pub fn text(&self) -> String {
        if self.options == Options::default() { self.source.clone() } else { self.group() }
    }

    /// Between slashes, as Puppet prints it.
    pub fn inspect(&self) -> String {
        if self.options != Options::default() {
            return format!("/{}/", self.group());
        }
        let mut text = String::from("/");
        let mut chars = self.source.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    text.push('\\');
                    text.extend(chars.next());
                }
                '/' => text.push_str("\\/"),
                c => text.push(c),
            }
        }
        text.push('/');
        text
    }

    fn group(&self) -> String {
        let letters =
            [(self.options.multi_line, 'm'), (self.options.ignore_case, 'i'), (self.options.extended, 'x')];
        let on: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
        let off: String = letters.iter().filter(|(set, _)| !*set).map(|(_, letter)| *letter).collect();
        let off = if off.is_empty() { off } else { format!("-{off}") };
        format!("(?{on}{off}:{})", self.source)
    }

    /// The groups of the first match (`[0]` the whole match; `None` a group that took no part), or `None`.
    ///
    /// # Errors
    /// When the search gave up (too much backtracking).
    pub fn captures(&self, text: &str) -> Result<Option<Vec<Option<String>>>, String> {
        let spans = self.find_at(text, 0)?;
        Ok(spans.map(|spans| {
            spans.into_iter().map(|span| span.map(|(from, to)| text[from..to].to_owned())).collect()
        }))
    }

    /// Where the first match at or after the octet `from` lies.
    ///
    /// # Errors
    /// As [`Regex::captures`].
    pub fn find_at(&self, text: &str, from: usize) -> Result<Option<Spans>, String> {
        match self.engine_for(text)? {
            Engine::Automaton(program) => Ok(program.captures_at(text, from).map(|groups| {
                (0..groups.len()).map(|i| groups.get(i).map(|group| (group.start(), group.end()))).collect()
            })),
            Engine::Backtracking(program) => {
                let found = program.captures_from_pos(text, from).map_err(|_| self.exhausted())?;
                Ok(found.map(|groups| {
                    (0..groups.len())
                        .map(|i| groups.get(i).map(|group| (group.start(), group.end())))
                        .collect()
                }))
            }
        }
    }

    /// The names of the groups in order, `[0]` standing for the whole match.
    pub fn group_names(&self) -> Vec<Option<String>> {
        match &self.engine {
            Engine::Automaton(program) => {
                program.capture_names().map(|name| name.map(str::to_owned)).collect()
            }
            Engine::Backtracking(program) => {
                program.capture_names().map(|name| name.map(str::to_owned)).collect()
            }
        }
    }

    /// Whether the text holds a match.
    ///
    /// # Errors
    /// As [`Regex::captures`].
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        match self.engine_for(text)? {
            Engine::Automaton(program) => Ok(program.is_match(text)),
            Engine::Backtracking(program) => program.is_match(text).map_err(|_| self.exhausted()),
        }
    }

    fn engine_for(&self, text: &str) -> Result<&Engine, String> {
        match &self.strict {
            Some((pattern, cell)) if text.ends_with('\n') => cell
                .get_or_init(|| compile(&self.source, pattern, true).ok())
                .as_ref()
                .ok_or_else(|| self.exhausted()),
            _ => Ok(&self.engine),
        }
    }

    fn exhausted(&self) -> String {
        RegexFault::Exhausted { pattern: self.source.clone() }.to_string()
    }
}

fn compile(source: &str, pattern: &str, backtracking: bool) -> Result<Engine, String> {
    let malformed = |what: String| {
        let what = what.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let what = match what {
            "invalid character class range, the start must be <= the end" => "empty range in char class",
            other => other,
        };
        let what = what.to_owned();
        RegexFault::Malformed { pattern: source.to_owned(), what }.to_string()
    };
    if backtracking {
        let program = fancy_regex::RegexBuilder::new(pattern)
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| malformed(error.to_string()))?;
        return Ok(Engine::Backtracking(Box::new(program)));
    }
    let program = regex::RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| malformed(error.to_string()))?;
    Ok(Engine::Automaton(program))
}

impl PartialEq for Regex {
    fn eq(&self, other: &Regex) -> bool {
        self.source == other.source && self.options == other.options
    }
}

impl Eq for Regex {}

impl Hash for Regex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
        self.options.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(pattern: &str, text: &str) -> Option<String> {
        let regex = Regex::new(pattern).unwrap_or_else(|fault| panic!("{pattern}: {fault}"));
        regex.captures(text).unwrap().and_then(|groups| groups[0].clone())
    }

    #[test]
    fn rubys_meaning_is_kept() {
        assert_eq!(first("^b$", "a\nb\nc").as_deref(), Some("b"));
        assert_eq!(first("a.b", "a\nb"), None);
        assert_eq!(first("(?m)a.b", "a\nb").as_deref(), Some("a\nb"));
        assert_eq!(first(r"\d", "٣"), None);
        assert_eq!(first(r"[[:alpha:]]+", "éa1").as_deref(), Some("éa"));
        assert_eq!(first(r"\w+", "éa1").as_deref(), Some("a1"));
        assert_eq!(first(r"\h+", "xyzaf0").as_deref(), Some("af0"));
        assert_eq!(first(r"b\Z", "ab\n").as_deref(), Some("b"));
        assert_eq!(first(r"b\z", "ab\n"), None);
        assert_eq!(first(r"a{,2}", "aaa").as_deref(), Some("aa"));
        assert_eq!(first(r"{a}", "x{a}").as_deref(), Some("{a}"));
        assert_eq!(first(r"a(?i)b|c", "aC").as_deref(), Some("aC"));
        assert_eq!(first(r"(a)\1", "aa").as_deref(), Some("aa"));
        assert_eq!(first(r"a(?=b)", "ab").as_deref(), Some("a"));
        assert_eq!(first(r"[a-z&&[^aeiou]]+", "aebcd").as_deref(), Some("bcd"));
        assert_eq!(first(r"[\d\-x]+", "1-x").as_deref(), Some("1-x"));
        assert_eq!(first(r"[^\s\/]+", "/ab c").as_deref(), Some("ab"));
        assert_eq!(first("^$", "a\n"), None);
    }

    #[test]
    fn plain_groups_do_not_capture_beside_named_ones() {
        let regex = Regex::new("(?<x>a)(b)").unwrap();
        assert_eq!(regex.captures("ab").unwrap().unwrap().len(), 2);
    }

    #[test]
    fn what_has_no_equivalent_is_named() {
        assert_eq!(
            Regex::new(r"(?<a>x\g<a>?)").unwrap_err(),
            r"\g in the regular expression /(?<a>x\g<a>?)/ is not supported by Bunraku yet"
        );
        assert!(Regex::new("(").is_err());
    }
}
