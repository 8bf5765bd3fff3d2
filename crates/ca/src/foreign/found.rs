//! What was met in the directory where the log says something else.

use std::collections::BTreeMap;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Missing,
    Bytes(Vec<u8>),
}

impl Content {
    /// The bytes, none of a missing file.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Missing => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }

    /// The text; none of a missing file, or one that is no text.
    pub fn text(&self) -> Option<&str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

/// The files that may be other than the log says. What is not in here is as it was when it was last looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub serial: Option<Content>,
    pub inventory: Option<Content>,
    /// `ca_crl.pem`.
    pub lists: Option<Content>,
    /// `ca_crt.pem`.
    pub bundle: Option<Content>,
    /// By certname.
    pub signed: BTreeMap<String, Content>,
    /// By certname.
    pub requests: BTreeMap<String, Content>,
    /// The certificates of names in `requests`, where there are any: to tell a leftover from a new request.
    pub beside_requests: BTreeMap<String, Vec<u8>>,
    /// Whatever else lies in `signed/` and `requests/`.
    pub strange: Vec<String>,
}

impl Found {
    /// The files in it that are there, below the CA directory.
    pub fn files(&self) -> impl Iterator<Item = String> + '_ {
        let single = [
            ("serial", &self.serial),
            ("inventory.txt", &self.inventory),
            ("ca_crl.pem", &self.lists),
            ("ca_crt.pem", &self.bundle),
        ];
        let single = single.into_iter().filter(|(_, content)| content.is_some());
        let single = single.map(|(file, _)| file.to_owned());
        let signed = self.signed.keys().map(|name| format!("signed/{name}.pem"));
        single.chain(signed).chain(self.requests.keys().map(|name| format!("requests/{name}.pem")))
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
