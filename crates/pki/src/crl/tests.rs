use super::*;
use crate::asn1::{Reader, tag, writer};
use crate::extension::Extension;
use crate::issue::{Authority, self_signed_ca};
use crate::key::{KeyKind, PrivateKey};
use crate::oid::Oid;
use crate::serial::Serial;
use proptest::prelude::*;
use std::sync::Arc;

fn authority() -> Authority {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let certificate = self_signed_ca("Puppet CA: test", &key, Serial::from_u64(1), 0, 1 << 33).unwrap();
    Authority { certificate, signer: Arc::new(key) }
}

#[test]
fn what_is_issued_is_read_back() {
    let authority = authority();
    let entries = [(Serial::from_u64(0xff), 1_700_000_000), (Serial::from_u64(3), 1_700_000_001)];
    let draft =
        CrlDraft { number: 300, this_update: 1_700_000_002, next_update: 1_900_000_000, entries: &entries };
    let list = issue(&authority, &draft).unwrap();
    let list = RevocationList::from_pem(list.to_pem().as_bytes()).unwrap();
    assert_eq!(
        (list.number(), list.this_update(), list.next_update()),
        (Some(300), 1_700_000_002, Some(1_900_000_000))
    );
    assert_eq!(list.entries().collect::<Vec<_>>(), entries);
    assert!(list.contains(&Serial::from_u64(3)) && !list.contains(&Serial::from_u64(4)));
    assert_eq!(list.authority_key_id(), authority.certificate.subject_key_id());
    assert!(list.is_issued_by(&authority.certificate));
    list.verify(authority.certificate.spki_der()).unwrap();
    assert!(list.verify(self::authority().certificate.spki_der()).is_err());
}

#[test]
fn the_same_draft_and_signature_make_the_same_octets() {
    let authority = authority();
    let draft = CrlDraft { number: 0, this_update: 0, next_update: 9, entries: &[] };
    let list = issue(&authority, &draft).unwrap();
    let tbs = tbs_der(&authority.certificate, &draft).unwrap();
    let again = assemble(&tbs, list.signature_algorithm().unwrap(), list.signature()).unwrap();
    assert_eq!(again, list);
    assert!(list.is_empty() && list.entries().next().is_none());
    assert_ne!(setup_tbs_der(&authority.certificate, &draft).unwrap(), tbs);
}

#[test]
fn a_hundred_thousand_entries_are_no_matter() {
    let authority = authority();
    let entries: Vec<(Serial, i64)> =
        (1..=100_000).rev().map(|n| (Serial::from_u64(n), 1_700_000_000)).collect();
    let draft = CrlDraft { number: 7, this_update: 0, next_update: 9, entries: &entries };
    let list = issue(&authority, &draft).unwrap();
    assert_eq!(list.len(), 100_000);
    assert!(list.contains(&Serial::from_u64(77_777)) && !list.contains(&Serial::from_u64(100_001)));
    assert!(list.entries().eq(entries.iter().copied()));
}

#[test]
fn a_list_that_follows_another_is_the_list_of_all_entries() {
    let authority = authority();
    let [first, second, third] =
        [(Serial::from_u64(9), 1), (Serial::from_u64(0x1_0000), 2), (Serial::from_u64(4), 3)];
    let whole = |entries: &[(Serial, i64)]| {
        issue(&authority, &CrlDraft { number: 2, this_update: 5, next_update: 9, entries }).unwrap()
    };
    let former = whole(&[first, second]);
    let follow = |kept: &[u8], added: &[(Serial, i64)]| {
        let successor = CrlSuccessor { number: 2, this_update: 5, next_update: 9, kept, added };
        successor_tbs_der(&authority.certificate, &successor).unwrap()
    };
    assert_eq!(follow(former.entries_der(), &[third]), whole(&[first, second, third]).tbs_der());
    let left_out = |serials: &[Serial]| former.entries_der_without(&serials.iter().copied().collect());
    assert_eq!(follow(&left_out(&[first.0]), &[third]), whole(&[second, third]).tbs_der());
    assert_eq!(follow(&left_out(&[first.0, second.0]), &[]), whole(&[]).tbs_der());
}

#[test]
fn a_list_read_with_the_help_of_the_former_one_is_the_same_as_read_whole() {
    let authority = authority();
    let algorithm = authority.signer.algorithm();
    let entry = |n: u64| (Serial::from_u64(n * 7919 % 10_007), 1_700_000_000 + n.cast_signed());
    let empty = CrlDraft { number: 0, this_update: 0, next_update: 9, entries: &[] };
    let mut list = issue(&authority, &empty).unwrap();
    let mut all = Vec::new();
    for (number, count) in (1u64..).zip([1, 2, 300, 0, 1500, 1, 700]) {
        let from = all.len() as u64;
        let added: Vec<(Serial, i64)> = (from..from + count).map(entry).collect();
        all.extend(&added);
        let kept = list.entries_der().to_vec();
        let successor = CrlSuccessor { number, this_update: 5, next_update: 9, kept: &kept, added: &added };
        let tbs = successor_tbs_der(&authority.certificate, &successor).unwrap();
        list = assemble_successor(&list, &tbs, algorithm, &[0]).unwrap();
        assert_eq!((list.len(), list.number()), (all.len(), Some(number)));
        for first in [0, 1, 255, 256, 300, 1803, all.len(), all.len() + 1] {
            assert!(list.entries_from(first).eq(all.iter().skip(first).copied()), "from {first}");
        }
        assert!((0..10_007u64).all(|n| {
            let serial = Serial::from_u64(n);
            list.contains(&serial) == all.iter().any(|(revoked, _)| *revoked == serial)
        }));
    }
    // Of one that does not go on where the former ended, nothing is taken over.
    let other = [entry(9000), entry(9001)];
    let draft = CrlDraft { number: 9, this_update: 5, next_update: 9, entries: &other };
    let tbs = tbs_der(&authority.certificate, &draft).unwrap();
    let list = assemble_successor(&list, &tbs, algorithm, &[0]).unwrap();
    assert!(list.entries().eq(other) && !list.contains(&entry(0).0));
}

#[test]
fn a_partial_list_is_refused() {
    let authority = authority();
    let draft = CrlDraft { number: 1, this_update: 0, next_update: 9, entries: &[] };
    let tbs = tbs_der(&authority.certificate, &draft).unwrap();
    let mut fields = Reader::new(&tbs).sequence().unwrap();
    let mut parts = Vec::new();
    while fields.peek() != Some(tag::context_constructed(0)) {
        parts.extend_from_slice(fields.any().unwrap().raw);
    }
    // A delta CRL indicator (RFC 5280 section 5.2.4) makes the list an addition to another one.
    let indicator = Oid::parse("2.5.29.27").unwrap();
    let delta = Extension { oid: indicator.clone(), critical: true, value: vec![tag::INTEGER, 1, 0] };
    parts.extend(writer::nested(tag::context_constructed(0), &[&Extension::write_all(&[delta])]));
    let fault = assemble(&writer::sequence(&[&parts]), authority.signer.algorithm(), &[0]).unwrap_err();
    assert_eq!(fault, CrlFault::UnknownCriticalExtension(indicator));
}

#[test]
fn a_foreign_key_does_not_sign_for_the_authority() {
    let mut authority = authority();
    authority.signer = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
    let draft = CrlDraft { number: 1, this_update: 0, next_update: 9, entries: &[] };
    assert_eq!(issue(&authority, &draft).unwrap_err(), crate::issue::IssueFault::WrongKey);
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = RevocationList::from_der(&bytes);
    }
}
