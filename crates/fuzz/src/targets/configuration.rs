//! The readers of the access rules' two forms: an `auth.conf` in HOCON, and `[access]` of `bunraku.toml`.

use super::Target;

// The program is no library; these files of it depend on nothing else of it.
#[path = "../../../bunraku/src/config_import/auth_conf.rs"]
#[allow(unreachable_pub, reason = "the program uses the rest")]
mod auth_conf;
#[path = "../../../bunraku/src/config_import/hocon.rs"]
#[allow(dead_code, unreachable_pub, reason = "the program uses the rest")]
mod hocon;
#[path = "../../../bunraku/src/config/access.rs"]
#[allow(dead_code, unreachable_pub, reason = "the program uses the rest")]
mod toml_form;

use hocon::Value;

pub(super) const TARGET: Target = Target {
    name: "configuration",
    run,
    words: &[
        b"authorization: { version: 1, rules: [",
        b"{ match-request: { path: \"/x\", type: path, method: [get, put] }, ",
        b"{ match-request { path: \"^/(a)\" type: regex, query-params: { a: [b, c] } } ",
        b"allow: \"$1\", ",
        b"allow: [ \"*\", { certname: a.b }, { extensions: { pp_role: [x, y] } } ], ",
        b"deny: { extensions: { subject-alt-name: { dns-name: a } } } ",
        b"allow-unauthenticated: true ",
        b"sort-order: 500, name: one }",
        b"] }",
        b"[access]\npackaged = false\n",
        b"[[access.rule]]\nname = \"a\"\norder = 1\n",
        b"path = \"/\"\n",
        b"regex = \"^/(.)\"\n",
        b"allow = [\"*.b\", { extensions = { pp_role = \"x\" } }]\n",
        b"deny = { alt_names = { ip = \"10.0.0.1\" } }\n",
        b"\\u0000",
        b"\"\"\"",
        b"${x}",
    ],
};

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    access: toml_form::RawAccess,
}

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(root) = hocon::parse(&text)
        && let Some(Value::List(nodes)) = root.at(&["authorization", "rules"]).map(|node| &node.value)
    {
        nodes.iter().filter_map(|node| auth_conf::rule(node).ok()).for_each(|read| writable(read.rule));
    }
    if let Ok(file) = toml::from_str::<File>(&text) {
        let mut faults = Vec::new();
        let access = toml_form::resolve(file.access, &mut faults);
        // What has no fault can be put into force, and only that.
        let usable = access::Rules::new(access.own.clone()).is_ok();
        assert!(usable || !faults.is_empty(), "{faults:?}");
        access.own.into_iter().for_each(writable);
    }
}

/// A rule that could be used is the same when it was written and read again.
fn writable(rule: access::Rule) {
    if access::Rules::new(vec![rule.clone()]).is_err() {
        return;
    }
    let text = toml_form::written(&rule);
    let file: File = toml::from_str(&text).unwrap_or_else(|fault| panic!("{text}\n{fault}"));
    let mut faults = Vec::new();
    let again = toml_form::resolve(file.access, &mut faults).own;
    assert!(faults.is_empty(), "{text}\n{faults:?}");
    let sorted = |rule: &access::Rule| {
        let mut rule = rule.clone();
        rule.query.sort();
        for whom in rule.allow.iter_mut().chain(&mut rule.deny) {
            if let access::Whom::Extensions(parts) | access::Whom::ExtensionsAndAltNames(parts, _) = whom {
                parts.sort();
            }
        }
        format!("{rule:?}")
    };
    assert_eq!(again.len(), 1, "{text}");
    assert_eq!(again.iter().map(sorted).collect::<Vec<_>>(), [sorted(&rule)], "{text}");
}
