//! Puppet's endpoints, one file each: path, query, content types and bodies, for both ends of the wire. Client,
//! gateway and server say and read the same thing because they share these.

pub mod certificate;
pub mod certificate_request;
pub mod certificate_revocation_list;
pub mod certificate_status;
pub mod internal;
pub mod query;
pub mod revocations;
pub mod segment;
pub mod status_simple;

/// Prefix of the CA's endpoints.
pub const CA_PREFIX: &str = "/puppet-ca/v1";

/// The content type of the CA's PEM endpoints, whatever `Accept` says.
pub const TEXT_PLAIN: &str = "text/plain";

/// The content type of Puppet Server's JSON answers.
pub const JSON: &str = "application/json;charset=utf-8";

/// Name after `/{kind}/` in a CA path of either form: `/puppet-ca/v1/{kind}/{name}`, or the legacy
/// `/{environment}/{kind}/{name}`. Still encoded; `None` for any other path. An empty name is given as such.
fn ca_name<'a>(path: &'a str, kind: &str) -> Option<&'a str> {
    let mut parts = path.strip_prefix('/')?.splitn(4, '/');
    let (first, second, third, fourth) = (parts.next()?, parts.next()?, parts.next(), parts.next());
    match (first, second) {
        ("puppet-ca", "v1") if third == Some(kind) => Some(fourth.unwrap_or_default()),
        ("puppet-ca" | "puppet", _) => None,
        (_, legacy) if legacy == kind && fourth.is_none() => Some(third.unwrap_or_default()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ca_name;

    #[test]
    fn both_forms_of_a_ca_path_are_read() {
        for (path, name) in [
            ("/puppet-ca/v1/certificate/ca", Some("ca")),
            ("/production/certificate/ca", Some("ca")),
            ("/puppet-ca/v1/certificate/", Some("")),
            ("/puppet-ca/v1/certificate", Some("")),
            ("/puppet-ca/v1/certificate_status/ca", None),
            ("/puppet-ca/certificate/ca", None),
            ("/puppet/certificate/ca", None),
            ("/production/certificate/a/b", None),
            ("/puppet/v3/certificate/ca", None),
            ("certificate/ca", None),
            ("/", None),
        ] {
            assert_eq!(ca_name(path, "certificate"), name, "{path}");
        }
    }
}
