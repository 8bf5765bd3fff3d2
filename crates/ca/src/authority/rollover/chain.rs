//! Which certificates a chain will have after a renewal. Pure but for the signatures.

use super::{LONGEST_LIFE, RolloverFault};
use pki::issue::{self, BACKDATED_SECONDS};
use pki::{Certificate, PrivateKey, Request, Signer};
use std::sync::Arc;

const DAY: i64 = 24 * 60 * 60;

/// A CA's certificates as they are.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The one that issues.
    pub issuer: Certificate,
    /// All of them, in the order of `ca_crt.pem`.
    pub bundle: Vec<Certificate>,
}

/// As they will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renewed {
    pub issuer: Certificate,
    pub bundle: Vec<Certificate>,
}

impl Chain {
    /// Renews the issuer with its own key or, if it stands below another, with that one's (`above`).
    pub(super) fn renew(
        &self,
        own: Arc<PrivateKey>,
        above: Option<Arc<PrivateKey>>,
        life: Option<i64>,
        now: i64,
    ) -> Result<Renewed, RolloverFault> {
        let old = &self.issuer;
        let life = life.unwrap_or_else(|| (old.not_after() - old.not_before()).clamp(DAY, LONGEST_LIFE));
        if !(DAY..=LONGEST_LIFE).contains(&life) {
            return Err(RolloverFault::Life);
        }
        let not_before = now - BACKDATED_SECONDS;
        let not_after = now.saturating_add(life);
        longer(old, not_after)?;
        let sign = |certificate: &Certificate, issuer: &issue::Authority, not_after| {
            issue::renewed_ca(certificate, issuer, not_before, not_after)
                .map_err(|fault| RolloverFault::Unusable(fault.to_string()))
        };
        if is_root(old) {
            let itself = issue::Authority { certificate: old.clone(), signer: own };
            let new = sign(old, &itself, not_after)?;
            return Ok(Renewed { bundle: replaced(&self.bundle, old, &new), issuer: new });
        }

        // The one above signs, if its key is here; and has to live as long as what it signs.
        let parent = self.parent();
        let key = above.filter(|key| parent.is_some_and(|parent| parent.spki_der() == key.spki_der()));
        let (Some(parent), Some(signer)) = (parent, key) else {
            return Err(RolloverFault::IssuerElsewhere {
                issuer: old.issuer_rfc2253(),
                serial: old.serial().to_string(),
                request: request(old, &*own)?,
            });
        };
        let mut bundle = self.bundle.clone();
        let mut above = issue::Authority { certificate: parent.clone(), signer };
        let mut end = not_after;
        if parent.not_after() < not_after && is_root(parent) {
            let new_root = sign(parent, &above, not_after)?;
            bundle = replaced(&bundle, parent, &new_root);
            above.certificate = new_root;
        } else if parent.not_after() < not_after {
            end = parent.not_after();
            longer(old, end)?;
        }
        let new = sign(old, &above, end)?;
        Ok(Renewed { bundle: replaced(&bundle, old, &new), issuer: new })
    }

    /// Takes certificates from elsewhere: one for the issuer's key and name, and others of the chain, which take the
    /// place of those with the same key and name or are added.
    pub(super) fn with_submitted(
        &self,
        submitted: &[Certificate],
        now: i64,
    ) -> Result<Renewed, RolloverFault> {
        let old = &self.issuer;
        let unusable = |what: String| Err(RolloverFault::Unusable(what));
        let Some(new) = submitted.iter().find(|one| one.spki_der() == old.spki_der()) else {
            return unusable("none of the certificates is for the CA's key".to_owned());
        };
        if !same_name(new, old) {
            return unusable(format!(
                "its subject is {}, the CA's is {}: issued certificates name that",
                new.subject_rfc2253(),
                old.subject_rfc2253()
            ));
        }
        if new.key_identifier() != old.key_identifier() {
            return unusable(
                "its subject key identifier is another: issued certificates name the present one".to_owned(),
            );
        }
        if new.serial() != old.serial() {
            return unusable(format!(
                "its serial number is 0x{}; the certificates issued so far name 0x{} as their issuer's, and OpenSSL \
                 accepts no other (have it signed with that number: `openssl x509 -req -set_serial 0x{}`)",
                new.serial(),
                old.serial(),
                old.serial()
            ));
        }
        if !(new.is_ca() && new.may_sign_certificates()) {
            return unusable("it is not a CA's certificate".to_owned());
        }
        if new.not_before() > now {
            return unusable("it is not valid yet".to_owned());
        }
        longer(old, new.not_after())?;

        let mut bundle = self.bundle.clone();
        for one in submitted {
            match bundle.iter().find(|had| same_name(had, one) && had.spki_der() == one.spki_der()).cloned() {
                Some(had) => bundle = replaced(&bundle, &had, one),
                None => bundle.push(one.clone()),
            }
        }
        let signed =
            bundle.iter().any(|above| new.names_as_issuer(above) && new.verify(above.spki_der()).is_ok());
        if !signed {
            return unusable(format!(
                "it is not signed by {} as it stands in the chain; hand in that one's certificate, too",
                new.issuer_rfc2253()
            ));
        }
        Ok(Renewed { issuer: new.clone(), bundle })
    }

    /// Who has issued the issuer.
    fn parent(&self) -> Option<&Certificate> {
        let issuer = &self.issuer;
        self.bundle.iter().find(|one| issuer.names_as_issuer(one) && issuer.verify(one.spki_der()).is_ok())
    }
}

/// A request for the issuer above.
pub(super) fn request(issuer: &Certificate, key: &dyn Signer) -> Result<String, RolloverFault> {
    let request = Request::for_authority(issuer, key);
    request.map(|made| made.to_pem()).map_err(|fault| RolloverFault::Unusable(fault.to_string()))
}

pub(in crate::authority) fn is_root(certificate: &Certificate) -> bool {
    certificate.is_self_issued() && certificate.verify(certificate.spki_der()).is_ok()
}

fn same_name(one: &Certificate, other: &Certificate) -> bool {
    one.subject_rfc2253() == other.subject_rfc2253()
}

fn longer(old: &Certificate, not_after: i64) -> Result<(), RolloverFault> {
    if not_after > old.not_after() {
        return Ok(());
    }
    Err(RolloverFault::NoLonger { old: old.not_after(), new: not_after })
}

fn replaced(bundle: &[Certificate], old: &Certificate, new: &Certificate) -> Vec<Certificate> {
    bundle.iter().map(|one| if one == old { new.clone() } else { one.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::issue::{Authority, self_signed_ca, setup_intermediate_ca, setup_root_ca};
    use pki::{KeyKind, Serial};

    const NOW: i64 = 1_795_305_600;
    const YEAR: i64 = 365 * DAY;

    fn key() -> Arc<PrivateKey> {
        Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap())
    }

    fn root(key: &PrivateKey, end: i64) -> Certificate {
        setup_root_ca("Puppet Root CA: x", key, Serial::from_u64(1), NOW - YEAR, end).unwrap()
    }

    fn below(root: &Certificate, root_key: &Arc<PrivateKey>, key: &PrivateKey, serial: u64) -> Certificate {
        let above = Authority { certificate: root.clone(), signer: root_key.clone() };
        let (serial, end) = (Serial::from_u64(serial), NOW + YEAR);
        setup_intermediate_ca(&above, "Puppet CA: x", key.spki_der(), serial, NOW - YEAR, end).unwrap()
    }

    /// Root's key, CA's key, and the chain.
    fn two_levels(root_end: i64) -> (Arc<PrivateKey>, Arc<PrivateKey>, Chain) {
        let (root_key, own) = (key(), key());
        let root = root(&root_key, root_end);
        let issuer = below(&root, &root_key, &own, 2);
        (root_key, own, Chain { issuer: issuer.clone(), bundle: vec![issuer, root] })
    }

    #[test]
    fn a_root_signs_itself_for_as_long_as_it_had() {
        let own = key();
        let old = self_signed_ca("Puppet CA: x", &*own, Serial::from_u64(1), NOW - YEAR, NOW + DAY).unwrap();
        let chain = Chain { issuer: old.clone(), bundle: vec![old.clone()] };
        let new = chain.renew(own.clone(), None, None, NOW).unwrap();
        assert_eq!(new.bundle, std::slice::from_ref(&new.issuer));
        assert_eq!((new.issuer.not_before(), new.issuer.not_after()), (NOW - DAY, NOW + YEAR + DAY));
        assert_eq!(new.issuer.serial(), old.serial());
        let named = chain.renew(own.clone(), None, Some(10 * YEAR), NOW).unwrap();
        assert_eq!(named.issuer.not_after(), NOW + 10 * YEAR);
        // One that has expired already, too.
        let later = chain.renew(own.clone(), None, None, NOW + 2 * YEAR).unwrap();
        assert_eq!(later.issuer.not_after(), NOW + 3 * YEAR + DAY);
        for life in [0, DAY - 1, LONGEST_LIFE + 1, -1] {
            assert_eq!(chain.renew(own.clone(), None, Some(life), NOW), Err(RolloverFault::Life));
        }
        assert_eq!(
            chain.renew(own, None, Some(DAY), NOW),
            Err(RolloverFault::NoLonger { old: NOW + DAY, new: NOW + DAY })
        );
    }

    #[test]
    fn a_root_in_the_directory_signs_and_lives_as_long() {
        let (root_key, own, chain) = two_levels(NOW + YEAR);
        let new = chain.renew(own.clone(), Some(root_key.clone()), Some(15 * YEAR), NOW).unwrap();
        assert_eq!(new.bundle.len(), 2);
        assert_eq!(new.bundle[0], new.issuer);
        assert!(new.bundle.iter().all(|one| one.not_after() == NOW + 15 * YEAR));
        new.issuer.verify(new.bundle[1].spki_der()).unwrap();
        assert_eq!(new.bundle[1].spki_der(), chain.bundle[1].spki_der());
        // A root that lives longer by itself stays.
        let (root_key, own, chain) = two_levels(NOW + 20 * YEAR);
        let new = chain.renew(own, Some(root_key), Some(15 * YEAR), NOW).unwrap();
        assert_eq!(new.bundle[1], chain.bundle[1]);
    }

    #[test]
    fn an_issuer_elsewhere_gets_a_request() {
        let (_, own, chain) = two_levels(NOW + YEAR);
        for above in [None, Some(key())] {
            let fault = chain.renew(own.clone(), above, None, NOW).unwrap_err();
            let RolloverFault::IssuerElsewhere { serial, request, .. } = fault else { panic!("{fault}") };
            let request = Request::from_pem(request.as_bytes()).unwrap();
            assert_eq!((serial.as_str(), request.subject_cn()), ("0002", Some("Puppet CA: x")));
            assert_eq!(request.spki_der(), own.spki_der());
        }
    }

    #[test]
    fn what_comes_back_from_there_must_fit() {
        let (root_key, own, chain) = two_levels(NOW + 20 * YEAR);
        let above = Authority { certificate: chain.bundle[1].clone(), signer: root_key.clone() };
        let good = issue::renewed_ca(&chain.issuer, &above, NOW - DAY, NOW + 9 * YEAR).unwrap();
        let new = chain.with_submitted(std::slice::from_ref(&good), NOW).unwrap();
        assert_eq!(new.bundle, [good.clone(), chain.bundle[1].clone()]);

        let refused = |one: Certificate| chain.with_submitted(&[one], NOW).unwrap_err().to_string();
        assert!(refused(below(&chain.bundle[1], &root_key, &key(), 2)).contains("CA's key"));
        assert!(refused(below(&chain.bundle[1], &root_key, &own, 3)).contains("-set_serial 0x0002"));
        assert!(refused(chain.issuer.clone()).contains("would end on"));
        let early = issue::renewed_ca(&chain.issuer, &above, NOW + 1, NOW + 9 * YEAR).unwrap();
        assert!(refused(early).contains("not valid yet"));
        let stranger_key = key();
        let stranger = Authority { certificate: root(&stranger_key, NOW + 9 * YEAR), signer: stranger_key };
        let forged = issue::renewed_ca(&chain.issuer, &stranger, NOW - DAY, NOW + 9 * YEAR).unwrap();
        assert!(refused(forged).contains("is not signed by"));
    }

    #[test]
    fn a_new_root_may_come_along() {
        let (root_key, _, chain) = two_levels(NOW + YEAR);
        let above = Authority { certificate: chain.bundle[1].clone(), signer: root_key };
        let new_root = issue::renewed_ca(&chain.bundle[1], &above, NOW - DAY, NOW + 9 * YEAR).unwrap();
        let good = issue::renewed_ca(&chain.issuer, &above, NOW - DAY, NOW + 9 * YEAR).unwrap();
        let new = chain.with_submitted(&[new_root.clone(), good.clone()], NOW).unwrap();
        assert_eq!(new.bundle, [good, new_root]);
    }
}
