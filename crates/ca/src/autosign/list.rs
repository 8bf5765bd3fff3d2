//! `autosign.conf`: names and globs, one a line, with Puppet Server's semantics, odd as they are.
//!
//! A line is compared as it stands, or it starts with `*`: then its first label is dropped and the rest must be the
//! end of the certname, label by label, whatever its case. So `*.example.com` also signs `example.com` itself, and
//! `*partial.example.com` signs all of `example.com`. A glob of one label signs nothing, unless it is `*` alone,
//! which signs everything. A line with a blank or a `#` in it is refused; one that begins with `#` is a comment.

/// What one line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing on it, or a comment.
    Nothing,
    /// It holds what no pattern may; Puppet Server says so in its log, and signs nothing for it.
    Invalid,
    /// `*`
    Everything,
    /// Exactly this name.
    Name(&'a str),
    /// All names that end in these labels (in lower case, the last one first).
    Glob {
        /// Never empty.
        labels: Vec<String>,
        /// There is more before the first dot than a star. Whoever wrote that meant it to narrow the glob down, but
        /// the whole label is dropped.
        misleading: bool,
    },
    /// A glob of a single label, such as `*foo`: it signs nothing.
    Barren,
}

impl<'a> Line<'a> {
    /// Reads one line, without its end.
    pub fn parse(line: &'a str) -> Line<'a> {
        if line.starts_with('#') || line.chars().all(char::is_whitespace) {
            return Line::Nothing;
        }
        if line.contains(['#', ' ']) {
            return Line::Invalid;
        }
        if line == "*" {
            return Line::Everything;
        }
        if !line.starts_with('*') {
            return Line::Name(line);
        }
        let mut labels = labels_from_the_end(line);
        // The last one is the label with the star.
        match labels.pop() {
            Some(first) if !labels.is_empty() => Line::Glob { labels, misleading: first != "*" },
            _ => Line::Barren,
        }
    }

    /// Whether this line signs `certname`. With `strict`, a misleading glob signs nothing.
    pub fn signs(&self, certname: &str, strict: bool) -> bool {
        match self {
            Line::Nothing | Line::Invalid | Line::Barren => false,
            Line::Everything => true,
            Line::Name(name) => *name == certname,
            Line::Glob { misleading: true, .. } if strict => false,
            Line::Glob { labels, .. } => labels_from_the_end(certname).starts_with(labels),
        }
    }
}

/// The lines of a list; they end as Java ends them, at `\n`, `\r` or both.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|part| part.strip_suffix('\r').unwrap_or(part).split('\r'))
}

/// Whether a list signs `certname`.
pub fn signs(text: &str, certname: &str, strict: bool) -> bool {
    lines(text).any(|line| Line::parse(line).signs(certname, strict))
}

/// Labels in lower case, the last one first. Empty ones at the end of the name do not count.
fn labels_from_the_end(name: &str) -> Vec<String> {
    name.trim_end_matches('.').rsplit('.').map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_match_as_recorded_from_puppet_server() {
        for (line, name, signed) in [
            ("*.glob.test1", "a.glob.test1", true),
            ("*.glob.test1", "a.b.glob.test1", true),
            ("*.glob.test1", "glob.test1", true),
            ("*.glob.test1", "xglob.test1", false),
            ("*.glob.test1", "test1", false),
            ("exact.test2", "exact.test2", true),
            ("exact.test2", "sub.exact.test2", false),
            ("exact.test2", "xexact.test2", false),
            ("*partial.test3", "foopartial.test3", true),
            ("*partial.test3", "other.test3", true),
            ("*partial.test3", "a.other.test3", true),
            ("UPPER.test4", "upper.test4", false),
            ("mid.*.test5", "mid.a.test5", false),
            ("mid.*.test5", "b.a.test5", false),
            ("foo*.test6", "foobar.test6", false),
            ("foo*.test6", "foo.test6", false),
            ("  lead.test7  ", "lead.test7", false),
            ("in.test8 # inline", "in.test8", false),
            ("*", "anything.star", true),
            ("*", "x", true),
            ("", "empty.star", false),
        ] {
            assert_eq!(signs(line, name, false), signed, "{line:?} against {name}");
        }
    }

    #[test]
    fn whole_lists_sign_what_puppet_servers_own_functions_say() {
        #[derive(serde::Deserialize)]
        struct Recorded {
            names: Vec<String>,
            lists: Vec<List>,
        }
        #[derive(serde::Deserialize)]
        struct List {
            list: String,
            signs: Vec<String>,
        }
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/ca/autosign-lists.json");
        let recorded: Recorded = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert!(recorded.lists.len() > 60 && recorded.names.len() > 20);
        for List { list, signs: expected } in recorded.lists {
            let signed: Vec<&String> =
                recorded.names.iter().filter(|name| signs(&list, name, false)).collect();
            assert_eq!(signed, expected.iter().collect::<Vec<_>>(), "{list:?}");
        }
    }

    #[test]
    fn strict_globs_narrow_down_and_change_nothing_else() {
        for (list, name, signed) in [
            ("*partial.test3", "foopartial.test3", false),
            ("*partial.test3", "other.test3", false),
            ("*partial.test3\n*.test3", "other.test3", true),
            ("*.test3", "a.test3", true),
            ("*.test3", "test3", true),
            ("*", "x", true),
            ("x", "x", true),
        ] {
            assert_eq!(signs(list, name, true), signed, "{list:?} against {name}");
        }
    }
}
