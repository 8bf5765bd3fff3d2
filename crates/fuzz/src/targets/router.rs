//! The way of a request: the front end decides by the target as it came, the CA behind it decides again, and the two
//! must never disagree. The first octet of the input chooses the method, the rest is the target.

use super::Target;
use gateway::route::{CaAccess, Own, Route, classify};
use wire::http::{Method, Uri};
use wire::protocol::internal::REPLICA_PATH;

pub(super) const TARGET: Target = Target {
    name: "router",
    run,
    words: &[
        b"/puppet-ca/v1/",
        b"/production/",
        b"certificate/",
        b"certificate_request/",
        b"certificate_status/",
        b"certificate_statuses/",
        b"certificate_revocation_list/ca",
        b"certificate_renewal",
        b"clean",
        b"sign/all",
        b"expirations",
        b"/status/v1/simple/ca",
        b"/bunraku/v1/replica",
        b"/bunraku/v1/register",
        b"/bunraku/v1/authority/delete",
        b"/puppet/v3/catalog/",
        b"..",
        b"%2e%2e",
        b"%252e",
        b"%2f",
        b"%00",
        b"//",
        b";x=y",
        b"?a=b",
        b"http://host:8140",
    ],
};

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE, Method::OPTIONS];

fn run(input: &[u8]) {
    let Some((choice, target)) = input.split_first() else { return };
    let method = &METHODS[usize::from(*choice) % METHODS.len()];
    let Ok(uri) = Uri::try_from(target) else { return };
    let front = classify(method, &uri);
    let behind = ca::read_target(method, &uri);

    // The CA's endpoints are reached through the CA's route alone, and as what they are. (HEAD changes nothing and is
    // not on the CA's list of methods at all.)
    if let Some(read) = behind.as_ref().filter(|read| read.is_endpoint) {
        match front {
            Route::Bad(_) => {}
            Route::CertificateAuthority(access) if *method != Method::HEAD => {
                assert_eq!(read.changes, access == CaAccess::Write, "{method} {uri}");
            }
            Route::CertificateAuthority(access) => assert_eq!(access, CaAccess::Read),
            other => panic!("{method} {uri} is {} to the CA and {other:?} in front", read.path),
        }
    }
    // What is for the CA in front is no other service of the CA's process.
    if matches!(front, Route::CertificateAuthority(_)) {
        assert_ne!(uri.path(), REPLICA_PATH);
    }
    // Replication is between members: nobody reaches it through the front end.
    if uri.path() == REPLICA_PATH {
        assert_eq!(front, Route::Own(Own::Unknown));
    }
    // What the rules are asked about is what the file system will be asked about.
    if let Some(read) = behind {
        assert!(!read.path.split('/').any(|part| part == ".." || part == "."), "{}", read.path);
        assert!(!read.path.contains('\0') && !read.path.contains('%') || !read.is_endpoint, "{}", read.path);
    }
}
