//! Whether the rules of the configuration (`access`) let a request pass.

use access::{Denial, Question, Rules, Verdict, seen};
use wire::identity::Requester;

/// Whether `requester` may use `method` on the path `raw` (as it was sent); if not, it is told so, and the log why.
pub fn allows(rules: &Rules, requester: &Requester, method: &str, raw: &str, query: &str) -> bool {
    let (path, other_reading) = seen(method, raw);
    let ask = |path: &str| {
        let question = Question {
            method,
            path,
            query,
            certname: requester.certname.as_deref().filter(|_| requester.authenticated),
            certificate: requester.certificate.as_ref(),
        };
        match rules.decide(&question) {
            Verdict::Allowed(_) => true,
            Verdict::Denied(denial) => {
                log(&denial, &question, requester);
                false
            }
        }
    };
    ask(&path) && other_reading.is_none_or(|path| ask(&path))
}

fn log(denial: &Denial<'_>, question: &Question<'_>, requester: &Requester) {
    tracing::warn!("{}", denial.sentence(question, &requester.address));
}
