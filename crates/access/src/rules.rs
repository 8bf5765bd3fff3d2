//! Rules in force, and the verdict.

use std::collections::BTreeSet;
use std::fmt;

use fancy_regex::Regex;

use crate::pattern::{Pattern, Undecided};
use crate::{Place, Question, Rule, RuleFault, packaged};

/// The methods that a rule can name.
const METHODS: [&str; 5] = ["DELETE", "GET", "HEAD", "POST", "PUT"];

/// Rules, in the order in which they are looked at. What none of them fits is denied.
#[derive(Debug, Clone)]
pub struct Rules {
    compiled: Vec<Compiled>,
    /// As they were written, in the same order.
    written: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Compiled {
    place: CompiledPlace,
    /// In capitals; none: all.
    methods: Vec<String>,
    query: Vec<(String, Vec<String>)>,
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    allow_unauthenticated: bool,
}

#[derive(Debug, Clone)]
enum CompiledPlace {
    Prefix(String),
    /// Nothing is found in a path that does not begin like that: most requests need not be looked at further.
    Regex {
        begins: String,
        regex: Regex,
    },
}

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// This rule lets it.
    Allowed(&'a str),
    /// It may not.
    Denied(Denial<'a>),
}

/// Why it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial<'a> {
    /// This rule fits, and does not let the requester pass.
    Rule(&'a str),
    /// No rule fits.
    NoRule,
    /// An expression of this rule tries without end on this request.
    Undecided(&'a str),
}

impl fmt::Display for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::Rule(name) => write!(f, "denied by rule '{name}'"),
            Denial::NoRule => f.write_str("denied because no rule fits"),
            Denial::Undecided(name) => write!(f, "denied because rule '{name}' takes too long to decide"),
        }
    }
}

impl Denial<'_> {
    /// For a log: who asked for what, and which rule was against it. In the words of Puppet Server.
    pub fn sentence(&self, question: &Question<'_>, address: &dyn fmt::Display) -> String {
        let who = match question.certname {
            Some(name) if !name.is_empty() => format!("{name}({address})"),
            _ => address.to_string(),
        };
        format!(
            "Forbidden request: {who} access to {} (method :{}) (authenticated: {}) {self}.",
            question.path,
            question.method.to_ascii_lowercase(),
            question.authenticated()
        )
    }

    /// For the requester, who learns no more. In the words of Puppet Server.
    pub fn answer(question: &Question<'_>) -> String {
        let method = question.method.to_ascii_lowercase();
        format!(
            "Forbidden request: {} (method :{method}). Please see the server logs for details.",
            question.path
        )
    }
}

impl Rules {
    /// Puts rules into force, in the order of their numbers and names.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(mut written: Vec<Rule>) -> Result<Rules, Vec<RuleFault>> {
        written.sort_by(|one, other| (one.order, &one.name).cmp(&(other.order, &other.name)));
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        let mut compiled = Vec::new();
        for rule in &written {
            if !names.insert(rule.name.as_str()) {
                faults.push(RuleFault::Twice(rule.name.clone()));
            }
            match compile(rule) {
                Ok(rule) => compiled.push(rule),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() { Ok(Rules { compiled, written }) } else { Err(faults) }
    }

    /// The packaged ones alone.
    pub fn packaged() -> Rules {
        // A unit test sees to it that they are without fault; without any rule everything would be denied.
        Rules::new(packaged().map(|(_, rule)| rule).collect())
            .unwrap_or(Rules { compiled: Vec::new(), written: Vec::new() })
    }

    /// As they were written, in the order in which they are looked at.
    pub fn written(&self) -> &[Rule] {
        &self.written
    }

    /// Whether a request may go on: the first rule that fits method, path and query decides.
    pub fn decide(&self, question: &Question<'_>) -> Verdict<'_> {
        for (rule, Rule { name, .. }) in self.compiled.iter().zip(&self.written) {
            let found = match rule.fits(question) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(Undecided) => return Verdict::Denied(Denial::Undecided(name)),
            };
            return match rule.lets_pass(question, &found) {
                Ok(true) => Verdict::Allowed(name),
                Ok(false) => Verdict::Denied(Denial::Rule(name)),
                Err(Undecided) => Verdict::Denied(Denial::Undecided(name)),
            };
        }
        Verdict::Denied(Denial::NoRule)
    }
}

impl Compiled {
    /// What the groups of the path's expression found, if the rule fits the request.
    fn fits(&self, question: &Question<'_>) -> Result<Option<Vec<Option<String>>>, Undecided> {
        if !self.methods.is_empty() && !self.methods.iter().any(|method| method == question.method) {
            return Ok(None);
        }
        let found = match &self.place {
            CompiledPlace::Prefix(prefix) if question.path.starts_with(prefix) => Vec::new(),
            CompiledPlace::Prefix(_) => return Ok(None),
            CompiledPlace::Regex { begins, .. } if !question.path.starts_with(begins) => return Ok(None),
            CompiledPlace::Regex { regex, .. } => match regex
                .captures(question.path)
                .map_err(|_| Undecided)?
            {
                Some(groups) => {
                    groups.iter().skip(1).map(|group| group.map(|group| group.as_str().to_owned())).collect()
                }
                None => return Ok(None),
            },
        };
        let has = |(name, values): &(String, Vec<String>)| {
            question.parameter(name).iter().any(|given| values.contains(given))
        };
        Ok(self.query.iter().all(has).then_some(found))
    }

    fn lets_pass(&self, question: &Question<'_>, found: &[Option<String>]) -> Result<bool, Undecided> {
        if self.allow_unauthenticated {
            return Ok(true);
        }
        if !question.authenticated() {
            return Ok(false);
        }
        for pattern in &self.deny {
            if pattern.means(question, found)? {
                return Ok(false);
            }
        }
        for pattern in &self.allow {
            if pattern.means(question, found)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn compile(rule: &Rule) -> Result<Compiled, Vec<RuleFault>> {
    let mut faults = Vec::new();
    let named = || rule.name.clone();
    if rule.name.is_empty() {
        faults.push(RuleFault::Nameless);
    }
    if !(1..=999).contains(&rule.order) {
        faults.push(RuleFault::Order { rule: named(), order: rule.order });
    }
    let methods: Vec<String> = rule.methods.iter().map(|method| method.to_ascii_uppercase()).collect();
    for (method, written) in methods.iter().zip(&rule.methods) {
        if !METHODS.contains(&method.as_str()) {
            faults.push(RuleFault::Method { rule: named(), method: written.clone() });
        }
    }
    let entries = !rule.allow.is_empty() || !rule.deny.is_empty();
    match (rule.allow_unauthenticated, entries) {
        (true, true) => faults.push(RuleFault::Contradiction(named())),
        (false, false) => faults.push(RuleFault::Silent(named())),
        _ => {}
    }
    let mut groups = 0;
    let place = match &rule.place {
        Place::Prefix(prefix) => Some(CompiledPlace::Prefix(prefix.clone())),
        Place::Regex(expression) => match Regex::new(expression) {
            Ok(regex) => {
                groups = regex.captures_len().saturating_sub(1);
                Some(CompiledPlace::Regex { begins: literal_beginning(expression), regex })
            }
            Err(fault) => {
                let (expression, why) = (expression.clone(), fault.to_string());
                faults.push(RuleFault::Expression { rule: named(), expression, why });
                // Not to complain of groups that a mended expression may have.
                groups = usize::MAX;
                None
            }
        },
    };
    let mut read = |entries: &[crate::Whom]| {
        let mut patterns = Vec::new();
        for whom in entries {
            match Pattern::new(&rule.name, whom, groups) {
                Ok(pattern) => patterns.push(pattern),
                Err(fault) => faults.push(fault),
            }
        }
        patterns
    };
    let (allow, deny) = (read(&rule.allow), read(&rule.deny));
    match place {
        Some(place) if faults.is_empty() => Ok(Compiled {
            place,
            methods,
            query: rule.query.clone(),
            allow,
            deny,
            allow_unauthenticated: rule.allow_unauthenticated,
        }),
        _ => Err(faults),
    }
}

/// What every path in which `expression` is found begins with, as far as that can be seen at a glance.
fn literal_beginning(expression: &str) -> String {
    let Some(rest) = expression.strip_prefix('^').filter(|rest| !rest.contains('|')) else {
        return String::new();
    };
    let literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let end = rest.find(|c| !literal(c)).unwrap_or(rest.len());
    // The last one may be there any number of times, or not at all.
    let repeated = rest[end..].starts_with(['?', '*', '{']);
    rest[..if repeated { end.saturating_sub(1) } else { end }].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_beginning_is_never_longer_than_what_is_certain() {
        for (expression, begins) in [
            ("^/puppet/v3/node/([^/]+)$", "/puppet/v3/node/"),
            ("^/puppet/v4/catalog/?$", "/puppet/v4/catalog"),
            ("^/ab*", "/a"),
            ("^/ab{0}", "/a"),
            ("^/ab+c", "/ab"),
            ("^/a|b", ""),
            ("^(?i)/a", ""),
            ("/a", ""),
            ("^", ""),
            ("^*", ""),
        ] {
            assert_eq!(literal_beginning(expression), begins, "{expression}");
        }
    }
}
