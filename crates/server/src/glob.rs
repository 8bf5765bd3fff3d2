//! Ruby's `File.fnmatch?` without flags, which Puppet's `ignore` patterns are: `*`, `?`, `[a-c]`, `[^a]`, `\x`; a
//! leading dot has to be named. Takes time proportional to pattern times name, whatever clients send.

/// A pattern, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Exactly(char),
    Set { not: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Every text is a pattern. A `[` that is not closed matches nothing, as in Ruby.
    pub fn parse(text: &str) -> Glob {
        let mut pieces = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Exactly(chars.next().unwrap_or('\\')),
                '[' => set(&mut chars),
                c => Piece::Exactly(c),
            });
        }
        Glob(pieces)
    }

    /// Whether the file name matches.
    pub fn matches(&self, name: &str) -> bool {
        if name.starts_with('.') && self.0.first() != Some(&Piece::Exactly('.')) {
            return false;
        }
        let name: Vec<char> = name.chars().collect();
        let (mut piece, mut at) = (0, 0);
        // The last `*` and how much of the name it takes: only that one ever has to be tried again.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.0.get(piece) {
                Some(Piece::Any) => {
                    star = Some((piece, at));
                    piece += 1;
                    continue;
                }
                Some(single) if at < name.len() && single.accepts(name[at]) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                None if at == name.len() => return true,
                _ => {}
            }
            match star {
                Some((any, taken)) if taken < name.len() => {
                    star = Some((any, taken + 1));
                    (piece, at) = (any + 1, taken + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Piece {
    fn accepts(&self, c: char) -> bool {
        match self {
            Piece::Any => false,
            Piece::One => true,
            Piece::Exactly(wanted) => *wanted == c,
            Piece::Set { not, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not
            }
        }
    }
}

fn set(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Piece {
    let not = chars.next_if(|c| *c == '^' || *c == '!').is_some();
    let mut ranges = Vec::new();
    while let Some(c) = chars.next() {
        if c == ']' {
            return Piece::Set { not, ranges };
        }
        let low = if c == '\\' { chars.next().unwrap_or(c) } else { c };
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                ranges.push((low, high));
                *chars = ahead;
            }
            _ => ranges.push((low, low)),
        }
    }
    Piece::Set { not: false, ranges: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).matches(name)
    }

    #[test]
    fn globs_are_rubys() {
        assert!(glob("*.pyc", "a.pyc") && glob("CVS", "CVS") && glob("a?c", "aéc") && glob("**", ""));
        assert!(
            glob("*.py[co]", "a.pyo")
                && glob("[^a-c]x", "dx")
                && glob("\\*", "*")
                && glob("a*b*c", "a-b-b-c")
        );
        assert!(!glob("*", ".hidden") && !glob("*.pyc", "a.py") && glob(".*", ".git"));
        assert!(!glob("[^a-c]x", "bx") && !glob("[a", "a") && !glob("a", "ab") && !glob("", "a"));
    }

    #[test]
    fn many_stars_take_no_time() {
        let started = std::time::Instant::now();
        assert!(!glob(&"*a".repeat(50), &"a".repeat(49)));
        assert!(!glob(&format!("{}b", "*a".repeat(40)), &"a".repeat(250)));
        assert!(started.elapsed() < std::time::Duration::from_secs(1));
    }
}
