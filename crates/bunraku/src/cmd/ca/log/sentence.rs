//! A line of the record as a sentence.

use ca::audit::Record;

use crate::console;

/// Serial numbers that a sentence names.
const NAMED: usize = 5;

/// `2026-11-22 21:03:11 a.example.com signed (serial 0x1A) by b.example.com from 10.0.0.5: why`.
pub fn of(record: &Record) -> String {
    let time = record.time.trim_end_matches('Z').replace('T', " ");
    let mut text = format!("{time} {}", deed(record));
    if let Some(serial) = &record.serial {
        text.push_str(&format!(" (serial {})", number(serial)));
    }
    text.push_str(&by(record));
    if let Some(reason) = &record.reason {
        text.push_str(": ");
        text.push_str(reason);
    }
    console::plain(&text)
}

fn deed(record: &Record) -> String {
    let name = record.certname.as_deref().unwrap_or("a certificate of no known name");
    let list = || record.crl_number.map_or(String::new(), |number| format!(" {number}"));
    match record.event.as_str() {
        "begun" => "the record begins".into(),
        "requested" => format!("{name} requested"),
        "autosign_declined" => format!("{name} left to an operator"),
        "sign_refused" => format!("{name} not signed"),
        "request_deleted" => format!("request of {name} deleted"),
        "certificate_adopted" => format!("{name} taken over"),
        "signed" | "renewed" | "revoked" | "deleted" => format!("{name} {}", record.event),
        "crl_issued" => format!("revocation list{} issued", list()),
        "crl_adopted" => format!("revocation list{} taken over", list()),
        "infra_crl_issued" => format!("infrastructure's revocation list{} issued", list()),
        "infra_crl_adopted" => "infrastructure's revocation list taken over".into(),
        "infra_nodes_changed" => "nodes of the infrastructure changed".into(),
        "entries_added" => format!("{} came onto the revocation list", entries(&record.serials)),
        "entries_dropped" => format!("{} left the revocation list", entries(&record.serials)),
        "inventory_adopted" => "inventory.txt taken over".into(),
        "chain_crls_replaced" => "revocation lists of the issuers above replaced".into(),
        "serial_raised" => "next serial number raised".into(),
        "second_crl_issued" => format!("revocation list{} of the CA's other key issued", list()),
        "ca_key_introduced" | "ca_key_activated" | "ca_key_retired" | "ca_key_abandoned" => {
            let step = record.event.trim_start_matches("ca_key_");
            format!("key of {name} {step}")
        }
        "ca_renewed" => "certificate of the CA renewed".into(),
        "noted" => "noted".into(),
        other => match &record.certname {
            Some(name) => format!("{name} {}", other.replace('_', " ")),
            None => other.replace('_', " "),
        },
    }
}

fn entries(serials: &[String]) -> String {
    let named: Vec<String> = serials.iter().take(NAMED).map(|serial| number(serial)).collect();
    let more = serials.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("serial {}{more}", named.join(", "))
}

fn number(serial: &str) -> String {
    let digits = serial.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

fn by(record: &Record) -> String {
    match (&record.actor, &record.address, record.local) {
        (Some(actor), Some(address), _) => format!(" by {actor} from {address}"),
        (Some(actor), None, _) => format!(" by {actor}"),
        (None, _, true) => " on the CA's machine".into(),
        (None, Some(address), false) => format!(" from {address}"),
        (None, None, false) => " by the CA itself".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_a_sentence() {
        let signed = Record {
            time: "2026-11-22T21:03:11Z".into(),
            event: "signed".into(),
            certname: Some("node7.example.com".into()),
            serial: Some("001A".into()),
            actor: Some("operator.example.com".into()),
            address: Some("10.0.0.5".into()),
            reason: Some("autosign.conf line 3".into()),
            ..Record::default()
        };
        assert_eq!(
            of(&signed),
            "2026-11-22 21:03:11 node7.example.com signed (serial 0x1A) by operator.example.com from 10.0.0.5: autosign.conf line 3"
        );
        let dropped = Record {
            time: "2026-11-22T21:03:11Z".into(),
            event: "entries_dropped".into(),
            serials: (1..=7).map(|number| format!("{number:04X}")).collect(),
            ..Record::default()
        };
        assert_eq!(
            of(&dropped),
            "2026-11-22 21:03:11 serial 0x1, 0x2, 0x3, 0x4, 0x5 and 2 more left the revocation list by the CA itself"
        );
        let odd = Record { event: "told_later".into(), reason: Some("a\x1b[2Jb".into()), ..signed };
        assert!(of(&odd).ends_with(
            "node7.example.com told later (serial 0x1A) by operator.example.com from 10.0.0.5: a\\u{1b}[2Jb"
        ));
    }
}
