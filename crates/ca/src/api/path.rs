//! The path of a request: decoded once, never relative, in its present form.

use thiserror::Error;
use wire::http::{Method, Uri};
use wire::protocol::segment;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Decoded, in the form `/puppet-ca/v1/…`.
    pub path: String,
    /// The query, as it is.
    pub query: String,
    /// It came in the form of Puppet 2.6 to 3.
    pub legacy: bool,
}

/// A path that is not looked at further. The texts are Puppet Server's.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum PathFault {
    #[error("Invalid relative path (.. or .) in: {0}")]
    Relative(String),
    #[error("Invalid URL path: {0}")]
    Encoding(String),
}

/// Reads the path of a request.
pub(super) fn target(method: &Method, uri: &Uri) -> Result<Target, PathFault> {
    let raw = uri.path();
    let whole = |rest: &str| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !raw.split('%').skip(1).all(whole) {
        return Err(PathFault::Encoding(raw.to_owned()));
    }
    let path = segment::decode(raw).ok_or_else(|| PathFault::Encoding(raw.to_owned()))?;
    if path.split('/').any(|part| part == ".." || part == ".") {
        return Err(PathFault::Relative(path));
    }
    // Encoded twice: whoever decodes it again further on would see another path than the rules did.
    if path.contains('\0') || segment::decode(&path).is_none_or(|again| again != path) {
        return Err(PathFault::Encoding(raw.to_owned()));
    }
    let query = uri.query().unwrap_or_default().to_owned();
    let present = access::present_form(method.as_str(), &path);
    let legacy = present.is_some();
    Ok(Target { path: present.unwrap_or(path), query, legacy })
}

/// What Puppet Server's router takes for a name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<String, PathFault> {
        target(&Method::GET, &uri.parse().unwrap()).map(|target| target.path)
    }

    #[test]
    fn legacy_paths_take_their_present_form() {
        assert_eq!(read("/production/certificate/ca").unwrap(), "/puppet-ca/v1/certificate/ca");
        let present = "/puppet-ca/v1/certificate_request/a.b";
        assert_eq!(read("/test_1/certificate_request/a.b?x=y").unwrap(), present);
        assert_eq!(read(present).unwrap(), present);
        assert_eq!(read("/production/catalog/a.b").unwrap(), "/production/catalog/a.b");
        assert_eq!(read("/production/clean").unwrap(), "/production/clean");
        let other = target(&Method::POST, &"/production/certificate/ca".parse().unwrap()).unwrap();
        assert_eq!((other.path.as_str(), other.legacy), ("/production/certificate/ca", false));
    }

    #[test]
    fn relative_paths_are_refused_however_they_are_written() {
        let refused = |path: &str| Err(PathFault::Relative(path.to_owned()));
        assert_eq!(read("/puppet-ca/v1/certificate/.."), refused("/puppet-ca/v1/certificate/.."));
        assert_eq!(
            read("/puppet-ca/v1/certificate/..%2f..%2fca_key"),
            refused("/puppet-ca/v1/certificate/../../ca_key")
        );
        assert!(matches!(read("/puppet-ca/v1/certificate/%252e%252e"), Err(PathFault::Encoding(_))));
        for broken in ["%00", "%", "a%2", "%zz", "%ff"] {
            let path = format!("/puppet-ca/v1/certificate/{broken}");
            assert!(matches!(read(&path), Err(PathFault::Encoding(_))), "{path}");
        }
    }
}
