//! `[access]` and `[[access.rule]]`: who may ask for what.

use std::collections::BTreeMap;

use access::{AltNameKind, Place, Rule, Rules, Whom, packaged};
use serde::Deserialize;

/// As it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAccess {
    packaged: Option<bool>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    order: i64,
    path: Option<String>,
    regex: Option<String>,
    method: Option<OneOrMany<String>>,
    #[serde(default)]
    query: BTreeMap<String, OneOrMany<String>>,
    allow: Option<OneOrMany<RawWhom>>,
    deny: Option<OneOrMany<RawWhom>>,
    #[serde(default)]
    allow_unauthenticated: bool,
}

/// `"a"` or `["a", "b"]`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn list(self) -> Vec<T> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// A name, or `{ extensions = { pp_role = "web" } }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawWhom {
    Name(String),
    Certificate(RawCertificate),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertificate {
    #[serde(default)]
    extensions: BTreeMap<String, OneOrMany<String>>,
    #[serde(default)]
    alt_names: RawAltNames,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAltNames {
    dns: Option<OneOrMany<String>>,
    ip: Option<OneOrMany<String>>,
}

/// What it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// Whether the packaged rules hold.
    pub packaged: bool,
    /// Rules of this deployment, as they are written.
    pub own: Vec<Rule>,
}

impl Access {
    /// All rules: the packaged ones, but for those whose name an own one has, and the own ones.
    pub fn all(&self) -> Vec<Rule> {
        let replaced = |rule: &Rule| self.own.iter().any(|own| own.name == rule.name);
        let packaged = packaged().map(|(_, rule)| rule).filter(|rule| self.packaged && !replaced(rule));
        packaged.chain(self.own.iter().cloned()).collect()
    }

    /// In force.
    ///
    /// # Errors
    /// What is wrong with them, one sentence each; [`resolve`] has found it out before.
    pub fn rules(&self) -> Result<Rules, Vec<String>> {
        Rules::new(self.all()).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }
}

/// Takes the section apart and puts its rules to the test.
pub fn resolve(raw: RawAccess, faults: &mut Vec<String>) -> Access {
    let mut own = Vec::new();
    for rule in raw.rule {
        if rule.path.is_some() == rule.regex.is_some() {
            faults.push(format!(
                "[[access.rule]] rule '{}': say either path (a beginning) or regex (an expression)",
                rule.name
            ));
        }
        let place = match rule.regex {
            Some(expression) => Place::Regex(expression),
            None => Place::Prefix(rule.path.unwrap_or_default()),
        };
        own.push(Rule {
            name: rule.name,
            order: rule.order,
            place,
            methods: rule.method.map(OneOrMany::list).unwrap_or_default(),
            query: rule.query.into_iter().map(|(name, values)| (name, values.list())).collect(),
            allow: whoms(rule.allow),
            deny: whoms(rule.deny),
            allow_unauthenticated: rule.allow_unauthenticated,
        });
    }
    let access = Access { packaged: raw.packaged.unwrap_or(true), own };
    // The packaged ones are without fault, and give way to those with their names.
    if let Err(wrong) = Rules::new(access.own.clone()) {
        faults.extend(wrong.into_iter().map(|fault| format!("[[access.rule]] {fault}")));
    }
    access
}

fn whoms(raw: Option<OneOrMany<RawWhom>>) -> Vec<Whom> {
    raw.map(OneOrMany::list).unwrap_or_default().into_iter().map(whom).collect()
}

fn whom(raw: RawWhom) -> Whom {
    let certificate = match raw {
        RawWhom::Name(name) => return Whom::Name(name),
        RawWhom::Certificate(certificate) => certificate,
    };
    let extensions: Vec<_> =
        certificate.extensions.into_iter().map(|(name, values)| (name, values.list())).collect();
    let kinds = [(AltNameKind::Dns, certificate.alt_names.dns), (AltNameKind::Ip, certificate.alt_names.ip)];
    let alt_names: Vec<_> =
        kinds.into_iter().filter_map(|(kind, values)| Some((kind, values?.list()))).collect();
    match (extensions.is_empty(), alt_names.is_empty()) {
        (_, true) => Whom::Extensions(extensions),
        (true, false) => Whom::AltNames(alt_names),
        (false, false) => Whom::ExtensionsAndAltNames(extensions, alt_names),
    }
}

/// Text that is a key as well as a value.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A rule as it stands in `bunraku.toml`; reads back as the same.
pub fn written(rule: &Rule) -> String {
    let list = |values: &[String]| match values {
        [one] => quoted(one),
        many => format!("[{}]", many.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
    };
    let pairs = |pairs: &[(String, Vec<String>)]| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, values)| format!("{} = {}", quoted(key), list(values))).collect();
        format!("{{ {} }}", pairs.join(", "))
    };
    let alt_names = |names: &[(AltNameKind, Vec<String>)]| {
        let kind = |kind: &AltNameKind| match kind {
            AltNameKind::Dns => "dns",
            AltNameKind::Ip => "ip",
        };
        let names: Vec<String> =
            names.iter().map(|(of, values)| format!("{} = {}", kind(of), list(values))).collect();
        format!("{{ {} }}", names.join(", "))
    };
    let whom = |whom: &Whom| match whom {
        Whom::Name(name) => quoted(name),
        Whom::Extensions(extensions) => format!("{{ extensions = {} }}", pairs(extensions)),
        Whom::AltNames(names) => format!("{{ alt_names = {} }}", alt_names(names)),
        Whom::ExtensionsAndAltNames(extensions, names) => {
            format!("{{ extensions = {}, alt_names = {} }}", pairs(extensions), alt_names(names))
        }
    };
    let whoms = |all: &[Whom]| match all {
        [one] => whom(one),
        many => format!("[{}]", many.iter().map(whom).collect::<Vec<_>>().join(", ")),
    };
    let mut text = format!("[[access.rule]]\nname = {}\norder = {}\n", quoted(&rule.name), rule.order);
    text.push_str(&match &rule.place {
        Place::Prefix(path) => format!("path = {}\n", quoted(path)),
        Place::Regex(expression) => format!("regex = {}\n", quoted(expression)),
    });
    if !rule.methods.is_empty() {
        text.push_str(&format!("method = {}\n", list(&rule.methods)));
    }
    if !rule.query.is_empty() {
        text.push_str(&format!("query = {}\n", pairs(&rule.query)));
    }
    if !rule.allow.is_empty() {
        text.push_str(&format!("allow = {}\n", whoms(&rule.allow)));
    }
    if !rule.deny.is_empty() {
        text.push_str(&format!("deny = {}\n", whoms(&rule.deny)));
    }
    if rule.allow_unauthenticated {
        text.push_str("allow_unauthenticated = true\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        access: RawAccess,
    }

    fn read(text: &str) -> (Access, Vec<String>) {
        let file: File = toml::from_str(text).unwrap();
        let mut faults = Vec::new();
        (resolve(file.access, &mut faults), faults)
    }

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        for (_, rule) in packaged() {
            let (access, faults) = read(&written(&rule));
            assert_eq!(faults, Vec::<String>::new());
            assert_eq!(access.own, [rule]);
        }
        let text = "[[access.rule]]\nname = \"a \\\"b\\\"\"\norder = 1\nregex = \"^/x/(\\\\d+)$\"\nmethod = [\"get\", \"put\"]\n\
                    query = { environment = [\"p\", \"q\"], \"odd key\" = \"1\" }\n\
                    allow = [\"$1\", { extensions = { pp_role = \"web\", \"1.2.3\" = [\"a\", \"b\"] }, alt_names = { dns = \"x\" } }]\n\
                    deny = { alt_names = { ip = [\"10.0.0.1\"], dns = \"y\" } }\n";
        let (access, faults) = read(text);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(read(&written(&access.own[0])).0, access);
    }

    #[test]
    fn an_own_rule_takes_the_place_of_the_packaged_one_with_its_name() {
        let (access, faults) =
            read("[[access.rule]]\nname = \"puppetlabs csr\"\norder = 500\npath = \"/x\"\nallow = \"*\"\n");
        assert_eq!(faults, Vec::<String>::new());
        let same: Vec<Rule> = access.all().into_iter().filter(|rule| rule.name == "puppetlabs csr").collect();
        assert_eq!(same, access.own);
        assert_eq!(access.all().len(), packaged().count());
        assert_eq!(read("[access]\npackaged = false\n").0.all(), []);
    }

    #[test]
    fn every_mistake_is_said() {
        let (_, faults) = read(
            "[[access.rule]]\nname = \"a\"\norder = 0\npath = \"/\"\nregex = \"/\"\nallow = \"*\"\n\
             [[access.rule]]\nname = \"b\"\norder = 1000\npath = \"/\"\nmethod = \"patch\"\nallow = \"*\"\n",
        );
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(toml::from_str::<File>("[[access.rule]]\nname = \"a\"\norder = 1\npth = \"/\"\n").is_err());
    }
}
