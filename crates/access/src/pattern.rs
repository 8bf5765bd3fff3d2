//! An entry of `allow` or `deny`, ready to be compared with a requester.

use fancy_regex::Regex;
use pki::{AltName, Certificate, Oid};

use crate::{AltNameKind, Question, RuleFault, Whom};

/// A comparison that could not be carried out (an expression that tries without end). Whoever asked gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided;

/// Whom an entry means.
#[derive(Debug, Clone)]
pub enum Pattern {
    Name(NamePattern),
    Certificate { extensions: Vec<(Oid, Vec<String>)>, alt_names: Vec<(AltNameKind, Vec<String>)> },
}

/// Whom a name means.
#[derive(Debug, Clone)]
pub enum NamePattern {
    Anybody,
    /// Labels from the last to the first, in small letters; all of a name, or only its end.
    Labels {
        labels: Vec<String>,
        whole: bool,
    },
    /// One label, as it stands: a name without a dot.
    Word(String),
    Expression(Regex),
    /// With `$n` in it.
    Template(String),
}

impl Pattern {
    /// Reads an entry of `rule`, whose path finds so many groups.
    pub fn new(rule: &str, whom: &Whom, groups: usize) -> Result<Pattern, RuleFault> {
        let certificate = |extensions: &[(String, Vec<String>)], alt_names: &[(AltNameKind, Vec<String>)]| {
            if extensions.is_empty() && alt_names.is_empty() {
                return Err(RuleFault::Empty(rule.to_owned()));
            }
            let oid = |name: &String| {
                Oid::from_name(name)
                    .ok_or_else(|| RuleFault::Extension { rule: rule.to_owned(), extension: name.clone() })
            };
            let extensions = extensions.iter().map(|(name, values)| Ok((oid(name)?, values.clone())));
            Ok(Pattern::Certificate {
                extensions: extensions.collect::<Result<_, RuleFault>>()?,
                alt_names: alt_names.to_vec(),
            })
        };
        match whom {
            Whom::Name(name) => NamePattern::new(rule, name, groups).map(Pattern::Name),
            Whom::Extensions(extensions) => certificate(extensions, &[]),
            Whom::AltNames(alt_names) => certificate(&[], alt_names),
            Whom::ExtensionsAndAltNames(extensions, alt_names) => certificate(extensions, alt_names),
        }
    }

    /// Whether it means the requester; `found` is what the groups of the path's expression found.
    pub fn means(&self, question: &Question<'_>, found: &[Option<String>]) -> Result<bool, Undecided> {
        match self {
            Pattern::Name(pattern) => {
                let own = question.certname.unwrap_or_default();
                if pattern.means(own, found)? {
                    return Ok(true);
                }
                let others = question.certificate.map(Certificate::subject_alt_names).unwrap_or_default();
                for other in others {
                    if let AltName::Dns(name) = other
                        && pattern.means(name, found)?
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Pattern::Certificate { extensions, alt_names } => {
                let Some(certificate) = question.certificate else { return Ok(false) };
                let has = |(oid, values): &(Oid, Vec<String>)| {
                    let text = certificate.extension(oid).and_then(|extension| extension.text());
                    text.is_some_and(|text| values.contains(&text))
                };
                let named = alt_names.is_empty() || alt_names.iter().any(|wanted| bears(certificate, wanted));
                Ok(named && extensions.iter().all(has))
            }
        }
    }
}

fn bears(certificate: &Certificate, (kind, values): &(AltNameKind, Vec<String>)) -> bool {
    certificate.subject_alt_names().iter().any(|name| match (kind, name) {
        (AltNameKind::Dns, AltName::Dns(name)) => values.contains(name),
        (AltNameKind::Ip, AltName::Ip(address)) => {
            values.iter().any(|value| value.parse().is_ok_and(|value: std::net::IpAddr| value == *address))
        }
        _ => false,
    })
}

impl NamePattern {
    fn new(rule: &str, name: &str, groups: usize) -> Result<NamePattern, RuleFault> {
        let rule = || rule.to_owned();
        if name == "*" {
            return Ok(NamePattern::Anybody);
        }
        if let Some(domain) = name.strip_prefix("*.") {
            if domain.split('.').all(is_label) {
                return Ok(NamePattern::Labels { labels: labels(domain), whole: false });
            }
        } else if name.len() > 1
            && let Some(expression) = name.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'))
        {
            return match Regex::new(expression) {
                Ok(regex) => Ok(NamePattern::Expression(regex)),
                Err(fault) => {
                    let (expression, why) = (name.to_owned(), fault.to_string());
                    Err(RuleFault::Expression { rule: rule(), expression, why })
                }
            };
        }
        if let Some(plain) = exact(name) {
            return Ok(plain);
        }
        let references = references(name);
        if references.is_empty() {
            return Err(RuleFault::Name { rule: rule(), name: name.to_owned() });
        }
        if references.iter().any(|(_, number)| *number == 0 || *number > groups) {
            return Err(RuleFault::Group { rule: rule(), name: name.to_owned() });
        }
        Ok(NamePattern::Template(name.to_owned()))
    }

    fn means(&self, name: &str, found: &[Option<String>]) -> Result<bool, Undecided> {
        if name.is_empty() {
            return Ok(false);
        }
        Ok(match self {
            NamePattern::Anybody => true,
            NamePattern::Labels { labels: wanted, whole: true } => labels(name) == *wanted,
            NamePattern::Labels { labels: wanted, whole: false } => labels(name).starts_with(wanted),
            NamePattern::Word(word) => name.to_lowercase() == *word,
            NamePattern::Expression(regex) => regex.is_match(name).map_err(|_| Undecided)?,
            // What a request brings with it is a name, never a pattern, whatever it looks like.
            NamePattern::Template(template) => match filled(template, found).as_deref().and_then(exact) {
                Some(NamePattern::Template(_)) | None => false,
                Some(exact) => exact.means(name, found)?,
            },
        })
    }
}

/// A name that means itself alone.
fn exact(name: &str) -> Option<NamePattern> {
    let parts: Vec<&str> = name.split('.').collect();
    let last = parts.last().copied().unwrap_or_default();
    let rest = &parts[..parts.len() - 1];
    // The last label may begin with a hyphen, in Puppet Server's opinion.
    if !rest.is_empty()
        && rest.iter().all(|part| is_label(part))
        && !last.is_empty()
        && last.chars().all(is_inner)
    {
        return Some(NamePattern::Labels { labels: labels(name), whole: true });
    }
    let mut chars = name.chars();
    let word = chars.next().is_some_and(is_word) && chars.all(|c| is_inner(c) || matches!(c, '.' | '@'));
    word.then(|| NamePattern::Word(name.to_owned()))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_inner(c: char) -> bool {
    is_word(c) || c == '-'
}

fn is_label(text: &str) -> bool {
    text.starts_with(is_word) && text.chars().all(is_inner)
}

fn labels(name: &str) -> Vec<String> {
    name.to_lowercase().rsplit('.').map(str::to_owned).collect()
}

/// Every `$n` of a text: where it begins and how long it is, and its number.
fn references(text: &str) -> Vec<((usize, usize), usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('$') {
        let digits = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let number = text[at + 1..at + 1 + digits].parse().unwrap_or(usize::MAX);
            found.push(((at, 1 + digits), number));
        }
    }
    found
}

/// The template with what was found; none when a group found nothing.
fn filled(template: &str, found: &[Option<String>]) -> Option<String> {
    let mut out = String::new();
    let mut from = 0;
    for ((at, length), number) in references(template) {
        out.push_str(&template[from..at]);
        out.push_str(found.get(number.checked_sub(1)?)?.as_deref()?);
        from = at + length;
    }
    out.push_str(&template[from..]);
    Some(out)
}
