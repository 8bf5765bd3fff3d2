//! The live revocation list: fetched from the active CA whenever it may have changed, in force at once.
//!
//! Every request of every open connection is checked against the index that is swapped here, so a revoked node is out
//! within a round trip, without a reload and without cutting anybody else's connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tokio::sync::Notify;
use wire::protocol::internal::X_BUNRAKU_EPOCH;
use wire::tls::TrustBundle;
use wire::{Bytes, Request, body};

use crate::error_log::ErrorLog;
use crate::hold::Helm;
use crate::upstream::Upstream;

/// What is fetched.
const PATH: &str = "/puppet-ca/v1/certificate_revocation_list/ca";
/// Largest list read: five times one with a million entries.
const MAX_LIST: usize = 256 * 1024 * 1024;
/// Shortest time between two fetches that follow hints: many writes in a row are one change.
const BREATH: Duration = Duration::from_millis(20);
/// Time from a hint without hurry to the fetch.
const UNHURRIED: Duration = Duration::from_secs(1);
/// How long one fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Time until a failed fetch is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// How the keeper learns that it should look.
#[derive(Debug, Default)]
pub struct Hints {
    /// Something that may have revoked was carried out, or another member became active.
    pub now: Notify,
    /// The CA's log has grown without our knowing by what; mostly by certificates, which are no hurry.
    pub soon: Notify,
}

/// The task that keeps the index up to date.
pub struct RevocationKeeper {
    /// The index.
    pub trust: TrustBundle,
    /// Copy for the next start.
    pub path: PathBuf,
    /// The ways to the CA members.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Who is active.
    pub helm: Arc<Helm>,
    /// Rung when the list may have changed.
    pub hints: Arc<Hints>,
    /// Time between two looks without a hint.
    pub refresh: Duration,
    /// The log.
    pub error_log: Arc<ErrorLog>,
}

impl RevocationKeeper {
    /// Keeps it for ever.
    pub async fn run(self) {
        let mut in_force: Option<Bytes> = std::fs::read(&self.path).ok().map(Bytes::from);
        let mut said: Option<String> = None;
        let mut wait = AGAIN;
        loop {
            tokio::select! {
                () = self.hints.now.notified() => {}
                () = self.soon() => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.refresh;
            let asked = self.helm.course();
            match self.fetch().await {
                Ok(Some(list)) => {
                    said = None;
                    if in_force.as_ref() != Some(&list) {
                        match self.put_in_force(list.clone()).await {
                            Ok(()) => in_force = Some(list),
                            Err(why) => self.error_log.say(why),
                        }
                    }
                }
                // Nobody to ask now; whoever becomes active rings.
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
            tokio::time::sleep(BREATH).await;
        }
    }

    async fn soon(&self) {
        self.hints.soon.notified().await;
        tokio::time::sleep(UNHURRIED).await;
    }

    async fn fetch(&self) -> Result<Option<Bytes>, String> {
        let Some(target) = self.helm.course().target else { return Ok(None) };
        let mut request = Request::new(body::empty());
        *request.uri_mut() = http::Uri::from_static(PATH);
        request.headers_mut().insert(X_BUNRAKU_EPOCH, HeaderValue::from(target.epoch));
        let upstream = &self.upstreams[target.member];
        let name = &upstream.worker().name;
        let fetch = async {
            let response =
                upstream.send(request, FETCH_TIMEOUT).await.map_err(|fault| format!("{name}: {fault}"))?;
            let status = response.status();
            let list = body::collect(response.into_body(), MAX_LIST)
                .await
                .map_err(|fault| format!("{name}: {fault}"))?;
            match status {
                StatusCode::OK => Ok(Some(list)),
                // It is not the primary any more; the course changes in a moment.
                StatusCode::MISDIRECTED_REQUEST => Ok(None),
                status => Err(format!("{name} answered {status}")),
            }
        };
        match tokio::time::timeout(FETCH_TIMEOUT, fetch).await {
            Ok(result) => result,
            Err(_) => Err(format!("{name} gave no answer within {} s", FETCH_TIMEOUT.as_secs())),
        }
    }

    /// Swaps the index, then keeps the copy. Off the runtime's threads: a long list takes milliseconds to index.
    async fn put_in_force(&self, list: Bytes) -> Result<(), String> {
        let (trust, path) = (self.trust.clone(), self.path.clone());
        let work = move || {
            trust.load(&list).map_err(|fault| {
                format!("The revocation list of the active CA cannot be used, the old one stays: {fault}")
            })?;
            write_atomically(&path, &list).map_err(|error| {
                format!("{} could not be written; the revocations are in force: {error}", path.display())
            })
        };
        tokio::task::spawn_blocking(work).await.map_err(|failure| failure.to_string())?
    }
}

/// Writes beside the file and renames, so that a crash leaves the old list or the new one.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
