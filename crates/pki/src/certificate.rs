//! Certificates, read.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::algorithm::{SignatureAlgorithm, UnknownAlgorithm};
use crate::alt_name::AltName;
use crate::asn1::{Malformed, Reader, reader, tag, time};
use crate::distinguished_name::{self, NameAttribute};
use crate::extension::Extension;
use crate::fingerprint;
use crate::key::public::PublicKey;
use crate::oid::{self, Oid};
use crate::pem::{self, PemFault};
use crate::serial::Serial;
use crate::signed::Signed;
use crate::verify::VerifyFault;

/// A certificate. Clones share the octets. Equality is equality of the octets.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    signed: Signed,
    serial: Serial,
    issuer_der: Vec<u8>,
    issuer: Vec<NameAttribute>,
    subject_der: Vec<u8>,
    subject: Vec<NameAttribute>,
    not_before: i64,
    not_after: i64,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
    alt_names: Vec<AltName>,
    key_identifier: Vec<u8>,
}

/// Why octets or text are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// The text is not well-formed PEM.
    #[error("{0}")]
    Pem(#[from] PemFault),
    /// There is no certificate in the text.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// There are several certificates where one belongs.
    #[error("there is more than one certificate in the PEM text")]
    SeveralCertificates,
    /// The structure is broken.
    #[error("the certificate is malformed: {0}")]
    Malformed(#[from] Malformed),
}

impl Certificate {
    /// Reads a PEM text with exactly one certificate; blocks of other kinds are passed over.
    ///
    /// # Errors
    /// [`CertificateFault`]
    pub fn from_pem(text: &[u8]) -> Result<Certificate, CertificateFault> {
        let mut certificates = Self::all_from_pem(text)?;
        match certificates.len() {
            0 => Err(CertificateFault::NoCertificate),
            1 => Ok(certificates.remove(0)),
            _ => Err(CertificateFault::SeveralCertificates),
        }
    }

    /// Reads all certificates of a PEM text (a bundle such as `ca_crt.pem`), in order; blocks of other kinds are
    /// passed over, and there may be none.
    ///
    /// # Errors
    /// [`CertificateFault`] of the first one that is broken.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<Certificate>, CertificateFault> {
        let mut certificates = Vec::new();
        for block in pem::parse_all(text)? {
            if block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE" {
                certificates.push(Certificate::from_der(&block.der)?);
            }
        }
        Ok(certificates)
    }

    /// Reads the encoded certificate. What follows it is ignored.
    ///
    /// # Errors
    /// [`CertificateFault::Malformed`]
    pub fn from_der(der: &[u8]) -> Result<Certificate, CertificateFault> {
        Ok(Certificate(Arc::new(Inner::parse(der)?)))
    }

    /// The octets.
    pub fn der(&self) -> &[u8] {
        self.0.signed.der()
    }

    /// As PEM text.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der())
    }

    /// The serial number.
    pub fn serial(&self) -> Serial {
        self.0.serial
    }

    /// The first common name of the subject: the certname.
    pub fn subject_cn(&self) -> Option<&str> {
        distinguished_name::first_common_name(&self.0.subject)
    }

    /// The subject as Puppet's inventory shows it: `/CN=x`.
    pub fn subject_display(&self) -> String {
        distinguished_name::slashed(&self.0.subject)
    }

    /// The subject by RFC 2253: `CN=x`, the form of `X-Client-DN`.
    pub fn subject_rfc2253(&self) -> String {
        distinguished_name::rfc2253(&self.0.subject)
    }

    /// The encoded subject.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject_der
    }

    /// The first common name of the issuer.
    pub fn issuer_cn(&self) -> Option<&str> {
        distinguished_name::first_common_name(&self.0.issuer)
    }

    /// The issuer in the form of Puppet's inventory.
    pub fn issuer_display(&self) -> String {
        distinguished_name::slashed(&self.0.issuer)
    }

    /// The issuer by RFC 2253.
    pub fn issuer_rfc2253(&self) -> String {
        distinguished_name::rfc2253(&self.0.issuer)
    }

    /// The encoded issuer.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_der
    }

    /// The first second of its validity (Unix seconds).
    pub fn not_before(&self) -> i64 {
        self.0.not_before
    }

    /// The last second of its validity (Unix seconds).
    pub fn not_after(&self) -> i64 {
        self.0.not_after
    }

    /// The subject's public key as SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// All extensions in their order.
    pub fn extensions(&self) -> &[Extension] {
        &self.0.extensions
    }

    /// The extension with this identifier.
    pub fn extension(&self, oid: &Oid) -> Option<&Extension> {
        self.0.extensions.iter().find(|extension| extension.oid == *oid)
    }

    /// The value of an extension that holds text (see [`Extension::text`]).
    pub fn extension_utf8(&self, oid: &Oid) -> Option<String> {
        self.extension(oid)?.text()
    }

    /// The subject alternative names in their order.
    pub fn subject_alt_names(&self) -> &[AltName] {
        &self.0.alt_names
    }

    /// Puppet's authorization extensions with their values, under the names the CA's API shows: a registered short
    /// name (`pp_auth_role`, `pp_cli_auth`), otherwise the identifier.
    pub fn authorization_extensions(&self) -> Vec<(String, String)> {
        authorization_extensions(&self.0.extensions)
    }

    /// Puppet's extensions as a manifest sees them in `$trusted['extensions']`: short names where the agent's
    /// library registers one - it registers neither `pp_cli_auth` nor `pp_auth_auto_renew` - and otherwise the
    /// identifier.
    pub fn trusted_extensions(&self) -> Vec<(String, String)> {
        let registered = |oid: &Oid| {
            if *oid == oid::PP_CLI_AUTH || *oid == oid::PP_AUTH_AUTO_RENEW {
                oid.to_string()
            } else {
                oid.display_name()
            }
        };
        let puppets = self.0.extensions.iter().filter(|extension| extension.oid.is_puppet_extension());
        puppets.map(|extension| (registered(&extension.oid), shown_value(extension))).collect()
    }

    /// Whether it is a CA's certificate by its basic constraints.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|(ca, _)| ca)
    }

    /// How many further CA certificates may stand between this CA and a leaf, if that is limited.
    pub fn path_length_limit(&self) -> Option<u64> {
        self.basic_constraints()?.1
    }

    /// Whether it may sign certificates by its key usage; one without that extension may do anything.
    pub fn may_sign_certificates(&self) -> bool {
        // keyCertSign is bit 5 of the bit string (RFC 5280 section 4.2.1.3).
        self.extension(&oid::KEY_USAGE).is_none_or(
            |usage| matches!(usage.value[..], [tag::BIT_STRING, _, _, bits, ..] if bits & 0x04 != 0),
        )
    }

    /// The same for revocation lists: a CA whose lists nobody accepts cannot revoke.
    pub fn may_sign_lists(&self) -> bool {
        // cRLSign is bit 6.
        self.extension(&oid::KEY_USAGE).is_none_or(
            |usage| matches!(usage.value[..], [tag::BIT_STRING, _, _, bits, ..] if bits & 0x02 != 0),
        )
    }

    /// Whether what it issues may serve TLS on both sides: an extended key usage in a CA's certificate limits those below
    /// it, as most libraries read it.
    pub fn may_issue_for_tls(&self) -> bool {
        // id-kp is 1.3.6.1.5.5.7.3; serverAuth is 1 there, clientAuth 2. anyExtendedKeyUsage is 2.5.29.37.0.
        let purpose = |last| [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, last];
        self.extension(&oid::EXTENDED_KEY_USAGE).is_none_or(|usage| {
            let has = |wanted: &[u8]| usage.value.windows(wanted.len()).any(|octets| octets == wanted);
            has(&[6, 4, 0x55, 29, 37, 0]) || has(&purpose(1)) && has(&purpose(2))
        })
    }

    /// The authority key identifier's key identifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        read_authority_key_id(&self.extension(&oid::AUTHORITY_KEY_IDENTIFIER)?.value)
    }

    /// The subject key identifier of the extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        let extension = self.extension(&oid::SUBJECT_KEY_IDENTIFIER)?;
        Reader::new(&extension.value).content(tag::OCTET_STRING).ok()
    }

    /// What certificates and lists issued by this one name as their authority's key: its subject key identifier,
    /// or, where an old CA certificate has none, the SHA-1 of its public key.
    pub fn key_identifier(&self) -> &[u8] {
        &self.0.key_identifier
    }

    /// The algorithm of the signature on it.
    ///
    /// # Errors
    /// An algorithm that is not supported.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, UnknownAlgorithm> {
        self.0.signed.algorithm()
    }

    /// The signed part.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.signed.tbs()
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.0.subject == self.0.issuer
    }

    /// Whether this certificate names `authority` as its issuer; says nothing about the signature.
    pub fn names_as_issuer(&self, authority: &Certificate) -> bool {
        self.0.issuer == authority.0.subject
    }

    /// Checks the signature with this public key.
    ///
    /// # Errors
    /// [`VerifyFault`]
    pub fn verify(&self, spki_der: &[u8]) -> Result<(), VerifyFault> {
        self.0.signed.verify(spki_der)
    }

    fn basic_constraints(&self) -> Option<(bool, Option<u64>)> {
        let extension = self.extension(&oid::BASIC_CONSTRAINTS)?;
        let mut fields = Reader::new(&extension.value).sequence().ok()?;
        let ca = matches!(fields.optional(tag::BOOLEAN).ok()?, Some([octet]) if *octet != 0);
        let limit = fields.optional(tag::INTEGER).ok()?.map(reader::small_number).transpose().ok()?;
        Some((ca, limit))
    }
}

/// The authorization extensions of a list, under the names the CA's API shows.
pub(crate) fn authorization_extensions(extensions: &[Extension]) -> Vec<(String, String)> {
    let authorizing = extensions.iter().filter(|extension| extension.oid.is_below(&oid::AUTHORIZATION_ARC));
    authorizing.map(|extension| (extension.oid.display_name(), shown_value(extension))).collect()
}

/// The key identifier of an AuthorityKeyIdentifier's value.
pub(crate) fn read_authority_key_id(value: &[u8]) -> Option<&[u8]> {
    Reader::new(value).sequence().ok()?.optional(tag::context(0)).ok()?
}

/// Text, or the octets in hexadecimal where there is none: a value must not vanish.
fn shown_value(extension: &Extension) -> String {
    extension.text().unwrap_or_else(|| fingerprint::colons(&extension.value))
}

impl Inner {
    fn parse(bytes: &[u8]) -> Result<Inner, Malformed> {
        let signed = Signed::parse(bytes)?;
        let mut outer = Reader::new(signed.tbs());
        let mut fields = outer.sequence()?;
        if let Some(version) = fields.optional(tag::context_constructed(0))?
            && Reader::new(version).small_number()? > 2
        {
            return Err(Malformed::Version);
        }
        let serial = Serial::from_der_content(fields.content(tag::INTEGER)?)?;
        if fields.element(tag::SEQUENCE)?.raw != signed.algorithm_der() {
            return Err(Malformed::AlgorithmMismatch);
        }
        let issuer_der = fields.element(tag::SEQUENCE)?.raw.to_vec();
        let mut validity = fields.sequence()?;
        let mut next_time = || validity.any().and_then(|element| time::parse(element.tag, element.content));
        let (not_before, not_after) = (next_time()?, next_time()?);
        let subject_der = fields.element(tag::SEQUENCE)?.raw.to_vec();
        let spki = fields.element(tag::SEQUENCE)?.raw.to_vec();
        // Unique identifiers of version 2, which nobody uses.
        fields.optional(tag::context(1))?;
        fields.optional(tag::context(2))?;
        let extensions = match fields.optional(tag::context_constructed(3))? {
            Some(list) => Extension::read_all(Reader::new(list).content(tag::SEQUENCE)?)?,
            None => Vec::new(),
        };
        fields.end()?;
        let alt_names = match extensions.iter().find(|extension| extension.oid == oid::SUBJECT_ALT_NAME) {
            Some(extension) => AltName::read_all(&extension.value)?,
            None => Vec::new(),
        };
        let key_identifier =
            match extensions.iter().find(|extension| extension.oid == oid::SUBJECT_KEY_IDENTIFIER) {
                Some(extension) => Reader::new(&extension.value).content(tag::OCTET_STRING)?.to_vec(),
                None => fingerprint::key_identifier(PublicKey::parse(&spki)?.bits),
            };
        Ok(Inner {
            issuer: distinguished_name::parse(&issuer_der)?,
            subject: distinguished_name::parse(&subject_der)?,
            serial,
            issuer_der,
            subject_der,
            not_before,
            not_after,
            spki,
            extensions,
            alt_names,
            key_identifier,
            signed,
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Certificate({} {})", self.serial(), self.subject_display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_is_no_certificate() {
        assert_eq!(Certificate::from_pem(b"nothing").unwrap_err(), CertificateFault::NoCertificate);
        let broken = pem::encode("CERTIFICATE", &[0x30, 0]);
        assert!(matches!(Certificate::from_pem(broken.as_bytes()), Err(CertificateFault::Malformed(_))));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Certificate::from_der(&bytes);
        }
    }
}
