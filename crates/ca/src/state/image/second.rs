//! The second key and those that are retired, as one field of the image: nothing, where there never was another key.

use super::UnreadableImage;
use crate::state::{Awaited, Part, Retired, Second, State};
use minicbor::{Decode, Encode};
use pki::crl::RevocationList;
use pki::{Certificate, Request, Serial};
use std::sync::Arc;

/// What the field says.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub second: Option<Arc<Second>>,
    pub list: Option<RevocationList>,
    pub infra: Option<RevocationList>,
    pub retired: Vec<Retired>,
    pub awaited: Option<Arc<Awaited>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeysImage {
    #[n(0)]
    second: Option<SecondImage>,
    #[n(1)]
    retired: Vec<RetiredImage>,
    #[n(2)]
    awaited: Option<AwaitedImage>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AwaitedImage {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    request: Vec<u8>,
    #[n(1)]
    since: i64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct SecondImage {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    certificate: Vec<u8>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    list: Vec<u8>,
    /// Empty where none is kept.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    infra: Vec<u8>,
    #[n(3)]
    introduced: i64,
    /// Of a former key: the first serial number that is not its own, and when it gave way.
    #[n(4)]
    former: Option<(String, i64)>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RetiredImage {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    certificate: Vec<u8>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    list: Vec<u8>,
    #[n(2)]
    at: i64,
}

pub(super) fn encode(state: &State) -> Vec<u8> {
    if state.second.is_none() && state.retired.is_empty() && state.awaited.is_none() {
        return Vec::new();
    }
    let der = |list: &Option<RevocationList>| list.as_ref().map_or_else(Vec::new, |list| list.der().to_vec());
    let second = state.second.as_ref().map(|second| SecondImage {
        certificate: second.certificate.der().to_vec(),
        list: der(&state.lists.second),
        infra: der(&state.infra.second),
        introduced: second.introduced,
        former: match second.part {
            Part::Next => None,
            Part::Former { first, activated } => Some((first.to_string(), activated)),
        },
    });
    let retired = state.retired.iter().map(|one| RetiredImage {
        certificate: one.certificate.der().to_vec(),
        list: one.list.der().to_vec(),
        at: one.at,
    });
    let awaited = state
        .awaited
        .as_ref()
        .map(|awaited| AwaitedImage { request: awaited.request.der().to_vec(), since: awaited.since });
    minicbor::to_vec(KeysImage { second, retired: retired.collect(), awaited })
        .expect("encoding into memory cannot fail")
}

pub(super) fn decode(bytes: &[u8]) -> Result<Keys, UnreadableImage> {
    if bytes.is_empty() {
        return Ok(Keys::default());
    }
    let image: KeysImage = minicbor::decode(bytes)?;
    let certificate = |der: &[u8]| {
        Certificate::from_der(der).map_err(|_| UnreadableImage::Part("certificate of another key"))
    };
    let list = |der: &[u8]| {
        RevocationList::from_der(der).map_err(|_| UnreadableImage::Part("revocation list of another key"))
    };
    let mut keys = Keys::default();
    if let Some(second) = image.second {
        let part = match second.former {
            None => Part::Next,
            Some((first, activated)) => {
                let first = Serial::parse_hex(&first).map_err(|_| UnreadableImage::Part("serial number"))?;
                Part::Former { first, activated }
            }
        };
        let certificate = certificate(&second.certificate)?;
        keys.second = Some(Arc::new(Second { certificate, part, introduced: second.introduced }));
        keys.list = Some(list(&second.list)?);
        keys.infra = if second.infra.is_empty() { None } else { Some(list(&second.infra)?) };
    }
    for one in image.retired {
        keys.retired.push(Retired {
            certificate: certificate(&one.certificate)?,
            list: list(&one.list)?,
            at: one.at,
        });
    }
    if let Some(awaited) = image.awaited {
        let request = Request::from_der(&awaited.request)
            .map_err(|_| UnreadableImage::Part("request for the certificate of a new key"))?;
        keys.awaited = Some(Arc::new(Awaited { request, since: awaited.since }));
    }
    Ok(keys)
}
