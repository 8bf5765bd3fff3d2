//! Object identifiers and the names Puppet has registered for its own.

use std::borrow::Cow;
use std::fmt;

use crate::asn1::{Malformed, tag, writer};

/// An object identifier, kept in its encoded form (X.690 section 8.19).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Cow<'static, [u8]>);

/// Puppet's private enterprise arc 1.3.6.1.4.1.34380.1, encoded.
const PUPPET_ARC: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01];
/// The arc of registered extensions, 1.3.6.1.4.1.34380.1.1.
pub const REGISTERED_ARC: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 1]);
/// The arc of site-private extensions, 1.3.6.1.4.1.34380.1.2.
pub const PRIVATE_ARC: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 2]);
/// The arc of authorization extensions, 1.3.6.1.4.1.34380.1.3.
pub const AUTHORIZATION_ARC: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 3]);
/// `pp_auth_auto_renew`, 1.3.6.1.4.1.34380.1.3.2: an agent says that it renews its certificate by itself.
pub const PP_AUTH_AUTO_RENEW: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 3, 2]);
/// `pp_auth_role`, 1.3.6.1.4.1.34380.1.3.13.
pub const PP_AUTH_ROLE: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 3, 13]);
/// `pp_cli_auth`, 1.3.6.1.4.1.34380.1.3.39: its holder may operate the CA.
pub const PP_CLI_AUTH: Oid = puppet(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01, 3, 39]);

/// id-at-commonName (RFC 5280 appendix A.1).
pub const COMMON_NAME: Oid = puppet(&[0x55, 4, 3]);
/// id-ce-subjectKeyIdentifier (RFC 5280 section 4.2.1.2).
pub const SUBJECT_KEY_IDENTIFIER: Oid = puppet(&[0x55, 29, 14]);
/// id-ce-keyUsage (RFC 5280 section 4.2.1.3).
pub const KEY_USAGE: Oid = puppet(&[0x55, 29, 15]);
/// id-ce-subjectAltName (RFC 5280 section 4.2.1.6).
pub const SUBJECT_ALT_NAME: Oid = puppet(&[0x55, 29, 17]);
/// id-ce-basicConstraints (RFC 5280 section 4.2.1.9).
pub const BASIC_CONSTRAINTS: Oid = puppet(&[0x55, 29, 19]);
/// id-ce-cRLNumber (RFC 5280 section 5.2.3).
pub const CRL_NUMBER: Oid = puppet(&[0x55, 29, 20]);
/// id-ce-cRLReasons (RFC 5280 section 5.3.1).
pub const CRL_REASON: Oid = puppet(&[0x55, 29, 21]);
/// id-ce-authorityKeyIdentifier (RFC 5280 section 4.2.1.1).
pub const AUTHORITY_KEY_IDENTIFIER: Oid = puppet(&[0x55, 29, 35]);
/// id-ce-extKeyUsage (RFC 5280 section 4.2.1.12).
pub const EXTENDED_KEY_USAGE: Oid = puppet(&[0x55, 29, 37]);
/// Netscape Comment, 2.16.840.1.113730.1.13, in which Puppet leaves its mark.
pub const NETSCAPE_COMMENT: Oid = puppet(&[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x0d]);
/// extensionRequest (RFC 2985 section 5.4.2).
pub const EXTENSION_REQUEST: Oid = puppet(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e]);
/// challengePassword (RFC 2985 section 5.4.1).
pub const CHALLENGE_PASSWORD: Oid = puppet(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07]);

const fn puppet(encoded: &'static [u8]) -> Oid {
    Oid(Cow::Borrowed(encoded))
}

/// Puppet's registered short names: last arcs below 1.3.6.1.4.1.34380.1, and the name.
const SHORT_NAMES: &[(u8, u8, &str)] = &[
    (1, 1, "pp_uuid"),
    (1, 2, "pp_instance_id"),
    (1, 3, "pp_image_name"),
    (1, 4, "pp_preshared_key"),
    (1, 5, "pp_cost_center"),
    (1, 6, "pp_product"),
    (1, 7, "pp_project"),
    (1, 8, "pp_application"),
    (1, 9, "pp_service"),
    (1, 10, "pp_employee"),
    (1, 11, "pp_created_by"),
    (1, 12, "pp_environment"),
    (1, 13, "pp_role"),
    (1, 14, "pp_software_version"),
    (1, 15, "pp_department"),
    (1, 16, "pp_cluster"),
    (1, 17, "pp_provisioner"),
    (1, 18, "pp_region"),
    (1, 19, "pp_datacenter"),
    (1, 20, "pp_zone"),
    (1, 21, "pp_network"),
    (1, 22, "pp_securitypolicy"),
    (1, 23, "pp_cloudplatform"),
    (1, 24, "pp_apptier"),
    (1, 25, "pp_hostname"),
    (1, 26, "pp_owner"),
    (3, 1, "pp_authorization"),
    (3, 2, "pp_auth_auto_renew"),
    (3, 13, "pp_auth_role"),
    (3, 39, "pp_cli_auth"),
];

impl Oid {
    /// Reads dotted numbers, for instance `1.3.6.1.4.1.34380.1.1.13`.
    ///
    /// # Errors
    /// Text that is no object identifier.
    pub fn parse(dotted: &str) -> Result<Oid, Malformed> {
        let mut arcs = dotted.split('.').map(|arc| {
            if arc.is_empty() || !arc.bytes().all(|octet| octet.is_ascii_digit()) {
                return Err(Malformed::ObjectIdentifier);
            }
            arc.parse::<u64>().map_err(|_| Malformed::ObjectIdentifier)
        });
        let mut next = || arcs.next().unwrap_or(Err(Malformed::ObjectIdentifier));
        let (root, second) = (next()?, next()?);
        if root > 2 || (root < 2 && second > 39) {
            return Err(Malformed::ObjectIdentifier);
        }
        let mut encoded = Vec::new();
        push_arc(&mut encoded, second.checked_add(root * 40).ok_or(Malformed::ObjectIdentifier)?);
        for arc in arcs {
            push_arc(&mut encoded, arc?);
        }
        Ok(Oid(Cow::Owned(encoded)))
    }

    /// From a short name of Puppet's (`pp_role`) or from dotted numbers.
    pub fn from_name(name: &str) -> Option<Oid> {
        for (arc, last, short) in SHORT_NAMES {
            if *short == name {
                let mut encoded = PUPPET_ARC.to_vec();
                encoded.extend([*arc, *last]);
                return Some(Oid(Cow::Owned(encoded)));
            }
        }
        Oid::parse(name).ok()
    }

    /// Puppet's registered short name for it, as the CA shows it (`pp_cli_auth`).
    pub fn short_name(&self) -> Option<&'static str> {
        let [arc, last] = self.0.strip_prefix(&PUPPET_ARC)? else { return None };
        SHORT_NAMES.iter().find(|(a, l, _)| a == arc && l == last).map(|(_, _, short)| *short)
    }

    /// The short name if there is one, and dotted numbers otherwise.
    pub fn display_name(&self) -> String {
        self.short_name().map_or_else(|| self.to_string(), str::to_owned)
    }

    /// Whether it lies below (and is not itself) this arc.
    pub fn is_below(&self, arc: &Oid) -> bool {
        self.0.len() > arc.0.len() && self.0.starts_with(&arc.0)
    }

    /// Whether it lies below one of Puppet's three extension arcs.
    pub fn is_puppet_extension(&self) -> bool {
        self.is_below(&REGISTERED_ARC) || self.is_below(&PRIVATE_ARC) || self.is_below(&AUTHORIZATION_ARC)
    }

    pub(crate) fn from_der_content(content: &[u8]) -> Result<Oid, Malformed> {
        // The last octet of each arc has its top bit clear; no arc starts with a padding octet.
        let well_formed = content.last().is_some_and(|octet| octet & 0x80 == 0)
            && content.first() != Some(&0x80)
            && content.windows(2).all(|pair| pair[0] & 0x80 != 0 || pair[1] != 0x80);
        if well_formed { Ok(Oid(Cow::Owned(content.to_vec()))) } else { Err(Malformed::ObjectIdentifier) }
    }

    pub(crate) fn as_content(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        writer::element(tag::OBJECT_IDENTIFIER, &self.0)
    }
}

fn push_arc(out: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        out.push((arc >> (7 * group)) as u8 & 0x7f | more);
    }
}

impl fmt::Display for Oid {
    /// Dotted numbers. An arc of more than 128 bits, which nobody has, is shown as `?`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut arc = Some(0u128);
        for octet in self.0.iter() {
            arc = arc.filter(|arc| arc >> 121 == 0).map(|arc| arc << 7 | u128::from(octet & 0x7f));
            if octet & 0x80 != 0 {
                continue;
            }
            match (first, arc) {
                (true, Some(arc)) => {
                    let root = (arc / 40).min(2);
                    write!(out, "{root}.{}", arc - root * 40)?;
                }
                (true, None) => out.write_str("2.?")?,
                (false, Some(arc)) => write!(out, ".{arc}")?,
                (false, None) => out.write_str(".?")?,
            }
            first = false;
            arc = Some(0);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Oid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn constants_are_what_they_say() {
        for (oid, dotted) in [
            (REGISTERED_ARC, "1.3.6.1.4.1.34380.1.1"),
            (PP_AUTH_AUTO_RENEW, "1.3.6.1.4.1.34380.1.3.2"),
            (PP_AUTH_ROLE, "1.3.6.1.4.1.34380.1.3.13"),
            (PP_CLI_AUTH, "1.3.6.1.4.1.34380.1.3.39"),
            (COMMON_NAME, "2.5.4.3"),
            (SUBJECT_ALT_NAME, "2.5.29.17"),
            (NETSCAPE_COMMENT, "2.16.840.1.113730.1.13"),
            (EXTENSION_REQUEST, "1.2.840.113549.1.9.14"),
            (CHALLENGE_PASSWORD, "1.2.840.113549.1.9.7"),
        ] {
            assert_eq!(oid.to_string(), dotted);
            assert_eq!(Oid::parse(dotted).unwrap(), oid);
        }
    }

    #[test]
    fn short_names_go_both_ways() {
        assert_eq!(Oid::from_name("pp_role").unwrap().to_string(), "1.3.6.1.4.1.34380.1.1.13");
        assert_eq!(Oid::from_name("pp_cli_auth"), Some(PP_CLI_AUTH));
        assert_eq!(PP_CLI_AUTH.short_name(), Some("pp_cli_auth"));
        assert_eq!(Oid::parse("1.3.6.1.4.1.34380.1.2.1").unwrap().display_name(), "1.3.6.1.4.1.34380.1.2.1");
        assert_eq!(Oid::from_name("pp_nonsense"), None);
    }

    #[test]
    fn an_arc_is_not_below_itself() {
        assert!(PP_CLI_AUTH.is_below(&AUTHORIZATION_ARC));
        assert!(!AUTHORIZATION_ARC.is_below(&AUTHORIZATION_ARC));
        assert!(!Oid::parse("1.3.6.1.4.1.34380.1.31").unwrap().is_puppet_extension());
        assert!(!PP_CLI_AUTH.is_below(&REGISTERED_ARC));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "1", "3.1", "1.40", "1..2", "1.2.", "1.+2", "1.2.99999999999999999999999"] {
            assert_eq!(Oid::parse(bad), Err(Malformed::ObjectIdentifier), "{bad}");
        }
        for bad in [&[][..], &[0x80, 0x01], &[0x2a, 0x86], &[0x2a, 0x80, 0x01]] {
            assert_eq!(Oid::from_der_content(bad), Err(Malformed::ObjectIdentifier), "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn dotted_numbers_round_trip(root in 0u64..3, second in 0u64..40, rest in proptest::collection::vec(any::<u64>(), 0..6)) {
            let dotted = [root, second].into_iter().chain(rest).map(|arc| arc.to_string()).collect::<Vec<_>>().join(".");
            let oid = Oid::parse(&dotted).unwrap();
            prop_assert_eq!(oid.to_string(), dotted);
            prop_assert_eq!(Oid::from_der_content(oid.as_content()).unwrap(), oid);
        }

        #[test]
        fn display_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(oid) = Oid::from_der_content(&bytes) {
                let _ = (oid.to_string(), oid.short_name());
            }
        }
    }
}
