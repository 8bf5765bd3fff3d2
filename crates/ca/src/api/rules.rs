//! Who may do what: the rules of the configuration (`access`), and what no rule can change.

use access::{Denial, Question, Rules, Verdict};
use tracing::warn;
use wire::http::Method;
use wire::identity::Requester;
use wire::protocol::internal::OPERATOR_PATH;

use super::path::Target;
use crate::answer::Answer;

/// What operators ask beyond Puppet's API. No rule opens it to others, or a mistaken one would close it to operators.
const BEYOND_PUPPET: &str = "/bunraku/v1/authority/";

/// Lets `requester` use `method` on `target`, or says that it may not.
pub(super) fn judge(
    rules: &Rules,
    method: &Method,
    target: &Target,
    requester: &Requester,
) -> Result<(), Answer> {
    let question = Question {
        method: method.as_str(),
        path: &target.path,
        query: &target.query,
        certname: requester.certname.as_deref().filter(|_| requester.authenticated),
        certificate: requester.certificate.as_ref(),
    };
    // Whoever may open the local socket may also read and write the CA's files.
    if requester.is_local_operator {
        return Ok(());
    }
    let denial = if target.path.starts_with(BEYOND_PUPPET) {
        let operator = requester.authorization("pp_cli_auth").as_deref() == Some("true");
        // What makes operators is not for operators elsewhere.
        let here_only = target.path.starts_with(OPERATOR_PATH);
        if operator && !here_only && matches!(*method, Method::GET | Method::POST) {
            return Ok(());
        }
        Denial::NoRule
    } else {
        match rules.decide(&question) {
            Verdict::Allowed(_) => return Ok(()),
            Verdict::Denied(denial) => denial,
        }
    };
    warn!("{}", denial.sentence(&question, &requester.address));
    Err(forbidden(&question))
}

/// It may not; the log says why.
pub(super) fn forbidden(question: &Question<'_>) -> Answer {
    Answer { content_type: None, ..Answer::new(403, "", Denial::answer(question)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_puppet_is_for_operators_whatever_the_rules_say() {
        let all = access::Rule {
            name: "all".into(),
            order: 1,
            place: access::Place::Prefix("/".into()),
            methods: Vec::new(),
            query: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            allow_unauthenticated: true,
        };
        let open = Rules::new(vec![all]).unwrap();
        let local = Requester::local_operator();
        let stranger = Requester { is_local_operator: false, authenticated: false, ..local.clone() };
        let target = |path: &str| Target { path: path.into(), query: String::new(), legacy: false };
        let allowed = |rules: &Rules, path: &str, who: &Requester| {
            judge(rules, &Method::GET, &target(path), who).is_ok()
        };
        assert!(!allowed(&open, "/bunraku/v1/authority/expiring", &stranger));
        assert!(allowed(&open, "/puppet-ca/v1/expirations", &stranger));
        assert!(!allowed(&Rules::packaged(), "/puppet-ca/v1/expirations", &stranger));
        assert!(allowed(&Rules::packaged(), "/puppet-ca/v1/expirations", &local));
    }
}
