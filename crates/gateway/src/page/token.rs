//! Proof that a form comes from a page that we gave to the same operator. A browser shows its certificate to whatever
//! site makes it send something here; the token is what another site cannot know.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use wire::Peer;

/// Operators remembered; when there are more, all begin anew (and reload their page).
const KEPT: usize = 1000;

/// One for each certificate, as long as this process lives.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<Vec<u8>, String>>);

impl Tokens {
    /// The token of this peer's certificate; of use to nobody without one.
    pub fn of(&self, peer: &Peer) -> String {
        let Some(certificate) = &peer.certificate else { return String::new() };
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= KEPT && !tokens.contains_key(certificate.der()) {
            tokens.clear();
        }
        let new = || uuid::Uuid::new_v4().simple().to_string();
        tokens.entry(certificate.der().to_vec()).or_insert_with(new).clone()
    }

    /// Whether this is it. One byte after the other, all of them: the time tells nothing.
    pub fn is(&self, peer: &Peer, said: &str) -> bool {
        let token = self.of(peer);
        let differences = token.bytes().zip(said.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other));
        !token.is_empty() && token.len() == said.len() && differences == 0
    }
}
