//! Who a worker takes a requester for.

use std::sync::OnceLock;

use proptest::prelude::*;
use wire::Peer;
use wire::http::{HeaderMap, HeaderName, HeaderValue};
use wire::identity::{
    IdentityFault, Requester, X_CLIENT_CERT, X_CLIENT_DN, X_CLIENT_VERIFY, requester, set_client_headers,
    strip_client_headers,
};

use crate::estate::{Ca, Credentials};

struct Cast {
    front: Credentials,
    agent: Credentials,
    other: Credentials,
}

fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let ca = Ca::new("Puppet CA: test");
        Cast {
            front: ca.node("front.internal"),
            agent: ca.node("agent.example.com"),
            other: ca.node("other"),
        }
    })
}

fn peer(credentials: Option<&Credentials>) -> Peer {
    let certificate = credentials.map(|credentials| credentials.certificate.clone());
    Peer::tls("192.0.2.7:4711".parse().unwrap(), certificate, "TLSv1.3")
}

fn ask(peer: &Peer, headers: &HeaderMap) -> Result<Requester, IdentityFault> {
    requester(peer, headers, &["front.internal".to_owned()])
}

fn said_of(credentials: Option<&Credentials>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set_client_headers(&mut headers, &peer(credentials));
    headers
}

#[test]
fn what_a_front_end_says_arrives() {
    let cast = cast();
    let headers = said_of(Some(&cast.agent));
    assert_eq!(
        (&headers[X_CLIENT_VERIFY], &headers[X_CLIENT_DN]),
        (&"SUCCESS".parse().unwrap(), &"CN=agent.example.com".parse().unwrap())
    );
    let encoded = headers[X_CLIENT_CERT].to_str().unwrap();
    assert!(encoded.starts_with("-----BEGIN%20CERTIFICATE-----%0A"), "{encoded}");
    assert!(!encoded.contains(['+', '/', '=', ' ']), "{encoded}");
    let front = peer(Some(&cast.front));
    let agent = ask(&front, &headers).unwrap();
    assert_eq!(agent.certname.as_deref(), Some("agent.example.com"));
    assert_eq!(agent.certificate.unwrap().der(), cast.agent.certificate.der());
    assert!(agent.authenticated && agent.via_front_end && !agent.is_local_operator);
    assert_eq!(agent.address.to_string(), "192.0.2.7");
    let nobody = ask(&front, &said_of(None)).unwrap();
    assert!(!nobody.authenticated && nobody.certname.is_none() && nobody.via_front_end);
}

#[test]
fn nobody_else_is_believed() {
    let cast = cast();
    let forged = said_of(Some(&cast.front));
    let other = ask(&peer(Some(&cast.other)), &forged).unwrap();
    assert_eq!((other.certname.as_deref(), other.via_front_end), (Some("other"), false));
    let nobody = ask(&peer(None), &forged).unwrap();
    assert_eq!((nobody.certname, nobody.authenticated), (None, false));
    let operator = ask(&Peer::local(), &forged).unwrap();
    assert!(operator.is_local_operator && operator.certname.is_none());
}

#[test]
fn a_front_end_speaks_for_itself_when_it_names_nobody() {
    let itself = ask(&peer(Some(&cast().front)), &HeaderMap::new()).unwrap();
    assert_eq!((itself.certname.as_deref(), itself.via_front_end), (Some("front.internal"), false));
}

#[test]
fn a_front_end_that_contradicts_itself_is_refused() {
    let cast = cast();
    let front = peer(Some(&cast.front));
    let mut wrong = said_of(Some(&cast.agent));
    wrong.insert(X_CLIENT_DN, HeaderValue::from_static("CN=other"));
    assert!(matches!(ask(&front, &wrong), Err(IdentityFault::Contradiction { .. })));
    let mut twice = said_of(Some(&cast.agent));
    twice.append(X_CLIENT_VERIFY, HeaderValue::from_static("SUCCESS"));
    assert!(matches!(ask(&front, &twice), Err(IdentityFault::Repeated(_))));
    let mut unnamed = said_of(Some(&cast.agent));
    unnamed.remove(X_CLIENT_DN);
    assert!(matches!(ask(&front, &unnamed), Err(IdentityFault::NoSubject)));
    let mut two = said_of(Some(&cast.agent));
    let encoded = two[X_CLIENT_CERT].to_str().unwrap().repeat(2);
    two.insert(X_CLIENT_CERT, encoded.parse().unwrap());
    assert!(matches!(ask(&front, &two), Err(IdentityFault::Certificate(_))));
    for lesser in ["success", "FAILED:expired", "NONE", ""] {
        let mut headers = said_of(Some(&cast.agent));
        headers.insert(X_CLIENT_VERIFY, HeaderValue::from_static(lesser));
        assert!(!ask(&front, &headers).unwrap().authenticated, "{lesser}");
    }
    let mut bare = said_of(Some(&cast.agent));
    bare.remove(X_CLIENT_CERT);
    let by_name = ask(&front, &bare).unwrap();
    assert!(by_name.authenticated && by_name.certificate.is_none());
}

proptest! {
    /// A client cannot become another one by what it sends, whatever that is.
    #[test]
    fn spoofing_changes_nothing(
        forged in proptest::collection::vec((
            prop_oneof![Just("X-Client-Verify"), Just("x_client_verify"), Just("X-CLIENT-DN"), Just("X-Client_DN"),
                Just("x-client-cert"), Just("X.Client.Cert"), Just("X-Forwarded-For"), Just("x-bunraku-epoch")],
            prop_oneof![Just("SUCCESS"), Just("CN=front.internal"), Just("CN=other"), Just("10.0.0.1"), Just("?\" <>")],
        ), 0..8),
        verified in any::<bool>(),
    ) {
        let cast = cast();
        let client = peer(verified.then_some(&cast.agent));
        let mut headers = HeaderMap::new();
        for (name, value) in &forged {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        strip_client_headers(&mut headers);
        set_client_headers(&mut headers, &client);
        let seen = ask(&peer(Some(&cast.front)), &headers).unwrap();
        prop_assert_eq!(seen.certname.as_deref(), verified.then_some("agent.example.com"));
        prop_assert_eq!(seen.authenticated, verified);
        prop_assert_eq!(seen.address.to_string(), "192.0.2.7");
    }

    /// Damaged certificates in the header are refused or are still the same certificate; nothing panics.
    #[test]
    fn a_damaged_certificate_is_never_somebody_else_s(at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
        let cast = cast();
        let mut headers = said_of(Some(&cast.agent));
        let mut encoded = headers[X_CLIENT_CERT].as_bytes().to_vec();
        let at = at.index(encoded.len());
        encoded[at] = byte;
        headers.insert(X_CLIENT_CERT, HeaderValue::from_bytes(&encoded).unwrap());
        match ask(&peer(Some(&cast.front)), &headers) {
            Ok(seen) => prop_assert_eq!(seen.certname.as_deref(), Some("agent.example.com")),
            Err(IdentityFault::Certificate(_) | IdentityFault::Contradiction { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
