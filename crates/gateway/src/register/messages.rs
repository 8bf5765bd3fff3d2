//! What is said to etcd's JSON gateway (v3 API, "/v3/…" since etcd 3.4) and what it answers. Keys and values travel as
//! base64, 64-bit numbers as text, and fields that are zero, false or empty are left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use replica::configuration::Configuration;
use replica::monitor::Sight;
use replica::register::{self, RegisterFault};
use serde_json::{Value, json};

use super::Reading;

/// The names of an estate's keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Ends with a slash.
    root: String,
}

/// A reading, and the revision of the value for a compare-and-set (0: there is none).
#[derive(Debug, Clone)]
pub struct Held {
    pub reading: Reading,
    pub revision: i64,
}

impl Keys {
    pub fn new(prefix: &str, cluster: &str) -> Keys {
        let prefix = prefix.trim_end_matches('/');
        Keys { root: format!("{prefix}/{cluster}/") }
    }

    pub fn configuration(&self) -> String {
        format!("{}configuration", self.root)
    }

    fn sight(&self, front_end: &str) -> String {
        format!("{}sight/{front_end}", self.root)
    }

    /// Everything of the estate, in one linearizable read.
    pub fn range(&self) -> Value {
        // '0' is the character after '/': the end of all names that begin with the root.
        let end = format!("{}0", self.root.trim_end_matches('/'));
        json!({"key": encode(&self.root), "range_end": encode(&end)})
    }

    /// The value in place of the one with this revision, then everything.
    pub fn exchange(&self, revision: i64, next: &Configuration) -> Result<Value, RegisterFault> {
        let key = encode(&self.configuration());
        let value = STANDARD.encode(register::encode(next)?);
        Ok(json!({
            "compare": [{"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision.to_string()}],
            "success": [{"request_put": {"key": key, "value": value}}, {"request_range": self.range()}],
            "failure": [{"request_range": self.range()}],
        }))
    }

    /// A sight under its lease, then everything.
    pub fn publish(&self, sight: &Sight, lease: &str) -> Value {
        let text = serde_json::to_string(sight).unwrap_or_default();
        let key = encode(&self.sight(sight.front_end.as_str()));
        json!({
            "success": [
                {"request_put": {"key": key, "value": encode(&text), "lease": lease}},
                {"request_range": self.range()},
            ],
        })
    }

    /// Reads the answer to [`Keys::range`].
    pub fn held(&self, answer: &Value) -> Result<Held, RegisterFault> {
        let mut held = Held { reading: Reading { value: None, sights: Vec::new() }, revision: 0 };
        for entry in answer["kvs"].as_array().into_iter().flatten() {
            let (key, value) = (decode(&entry["key"])?, decode(&entry["value"])?);
            let Some(name) = std::str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(&self.root))
            else {
                continue;
            };
            if name == "configuration" {
                held.reading.value = Some(register::decode(&value)?);
                held.revision = number(&entry["mod_revision"]);
            } else if name.starts_with("sight/") {
                // One of another release may look different; it will be understood again once both are updated.
                match serde_json::from_slice(&value) {
                    Ok(sight) => held.reading.sights.push(sight),
                    Err(fault) => tracing::debug!(%fault, name, "a sight cannot be read"),
                }
            }
        }
        Ok(held)
    }

    /// Reads the answer to a transaction: whether its condition held, and everything after it.
    pub fn transacted(&self, answer: &Value) -> Result<(bool, Held), RegisterFault> {
        let succeeded = answer["succeeded"].as_bool().unwrap_or(false);
        let responses = answer["responses"].as_array();
        let range = responses.into_iter().flatten().find_map(|response| response.get("response_range"));
        let range = range.ok_or_else(|| {
            RegisterFault::Unavailable("etcd answered a transaction with something else".to_owned())
        })?;
        Ok((succeeded, self.held(range)?))
    }
}

/// A 64-bit number, as text or as a number; 0 when it is left out.
pub fn number(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_i64()).unwrap_or(0)
}

fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

fn decode(value: &Value) -> Result<Vec<u8>, RegisterFault> {
    let text = value.as_str().unwrap_or_default();
    STANDARD.decode(text).map_err(|fault| RegisterFault::Damaged(format!("etcd's answer: {fault}")))
}

#[cfg(test)]
mod tests {
    use replica::name::{ClusterId, Epoch, MemberName};

    use super::*;

    fn keys() -> Keys {
        Keys::new("/bunraku/", "c")
    }

    #[test]
    fn the_range_covers_the_estate_and_no_other() {
        let range = keys().range();
        let decoded = |value: &Value| String::from_utf8(decode(value).unwrap()).unwrap();
        let (from, to) = (decoded(&range["key"]), decoded(&range["range_end"]));
        assert_eq!((from.as_str(), to.as_str()), ("/bunraku/c/", "/bunraku/c0"));
        for key in [keys().configuration(), keys().sight("front-end-2")] {
            assert!(from <= key && key < to, "{key}");
        }
        assert!(Keys::new("/bunraku", "c2").configuration() >= to);
    }

    #[test]
    fn an_answer_as_etcd_3_4_writes_it_is_read() {
        let first = Configuration::first(ClusterId::new("c"), MemberName::new("ca-1"));
        let sight = Sight {
            front_end: MemberName::new("f"),
            epoch: Epoch(1),
            down: Default::default(),
            held_back: Default::default(),
        };
        let (value, said) = (register::encode(&first).unwrap(), serde_json::to_vec(&sight).unwrap());
        let range = json!({"header": {"revision": "7"}, "count": "3", "kvs": [
            {"key": encode("/bunraku/c/configuration"), "create_revision": "2", "mod_revision": "5",
             "version": "2", "value": STANDARD.encode(value)},
            {"key": encode("/bunraku/c/sight/f"), "mod_revision": "6", "value": STANDARD.encode(said), "lease": "9"},
            {"key": encode("/bunraku/c/sight/g"), "mod_revision": "7"},
        ]});
        let held = keys().held(&range).unwrap();
        assert_eq!((held.revision, held.reading.value), (5, Some(first)));
        assert_eq!(held.reading.sights, [sight]);

        let refused = json!({"header": {}, "responses": [{"response_range": {"header": {}}}]});
        let (succeeded, held) = keys().transacted(&refused).unwrap();
        assert_eq!((succeeded, held.revision, held.reading.value), (false, 0, None));
        assert!(keys().transacted(&json!({"error": "x"})).is_err());
    }
}
