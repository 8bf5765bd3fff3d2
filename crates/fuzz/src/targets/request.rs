//! Signing requests, as PEM or, without the armour in the way of the mutations, as octets.

use super::Target;
use pki::issue::{SigningPolicy, draft_from_request};
use pki::{Certname, Request, Serial};

pub(super) const TARGET: Target = Target {
    name: "request",
    run,
    words: &[
        b"\x30\x80",
        b"\x06\x03\x55\x04\x03\x0c",
        b"\x06\x03\x55\x1d\x11\x04",
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e\x31",
        b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x8c\x4c\x01\x03\x27",
        b"\x82\x01a",
        b"\x87\x04\x0a\x00\x00\x09",
        b"-----BEGIN CERTIFICATE REQUEST-----\n",
    ],
};

fn run(input: &[u8]) {
    let read =
        if input.starts_with(b"-") { Request::from_pem(input).ok() } else { Request::from_der(input).ok() };
    let Some(request) = read else { return };
    assert_eq!(Request::from_der(request.der()).as_ref(), Ok(&request), "its octets are the same request");
    assert_eq!(Request::from_pem(request.to_pem().as_bytes()).as_ref(), Ok(&request));
    let shown = format!(
        "{request:?} {} {:?} {:?} {:?} {}",
        request.subject_display(),
        request.subject_attributes(),
        request.authorization_extensions(),
        request.subject_alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
        request.asks_for_auto_renewal(),
    );
    // A list of requests shows this: a small request must not make a huge line.
    assert!(shown.len() < 64 * 1024 + 64 * input.len(), "{} octets shown", shown.len());

    let genuine = request.verify_signature().is_ok();
    let Some(Ok(certname)) = request.subject_cn().map(Certname::parse) else { return };
    for (allow_subject_alt_names, allow_authorization_extensions) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let policy = SigningPolicy { allow_subject_alt_names, allow_authorization_extensions };
        let draft = draft_from_request(&request, &certname, &policy, Serial::from_u64(7), 1_800_000_000, 60);
        assert!(draft.is_err() || genuine, "a request would be signed whose signature does not fit");
        if let Err(fault) = draft {
            assert!(!fault.puppet_text().is_empty() && !fault.to_string().is_empty());
        }
    }
}
