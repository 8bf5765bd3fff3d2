//! Certificate signing requests (PKCS#10, RFC 2986), read and made.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::alt_name::AltName;
use crate::asn1::{Malformed, Reader, tag, writer};
use crate::certificate::{self, Certificate};
use crate::distinguished_name::{self, NameAttribute};
use crate::extension::{Attribute, Extension};
use crate::key::public::PublicKey;
use crate::key::{SignFault, Signer};
use crate::oid::{self, Oid};
use crate::pem::{self, PemFault};
use crate::signed::Signed;
use crate::verify::{self, VerifyFault};

/// A signing request. Clones share the octets. Equality is equality of the octets.
#[derive(Clone)]
pub struct Request(Arc<Inner>);

struct Inner {
    signed: Signed,
    subject: Vec<NameAttribute>,
    spki: Vec<u8>,
    attributes: Vec<Attribute>,
    extensions: Vec<Extension>,
    alt_names: Vec<AltName>,
    /// What checking the signature came to: the octets do not change, and each check costs as much as a signature.
    verified: OnceLock<Result<(), VerifyFault>>,
}

/// Why text is no signing request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// It is not PEM at all, or not well-formed PEM.
    #[error("the certificate request is not PEM text")]
    NotPem,
    /// There is more than one block.
    #[error("the PEM text has more than one block")]
    SeveralBlocks,
    /// The block is something else.
    #[error("the PEM text is no certificate request but {0}")]
    NotARequest(String),
    /// The structure is broken.
    #[error("the certificate request is malformed: {0}")]
    Malformed(#[from] Malformed),
}

/// What a request is to ask for beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContent {
    /// Extensions, asked for in this order.
    pub extensions: Vec<Extension>,
    /// Subject alternative names; none: no such extension.
    pub alt_names: Vec<AltName>,
    /// Attributes beside the extension request, for instance challengePassword.
    pub attributes: Vec<Attribute>,
}

impl Request {
    /// Reads a PEM text of exactly one block, a request.
    ///
    /// # Errors
    /// [`RequestFault`]
    pub fn from_pem(text: &[u8]) -> Result<Request, RequestFault> {
        let blocks = pem::parse_all(text).map_err(|_: PemFault| RequestFault::NotPem)?;
        match &blocks[..] {
            [] => Err(RequestFault::NotPem),
            [block] if matches!(block.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => {
                Request::from_der(&block.der)
            }
            [block] => Err(RequestFault::NotARequest(block.label.clone())),
            _ => Err(RequestFault::SeveralBlocks),
        }
    }

    /// Reads the encoded request. What follows it is ignored.
    ///
    /// # Errors
    /// [`RequestFault::Malformed`]
    pub fn from_der(der: &[u8]) -> Result<Request, RequestFault> {
        Ok(Request(Arc::new(Inner::parse(der)?)))
    }

    /// Makes and signs a request as Puppet's agent does: version 1, subject of one common name, the extensions in
    /// order, then the alternative names.
    ///
    /// # Errors
    /// The key could not sign.
    pub fn build(cn: &str, key: &dyn Signer, content: &RequestContent) -> Result<Request, SignFault> {
        let mut extensions = content.extensions.clone();
        if !content.alt_names.is_empty() {
            extensions.push(Extension {
                oid: oid::SUBJECT_ALT_NAME,
                critical: false,
                value: AltName::write_all(&content.alt_names),
            });
        }
        let mut attributes = content.attributes.clone();
        if !extensions.is_empty() {
            attributes.push(Attribute {
                oid: oid::EXTENSION_REQUEST,
                values: vec![Extension::write_all(&extensions)],
            });
        }
        let encoded: Vec<Vec<u8>> = attributes.iter().map(Attribute::to_der).collect();
        let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        Self::sign(&distinguished_name::common_name(cn), key, &encoded)
    }

    /// Makes and signs the request of a CA for another certificate over its own key: its subject, and nothing else;
    /// what extensions a CA certificate has is for the issuer above to say.
    ///
    /// # Errors
    /// The key could not sign.
    pub fn for_authority(authority: &Certificate, key: &dyn Signer) -> Result<Request, SignFault> {
        Self::sign(authority.subject_der(), key, &[])
    }

    fn sign(subject_der: &[u8], key: &dyn Signer, attributes: &[&[u8]]) -> Result<Request, SignFault> {
        let tbs = writer::sequence(&[
            &[tag::INTEGER, 1, 0],
            subject_der,
            key.spki_der(),
            &writer::nested(tag::context_constructed(0), attributes),
        ]);
        let der = Signed::assemble(&tbs, key.algorithm(), &key.sign(&tbs)?);
        // Reading it back can only fail for content that makes no request, such as one extension twice.
        Request::from_der(&der).map_err(|fault| SignFault::Key(fault.to_string()))
    }

    /// The octets.
    pub fn der(&self) -> &[u8] {
        self.0.signed.der()
    }

    /// As PEM text.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE REQUEST", self.der())
    }

    /// The first common name of the subject.
    pub fn subject_cn(&self) -> Option<&str> {
        distinguished_name::first_common_name(&self.0.subject)
    }

    /// All attributes of the subject: type and value.
    pub fn subject_attributes(&self) -> Vec<(Oid, String)> {
        self.0.subject.iter().map(|attribute| (attribute.oid.clone(), attribute.value.clone())).collect()
    }

    /// The subject as Puppet shows it: `/CN=x`.
    pub fn subject_display(&self) -> String {
        distinguished_name::slashed(&self.0.subject)
    }

    /// The public key as SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The requested extensions in their order, whatever they are.
    pub fn extensions(&self) -> &[Extension] {
        &self.0.extensions
    }

    /// The requested subject alternative names in their order.
    pub fn subject_alt_names(&self) -> &[AltName] {
        &self.0.alt_names
    }

    /// The requested authorization extensions, under the names the CA's API shows.
    pub fn authorization_extensions(&self) -> Vec<(String, String)> {
        certificate::authorization_extensions(&self.0.extensions)
    }

    /// The attributes in their order, the extension request among them.
    pub fn attributes(&self) -> &[Attribute] {
        &self.0.attributes
    }

    /// The text of an attribute such as challengePassword.
    pub fn attribute_utf8(&self, oid: &Oid) -> Option<String> {
        self.0.attributes.iter().find(|attribute| attribute.oid == *oid)?.text()
    }

    /// Whether the agent says that it will renew its certificate by itself (`pp_auth_auto_renew` is `true`, as an
    /// attribute or as an extension).
    pub fn asks_for_auto_renewal(&self) -> bool {
        let extension = || {
            let wanted = self.0.extensions.iter().find(|extension| extension.oid == oid::PP_AUTH_AUTO_RENEW);
            wanted.and_then(Extension::text)
        };
        self.attribute_utf8(&oid::PP_AUTH_AUTO_RENEW).or_else(extension).is_some_and(|value| value == "true")
    }

    /// Checks that whoever made the request holds its private key; once, however often it is asked.
    ///
    /// # Errors
    /// [`VerifyFault`]
    pub fn verify_signature(&self) -> Result<(), VerifyFault> {
        let verify = || {
            let signed = &self.0.signed;
            let (tbs, signature) = (signed.tbs(), signed.signature());
            signed.verify(&self.0.spki).or_else(|fault| {
                let by_old_agent = fault.is_unsupported()
                    && verify::is_signed_with_md5(&self.0.spki, signed.algorithm_der(), tbs, signature);
                if by_old_agent { Ok(()) } else { Err(fault) }
            })
        };
        self.0.verified.get_or_init(verify).clone()
    }
}

impl Inner {
    fn parse(bytes: &[u8]) -> Result<Inner, Malformed> {
        let signed = Signed::parse(bytes)?;
        let mut outer = Reader::new(signed.tbs());
        let mut fields = outer.sequence()?;
        // The only version has the value 0; Puppet's own command line writes 2, so it is not looked at.
        fields.small_number()?;
        let subject = distinguished_name::parse(fields.element(tag::SEQUENCE)?.raw)?;
        let spki = fields.element(tag::SEQUENCE)?.raw.to_vec();
        PublicKey::parse(&spki)?;
        // The attributes must be there, if empty; old Ruby left them out.
        let attributes = match fields.optional(tag::context_constructed(0))? {
            Some(list) => Attribute::read_all(list)?,
            None => Vec::new(),
        };
        fields.end()?;
        let mut lists = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.oid == oid::EXTENSION_REQUEST) {
            for value in &attribute.values {
                let mut reader = Reader::new(value);
                lists.extend_from_slice(reader.content(tag::SEQUENCE)?);
            }
        }
        let extensions = Extension::read_all(&lists)?;
        let alt_names = match extensions.iter().find(|extension| extension.oid == oid::SUBJECT_ALT_NAME) {
            Some(extension) => AltName::read_all(&extension.value)?,
            None => Vec::new(),
        };
        let verified = OnceLock::new();
        Ok(Inner { signed, subject, spki, attributes, extensions, alt_names, verified })
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Request {}

impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Request({})", self.subject_display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyKind, PrivateKey};
    use proptest::prelude::*;

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::EcP256).unwrap()
    }

    #[test]
    fn a_request_has_what_was_asked_for() {
        let content = RequestContent {
            extensions: vec![Extension::utf8(Oid::from_name("pp_role").unwrap(), "web")],
            alt_names: vec![AltName::Dns("x.example.com".into())],
            attributes: vec![
                Attribute::utf8(oid::CHALLENGE_PASSWORD, "secret"),
                Attribute::utf8(oid::PP_AUTH_AUTO_RENEW, "true"),
            ],
        };
        let request = Request::build("x.example.com", &key(), &content).unwrap();
        let request = Request::from_pem(request.to_pem().as_bytes()).unwrap();
        assert_eq!(request.subject_cn(), Some("x.example.com"));
        assert_eq!(request.subject_alt_names(), content.alt_names);
        assert_eq!(request.extensions()[0].text().unwrap(), "web");
        assert_eq!(request.attribute_utf8(&oid::CHALLENGE_PASSWORD).unwrap(), "secret");
        assert!(request.asks_for_auto_renewal());
        request.verify_signature().unwrap();
    }

    #[test]
    fn a_changed_request_is_noticed() {
        let request = Request::build("abc", &key(), &RequestContent::default()).unwrap();
        assert!(!request.asks_for_auto_renewal());
        let mut der = request.der().to_vec();
        let at = der.windows(3).position(|window| window == b"abc").unwrap();
        der[at] = b'x';
        assert!(Request::from_der(&der).unwrap().verify_signature().is_err());
    }

    #[test]
    fn text_that_is_no_request() {
        let request = Request::build("abc", &key(), &RequestContent::default()).unwrap().to_pem();
        assert_eq!(Request::from_pem(b"hello"), Err(RequestFault::NotPem));
        assert_eq!(Request::from_pem(b""), Err(RequestFault::NotPem));
        assert_eq!(
            Request::from_pem((request.clone() + &request).as_bytes()),
            Err(RequestFault::SeveralBlocks)
        );
        let other = request.replace("CERTIFICATE REQUEST", "CERTIFICATE");
        assert_eq!(Request::from_pem(other.as_bytes()), Err(RequestFault::NotARequest("CERTIFICATE".into())));
        let broken = pem::encode("CERTIFICATE REQUEST", &[0x30, 1, 2]);
        assert!(matches!(Request::from_pem(broken.as_bytes()), Err(RequestFault::Malformed(_))));
    }

    #[test]
    fn one_extension_twice_makes_no_request() {
        let extension = Extension::utf8(oid::PP_AUTH_ROLE, "x");
        let content = RequestContent { extensions: vec![extension.clone(), extension], ..Default::default() };
        assert!(Request::build("abc", &key(), &content).is_err());
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::from_der(&bytes);
        }

        #[test]
        fn damaged_requests_never_panic(at in 0usize..300, octet: u8) {
            let content = RequestContent { alt_names: vec![AltName::Dns("a".into())], ..Default::default() };
            let mut der = Request::build("abc", &key(), &content).unwrap().der().to_vec();
            let at = at % der.len();
            der[at] = octet;
            if let Ok(request) = Request::from_der(&der) {
                let _ = request.verify_signature();
            }
        }
    }
}
