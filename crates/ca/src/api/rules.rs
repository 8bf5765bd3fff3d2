//! Who may do what: the rules of Puppet Server's packaged `auth.conf`. What no rule names is denied.

use wire::http::Method;
use wire::identity::Requester;

/// Whom a rule lets pass.
#[derive(Clone, Copy)]
enum Allow {
    /// Anybody.
    Anyone,
    /// Whoever has a certificate.
    Authenticated,
    /// Whoever has a certificate with `pp_cli_auth`.
    Operator,
    /// The operator of this machine alone: Puppet Server's packaged rules deny it to everybody.
    LocalOperator,
}

/// Path prefix, methods, whom. As in `auth.conf`, a path stands for all that begin with it; `$` at its end for itself
/// alone.
const RULES: [(&str, &[Method], Allow); 15] = [
    ("/puppet-ca/v1/certificate/", &[Method::GET], Allow::Anyone),
    ("/puppet-ca/v1/certificate_revocation_list/ca", &[Method::GET], Allow::Anyone),
    ("/puppet-ca/v1/certificate_revocation_list$", &[Method::PUT], Allow::Operator),
    ("/puppet-ca/v1/certificate_request", &[Method::GET, Method::PUT], Allow::Anyone),
    ("/puppet-ca/v1/certificate_request", &[Method::DELETE], Allow::LocalOperator),
    ("/puppet-ca/v1/certificate_renewal", &[Method::POST], Allow::Authenticated),
    ("/puppet-ca/v1/certificate_status", &[Method::GET, Method::PUT, Method::DELETE], Allow::Operator),
    ("/puppet-ca/v1/certificate_statuses", &[Method::GET], Allow::Operator),
    ("/puppet-ca/v1/expirations", &[Method::GET], Allow::Authenticated),
    ("/puppet-ca/v1/clean", &[Method::PUT], Allow::Operator),
    ("/puppet-ca/v1/sign", &[Method::POST], Allow::Operator),
    ("/puppet-ca/v1/sign/all", &[Method::POST], Allow::Operator),
    // Beyond Puppet's API.
    ("/bunraku/v1/authority/", &[Method::GET, Method::POST], Allow::Operator),
    // The names that Puppet Server's route takes although it answers with the same list to all of them.
    ("/puppet-ca/v1/certificate_revocation_list/", &[Method::GET], Allow::LocalOperator),
    ("/puppet-ca/v1/certificate_revocation_list", &[Method::GET], Allow::LocalOperator),
];

/// Whether `requester` may use `method` on `path` (decoded, in its present form).
pub(super) fn allowed(method: &Method, path: &str, requester: &Requester) -> bool {
    let fits = |rule: &str| rule.strip_suffix('$').map_or(path.starts_with(rule), |whole| path == whole);
    RULES.iter().filter(|(rule, methods, _)| fits(rule) && methods.contains(method)).any(|(.., allow)| {
        match allow {
            Allow::Anyone => true,
            Allow::Authenticated => requester.authenticated,
            Allow::Operator => {
                requester.is_local_operator
                    || requester.authorization("pp_cli_auth").as_deref() == Some("true")
            }
            Allow::LocalOperator => requester.is_local_operator,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_may_enrol_and_nothing_else() {
        let stranger =
            Requester { is_local_operator: false, authenticated: false, ..Requester::local_operator() };
        for (method, path, expected) in [
            (Method::GET, "/puppet-ca/v1/certificate/ca", true),
            (Method::HEAD, "/puppet-ca/v1/certificate/ca", false),
            (Method::PUT, "/puppet-ca/v1/certificate/ca", false),
            (Method::GET, "/puppet-ca/v1/certificate_revocation_list/ca", true),
            (Method::GET, "/puppet-ca/v1/certificate_revocation_list/foo", false),
            (Method::PUT, "/puppet-ca/v1/certificate_revocation_list", false),
            (Method::PUT, "/puppet-ca/v1/certificate_request/x", true),
            (Method::POST, "/puppet-ca/v1/certificate_request/x", false),
            (Method::DELETE, "/puppet-ca/v1/certificate_request/x", false),
            (Method::POST, "/puppet-ca/v1/certificate_renewal", false),
            (Method::GET, "/puppet-ca/v1/certificate_status/x", false),
            (Method::GET, "/puppet-ca/v1/certificate_statuses/all", false),
            (Method::GET, "/puppet-ca/v1/expirations", false),
            (Method::PUT, "/puppet-ca/v1/clean", false),
            (Method::GET, "/bunraku/v1/authority/expiring", false),
            (Method::GET, "/puppet-ca/v1/nosuch", false),
            (Method::GET, "/puppet-ca/v2/certificate/ca", false),
        ] {
            assert_eq!(allowed(&method, path, &stranger), expected, "{method} {path}");
        }
        assert!(allowed(
            &Method::DELETE,
            "/puppet-ca/v1/certificate_request/x",
            &Requester::local_operator()
        ));
    }
}
