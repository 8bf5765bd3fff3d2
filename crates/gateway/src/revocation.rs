//! What the active CA has revoked, in force here: on new connections and, because every request asks the same index,
//! on open ones too.
//!
//! Two tasks. [`RevocationKeeper::follow`] asks the active CA what is new and gets the answer the moment something is
//! (`GET /bunraku/v1/ca/revocations` waits): a few serial numbers, however long the list is. They count at once: the
//! CA itself says so, over a connection that proves who it is. [`RevocationKeeper::confirm`] then fetches the signed
//! list, verifies it, puts it in place of the additions and keeps it for the next start.

mod bundle;
mod confirm;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tokio::sync::{Notify, watch};
use wire::protocol::internal::X_BUNRAKU_EPOCH;
use wire::protocol::revocations::{Known, Revocations};
use wire::tls::TrustBundle;
use wire::{Bytes, Request, Serial, body};

use crate::ca_ways::CaWays;
use crate::error_log::ErrorLog;
use crate::hold::{Helm, Target};

/// Largest list read: five times one with a million entries.
const MAX_LIST: usize = 256 * 1024 * 1024;
/// How long an answer may take. A question without news is answered after 20 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Shortest time between two questions that brought nothing: a member that answers without news is about to stop.
const BREATH: Duration = Duration::from_millis(20);
/// Time until a question that failed is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// The number of the active CA's list that is in force here.
#[derive(Debug, Default)]
pub struct InForce {
    number: watch::Sender<u64>,
}

impl InForce {
    /// The number; 0 before the active CA was ever asked.
    pub fn number(&self) -> u64 {
        *self.number.borrow()
    }

    /// Waits until the list with this number, or a later one, is in force; false when it is not in time.
    pub async fn reaches(&self, number: u64, limit: Duration) -> bool {
        let mut numbers = self.number.subscribe();
        let there = numbers.wait_for(|now| *now >= number);
        matches!(tokio::time::timeout(limit, there).await, Ok(Ok(_)))
    }
}

/// How the two tasks and the supervisor ring [`RevocationKeeper::confirm`].
#[derive(Debug, Default)]
struct Bell {
    /// The signed lists are wanted now.
    now: Notify,
    /// They are wanted, and what they will say is in force already.
    soon: Notify,
    /// The authority's certificates have changed.
    bundle: Notify,
}

/// Keeps the index up to date.
pub struct RevocationKeeper {
    /// The index.
    pub trust: TrustBundle,
    /// Copy for the next start.
    pub path: PathBuf,
    /// The ways to the CA members.
    pub ways: Arc<CaWays>,
    /// Who is active.
    pub helm: Arc<Helm>,
    /// Follows what is in force.
    pub in_force: Arc<InForce>,
    /// Time between two looks at the signed lists when nothing has changed.
    pub refresh: Duration,
    /// The log.
    pub error_log: Arc<ErrorLog>,
    bell: Bell,
    /// What was told last. Locked while the index changes, so that an older list never replaces newer additions.
    told: Mutex<Option<Told>>,
}

/// The authority and the number of its list that was told last.
#[derive(Debug)]
struct Told {
    issuer: String,
    number: u64,
}

impl RevocationKeeper {
    /// A keeper; [`RevocationKeeper::follow`] and [`RevocationKeeper::confirm`] are to be run beside each other.
    pub fn new(
        (trust, path): (TrustBundle, PathBuf),
        ways: Arc<CaWays>,
        helm: Arc<Helm>,
        refresh: Duration,
        error_log: Arc<ErrorLog>,
    ) -> Arc<Self> {
        Arc::new(Self {
            trust,
            path,
            ways,
            helm,
            in_force: Arc::default(),
            refresh,
            error_log,
            bell: Bell::default(),
            told: Mutex::default(),
        })
    }

    /// Has the signed lists fetched now.
    pub fn look_now(&self) {
        self.bell.now.notify_one();
    }

    /// Asks the active CA for ever.
    pub async fn follow(self: Arc<Self>) {
        let mut course = self.helm.watch();
        let mut known = Known::default();
        let (mut chain, mut bundle) = (String::new(), String::new());
        let mut said: Option<String> = None;
        loop {
            let Some(target) = course.borrow_and_update().target.clone() else {
                if course.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let answer = tokio::select! {
                biased;
                // Whatever that member has not said is asked of the next one.
                changed = course.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                answer = self.ask(&target, &known) => answer,
            };
            let pause = match answer {
                Ok(Some(told)) if known.version.as_ref() == Some(&told.version) => BREATH,
                // Who may revoke comes before what is revoked.
                Ok(Some(told)) if told.bundle != bundle => match self.follow_authorities(&target).await {
                    Ok(true) => {
                        bundle = told.bundle;
                        continue;
                    }
                    Ok(false) => BREATH,
                    Err(why) => self.complain(&mut said, why),
                },
                Ok(Some(told)) => match self.enforce(&told).await {
                    Ok(new) => {
                        said = None;
                        // At first, and for the lists of the other authorities, only the signed ones will do.
                        let at_once = known.version.is_none() || chain != told.chain;
                        if at_once {
                            self.bell.now.notify_one()
                        } else {
                            self.bell.soon.notify_one()
                        }
                        known = known.after(&told, &new);
                        chain = told.chain;
                        continue;
                    }
                    Err(why) => self.complain(&mut said, why),
                },
                // It is not the primary any more; the course changes in a moment.
                Ok(None) => BREATH,
                Err(why) => self.complain(&mut said, why),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Says why what is new cannot be learned, once per trouble, and falls back on the signed lists.
    fn complain(&self, said: &mut Option<String>, why: String) -> Duration {
        if said.as_ref() != Some(&why) {
            self.error_log.say(format!("New revocations cannot be learned at once: {why}"));
            *said = Some(why);
        }
        self.bell.now.notify_one();
        AGAIN
    }

    async fn ask(&self, target: &Target, known: &Known) -> Result<Option<Revocations>, String> {
        let name = self.ways.name(target);
        let Some(bytes) = self.get(target, &known.to_target()).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|fault| format!("{name}: {fault}"))
    }

    /// Fetches something from the active CA; none when it is not that any more.
    async fn get(&self, target: &Target, what: &str) -> Result<Option<Bytes>, String> {
        let name = self.ways.name(target);
        let mut request = Request::new(body::empty());
        *request.uri_mut() = http::Uri::try_from(what).map_err(|fault| fault.to_string())?;
        request.headers_mut().insert(X_BUNRAKU_EPOCH, HeaderValue::from(target.epoch));
        let exchange = async {
            let sent = self.ways.send(target, request, ANSWER_TIMEOUT).await;
            let response = sent.map_err(|fault| format!("{name}: {fault}"))?;
            let status = response.status();
            let bytes = body::collect(response.into_body(), MAX_LIST)
                .await
                .map_err(|fault| format!("{name}: {fault}"))?;
            match status {
                StatusCode::OK => Ok(Some(bytes)),
                StatusCode::MISDIRECTED_REQUEST => Ok(None),
                status => Err(format!("{name} answered {status}")),
            }
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(result) => result,
            Err(_) => Err(format!("{name} gave no answer within {} s", ANSWER_TIMEOUT.as_secs())),
        }
    }

    /// Puts what is new in force, and says what it was.
    async fn enforce(self: &Arc<Self>, told: &Revocations) -> Result<Vec<Serial>, String> {
        let keeper = Arc::clone(self);
        let news = told.clone();
        // Off the runtime's threads: the first time it is the whole list.
        let work = move || {
            let new = news.parsed().ok_or("the active CA tells serial numbers that are none")?;
            let mut last = keeper.told.lock().unwrap_or_else(PoisonError::into_inner);
            if !keeper.trust.add_revocations_of(&news.issuer, &new) {
                return Err("the active CA revokes in the name of one that is not in the bundle".to_owned());
            }
            if let Some(second) = &news.second {
                let new = second.parsed().ok_or("the active CA tells serial numbers that are none")?;
                if !keeper.trust.add_revocations_of(&second.issuer, &new) {
                    return Err("the active CA revokes with a key that is not in the bundle".to_owned());
                }
            }
            *last = Some(Told { issuer: news.issuer, number: news.number });
            keeper.in_force.number.send_replace(news.number);
            Ok(new)
        };
        tokio::task::spawn_blocking(work).await.map_err(|failure| failure.to_string())?
    }
}
