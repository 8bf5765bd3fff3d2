//! The rules that Puppet Server's packages bring in their `auth.conf`.

use crate::{Place, Rule, Whom};

/// Since when a packaged rule is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In every package since Puppet Server 7.
    Always,
    /// In later ones, for endpoints that the first did not have.
    Later,
    /// Says once more what holds without it: what no rule fits is denied.
    Closing,
}

/// Whom a rule lets pass.
#[derive(Clone, Copy)]
enum Who {
    Anybody,
    Nodes,
    Itself,
    Operators,
    Nobody,
}

/// Since when, name, path (with `^`: an expression), methods (none: all), whom.
type Line = (Origin, &'static str, &'static str, &'static [&'static str], Who);

use Origin::{Always, Closing, Later};
use Who::{Anybody, Itself, Nobody, Nodes, Operators};

/// Of Puppet Server 7 to 9.
const LINES: [Line; 28] = [
    (Always, "puppetlabs v3 catalog from agents", "^/puppet/v3/catalog/([^/]+)$", &["get", "post"], Itself),
    (Always, "puppetlabs v4 catalog for services", "^/puppet/v4/catalog/?$", &["post"], Nobody),
    (Always, "puppetlabs certificate", "/puppet-ca/v1/certificate/", &["get"], Anybody),
    (Always, "puppetlabs crl", "/puppet-ca/v1/certificate_revocation_list/ca", &["get"], Anybody),
    (Always, "puppetlabs csr", "/puppet-ca/v1/certificate_request", &["get", "put"], Anybody),
    (Later, "puppetlabs certificate renewal", "/puppet-ca/v1/certificate_renewal", &["post"], Nodes),
    (
        Always,
        "puppetlabs cert status",
        "/puppet-ca/v1/certificate_status",
        &["get", "put", "delete"],
        Operators,
    ),
    (Always, "puppetlabs CRL update", "^/puppet-ca/v1/certificate_revocation_list$", &["put"], Operators),
    (Always, "puppetlabs cert statuses", "/puppet-ca/v1/certificate_statuses", &["get"], Operators),
    (Always, "puppetlabs CA cert and CRL expirations", "/puppet-ca/v1/expirations", &["get"], Nodes),
    (Always, "puppetlabs cert clean", "/puppet-ca/v1/clean", &["put"], Operators),
    (Later, "puppetlabs cert sign", "/puppet-ca/v1/sign", &["post"], Operators),
    (Later, "puppetlabs cert sign all", "/puppet-ca/v1/sign/all", &["post"], Operators),
    (Always, "puppetlabs status service - full", "/status/v1/services", &["get"], Anybody),
    (Always, "puppetlabs status service - simple", "/status/v1/simple", &["get"], Anybody),
    (Always, "puppetlabs environments", "/puppet/v3/environments", &["get"], Nodes),
    (
        Always,
        "puppetlabs file bucket file",
        "/puppet/v3/file_bucket_file",
        &["get", "head", "post", "put"],
        Nodes,
    ),
    (Always, "puppetlabs file content", "/puppet/v3/file_content", &["get", "post"], Nodes),
    (Always, "puppetlabs file metadata", "/puppet/v3/file_metadata", &["get", "post"], Nodes),
    (Always, "puppetlabs node", "^/puppet/v3/node/([^/]+)$", &["get"], Itself),
    (Always, "puppetlabs report", "^/puppet/v3/report/([^/]+)$", &["put"], Itself),
    (Always, "puppetlabs facts", "^/puppet/v3/facts/([^/]+)$", &["put"], Itself),
    (Always, "puppetlabs static file content", "/puppet/v3/static_file_content", &["get"], Nodes),
    (Always, "puppet tasks information", "/puppet/v3/tasks", &[], Nodes),
    (Later, "puppet plans information", "/puppet/v3/plans", &[], Nodes),
    (Later, "puppet compile", "/puppet/v3/compile", &[], Nodes),
    (Later, "puppetlabs experimental", "/puppet/experimental", &[], Nodes),
    (Closing, "puppetlabs deny all", "/", &[], Nobody),
];

/// All of them, and since when.
pub fn packaged() -> impl Iterator<Item = (Origin, Rule)> {
    LINES.iter().map(|(origin, name, path, methods, who)| (*origin, rule(*origin, name, path, methods, *who)))
}

fn rule(origin: Origin, name: &str, path: &str, methods: &[&str], who: Who) -> Rule {
    let named = |name: &str| vec![Whom::Name(name.to_owned())];
    let operators = || vec![Whom::Extensions(vec![("pp_cli_auth".to_owned(), vec!["true".to_owned()])])];
    let (allow, deny) = match who {
        Who::Anybody => (Vec::new(), Vec::new()),
        Who::Nodes => (named("*"), Vec::new()),
        Who::Itself => (named("$1"), Vec::new()),
        Who::Operators => (operators(), Vec::new()),
        Who::Nobody => (Vec::new(), named("*")),
    };
    Rule {
        name: name.to_owned(),
        order: if origin == Closing { 999 } else { 500 },
        place: match path.starts_with('^') {
            true => Place::Regex(path.to_owned()),
            false => Place::Prefix(path.to_owned()),
        },
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        query: Vec::new(),
        allow,
        deny,
        allow_unauthenticated: matches!(who, Who::Anybody),
    }
}
