//! Where a request belongs, decided from its method and target alone.
//!
//! The target is passed on to the worker as it came. So this decision is only worth something when no worker,
//! ours or an unmodified Puppet Server, can read the same bytes as another path: whatever two readers could
//! understand differently (encoded slashes, dot segments, path parameters, raw bytes) is refused here with 400.

use std::borrow::Cow;

use http::{Method, Uri};

pub use crate::page::Part;

/// Longest path accepted, in bytes as sent: file names of Puppet's file server are bounded by `PATH_MAX`.
pub const MAX_PATH: usize = 8 * 1024;

/// What the front end does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the active CA, held while there is none.
    CertificateAuthority(CaAccess),
    /// `GET /status/v1/simple/ca` and `/status/v1/services/ca`: to the active CA, but never held: it asks whether the CA
    /// answers *now*.
    CaStatus,
    /// `GET /status/v1/services`: of a catalog worker and of the active CA.
    Services,
    /// To one worker of the catalog pool.
    Catalog(Class),
    /// Answered by the front end itself.
    Own(Own),
    /// Two readers could disagree about this target; refused with 400.
    Bad(Suspicion),
}

/// Whether a CA request may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaAccess {
    /// GET and HEAD: may be repeated freely.
    Read,
    /// Everything else: carries an exactly-once id.
    Write,
}

/// Kinds of traffic of the catalog pool, as far as they differ in what may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `/status/v1/simple…`: a 503 must not carry Retry-After, or agents sleep instead of failing over.
    Status,
    /// Catalog compilation, GET or POST.
    Catalog,
    /// A read without effects (file content and metadata, environments, node, …).
    Read,
    /// Anything that may have effects: reports, facts, file buckets.
    Write,
}

/// Bunraku's own endpoints below `/bunraku`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// `/bunraku/v1/register`, for CA members: GET reads, POST is a compare-and-set.
    Register,
    /// `GET /bunraku/v1/status`.
    Status,
    /// `POST /bunraku/v1/ca/switchover`.
    Switchover,
    /// `POST /bunraku/v1/ca/force`.
    Force,
    /// `POST /bunraku/v1/ca/hold`.
    Hold,
    /// `POST /bunraku/v1/workers`.
    Workers,
    /// `/bunraku/`: the status page, or a part of it.
    Page(Part),
    /// `POST /bunraku/act`: what an operator does on it.
    PageDeed,
    /// `/bunraku`.
    PageWithoutSlash,
    /// `POST /bunraku/v1/reload`.
    Reload,
    /// Below `/bunraku` but nothing the front end serves: 404, never forwarded.
    Unknown,
}

/// Why a target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Suspicion {
    /// Authority form, `*`, or no leading slash.
    #[error("the request target is not a path")]
    NotAPath,
    /// Longer than [`MAX_PATH`].
    #[error("the path is longer than {MAX_PATH} bytes")]
    TooLong,
    /// A byte that RFC 3986 does not allow in a path.
    #[error("the path holds a character that must be percent-encoded")]
    RawByte,
    /// `%` without two hexadecimal digits.
    #[error("the path holds an incomplete percent-encoding")]
    BadEncoding,
    /// `%2F`, `%5C`, `%00` or another encoded control character, once or twice encoded.
    #[error("the path holds an encoded slash, backslash or control character")]
    HiddenSeparator,
    /// `.` or `..`, raw, encoded, or followed by path parameters.
    #[error("the path holds a relative segment (.. or .)")]
    Relative,
    /// `//` where the route is decided.
    #[error("the path begins with an empty segment")]
    EmptySegment,
    /// `;` where the route is decided: some servers cut it off, some do not.
    #[error("the path begins with a segment that has parameters")]
    Parameters,
    /// Percent-encoding where the route is decided.
    #[error("the path begins with an encoded segment")]
    EncodedRoute,
}

/// Decides the route of a request.
pub fn classify(method: &Method, target: &Uri) -> Route {
    if *method == Method::CONNECT || target.path_and_query().is_none() {
        return Route::Bad(Suspicion::NotAPath);
    }
    let segments = match segments(target.path()) {
        Ok(segments) => segments,
        Err(suspicion) => return Route::Bad(suspicion),
    };
    let read = *method == Method::GET || *method == Method::HEAD;
    let ca = Route::CertificateAuthority(if read { CaAccess::Read } else { CaAccess::Write });
    match segments.as_slice() {
        ["puppet-ca", ..] => ca,
        // Puppet 2.6 to 3.x: /{environment}/{indirection}/{name}.
        [_, second, ..] if LEGACY.contains(second) => ca,
        // What an operator asks of the CA beyond Puppet's API; the CA judges who may.
        ["bunraku", "v1", "authority", _] => ca,
        ["bunraku", rest @ ..] => Route::Own(own(method, rest)),
        ["status", "v1", "simple" | "services", "ca"] => Route::CaStatus,
        ["status", "v1", "services"] if *method == Method::GET => Route::Services,
        ["status", "v1", "simple", ..] => Route::Catalog(Class::Status),
        ["puppet", "v3" | "v4", "catalog", ..] => Route::Catalog(Class::Catalog),
        _ if read => Route::Catalog(Class::Read),
        _ => Route::Catalog(Class::Write),
    }
}

/// Second path segments of the CA's old addresses.
const LEGACY: [&str; 5] = [
    "certificate",
    "certificate_request",
    "certificate_revocation_list",
    "certificate_status",
    "certificate_statuses",
];

/// How many leading segments can decide a route (`/{environment}/certificate…`).
const DECIDING: usize = 2;

fn own(method: &Method, rest: &[&str]) -> Own {
    match rest {
        ["v1", "register"] if *method == Method::POST || *method == Method::GET => Own::Register,
        ["v1", "status"] if *method == Method::GET => Own::Status,
        ["v1", "ca", "switchover"] if *method == Method::POST => Own::Switchover,
        ["v1", "ca", "force"] if *method == Method::POST => Own::Force,
        ["v1", "ca", "hold"] if *method == Method::POST => Own::Hold,
        ["v1", "workers"] if *method == Method::POST => Own::Workers,
        ["act"] => Own::PageDeed,
        [] => Own::PageWithoutSlash,
        [name] => Part::named(name).map_or(Own::Unknown, Own::Page),
        ["v1", "reload"] if *method == Method::POST => Own::Reload,
        _ => Own::Unknown,
    }
}

/// The segments of a path in which nothing can be read in two ways.
fn segments(path: &str) -> Result<Vec<&str>, Suspicion> {
    if path.len() > MAX_PATH {
        return Err(Suspicion::TooLong);
    }
    let relative = path.strip_prefix('/').ok_or(Suspicion::NotAPath)?;
    if path.bytes().any(|byte| !(0x21..0x7f).contains(&byte) || matches!(byte, b'\\' | b'#' | b'<' | b'>')) {
        return Err(Suspicion::RawByte);
    }
    let segments: Vec<&str> = relative.split('/').collect();
    let last = segments.len() - 1;
    for (at, segment) in segments.iter().enumerate() {
        let decoded = decode(segment)?;
        // Some servers drop ";parameters" before they look for dot segments.
        let name = decoded.split(|byte| *byte == b';').next().unwrap_or_default();
        if name == b"." || name == b".." {
            return Err(Suspicion::Relative);
        }
        if at < DECIDING {
            if segment.is_empty() && at < last {
                return Err(Suspicion::EmptySegment);
            }
            if segment.contains(';') {
                return Err(Suspicion::Parameters);
            }
            if segment.contains('%') && plain(&decoded) {
                return Err(Suspicion::EncodedRoute);
            }
        }
    }
    Ok(segments)
}

/// Decodes one segment once; refuses what is a separator or a control character after one or two decodings.
fn decode(segment: &str) -> Result<Cow<'_, [u8]>, Suspicion> {
    if !segment.contains('%') {
        // Raw separators and control characters were refused with the whole path.
        return Ok(Cow::Borrowed(segment.as_bytes()));
    }
    let once = percent_decode(segment.as_bytes()).ok_or(Suspicion::BadEncoding)?;
    if once.iter().copied().any(separator) {
        return Err(Suspicion::HiddenSeparator);
    }
    // A server that decodes twice is broken, but it must not be the door to another route. A name may hold a
    // percent sign, so a failing second decoding is no offence.
    if let Some(twice) = percent_decode(&once) {
        if twice.iter().copied().any(separator) {
            return Err(Suspicion::HiddenSeparator);
        }
        if twice != once && (twice == b"." || twice == b"..") {
            return Err(Suspicion::Relative);
        }
    }
    Ok(Cow::Owned(once))
}

fn separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\') || byte.is_ascii_control()
}

/// True for letters, digits and the marks that the fixed parts of our routes are made of: nobody has a reason to
/// encode these, except to hide a route.
fn plain(decoded: &[u8]) -> bool {
    decoded.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn percent_decode(input: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            out.push(byte);
            rest = tail;
            continue;
        }
        let high = hex(*tail.first()?)?;
        let low = hex(*tail.get(1)?)?;
        out.push(high << 4 | low);
        rest = &tail[2..];
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(target: &str) -> Route {
        classify(&Method::GET, &target.parse().unwrap())
    }

    fn put(target: &str) -> Route {
        classify(&Method::PUT, &target.parse().unwrap())
    }

    const READ: Route = Route::CertificateAuthority(CaAccess::Read);
    const WRITE: Route = Route::CertificateAuthority(CaAccess::Write);

    #[test]
    fn the_ca_gets_new_and_old_addresses() {
        assert_eq!(get("/puppet-ca/v1/certificate/ca"), READ);
        assert_eq!(put("/puppet-ca/v1/certificate_request/a.example.com?environment=production"), WRITE);
        assert_eq!(classify(&Method::DELETE, &"/puppet-ca/v1/certificate_status/a".parse().unwrap()), WRITE);
        assert_eq!(classify(&Method::POST, &"/puppet-ca/v1/certificate_renewal".parse().unwrap()), WRITE);
        assert_eq!(get("/production/certificate/ca"), READ);
        assert_eq!(put("/production/certificate_request/x"), WRITE);
        assert_eq!(get("/production/certificate_revocation_list/ca"), READ);
        assert_eq!(get("/production/certificate_status/x"), READ);
        assert_eq!(get("/production/certificate_statuses/all"), READ);
        assert_eq!(get("/bunraku/v1/authority/expiring?within=60"), READ);
        assert_eq!(put("/bunraku/v1/authority/delete"), WRITE);
        assert_eq!(get("/bunraku/v1/authority"), Route::Own(Own::Unknown));
        assert_eq!(get("https://elsewhere:8140/puppet-ca/v1/certificate/ca"), READ);
        assert_eq!(get("/status/v1/simple/ca"), Route::CaStatus);
        assert_eq!(get("/status/v1/services/ca?level=info"), Route::CaStatus);
        assert_eq!(get("/status/v1/services"), Route::Services);
    }

    #[test]
    fn all_else_goes_to_the_catalog_pool() {
        assert_eq!(get("/puppet/v3/catalog/a?x=1"), Route::Catalog(Class::Catalog));
        assert_eq!(
            classify(&Method::POST, &"/puppet/v4/catalog".parse().unwrap()),
            Route::Catalog(Class::Catalog)
        );
        assert_eq!(get("/puppet/v3/file_content/modules/a/b%20c"), Route::Catalog(Class::Read));
        assert_eq!(put("/puppet/v3/report/a"), Route::Catalog(Class::Write));
        assert_eq!(get("/status/v1/simple"), Route::Catalog(Class::Status));
        assert_eq!(get("/status/v1/simple/server"), Route::Catalog(Class::Status));
        assert_eq!(get("/puppet/v3/certificate"), Route::Catalog(Class::Read));
        assert_eq!(get("/"), Route::Catalog(Class::Read));
        assert_eq!(get("/Puppet-CA/v1/certificate/ca"), Route::Catalog(Class::Read));
    }

    #[test]
    fn own_endpoints_are_never_forwarded() {
        assert_eq!(get("/bunraku/v1/status"), Route::Own(Own::Status));
        assert_eq!(
            classify(&Method::POST, &"/bunraku/v1/register".parse().unwrap()),
            Route::Own(Own::Register)
        );
        assert_eq!(
            classify(&Method::POST, &"/bunraku/v1/ca/switchover".parse().unwrap()),
            Route::Own(Own::Switchover)
        );
        assert_eq!(get("/bunraku/v1/register"), Route::Own(Own::Register));
        assert_eq!(get("/bunraku"), Route::Own(Own::PageWithoutSlash));
        assert_eq!(get("/bunraku/"), Route::Own(Own::Page(Part::Document)));
        assert_eq!(get("/bunraku/page.css"), Route::Own(Own::Page(Part::Style)));
        assert_eq!(get("/bunraku/act"), Route::Own(Own::PageDeed));
        for other in [
            "/bunraku/v1",
            "/bunraku/v1/replica",
            "/bunraku/v1/ca/switchover",
            "/bunraku/v2/status",
            "/bunraku/x",
        ] {
            assert_eq!(get(other), Route::Own(Own::Unknown), "{other}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (target, why) in [
            ("//puppet-ca/v1/certificate/ca", Suspicion::EmptySegment),
            ("/production//certificate/ca", Suspicion::EmptySegment),
            ("/puppet%2Dca/v1/certificate/ca", Suspicion::EncodedRoute),
            ("/production/c%65rtificate/ca", Suspicion::EncodedRoute),
            ("/puppet%2Fca", Suspicion::HiddenSeparator),
            ("/puppet-ca%2fv1/certificate/ca", Suspicion::HiddenSeparator),
            ("/puppet-ca%5cv1", Suspicion::HiddenSeparator),
            ("/puppet/v3/x%252f..", Suspicion::HiddenSeparator),
            ("/puppet/v3/a%00b", Suspicion::HiddenSeparator),
            ("/puppet/v3/a%0d%0ab", Suspicion::HiddenSeparator),
            ("/puppet/../puppet-ca/v1/sign", Suspicion::Relative),
            ("/puppet/%2e%2E/puppet-ca/v1/sign", Suspicion::Relative),
            ("/puppet/v3/%252e%252e/x", Suspicion::Relative),
            ("/puppet/v3/..;a=b/..;/puppet-ca/v1/sign", Suspicion::Relative),
            ("/puppet/v3/.", Suspicion::Relative),
            ("/puppet-ca;x=1/v1/sign", Suspicion::Parameters),
            ("/puppet/v3/%zz", Suspicion::BadEncoding),
            ("/puppet/v3/%2", Suspicion::BadEncoding),
            ("/puppet/v3/a\\b", Suspicion::RawByte),
        ] {
            assert_eq!(get(target), Route::Bad(why), "{target}");
        }
        let long = format!("/{}", "a".repeat(MAX_PATH));
        assert_eq!(get(&long), Route::Bad(Suspicion::TooLong));
        assert_eq!(classify(&Method::OPTIONS, &Uri::from_static("*")), Route::Bad(Suspicion::NotAPath));
        assert_eq!(
            classify(&Method::CONNECT, &Uri::from_static("localhost:8140")),
            Route::Bad(Suspicion::NotAPath)
        );
    }

    #[test]
    fn names_with_odd_but_unambiguous_characters_pass() {
        assert_eq!(put("/puppet-ca/v1/certificate_request/sp%20ace"), WRITE);
        assert_eq!(put("/puppet-ca/v1/certificate_request/caf%C3%A9"), WRITE);
        assert_eq!(put("/puppet-ca/v1/certificate_request/.hidden"), WRITE);
        assert_eq!(get("/puppet/v3/file_content/modules//a/100%25"), Route::Catalog(Class::Read));
        assert_eq!(get("/my%20env/foo"), Route::Catalog(Class::Read));
    }

    /// The strictest and the laxest reader a worker could be: decodes, drops parameters, collapses slashes and
    /// resolves dot segments. What we route must look the same to it.
    fn lax(path: &str) -> Vec<String> {
        let decoded = percent_decode(path.as_bytes()).unwrap_or_default();
        let decoded = String::from_utf8_lossy(&decoded).into_owned();
        let mut out: Vec<String> = Vec::new();
        for segment in decoded.split(['/', '\\']) {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => {
                    out.pop();
                }
                name => out.push(name.to_owned()),
            }
        }
        out
    }

    fn lax_is_ca(path: &str) -> bool {
        let segments = lax(path);
        let first = segments.first().map(String::as_str);
        let second = segments.get(1).map(String::as_str);
        let operators = segments.starts_with(&["bunraku", "v1", "authority"].map(str::to_owned));
        operators || first == Some("puppet-ca") || second.is_some_and(|second| LEGACY.contains(&second))
    }

    proptest! {
        #[test]
        fn a_worker_reads_the_route_that_was_decided(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "/", "//", "puppet-ca", "puppet", "v3", "production", "certificate", "certificate_request",
                    "..", ".", "%2e", "%2f", "%5c", "%00", "%63", ";", ";a", "a", "%25", "2e", "2f", "%20", "\\", "x",
                ]),
                0..12,
            )
        ) {
            let path = format!("/{}", pieces.concat());
            if let Ok(uri) = path.parse::<Uri>() {
                match classify(&Method::GET, &uri) {
                    Route::Bad(_) => {}
                    Route::CertificateAuthority(_) => prop_assert!(lax_is_ca(&path), "{path}"),
                    _ => prop_assert!(!lax_is_ca(&path), "{path}"),
                }
            }
        }

        #[test]
        fn any_target_gets_an_answer(path in "/[ -~]{0,40}") {
            if let Ok(uri) = path.parse::<Uri>() {
                let _ = classify(&Method::GET, &uri);
            }
        }
    }
}
