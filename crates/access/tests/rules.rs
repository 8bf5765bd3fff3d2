//! What rules mean, case by case.

use access::{
    AltNameKind, Denial, Origin, Place, Question, Rule, RuleFault, Rules, Verdict, Whom, packaged, seen,
};
use pki::Certificate;
use proptest::prelude::*;

/// Of a node with extensions and alternative names; the recorded ones of the real Puppet Server.
fn recorded(name: &str) -> Certificate {
    let path = format!("{}/../../conformance/x509/signed/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
}

fn rule(name: &str, order: i64, place: Place, allow: &[&str]) -> Rule {
    let named = |names: &[&str]| names.iter().map(|name| Whom::Name((*name).to_owned())).collect();
    Rule {
        name: name.to_owned(),
        order,
        place,
        methods: Vec::new(),
        query: Vec::new(),
        allow: named(allow),
        deny: Vec::new(),
        allow_unauthenticated: false,
    }
}

fn below(path: &str) -> Place {
    Place::Prefix(path.to_owned())
}

fn found(expression: &str) -> Place {
    Place::Regex(expression.to_owned())
}

fn ask<'a>(method: &'a str, path: &'a str, certname: Option<&'a str>) -> Question<'a> {
    Question { method, path, query: "", certname, certificate: None }
}

fn allowed(rules: &Rules, question: Question<'_>) -> bool {
    matches!(rules.decide(&question), Verdict::Allowed(_))
}

/// Whether a rule with this `allow` lets `certname` pass.
fn means(allow: &str, certname: &str) -> bool {
    let rules = Rules::new(vec![rule("one", 500, below("/"), &[allow])]).unwrap();
    allowed(&rules, ask("GET", "/x", Some(certname)))
}

#[test]
fn the_packaged_rules_are_without_fault_and_let_pass_what_they_are_for() {
    assert_eq!(Rules::packaged().written().len(), packaged().count());
    let rules = Rules::packaged();
    for (method, path, node, stranger) in [
        ("GET", "/puppet-ca/v1/certificate/ca", true, true),
        ("HEAD", "/puppet-ca/v1/certificate/ca", false, false),
        ("PUT", "/puppet-ca/v1/certificate/ca", false, false),
        ("GET", "/puppet-ca/v1/certificate_revocation_list/ca", true, true),
        ("GET", "/puppet-ca/v1/certificate_revocation_list/foo", false, false),
        ("PUT", "/puppet-ca/v1/certificate_revocation_list", false, false),
        ("PUT", "/puppet-ca/v1/certificate_request/x", true, true),
        ("DELETE", "/puppet-ca/v1/certificate_request/x", false, false),
        ("POST", "/puppet-ca/v1/certificate_renewal", true, false),
        ("GET", "/puppet-ca/v1/certificate_status/x", false, false),
        ("GET", "/puppet-ca/v1/certificate_statuses/all", false, false),
        ("GET", "/puppet-ca/v1/expirations", true, false),
        ("PUT", "/puppet-ca/v1/clean", false, false),
        ("GET", "/puppet-ca/v1/nosuch", false, false),
        ("POST", "/puppet/v3/catalog/a.example.com", true, false),
        ("POST", "/puppet/v3/catalog/b.example.com", false, false),
        ("POST", "/puppet/v3/catalog/a.example.com/", false, false),
        ("PUT", "/puppet/v3/report/a.example.com", true, false),
        ("GET", "/puppet/v3/file_content/modules/m/f", true, false),
        ("GET", "/puppet/v3/file_metadatas/modules/m", true, false),
        ("POST", "/puppet/v4/catalog", false, false),
        ("GET", "/puppet/v3/environment_classes", false, false),
        ("GET", "/status/v1/simple/server", true, true),
        ("GET", "/", false, false),
    ] {
        assert_eq!(allowed(&rules, ask(method, path, Some("a.example.com"))), node, "{method} {path}");
        assert_eq!(allowed(&rules, ask(method, path, None)), stranger, "{method} {path} by a stranger");
    }
}

#[test]
fn operators_are_known_by_their_certificate() {
    let rules = Rules::packaged();
    let operator = recorded("puppet.example.com");
    let question = |certificate| Question {
        certificate,
        ..ask("PUT", "/puppet-ca/v1/certificate_status/x", Some("puppet.example.com"))
    };
    assert!(allowed(&rules, question(Some(&operator))));
    let node = recorded("agent1.example.com");
    assert!(!allowed(&rules, question(Some(&node))));
    assert!(!allowed(&rules, question(None)), "the name alone is not enough");
}

#[test]
fn the_first_rule_that_fits_decides() {
    let early =
        Rule { deny: vec![Whom::Name("a".into())], allow: Vec::new(), ..rule("z", 1, below("/x"), &[]) };
    let late = rule("a", 2, below("/x"), &["*"]);
    let rules = Rules::new(vec![late, early]).unwrap();
    assert_eq!(rules.decide(&ask("GET", "/x/1", Some("a"))), Verdict::Denied(Denial::Rule("z")));
    // It fits, and does not name this one: the later rule is not asked.
    assert_eq!(rules.decide(&ask("GET", "/x/1", Some("b"))), Verdict::Denied(Denial::Rule("z")));
    assert_eq!(rules.decide(&ask("GET", "/y", Some("b"))), Verdict::Denied(Denial::NoRule));
    // The same order: by name.
    let rules =
        Rules::new(vec![rule("b", 5, below("/x"), &["nobody"]), rule("a", 5, below("/x"), &["*"])]).unwrap();
    assert_eq!(rules.decide(&ask("GET", "/x", Some("c"))), Verdict::Allowed("a"));
}

#[test]
fn methods_and_query_narrow_a_rule() {
    let narrow = Rule {
        methods: vec!["Get".into(), "put".into()],
        query: vec![("environment".into(), vec!["production".into(), "a b".into()])],
        ..rule("one", 500, below("/x"), &["*"])
    };
    let rules = Rules::new(vec![narrow]).unwrap();
    let with = |method, query| Question { query, ..ask(method, "/x", Some("a")) };
    assert!(allowed(&rules, with("GET", "environment=production")));
    assert!(allowed(&rules, with("PUT", "z=1&environment=b&environment=a+b")));
    assert!(allowed(&rules, with("PUT", "environment=a%20b")));
    assert!(!allowed(&rules, with("POST", "environment=production")));
    assert!(!allowed(&rules, with("GET", "environment=test")));
    assert!(!allowed(&rules, with("GET", "")));
}

#[test]
fn names_are_compared_label_by_label() {
    assert!(means("a.example.com", "a.example.com") && means("A.example.COM", "a.Example.com"));
    assert!(!means("a.example.com", "b.a.example.com"));
    assert!(means("*.example.com", "a.b.example.com") && means("*.example.com", "EXAMPLE.com"));
    assert!(!means("*.example.com", "example.com.evil.org") && !means("*.example.com", "badexample.com"));
    assert!(means("*", "anything at all") && !means("*", ""));
    assert!(means("/^web[0-9]+\\./", "web17.example.com") && !means("/^web[0-9]+\\./", "db.example.com"));
    assert!(means("node", "Node") && !means("Node", "node"), "a single word is compared in small letters");
    assert!(means("a@b", "a@b") && means("_x-1", "_x-1"));
}

#[test]
fn what_the_path_brings_is_a_name_and_never_a_pattern() {
    let own = rule("own", 500, found("^/node/([^/]+)/?([^/]*)$"), &["$1", "x.$2.example.com"]);
    let rules = Rules::new(vec![own]).unwrap();
    let pass = |path, name| allowed(&rules, ask("GET", path, Some(name)));
    assert!(pass("/node/a.example.com", "a.example.com") && pass("/node/A.example.com", "a.example.com"));
    assert!(!pass("/node/b.example.com", "a.example.com"));
    assert!(pass("/node/q/web", "x.web.example.com") && !pass("/node/q/web", "y.web.example.com"));
    for pattern in ["/node/*", "/node/*.example.com", "/node/$1", "/node/.*", "/node/q/*"] {
        assert!(!pass(pattern, "a.example.com") && !pass(pattern, "x.web.example.com"), "{pattern}");
    }
}

#[test]
fn who_bears_an_alternative_name_may_use_it() {
    // `puppet` stands in its certificate as a further name.
    let (certificate, name) = (recorded("puppet.example.com"), "puppet".to_owned());
    let rules = Rules::new(vec![rule("one", 500, below("/"), &[&name])]).unwrap();
    let question = |certificate| Question { certificate, ..ask("GET", "/", Some("puppet.example.com")) };
    assert!(allowed(&rules, question(Some(&certificate))));
    assert!(!allowed(&rules, question(None)));
    let by_kind = Rule {
        allow: vec![Whom::AltNames(vec![(AltNameKind::Dns, vec![name])])],
        ..rule("one", 500, below("/"), &[])
    };
    let rules = Rules::new(vec![by_kind]).unwrap();
    assert!(allowed(&rules, question(Some(&certificate))));
    let node = recorded("agent1.example.com");
    assert!(!allowed(&rules, question(Some(&node))));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let bad = Rule { methods: vec!["patch".into()], ..rule("a", 0, found("("), &["$2", "b c", "/(/"]) };
    let open = Rule { allow_unauthenticated: true, ..rule("b", 5, below("/"), &["*"]) };
    let silent = rule("b", 6, below("/"), &[]);
    let group = rule("c", 6, found("^/(x)"), &["$2"]);
    let strange = Rule {
        allow: vec![Whom::Extensions(vec![("pp_nothing".into(), Vec::new())]), Whom::Extensions(Vec::new())],
        ..rule("", 7, below("/"), &[])
    };
    let faults = Rules::new(vec![bad, open, silent, group, strange]).unwrap_err();
    let is = |wanted: fn(&RuleFault) -> bool| faults.iter().any(wanted);
    assert!(is(|fault| matches!(fault, RuleFault::Order { order: 0, .. })), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Method { .. })), "{faults:?}");
    assert_eq!(faults.iter().filter(|fault| matches!(fault, RuleFault::Expression { .. })).count(), 2);
    assert!(is(|fault| matches!(fault, RuleFault::Name { .. })), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Group { .. })), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Contradiction(_))), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Silent(_))), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Twice(_))), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Nameless)), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Extension { .. })), "{faults:?}");
    assert!(is(|fault| matches!(fault, RuleFault::Empty(_))), "{faults:?}");
}

#[test]
fn an_expression_that_never_ends_denies() {
    let slow = rule("slow", 500, found(r"^/(a|b|ab)*(c|d)\2$"), &["*"]);
    let rules = Rules::new(vec![slow, rule("after", 600, below("/"), &["*"])]).unwrap();
    let path = format!("/{}cd", "ab".repeat(100));
    assert_eq!(rules.decide(&ask("GET", &path, Some("a"))), Verdict::Denied(Denial::Undecided("slow")));
}

#[test]
fn a_denial_speaks_as_puppet_server_does() {
    let rules = Rules::packaged();
    let question = ask("POST", "/puppet/v3/catalog/b", Some("a"));
    let Verdict::Denied(denial) = rules.decide(&question) else { panic!() };
    assert_eq!(
        denial.sentence(&question, &"10.0.0.1"),
        "Forbidden request: a(10.0.0.1) access to /puppet/v3/catalog/b (method :post) (authenticated: true) denied by \
         rule 'puppetlabs v3 catalog from agents'."
    );
    assert_eq!(
        Denial::answer(&question),
        "Forbidden request: /puppet/v3/catalog/b (method :post). Please see the server logs for details."
    );
}

#[test]
fn the_closing_rule_changes_nothing() {
    let open = packaged().filter(|(origin, _)| *origin != Origin::Closing).map(|(_, rule)| rule).collect();
    let (open, closed) = (Rules::new(open).unwrap(), Rules::packaged());
    for path in ["/", "/puppet-ca", "/puppet/v3/catalog/a", "/x"] {
        let question = ask("GET", path, Some("a"));
        assert_eq!(allowed(&open, question), allowed(&closed, question), "{path}");
    }
}

proptest! {
    /// Nobody without a name gets anything but what is for everybody; and there is always a verdict.
    #[test]
    fn strangers_get_only_what_is_for_everybody(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"]),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "/", "puppet-ca", "puppet", "v1", "v3", "v4", "catalog", "certificate", "certificate_status", "status", "simple",
            "production", "*", "$1", "%2f", "%2e", ";x", "//", "a.example.com", "%C3%A9", "%ff", "\\",
        ]), 0..10),
        query in "[a-z=&%+]{0,12}",
    ) {
        let raw = format!("/{}", pieces.concat());
        let rules = Rules::packaged();
        let (path, other) = seen(method, &raw);
        for path in [Some(path.as_ref()), other.as_deref()].into_iter().flatten() {
            let question = Question { query: &query, ..ask(method, path, None) };
            match rules.decide(&question) {
                Verdict::Allowed(name) => {
                    let rule = rules.written().iter().find(|rule| rule.name == name).unwrap();
                    prop_assert!(rule.allow_unauthenticated, "{name} for {path}");
                }
                Verdict::Denied(_) => {}
            }
            // A name that asks for itself is no pattern: only the name itself gets its own.
            if let Some(wanted) = path.strip_prefix("/puppet/v3/catalog/") {
                let question = ask("GET", path, Some("a.example.com"));
                prop_assert_eq!(allowed(&rules, question), wanted.eq_ignore_ascii_case("a.example.com"), "{}", path);
            }
        }
    }

    /// A rule that allows one name lets nobody else pass, however alike.
    #[test]
    fn a_name_means_itself_alone(name in "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}", other in "[a-z.]{1,10}") {
        prop_assert_eq!(means(&name, &other), name == other);
    }
}
