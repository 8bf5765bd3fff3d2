//! Who asks, as a worker sees it.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue};
use pki::Certificate;

use super::distinguished_name::common_name;
use super::encoded_certificate::{self, EncodedCertificateFault};
use super::headers::{X_CLIENT_CERT, X_CLIENT_DN, X_CLIENT_VERIFY, X_FORWARDED_FOR};
use crate::{Peer, PeerAddress};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Requester {
    /// Certname of the verified certificate.
    pub certname: Option<String>,
    /// The certificate itself. It can be missing for a verified requester, when a front end passes on the name alone.
    pub certificate: Option<Certificate>,
    /// Whether it has proved who it is: by a verified certificate, or as the operator of this machine.
    pub authenticated: bool,
    /// Where it comes from.
    pub address: IpAddr,
    /// Whether that is where the client itself is: not so when a front end speaks for it and did not say.
    pub address_is_its_own: bool,
    /// Whether a front end speaks for it.
    pub via_front_end: bool,
    /// The operator, on the local socket.
    pub is_local_operator: bool,
}

impl Requester {
    /// The operator of this machine, on the local socket: may do everything.
    pub fn local_operator() -> Requester {
        Requester {
            certname: None,
            certificate: None,
            authenticated: true,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            address_is_its_own: true,
            via_front_end: false,
            is_local_operator: true,
        }
    }

    /// A value of one of the certificate's authorization extensions (`pp_cli_auth`, `pp_auth_role`…).
    pub fn authorization(&self, short_name: &str) -> Option<String> {
        let extensions = self.certificate.as_ref()?.authorization_extensions();
        extensions.into_iter().find(|(name, _)| name == short_name).map(|(_, value)| value)
    }

    fn anonymous(address: IpAddr) -> Requester {
        Requester {
            certname: None,
            certificate: None,
            authenticated: false,
            address,
            address_is_its_own: true,
            via_front_end: false,
            is_local_operator: false,
        }
    }
}

/// Why a front end's word cannot be used. The request is malformed (400): a front end says all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// A header came more than once.
    #[error("{0} given more than once")]
    Repeated(HeaderName),
    /// Verified, and no subject.
    #[error("the client is said to be verified, but x-client-dn names no subject")]
    NoSubject,
    /// The certificate cannot be read.
    #[error("x-client-cert: {0}")]
    Certificate(#[from] EncodedCertificateFault),
    /// The certificate is another one's.
    #[error("x-client-dn says {subject} and x-client-cert {certificate}")]
    Contradiction {
        /// Common name of the subject header.
        subject: String,
        /// Common name in the certificate.
        certificate: String,
    },
    /// The address is not one.
    #[error("x-forwarded-for is not an address")]
    Address,
}

/// Says who asks. `X-Client-*` headers count only if the peer's own certificate bears a name of `front_ends`; a front
/// end that sends no `X-Client-Verify` speaks for itself. From anybody else the headers are ignored, and the peer's
/// certificate counts.
pub fn requester(
    peer: &Peer,
    headers: &HeaderMap,
    front_ends: &[String],
) -> Result<Requester, IdentityFault> {
    if peer.address == PeerAddress::Local {
        return Ok(Requester::local_operator());
    }
    let is_front_end =
        peer.certname().is_some_and(|name| front_ends.iter().any(|front_end| front_end == name));
    if !is_front_end || !headers.contains_key(X_CLIENT_VERIFY) {
        return Ok(Requester {
            certname: peer.certname().map(str::to_owned),
            certificate: peer.certificate.clone(),
            authenticated: peer.certificate.is_some(),
            ..Requester::anonymous(peer.address.ip())
        });
    }
    forwarded(peer, headers)
}

fn forwarded(peer: &Peer, headers: &HeaderMap) -> Result<Requester, IdentityFault> {
    let said = once(headers, X_FORWARDED_FOR)?;
    let address = match said {
        Some(value) => {
            value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or(IdentityFault::Address)?
        }
        None => peer.address.ip(),
    };
    let anonymous = Requester {
        address_is_its_own: said.is_some(),
        via_front_end: true,
        ..Requester::anonymous(address)
    };
    if once(headers, X_CLIENT_VERIFY)?.map(HeaderValue::as_bytes) != Some(b"SUCCESS") {
        return Ok(anonymous);
    }
    let subject = once(headers, X_CLIENT_DN)?.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let subject = subject.and_then(common_name).ok_or(IdentityFault::NoSubject)?;
    let certificate = match once(headers, X_CLIENT_CERT)? {
        Some(value) => Some(encoded_certificate::decode(value.as_bytes())?),
        None => None,
    };
    if let Some(certificate) = &certificate {
        let name = certificate.subject_cn().unwrap_or_default();
        if name != subject {
            return Err(IdentityFault::Contradiction { subject, certificate: name.to_owned() });
        }
    }
    Ok(Requester { certname: Some(subject), certificate, authenticated: true, ..anonymous })
}

fn once(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, IdentityFault> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next();
    match values.next() {
        Some(_) => Err(IdentityFault::Repeated(name)),
        None => Ok(first),
    }
}
