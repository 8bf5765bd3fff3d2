//! Requests of every shape.

use pki::issue::SigningPolicy;
use pki::{AltName, Attribute, Extension, Oid, PrivateKey, Request, RequestContent, oid};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What a request is made of.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub name: String,
    pub key: usize,
    pub serial: u64,
    pub alt_names: Vec<AltName>,
    pub extensions: Vec<Extension>,
    pub challenge: Option<String>,
}

impl Recipe {
    pub fn request(&self, keys: &[PrivateKey]) -> Request {
        let content = RequestContent {
            extensions: self.extensions.clone(),
            alt_names: self.alt_names.clone(),
            attributes: self
                .challenge
                .iter()
                .map(|text| Attribute::utf8(oid::CHALLENGE_PASSWORD, text))
                .collect(),
        };
        Request::build(&self.name, &keys[self.key % keys.len()], &content).unwrap()
    }

    /// Puppet Server's rules, said once more.
    pub fn is_allowed(&self, policy: SigningPolicy) -> bool {
        let id = |extension: &Extension| extension.oid.to_string();
        let arc = |extension: &Extension, arc: u8| {
            id(extension).starts_with(&format!("1.3.6.1.4.1.34380.1.{arc}."))
        };
        let own = AltName::Dns(self.name.clone());
        let names = policy.allow_subject_alt_names || self.alt_names.is_empty() || self.alt_names == [own];
        names
            && self.extensions.iter().all(|extension| {
                arc(extension, 1)
                    || arc(extension, 2)
                    || arc(extension, 3)
                        && policy.allow_authorization_extensions
                        && id(extension) != "1.3.6.1.4.1.34380.1.3.39"
            })
    }
}

/// Certnames: letters, digits, marks, few or many labels, short and as long as they may be.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]([a-z0-9_-]{0,14}[a-z0-9_])?(\\.[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?){0,4}",
        1 => "[a-z0-9_]{1,63}(\\.[a-z0-9_]{1,60}){0,2}",
        1 => Just("x".repeat(251)),
        1 => "[a-z]{1,8}\\.[a-z]{1,8}\\.",
    ]
}

fn alt_name() -> impl Strategy<Value = AltName> {
    prop_oneof![
        4 => "[a-z0-9]{1,10}(\\.[a-z0-9]{1,10}){0,3}".prop_map(AltName::Dns),
        1 => "\\*\\.[a-z]{1,10}\\.[a-z]{1,5}".prop_map(AltName::Dns),
        2 => any::<[u8; 4]>().prop_map(|octets| AltName::Ip(octets.into())),
        2 => any::<[u8; 16]>().prop_map(|octets| AltName::Ip(octets.into())),
        1 => "[a-z]{1,8}@[a-z]{1,8}\\.test".prop_map(AltName::Email),
        1 => "spiffe://[a-z]{1,8}/[a-z]{1,8}".prop_map(AltName::Uri),
    ]
}

/// Below Puppet's own arcs.
fn own_identifier() -> impl Strategy<Value = String> {
    prop_oneof![
        (1u32..40).prop_map(|last| format!("1.3.6.1.4.1.34380.1.1.{last}")),
        any::<u32>().prop_map(|last| format!("1.3.6.1.4.1.34380.1.2.{last}")),
        (1u32..9, 1u32..9).prop_map(|(a, b)| format!("1.3.6.1.4.1.34380.1.2.{a}.{b}")),
        (1u32..39).prop_map(|last| format!("1.3.6.1.4.1.34380.1.3.{last}")),
    ]
}

fn foreign_identifier() -> impl Strategy<Value = String> {
    select(vec![
        "1.3.6.1.4.1.34380.1.3.39",
        "1.3.6.1.4.1.34380.1.4.1",
        "1.3.6.1.4.1.34380.2.1.1",
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.19",
        "2.5.29.35",
        "2.5.29.37",
        "2.16.840.1.113730.1.13",
        "1.2.3.4",
    ])
    .prop_map(str::to_owned)
}

fn extensions(identifier: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Extension>> {
    let value = prop_oneof![
        3 => "\\PC{0,30}".prop_map(|text| Extension::utf8(oid::PP_AUTH_ROLE, &text).value),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec((identifier, value, any::<bool>()), 0..5).prop_map(|list| {
        let mut made: Vec<Extension> = Vec::new();
        for (identifier, value, critical) in list {
            let oid = Oid::parse(&identifier).unwrap();
            // One extension twice makes no request.
            if made.iter().all(|other| other.oid != oid) {
                made.push(Extension { oid, critical, value });
            }
        }
        made
    })
}

fn recipe(identifier: impl Strategy<Value = String>) -> impl Strategy<Value = Recipe> {
    let names = prop_oneof![Just(Vec::new()), vec(alt_name(), 1..5)];
    (
        name(),
        any::<bool>(),
        names,
        extensions(identifier),
        proptest::option::of("[a-z]{0,9}"),
        (0usize..4, 2u64..u64::MAX),
    )
        .prop_map(|(name, asks_for_own, mut alt_names, extensions, challenge, (key, serial))| {
            if asks_for_own {
                alt_names.insert(0, AltName::Dns(name.clone()));
            }
            let mut unique: Vec<AltName> = Vec::new();
            for name in alt_names {
                if !unique.contains(&name) {
                    unique.push(name);
                }
            }
            Recipe { name, key, serial, alt_names: unique, extensions, challenge }
        })
}

/// Allowed or not.
pub fn any_recipe() -> impl Strategy<Value = Recipe> {
    recipe(prop_oneof![5 => own_identifier(), 1 => foreign_identifier()])
}

/// Allowed where everything is that can be.
pub fn allowed_recipe() -> impl Strategy<Value = Recipe> {
    recipe(own_identifier())
}
