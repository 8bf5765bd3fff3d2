//! Revocation lists: uploaded by operators, read from files, sent by other members.

use super::Target;
use pki::crl::RevocationList;

pub(super) const TARGET: Target = Target {
    name: "crl",
    run,
    words: &[
        b"\x30\x80",
        b"\x30\x20\x02\x01\x07\x17\x0d261121095909Z",
        b"\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x05",
        b"\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01\x00",
        b"\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x02\x30\x00",
        b"\x18\x0f99991231235959Z",
    ],
};

fn run(input: &[u8]) {
    if input.starts_with(b"-") {
        if let Ok(all) = RevocationList::all_from_pem(input) {
            let written: String = all.iter().map(RevocationList::to_pem).collect();
            assert_eq!(RevocationList::all_from_pem(written.as_bytes()), Ok(all));
        }
        return;
    }
    let Ok(list) = RevocationList::from_der(input) else { return };
    assert_eq!(RevocationList::from_der(list.der()).as_ref(), Ok(&list));
    // What the list says and what is looked up at every request are the same thing.
    assert_eq!(list.entries().count(), list.len());
    for (serial, _) in list.entries() {
        assert!(list.contains(&serial), "{serial} is on the list and would pass");
    }
    // An entry takes a few octets of input, so memory is bounded by the size of the body.
    assert!(list.len() <= input.len() / 8);
    let _ = (list.number(), list.this_update(), list.next_update(), list.authority_key_id());
    let _ = (list.issuer_rfc2253(), list.issuer_cn().map(str::len), list.signature_algorithm());
}
