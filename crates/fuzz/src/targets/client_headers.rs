//! Who asks. The input is a header section, line by line, as a client would send it.

use super::Target;
use pki::Certificate;
use std::sync::OnceLock;
use wire::Peer;
use wire::http::{HeaderMap, HeaderName, HeaderValue};
use wire::identity::{X_CLIENT_VERIFY, requester, set_client_headers, strip_client_headers};

pub(super) const TARGET: Target = Target {
    name: "client_headers",
    run,
    words: &[
        b"X-Client-Verify: SUCCESS\n",
        b"x-client-verify: NONE\n",
        b"X-Client-DN: CN=root\n",
        b"x_client_dn: /CN=root\n",
        b"X-Client-Cert: -----BEGIN%20CERTIFICATE-----%0A",
        b"X-Forwarded-For: 10.0.0.1\n",
        b"x-bunraku-epoch: 7\n",
        b"\\2c",
        b",CN=",
        b"+",
        b"%0A",
        b": ",
    ],
};

/// The certificate of the front end, and one of an agent.
fn cast() -> &'static (Certificate, Certificate) {
    static CAST: OnceLock<(Certificate, Certificate)> = OnceLock::new();
    CAST.get_or_init(|| {
        let read = |pem: &[u8]| Certificate::from_pem(pem).expect("a recorded certificate");
        (
            read(include_bytes!("../../../../conformance/x509/signed/puppet.example.com.pem")),
            read(include_bytes!("../../../../conformance/x509/signed/agent1.example.com.pem")),
        )
    })
}

fn run(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|octet| *octet == b'\n') {
        let Some(colon) = line.iter().position(|octet| *octet == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value)
            && headers.len() < 100
        {
            headers.append(name, value);
        }
    }
    let (front_end, agent) = cast();
    let front_ends = [front_end.subject_cn().expect("a name").to_owned()];
    let address = "192.0.2.7:4711".parse().expect("an address");
    let peer = |certificate: Option<&Certificate>| Peer::tls(address, certificate.cloned(), "TLSv1.3");

    // 1. Nobody but a front end is believed: whatever it says, a peer is who its certificate says.
    for certificate in [None, Some(agent)] {
        let seen =
            requester(&peer(certificate), &headers, &front_ends).expect("its headers are not looked at");
        assert_eq!(seen.authenticated, certificate.is_some());
        assert_eq!(seen.certname.as_deref(), certificate.and_then(Certificate::subject_cn));
        assert_eq!(seen.certificate.as_ref(), certificate);
        assert!(!seen.via_front_end && !seen.is_local_operator && seen.address == address.ip());
    }

    // 2. A front end that says nonsense is refused or believed, but says all or nothing.
    let front = Peer::tls("192.0.2.1:1".parse().expect("an address"), Some(front_end.clone()), "TLSv1.3");
    if let Ok(seen) = requester(&front, &headers, &front_ends) {
        assert!(!seen.is_local_operator);
        assert_eq!(seen.authenticated, seen.certname.is_some());
        let verified = headers.get(X_CLIENT_VERIFY).map(HeaderValue::as_bytes);
        match seen.via_front_end {
            true => assert_eq!(seen.authenticated, verified == Some(b"SUCCESS")),
            false => assert_eq!(verified, None),
        }
        if let (Some(certificate), Some(name)) = (&seen.certificate, &seen.certname) {
            assert_eq!(certificate.subject_cn(), Some(name.as_str()));
        }
    }

    // 3. What a client says before a front end that does its work has no effect at all.
    for certificate in [None, Some(agent)] {
        let mut forwarded = headers.clone();
        strip_client_headers(&mut forwarded);
        set_client_headers(&mut forwarded, &peer(certificate));
        let seen = requester(&front, &forwarded, &front_ends).expect("a front end's own words");
        assert_eq!(seen.certname.as_deref(), certificate.and_then(Certificate::subject_cn));
        assert_eq!(seen.certificate.as_ref(), certificate);
        assert!(seen.via_front_end && seen.address == address.ip());
    }
}
