//! Leaf certificates.

use super::{Authority, IssueFault, Parts, assemble, common};
use crate::alt_name::AltName;
use crate::asn1::{tag, writer};
use crate::certificate::Certificate;
use crate::certname::Certname;
use crate::distinguished_name;
use crate::extension::Extension;
use crate::fingerprint;
use crate::key::public::PublicKey;
use crate::oid;
use crate::serial::Serial;

/// Everything about a leaf certificate that is not the CA's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafProfile {
    /// The serial number.
    pub serial: Serial,
    /// The one common name of its subject.
    pub certname: Certname,
    /// The public key as SubjectPublicKeyInfo.
    pub spki_der: Vec<u8>,
    /// The first second of its validity (Unix seconds).
    pub not_before: i64,
    /// The last second of its validity (Unix seconds).
    pub not_after: i64,
    /// The alternative names, issued as they stand here.
    pub alt_names: Vec<AltName>,
    /// Puppet's own extensions, as they stand in the request.
    pub extensions: Vec<Extension>,
    /// Whether its holder may operate the CA (`pp_cli_auth`).
    pub cli_auth: bool,
    /// The order of its extensions.
    pub layout: LeafLayout,
}

/// Which of Puppet's tools a certificate looks like it was made by: they differ in the order of the extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeafLayout {
    /// Puppet Server signing a request.
    #[default]
    Request,
    /// Puppet Server making its own certificate at the first start.
    Server,
    /// `puppetserver ca setup` and `puppetserver ca generate --ca-client`.
    Setup,
}

impl LeafProfile {
    /// The profile of a certificate that is issued without a request, for the server side's own use: alternative
    /// names are the given DNS names after the certname, each once.
    pub fn own(
        certname: Certname,
        spki_der: Vec<u8>,
        serial: Serial,
        now: i64,
        ttl_seconds: i64,
    ) -> LeafProfile {
        LeafProfile {
            serial,
            alt_names: vec![AltName::Dns(certname.as_str().to_owned())],
            certname,
            spki_der,
            not_before: now - super::BACKDATED_SECONDS,
            not_after: now.saturating_add(ttl_seconds),
            extensions: Vec::new(),
            cli_auth: false,
            layout: LeafLayout::Server,
        }
    }

    /// With these alternative names in addition, each once.
    #[must_use]
    pub fn with_alt_names(mut self, names: impl IntoIterator<Item = AltName>) -> LeafProfile {
        for name in names {
            if !self.alt_names.contains(&name) {
                self.alt_names.push(name);
            }
        }
        self
    }

    fn extensions(&self, authority: &Certificate) -> Result<Vec<Extension>, IssueFault> {
        let key = PublicKey::parse(&self.spki_der).map_err(crate::certificate::CertificateFault::from)?;
        let key_id = common::subject_key_id(&fingerprint::key_identifier(key.bits));
        let names = Extension {
            oid: oid::SUBJECT_ALT_NAME,
            critical: false,
            value: AltName::write_all(&self.alt_names),
        };
        let mut own = self.extensions.clone();
        if self.cli_auth {
            own.push(Extension::utf8(oid::PP_CLI_AUTH, "true"));
        }
        let constraints = common::basic_constraints(false);
        // digitalSignature and keyEncipherment
        let usage = common::key_usage(5, 0xa0);
        let mut list = Vec::new();
        match self.layout {
            LeafLayout::Request | LeafLayout::Server => {
                let authority = common::authority_key_id_in_full(authority);
                let (first, last) = if self.layout == LeafLayout::Request {
                    (Some(names), None)
                } else {
                    (None, Some(names))
                };
                list.extend(first);
                list.extend([common::comment(), authority, key_id]);
                list.extend(own);
                list.extend(last);
                list.extend([constraints, extended_key_usage(), usage]);
                // Puppet Server writes all that are not critical before all that are; the sort is stable.
                list.sort_by_key(|extension| extension.critical);
            }
            LeafLayout::Setup => {
                let authority = common::authority_key_id(authority.key_identifier());
                list.extend([constraints, common::comment(), authority, extended_key_usage(), usage, key_id]);
                list.extend(own);
                list.push(names);
            }
        }
        Ok(list)
    }
}

/// Issues a leaf certificate.
///
/// # Errors
/// [`IssueFault`]
pub fn sign_leaf(authority: &Authority, profile: &LeafProfile) -> Result<Certificate, IssueFault> {
    let extensions = profile.extensions(&authority.certificate)?;
    let parts = Parts {
        serial: profile.serial,
        issuer_der: authority.certificate.subject_der(),
        not_before: profile.not_before,
        not_after: profile.not_after,
        subject_der: &distinguished_name::common_name(profile.certname.as_str()),
        spki_der: &profile.spki_der,
        extensions: &extensions,
    };
    let algorithm = authority.signer.algorithm();
    let tbs = parts.tbs(algorithm);
    assemble(&tbs, algorithm, &authority.sign(&tbs)?)
}

/// serverAuth and clientAuth (RFC 5280 section 4.2.1.12): every Puppet node may be both.
fn extended_key_usage() -> Extension {
    let purpose = |last| writer::element(tag::OBJECT_IDENTIFIER, &[0x2b, 6, 1, 5, 5, 7, 3, last]);
    let value = writer::sequence(&[&purpose(1), &purpose(2)]);
    Extension { oid: oid::EXTENDED_KEY_USAGE, critical: true, value }
}
