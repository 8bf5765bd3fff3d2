//! The rules that decide who may reach what, asked by hostile requests. The first octet of the input chooses the method,
//! the rest is the target.

use super::Target;
use access::{LiveRules, Question, Verdict, seen};
use std::sync::LazyLock;
use wire::http::Uri;

pub(super) const TARGET: Target = Target {
    name: "access_rules",
    run,
    words: &[
        b"/puppet/v3/catalog/",
        b"/puppet/v3/node/",
        b"/puppet/v3/report/",
        b"/puppet/v4/catalog",
        b"/puppet/v3/file_content/",
        b"/puppet-ca/v1/certificate_status/",
        b"/puppet-ca/v1/certificate_request/",
        b"/production/certificate/",
        b"/status/v1/simple",
        b"node.example.com",
        b"*",
        b"*.example.com",
        b"$1",
        b"%2a",
        b"%24",
        b"%2f",
        b"%2e%2e",
        b"%c3%28",
        b"//",
        b";",
        b"?environment=",
    ],
};

const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];
/// What a node alone may have of its own.
const OWN: [&str; 4] = ["/puppet/v3/catalog/", "/puppet/v3/node/", "/puppet/v3/report/", "/puppet/v3/facts/"];

static RULES: LazyLock<LiveRules> = LazyLock::new(LiveRules::packaged);

fn run(input: &[u8]) {
    let Some((choice, target)) = input.split_first() else { return };
    let method = METHODS[usize::from(*choice) % METHODS.len()];
    let Ok(uri) = Uri::try_from(target) else { return };
    let query = uri.query().unwrap_or_default();
    let rules = RULES.now();
    let (path, other) = seen(method, uri.path());
    for path in [Some(path.as_ref()), other.as_deref()].into_iter().flatten() {
        let ask = |certname| {
            matches!(
                rules.decide(&Question { method, path, query, certname, certificate: None }),
                Verdict::Allowed(_)
            )
        };
        let (nobody, node) = (ask(None), ask(Some("node.example.com")));
        // Nobody gets more than a node, and a node nothing of another one, whatever the path looks like.
        assert!(!nobody || node, "{method} {path}");
        for own in OWN {
            if let Some(name) = path.strip_prefix(own) {
                assert!(!node || name.eq_ignore_ascii_case("node.example.com"), "{method} {path}");
                assert!(!nobody, "{method} {path}");
            }
        }
        // What is for operators is so by their certificate, which this one does not have.
        for operators in ["/puppet-ca/v1/certificate_status", "/puppet-ca/v1/clean", "/puppet-ca/v1/sign"] {
            assert!(!path.starts_with(operators) || !node, "{method} {path}");
        }
    }
}
