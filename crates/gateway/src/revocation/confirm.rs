//! The signed lists: fetched when they have changed, verified, put in force whole, and kept for the next start.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wire::Bytes;

use super::{BREATH, RevocationKeeper};

/// What is fetched.
const PATH: &str = "/puppet-ca/v1/certificate_revocation_list/ca";
/// Time from a change that is in force already to the fetch: many revocations in a row are fetched as one.
const UNHURRIED: Duration = Duration::from_secs(1);
/// Of that time at most this part is spent on fetching: a long list that changes all the time is not all we do.
const SHARE: u32 = 20;
/// Time until a failed fetch is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// What a fetched list came to.
enum Outcome {
    InForce,
    /// It is older than what was told meanwhile.
    Overtaken,
}

impl RevocationKeeper {
    /// Keeps the signed lists for ever.
    pub async fn confirm(self: Arc<Self>) {
        let mut in_force: Option<Bytes> = std::fs::read(&self.path).ok().map(Bytes::from);
        let mut said: Option<String> = None;
        let (mut wait, mut unhurried) = (AGAIN, UNHURRIED);
        loop {
            let soon = async {
                self.bell.soon.notified().await;
                tokio::time::sleep(unhurried).await;
            };
            tokio::select! {
                () = self.bell.now.notified() => {}
                () = soon => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.refresh;
            let asked = self.helm.course();
            let Some(target) = asked.target.clone() else { continue };
            let begun = Instant::now();
            match self.get(&target, PATH).await {
                Ok(Some(list)) => {
                    said = None;
                    if in_force.as_ref() != Some(&list) {
                        match self.put_in_force(list.clone()).await {
                            Ok(Outcome::InForce) => in_force = Some(list),
                            Ok(Outcome::Overtaken) => wait = UNHURRIED,
                            Err(why) => self.error_log.say(why),
                        }
                    }
                }
                // It is not the primary any more; whoever is next is asked by [`RevocationKeeper::follow`], too.
                Ok(None) => {}
                // It went away while we asked, and another is active by now.
                Err(_) if self.helm.course() != asked => wait = BREATH,
                Err(why) => {
                    wait = AGAIN;
                    // Once per trouble: the supervisor's log says why the member is away.
                    if said.as_ref() != Some(&why) {
                        self.error_log.say(format!("The revocation list could not be fetched: {why}"));
                        said = Some(why);
                    }
                }
            }
            unhurried = UNHURRIED.max(begun.elapsed() * SHARE);
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Swaps the index, then keeps the copy. Off the runtime's threads: a long list takes a while to verify.
    async fn put_in_force(self: &Arc<Self>, list: Bytes) -> Result<Outcome, String> {
        let keeper = Arc::clone(self);
        let work = move || {
            let verified = keeper.trust.verify(&list).map_err(|fault| {
                format!("The revocation list of the active CA cannot be used, the old one stays: {fault}")
            })?;
            {
                let told = keeper.told.lock().unwrap_or_else(PoisonError::into_inner);
                // Before anything was told, by a member that tells nothing, the number is that of the first list.
                let number = match &*told {
                    Some(told) => verified.number(&told.issuer),
                    None => verified.first_number(),
                };
                if told.as_ref().is_some_and(|told| number.is_some_and(|number| number < told.number)) {
                    return Ok(Outcome::Overtaken);
                }
                keeper.trust.put_in_force(verified);
                if let Some(number) = number {
                    keeper.in_force.number.send_replace(number);
                }
            }
            write_atomically(&keeper.path, &list).map_err(|error| {
                let path = keeper.path.display();
                format!("{path} could not be written; the revocations are in force: {error}")
            })?;
            Ok(Outcome::InForce)
        };
        tokio::task::spawn_blocking(work).await.map_err(|failure| failure.to_string())?
    }
}

/// Writes beside the file and renames, so that a crash leaves the old list or the new one.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension("pem.new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crl.pem");
        write_atomically(&path, b"old, longer").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
