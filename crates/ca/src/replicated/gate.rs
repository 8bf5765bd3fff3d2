//! An entry that names a new key of the CA is let in only once this member has that key, durably. So whoever has the entry
//! has the key: a step that every in-sync member has confirmed has given every one of them the key, and no member can
//! become primary that could not sign.
//!
//! The key comes from the member that sent the entry, over the connection that both have proved their names on. Until it
//! is here the sender gets no answer, and takes this member for silent: if the key does not come in time, the primary goes
//! on without this member, and sends the entry again later.

use super::Input;
use super::engine::Engine;
use super::hub::Hub;
use super::network::FetchedKey;
use crate::command::{Command, Envelope};
use crate::directory::Layout;
use crate::keys::{self, KeyProblem};
use crate::state::State;
use pki::{Certificate, Request, Signer as _};
use replica::frame::Body;
use replica::role::Origin;
use replica::{Entry, Frame};
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// How every [`Command::KeyIntroduced`] and every [`Command::KeyRequested`] begins: an array of two, of which the first is
/// its number. Other entries may have these octets, too; most have not, and need not be read for this.
const MARKS: [[u8; 3]; 2] = [[0x82, 0x18, 24], [0x82, 0x18, 30]];

impl Engine {
    /// Gives the frame back, unless it has to wait for a key: then it comes again, as a new input, when the key is here.
    pub(super) fn fetch_keys_first(
        &self,
        from: &Origin,
        frame: Frame,
        answer: oneshot::Sender<Frame>,
    ) -> Option<(Frame, oneshot::Sender<Frame>)> {
        let (Origin::Member(member), Some(Body::Append(append))) = (from, &frame.body) else {
            return Some((frame, answer));
        };
        let layout = &self.around.layout;
        let missing = append
            .entries
            .iter()
            .filter_map(introduced)
            .find(|spki| !self.not_in_use.contains(&keys::id(spki)) && keys::read(layout, spki).is_err());
        let Some(spki) = missing else { return Some((frame, answer)) };
        let id = keys::id(&spki);
        let (hub, projection) = (Arc::clone(&self.around.hub), self.around.projection.clone());
        let (from, sender, name) = (from.clone(), member.clone(), id.clone());
        self.around.network.fetch_key(member, &id, move |fetched| {
            let again = move |hub: &Hub| hub.leave(Input::Frame { from, frame, answer });
            match fetched {
                Ok(FetchedKey::Here(key)) if key.spki_der() == spki => {
                    projection.run(move |directory| match keys::keep(directory, &key) {
                        Ok(()) => {
                            info!(key = name, from = %sender, "has the CA's new key");
                            again(&hub);
                        }
                        Err(fault) => warn!(%fault, key = name, "the CA's new key cannot be kept; this member waits"),
                    });
                }
                Ok(FetchedKey::Here(_)) => warn!(key = name, from = %sender, "was sent another key; this member waits"),
                Ok(FetchedKey::NotInUse) => {
                    hub.leave(Input::KeyNotInUse(name));
                    again(&hub);
                }
                Err(why) => {
                    warn!(why, key = name, from = %sender, "the CA's new key cannot be had; this member waits for it");
                }
            }
        });
        None
    }
}

/// The public half (DER) of the key that an entry brings in, if it does that.
fn introduced(entry: &Entry) -> Option<Vec<u8>> {
    let marked =
        || entry.payload.windows(MARKS[0].len()).any(|octets| MARKS.iter().any(|mark| octets == mark));
    if entry.is_marker() || !marked() {
        return None;
    }
    let envelope = Envelope::decode(&entry.payload).ok()?;
    envelope.commands.iter().find_map(|command| match command {
        Command::KeyIntroduced { certificate_der, .. } => {
            Certificate::from_der(certificate_der).ok().map(|one| one.spki_der().to_vec())
        }
        Command::KeyRequested { request_der } => {
            Request::from_der(request_der).ok().map(|one| one.spki_der().to_vec())
        }
        _ => None,
    })
}

/// Whether a member has every key that a state needs.
pub(super) fn has_keys(layout: &Layout, state: &State) -> Result<(), KeyProblem> {
    keys::needed(state).into_iter().try_for_each(|spki| keys::read(layout, spki).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Actor;
    use pki::{KeyKind, PrivateKey};
    use replica::{Epoch, Position};

    #[test]
    fn an_entry_that_introduces_a_key_is_recognised() {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let certificate = pki::issue::self_signed_ca("x", &key, 5.into(), 0, 9).unwrap();
        let entry = |commands| {
            let envelope = Envelope { at: 1, actor: Actor::default(), request: None, commands };
            Entry::after(&Position::ZERO, Epoch(1), envelope.encode())
        };
        let reserved = || Command::SerialsReserved { next: "0005".into() };
        let named = Command::KeyIntroduced {
            certificate_der: certificate.der().to_vec(),
            list_der: vec![],
            infra_der: vec![],
            bundle_pem: String::new(),
        };
        assert_eq!(introduced(&entry(vec![reserved()])), None);
        let spki = Some(certificate.spki_der().to_vec());
        assert_eq!(introduced(&entry(vec![reserved(), named])), spki);
        let request = Request::for_authority(&certificate, &key).unwrap();
        let awaited = Command::KeyRequested { request_der: request.der().to_vec() };
        assert_eq!(introduced(&entry(vec![reserved(), awaited])), spki);
    }
}
