//! Whether two answers say the same, apart from what must differ: times of issue, signatures over them, and the
//! fingerprints of certificates that each side has issued itself.

use std::collections::BTreeSet;

use pki::crl::RevocationList;
use pki::{Certificate, pem};
use serde_json::Value;

use super::case::Seen;

/// Two things that were done one after the other on both sides are not further apart than this, seconds.
const TOGETHER: i64 = 900;

/// In what two answers differ: the status, a header, the body.
pub struct Difference {
    /// `status`, `body`, or the header's name.
    pub what: String,
    /// How, for people.
    pub text: String,
}

/// What is not the same. `shared` are the names whose certificates both sides have from the start.
pub fn answers(theirs: &Seen, ours: &Seen, shared: &BTreeSet<String>) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            let text = format!("{what}: Puppet Server {theirs}, Bunraku {ours}");
            found.push(Difference { what: what.to_owned(), text });
        }
    };
    differ("status", theirs.status.to_string(), ours.status.to_string());
    let names: BTreeSet<&String> = theirs.headers.keys().chain(ours.headers.keys()).collect();
    for name in names {
        differ(name, format!("{:?}", theirs.headers.get(name)), format!("{:?}", ours.headers.get(name)));
    }
    if let Some(difference) = bodies(&theirs.body, &ours.body, shared) {
        found.push(Difference { what: "body".into(), text: format!("body: {difference}") });
    }
    found
}

fn bodies(theirs: &[u8], ours: &[u8], shared: &BTreeSet<String>) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).ok().filter(|json| !json.is_number());
    if let (Some(theirs), Some(ours)) = (json(theirs), json(ours)) {
        return values("", &theirs, &ours, shared);
    }
    if let (Some(theirs), Some(ours)) = (Described::of(theirs), Described::of(ours)) {
        return theirs.difference(&ours);
    }
    Some(format!("Puppet Server {:?}, Bunraku {:?}", shorten(theirs), shorten(ours)))
}

fn shorten(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(300).collect()
}

fn values(path: &str, theirs: &Value, ours: &Value, shared: &BTreeSet<String>) -> Option<String> {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            if keys(left) != keys(right) {
                return Some(format!("{path}: keys {:?}, here {:?}", keys(left), keys(right)));
            }
            let name = left.get("name").and_then(Value::as_str).unwrap_or_default();
            let issued = left.contains_key("serial_number") && !shared.contains(name);
            left.iter()
                .filter(|(key, _)| !(issued && key.starts_with("fingerprint")))
                .find_map(|(key, value)| values(&format!("{path}/{name}/{key}"), value, &right[key], shared))
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!("{path}: {} elements, here {}", left.len(), right.len()));
            }
            let (left, right) = (by_name(left), by_name(right));
            left.iter().zip(&right).find_map(|(one, other)| values(path, one, other, shared))
        }
        (Value::String(left), Value::String(right)) => {
            let same = left == right
                || time(left).zip(time(right)).is_some_and(|(one, other)| (one - other).abs() < TOGETHER);
            (!same).then(|| format!("{path}: {left:?}, here {right:?}"))
        }
        _ => (theirs != ours).then(|| format!("{path}: {theirs}, here {ours}")),
    }
}

/// Lists of names come in the order of a directory, which is any.
fn by_name(list: &[Value]) -> Vec<Value> {
    let mut list = list.to_vec();
    if list.iter().all(|one| one.get("name").is_some()) {
        list.sort_by_key(|one| one["name"].as_str().unwrap_or_default().to_owned());
    }
    list
}

fn time(text: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%SUTC", text).ok()?;
    Some(time.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// PEM objects in words, and the times in them.
pub struct Described {
    text: String,
    times: Vec<i64>,
}

impl Described {
    /// None when there is no PEM in it.
    pub fn of(bytes: &[u8]) -> Option<Described> {
        let blocks = pem::parse_all(bytes).ok().filter(|blocks| !blocks.is_empty())?;
        let mut all = Described { text: String::new(), times: Vec::new() };
        for block in blocks {
            match block.label.as_str() {
                "CERTIFICATE" => all.certificate(&Certificate::from_der(&block.der).ok()?),
                "X509 CRL" => all.list(&RevocationList::from_der(&block.der).ok()?),
                label => all.text.push_str(&format!("{label} {}\n", pki::fingerprint::sha256(&block.der))),
            }
        }
        Some(all)
    }

    /// A row of the inventory.
    pub fn of_row(row: &str) -> Described {
        let words: Vec<&str> = row.splitn(4, ' ').collect();
        let times = words.iter().filter_map(|word| time(word)).collect();
        let text = words.iter().filter(|word| time(word).is_none()).copied().collect::<Vec<_>>().join(" ");
        Described { text, times }
    }

    /// What is not the same, if anything.
    pub fn difference(&self, other: &Described) -> Option<String> {
        let times = self.times.len() == other.times.len()
            && self.times.iter().zip(&other.times).all(|(one, other)| (one - other).abs() < TOGETHER);
        match self.text == other.text {
            true if times => None,
            true => Some(format!("times {:?}, here {:?}", self.times, other.times)),
            false => Some(format!("Puppet Server\n{}Bunraku\n{}", self.text, other.text)),
        }
    }

    fn certificate(&mut self, one: &Certificate) {
        self.text.push_str(&format!(
            "certificate {} of {} by {}, {} s, key {}\n",
            one.serial(),
            one.subject_rfc2253(),
            one.issuer_rfc2253(),
            one.not_after() - one.not_before(),
            pki::fingerprint::sha1(one.spki_der())
        ));
        for extension in one.extensions() {
            self.text.push_str(&format!("  {extension:?}\n"));
        }
        self.times.extend([one.not_before(), one.not_after()]);
    }

    fn list(&mut self, one: &RevocationList) {
        // Those that are revoked together stand in any order.
        let mut entries: Vec<String> = one.entries().map(|(serial, _)| serial.to_string()).collect();
        entries.sort();
        // The length stands for what is not named here: the entries' reasons, the extensions.
        self.text.push_str(&format!(
            "list {:?} of {}, {entries:?}, authority key {:?}, {} octets\n",
            one.number(),
            one.issuer_rfc2253(),
            one.authority_key_id(),
            one.tbs_der().len()
        ));
        self.times.extend([one.this_update(), one.next_update().unwrap_or_default()]);
        self.times.extend(one.entries().map(|(_, date)| date));
    }
}
