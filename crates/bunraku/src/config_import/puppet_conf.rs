//! Reads `puppet.conf` as Puppet does: sections, `name = value`, comments on lines of their own; and follows `$name`.

/// The section of settings that stand before any `[section]`.
const FIRST_SECTION: &str = "main";

/// A file, read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PuppetConf {
    /// All settings, in their order; one that is given twice is there twice. In a section the first one counts.
    pub entries: Vec<Entry>,
    /// Lines that are neither setting nor section, comment or blank.
    pub strange: Vec<Strange>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub section: String,
    pub name: String,
    /// Without the blanks and quotation marks around it, and without the permissions that may follow in braces.
    pub value: String,
    /// Counted from 1.
    pub line: usize,
}

/// A line that Puppet would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    /// Counted from 1.
    pub line: usize,
    pub text: String,
}

/// Reads a file. Every text can be read.
pub fn parse(text: &str) -> PuppetConf {
    let mut conf = PuppetConf::default();
    let mut section = FIRST_SECTION.to_string();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(name) = section_name(trimmed) {
            section = name.to_string();
        } else if let Some((name, value)) = setting(trimmed) {
            conf.entries.push(Entry {
                section: section.clone(),
                name: name.to_string(),
                value: value.to_string(),
                line: number,
            });
        } else {
            conf.strange.push(Strange { line: number, text: trimmed.to_string() });
        }
    }
    conf
}

fn section_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    is_word(name).then_some(name)
}

fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    is_word(name).then(|| (name, without_permissions(translated(value.trim()))))
}

/// As Puppet's `ValueTranslator`: true and false however they are written, and one quotation mark less at either end,
/// whether they belong together or not.
fn translated(value: &str) -> &str {
    match value {
        _ if value.eq_ignore_ascii_case("true") => "true",
        _ if value.eq_ignore_ascii_case("false") => "false",
        _ => {
            let begun = value.strip_prefix(['"', '\'']).unwrap_or(value);
            begun.strip_suffix(['"', '\'']).unwrap_or(begun).trim_end()
        }
    }
}

/// `/some/folder { owner = service, mode = 0750 }` is a folder.
fn without_permissions(value: &str) -> &str {
    match value.rfind('{') {
        // `${name}` is a part of the value.
        Some(start) if value.ends_with('}') && !value[..start].ends_with('$') => value[..start].trim_end(),
        _ => value,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// A value that names a setting which nobody knows, or one that names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved(pub String);

/// Settings may lead to others so far: longer ways are circles.
const FARTHEST: usize = 16;

/// Values may grow so long.
const LONGEST: usize = 64 * 1024;

/// `value` with `$name` and `${name}` replaced by what `lookup` says, as often as it takes.
///
/// # Errors
/// [`Unresolved`] with the name that `lookup` does not know, or that leads in a circle.
pub fn interpolate(value: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, Unresolved> {
    let mut text = value.to_string();
    for _ in 0..FARTHEST {
        let Some((before, name, after)) = reference(&text) else { return Ok(text) };
        let found = lookup(name).ok_or_else(|| Unresolved(name.to_string()))?;
        if before.len() + found.len() + after.len() > LONGEST {
            return Err(Unresolved(name.to_string()));
        }
        text = format!("{before}{found}{after}");
    }
    match reference(&text) {
        None => Ok(text),
        Some((_, name, _)) => Err(Unresolved(name.to_string())),
    }
}

/// The first reference of a text: what stands before it, its name, what stands after it.
fn reference(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices('$') {
        let (before, rest) = (&text[..at], &text[at + 1..]);
        if let Some(inner) = rest.strip_prefix('{')
            && let Some((name, after)) = inner.split_once('}')
            && is_word(name)
        {
            return Some((before, name, after));
        }
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
        if end > 0 {
            return Some((before, &rest[..end], &rest[end..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_settings_and_the_rest() {
        let conf = parse(
            "certname = a.example.com\n# a comment\n[server]\n  vardir=/opt/x { owner = service }\n\n[ agent ]\nserver = b\n\
             nonsense\nautosign = ${confdir}\nempty =\n[un finished\n",
        );
        let seen: Vec<(&str, &str, &str, usize)> = conf
            .entries
            .iter()
            .map(|e| (e.section.as_str(), e.name.as_str(), e.value.as_str(), e.line))
            .collect();
        assert_eq!(
            seen,
            [
                ("main", "certname", "a.example.com", 1),
                ("server", "vardir", "/opt/x", 4),
                ("agent", "server", "b", 7),
                ("agent", "autosign", "${confdir}", 9),
                ("agent", "empty", "", 10),
            ]
        );
        let strange: Vec<usize> = conf.strange.iter().map(|s| s.line).collect();
        assert_eq!(strange, [8, 11]);
    }

    #[test]
    fn values_are_read_as_puppet_reads_them() {
        // Each as 'puppet config print' of 7.23 has it.
        for (written, read) in [
            ("\"/quoted/ssl\"", "/quoted/ssl"),
            ("'single.example.com'", "single.example.com"),
            ("\"Own CA\"", "Own CA"),
            ("\"a", "a"),
            ("True", "true"),
            ("FALSE", "false"),
            ("puppet.example.com # not a comment", "puppet.example.com # not a comment"),
            ("/tmp/x.sh { mode = 755 }", "/tmp/x.sh"),
            ("\"/q q\" {mode=644}", "/q q\""),
        ] {
            let conf = parse(&format!("name = {written}\n"));
            assert_eq!(conf.entries[0].value, read, "{written}");
        }
    }

    #[test]
    fn references_are_followed_and_circles_found() {
        let lookup = |name: &str| match name {
            "vardir" => Some("/var/lib/puppet".to_string()),
            "ssldir" => Some("$vardir/ssl".to_string()),
            "one" => Some("${two}".to_string()),
            "two" => Some("$one".to_string()),
            "grow" => Some("$grow$grow".to_string()),
            _ => None,
        };
        let resolved = |value: &str| interpolate(value, &lookup);
        assert_eq!(resolved("${ssldir}/ca:$vardir").unwrap(), "/var/lib/puppet/ssl/ca:/var/lib/puppet");
        assert_eq!(resolved("a $ b $1").unwrap(), "a $ b $1");
        assert_eq!(resolved("$nosuch/x"), Err(Unresolved("nosuch".into())));
        assert_eq!(resolved("$one"), Err(Unresolved("one".into())));
        assert!(resolved("$grow").is_err());
    }
}
