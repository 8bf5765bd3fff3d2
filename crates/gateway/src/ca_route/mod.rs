//! A request to the certificate authority: to the active member, and held while there is none.
//!
//! The agent must not see that a member went away. So a request whose member does not answer waits until another is
//! active, and is sent there with the same id; [`doubt`] says when that is allowed.

pub mod doubt;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use http::request::Parts;
use replica::monitor::Failure;
use tokio::sync::{mpsc, watch};
use wire::access_log::{End, Trail};
use wire::protocol::internal::{X_BUNRAKU_EPOCH, X_BUNRAKU_REQUEST, X_BUNRAKU_STALE};
use wire::protocol::revocations::{X_BUNRAKU_REVOCATIONS, parse_number};
use wire::{Request, Response, body};

use self::doubt::{Doubt, Outcome};
use crate::answer::{self, Others};
use crate::ca_ways::CaWays;
use crate::cargo::{Cargo, Reason};
use crate::error_log::ErrorLog;
use crate::forward::{Carried, parts_again, read_in_time};
use crate::hold::{Course, Helm, Patience, Target};
use crate::memory::Memory;
use crate::revocation::{InForce, RevocationKeeper};
use crate::route::CaAccess;
use crate::settings::{CaKind, Tuning};
use crate::supervisor::failure_of;
use crate::upstream::Fault;

/// Time until the same member is asked again after it refused or could not be reached, while nothing changes.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the rest of a body that is too long is read, so that its sender can read the refusal.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// In the body of a request that revokes (`{"desired_state":"revoked"}`).
const REVOKED: &[u8] = b"revoked";

/// What requests see of a member; the supervisor listens, so that it need not wait for its own next probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Index of the member.
    pub member: usize,
    /// What was seen.
    pub kind: SightingKind,
}

/// See [`Sighting`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SightingKind {
    /// No connection could be opened.
    Unreachable {
        /// In words.
        cause: String,
        /// In the monitor's terms.
        failure: Failure,
    },
    /// A connection broke before the answer.
    Broken {
        /// In words.
        cause: String,
    },
    /// The network said, on an open connection, that there is no way to it.
    Warned {
        /// In words.
        cause: String,
    },
    /// It refused the epoch of a request.
    Stale {
        /// That epoch.
        epoch: u64,
    },
}

/// The way to the certificate authority.
pub struct CaRoute {
    /// The ways to the members.
    pub ways: Arc<CaWays>,
    /// Who is active.
    pub helm: Arc<Helm>,
    /// Where sightings go. Bounded: when the supervisor has hundreds unread, one more tells it nothing.
    pub sightings: mpsc::Sender<Sighting>,
    /// The revocations in force here.
    pub revocations: Arc<InForce>,
    /// The log.
    pub error_log: Arc<ErrorLog>,
    /// What bodies are held in.
    pub memory: Memory,
    /// Requests refused because their bodies are too long.
    pub too_long: AtomicU64,
    /// Whose authority it is.
    pub kind: CaKind,
    /// Learns of what may have changed a revocation list that nobody tells of.
    pub keeper: Arc<RevocationKeeper>,
    /// Times and limits.
    pub tuning: Arc<ArcSwap<Tuning>>,
}

/// Whether everybody may send bodies there; the rules have let pass who sends one elsewhere.
fn is_of_strangers(parts: &Parts) -> bool {
    let (path, _) = access::seen(parts.method.as_str(), parts.uri.path());
    path.starts_with("/puppet-ca/v1/certificate_request")
}

impl CaRoute {
    /// Carries one request.
    pub async fn carry(&self, request: Request, access: CaAccess) -> Carried {
        let trail = Trail::of(&request);
        let tuning = self.tuning.load_full();
        let (parts, body) = request.into_parts();
        // CA bodies are requests and short JSON: reading them whole is what makes holding possible.
        let limit = match is_of_strangers(&parts) {
            true => tuning.ca_request_limit,
            false => tuning.ca_body_limit,
        };
        let time = tuning.body_timeout;
        let mut cargo = match read_in_time(body, limit, time, &self.memory).await {
            Ok(whole @ Cargo::Whole(..)) => whole,
            Ok(Cargo::Streaming(_, Reason::NoRoom)) => return Carried::own(answer::no_room(answer::dice())),
            Ok(mut too_long) => {
                self.too_long.fetch_add(1, Ordering::Relaxed);
                // In vain is fine too: then the client learns less.
                let _ = tokio::time::timeout(DISCARD_TIME, too_long.discard(8 * limit)).await;
                trail.ended(End::BodyTooLong);
                return Carried::own(answer::too_large(limit));
            }
            Err(why) => {
                trail.ended(End::BodyBroken);
                return Carried::own(answer::broken_body(&why));
            }
        };
        let id = uuid::Uuid::new_v4().to_string();
        let mut doubt = Doubt::none(access);
        let mut patience = self.helm.patience(tuning.ca_hold);
        let mut course = self.helm.watch();
        let mut last_cause = self.nobody_answers().to_owned();
        loop {
            let now = course.borrow_and_update().target.clone();
            let Some(target) = now.filter(|target| doubt.permits(target)) else {
                let permitted = |course: &Course| course.target.as_ref().is_some_and(|t| doubt.permits(t));
                if patience.wait(&mut course, None, permitted).await.is_err() {
                    return self.give_up(&trail, &doubt, &last_cause);
                }
                continue;
            };
            patience.on_the_way();
            let Some(body) = cargo.take() else { return self.give_up(&trail, &doubt, &last_cause) };
            let request = self.request(&parts, body, &target, access, &id);
            trail.sent_to(self.ways.name(&target));
            match self.attempt(request, &target, access, &mut course, &mut patience).await {
                Attempt::Answered(mut response) => {
                    match self.kind {
                        CaKind::Bunraku => self.enforced(&mut response).await,
                        CaKind::PuppetServer => self.looked_up(&parts, &mut cargo, &response, access).await,
                    }
                    let worker = Arc::clone(self.ways.name(&target));
                    return Carried { response, worker: Some(worker) };
                }
                Attempt::Failed { outcome, cause } => {
                    doubt.after(&target, outcome);
                    last_cause = format!("{}: {cause}", self.ways.name(&target));
                    if self.kind == CaKind::PuppetServer && doubt.any() {
                        // Nobody who comes later knows what became of it.
                        return self.give_up(&trail, &doubt, &last_cause);
                    }
                    if self.pause(&mut patience, &mut course, &target).await.is_err() {
                        return self.give_up(&trail, &doubt, &last_cause);
                    }
                }
                Attempt::Stranded => {
                    doubt.after(&target, Outcome::Unknown);
                    let cause =
                        format!("{} does not answer, and no member is active", self.ways.name(&target));
                    return self.give_up(&trail, &doubt, &cause);
                }
            }
        }
    }

    /// Keeps an answer back until what it may have revoked is out: whoever reads the answer need not wait. Not for
    /// ever: the revocation is done, and so much must be said.
    async fn enforced(&self, response: &mut Response) {
        let Some(number) = response.headers_mut().remove(X_BUNRAKU_REVOCATIONS) else { return };
        let Some(number) = parse_number(&number) else { return };
        let limit = self.tuning.load().revocation_wait;
        if !self.revocations.reaches(number, limit).await {
            self.error_log.say(format!(
                "Revocation list {number} is not in force here {} ms after the CA issued it (list {} is); its \
                 revocations are acknowledged nevertheless",
                limit.as_millis(),
                self.revocations.number()
            ));
        }
    }

    /// Puppet Server does not tell of revocations: after what may have been one, its list is fetched before the answer is
    /// passed on, so that whoever reads the answer need not wait.
    async fn looked_up(&self, parts: &Parts, cargo: &mut Cargo, response: &Response, access: CaAccess) {
        if access == CaAccess::Read || !response.status().is_success() {
            return;
        }
        let before = self.revocations.number();
        self.keeper.look_now();
        let says_so = match cargo {
            Cargo::Whole(pieces, _) => pieces.concat().windows(REVOKED.len()).any(|word| word == REVOKED),
            Cargo::Streaming(..) => false,
        };
        if says_so || parts.uri.path().ends_with("/clean") {
            let _ = self.revocations.reaches(before + 1, self.tuning.load().revocation_wait).await;
        }
    }

    /// Asks the active member whether it answers, without holding: the question is about now.
    pub async fn carry_status(&self, request: Request) -> Carried {
        let trail = Trail::of(&request);
        let Some(target) = self.helm.course().target else {
            trail.ended(End::NoWorker);
            return Carried::own(answer::no_ca_now(self.nobody_answers(), self.others()));
        };
        let (parts, _) = request.into_parts();
        let name = Arc::clone(self.ways.name(&target));
        let request = Request::from_parts(parts_again(&parts), body::empty());
        trail.sent_to(&name);
        match self.ways.send(&target, request, self.tuning.load().connect_timeout).await {
            Ok(mut response) => {
                response.headers_mut().remove(RETRY_AFTER);
                Carried { response, worker: Some(name) }
            }
            Err(fault) => {
                let cause = self.report(&target, fault).1;
                trail.ended(End::NoWorker);
                Carried::own(answer::no_ca_now(&format!("{name}: {cause}"), self.others()))
            }
        }
    }

    /// One attempt; abandoned when the course says that another member, or another epoch, is active, or when none has
    /// been for as long as a request is held.
    async fn attempt(
        &self,
        request: Request,
        target: &Target,
        access: CaAccess,
        course: &mut watch::Receiver<Course>,
        patience: &mut Patience,
    ) -> Attempt {
        let exchange = async {
            let response = self.ways.send(target, request, self.tuning.load().answer_timeout).await?;
            // The answer is read here, not relayed byte by byte: a member may die in the middle of it.
            let (parts, streaming) = response.into_parts();
            let limit = self.tuning.load().ca_answer_limit;
            match Cargo::load(streaming, limit, &self.memory).await {
                Ok(mut cargo) => Ok(Response::from_parts(parts, cargo.take().unwrap_or_else(body::empty))),
                Err(fault) => Err(Fault::Silent { cause: wire::client::SendCause::Other(fault.to_string()) }),
            }
        };
        // A pause in admission (no target) is no reason to give up on what is under way; a successor is, and for what may
        // be asked again another way.
        let moved_on = course.wait_for(|course| {
            let gone = |now: &Target| now.succeeds(target) || (access == CaAccess::Read && now != target);
            course.target.as_ref().is_some_and(gone)
        });
        // Its member may stand still without breaking the connection, and nobody can take over: then it waits like those
        // that came later, and no longer than they do.
        let stranded = async {
            let mut course = self.helm.watch();
            while course.wait_for(|course| course.target.is_none()).await.is_ok()
                && patience.wait(&mut course, None, |course| course.target.is_some()).await.is_ok()
            {
                patience.on_the_way();
            }
        };
        tokio::select! {
            biased;
            result = exchange => match result {
                Ok(response) if self.kind == CaKind::PuppetServer => Attempt::Answered(response),
                Ok(response) if is_stale(&response) => {
                    self.tell(target, SightingKind::Stale { epoch: target.epoch });
                    Attempt::Failed { outcome: Outcome::NotDone, cause: stale_text(&response) }
                }
                Ok(response) if steps_aside(&response) => {
                    let cause = "it steps aside (503)".to_owned();
                    // Not a lost connection, but the same wish: have it looked at now.
                    let failure = Failure::Reset;
                    self.tell(target, SightingKind::Unreachable { cause: cause.clone(), failure });
                    Attempt::Failed { outcome: Outcome::Unknown, cause }
                }
                Ok(response) => Attempt::Answered(response),
                Err(fault) => {
                    let (outcome, cause) = self.report(target, fault);
                    Attempt::Failed { outcome, cause }
                }
            },
            _ = moved_on => {
                self.ways.forget_idle(target);
                Attempt::Failed { outcome: Outcome::Unknown, cause: "another member became active".into() }
            }
            () = stranded => {
                self.ways.forget_idle(target);
                Attempt::Stranded
            }
        }
    }

    fn request(
        &self,
        parts: &Parts,
        body: wire::Body,
        target: &Target,
        access: CaAccess,
        id: &str,
    ) -> Request {
        let mut request = Request::from_parts(parts_again(parts), body);
        if self.kind == CaKind::PuppetServer {
            return request;
        }
        let headers = request.headers_mut();
        headers.insert(X_BUNRAKU_EPOCH, HeaderValue::from(target.epoch));
        if access == CaAccess::Write
            && let Ok(id) = HeaderValue::from_str(id)
        {
            headers.insert(X_BUNRAKU_REQUEST, id);
        }
        request
    }

    /// After a failure: on at once when the course has changed meanwhile, else a short pause, because the member may
    /// be back (a restart within its epoch) before anything is decided.
    async fn pause(
        &self,
        patience: &mut Patience,
        course: &mut watch::Receiver<Course>,
        tried: &Target,
    ) -> Result<(), crate::hold::OutOfPatience> {
        patience.wait(course, Some(PAUSE), |course| course.target.as_ref() != Some(tried)).await
    }

    /// Translates a fault into what it means for the request, and tells the supervisor.
    fn report(&self, target: &Target, fault: Fault) -> (Outcome, String) {
        self.ways.forget_idle(target);
        match fault {
            Fault::NotSent { cause, .. } => {
                let failure = failure_of(&cause);
                let cause = cause.to_string();
                self.tell(target, SightingKind::Unreachable { cause: cause.clone(), failure });
                (Outcome::NotDone, cause)
            }
            Fault::Silent { cause } => {
                let cause = cause.to_string();
                self.tell(target, SightingKind::Broken { cause: cause.clone() });
                (Outcome::Unknown, cause)
            }
            Fault::TimedOut => (Outcome::Unknown, "no answer in time".to_owned()),
        }
    }

    fn tell(&self, target: &Target, kind: SightingKind) {
        if !target.through.is_empty() {
            // What another front end meets is for that one to tell.
            return;
        }
        // Full means that the supervisor has plenty to look at already.
        let _ = self.sightings.try_send(Sighting { member: target.member, kind });
    }

    fn others(&self) -> Others {
        match self.kind {
            CaKind::PuppetServer => Others::PuppetServer,
            CaKind::Bunraku if self.ways.members() > 1 => Others::Standby,
            CaKind::Bunraku => Others::Nobody,
        }
    }

    /// Why nobody could be asked.
    fn nobody_answers(&self) -> &'static str {
        match self.kind {
            CaKind::Bunraku => "no member is active",
            CaKind::PuppetServer => "it does not answer",
        }
    }

    fn give_up(&self, trail: &Trail, doubt: &Doubt, cause: &str) -> Carried {
        trail.ended(if doubt.any() { End::InDoubt } else { End::HeldTimedOut });
        let seconds = self.tuning.load().ca_hold.as_secs();
        Carried::own(if doubt.any() {
            answer::in_doubt(seconds, cause, self.others())
        } else {
            answer::no_ca(seconds, cause, self.others(), answer::dice())
        })
    }
}

enum Attempt {
    Answered(Response),
    Failed {
        outcome: Outcome,
        cause: String,
    },
    /// No member was active for as long as a request is held.
    Stranded,
}

fn is_stale(response: &Response) -> bool {
    response.headers().contains_key(X_BUNRAKU_STALE)
}

/// A member that cannot confirm what it was asked (deposed meanwhile, or its disk refuses) says 503. What became of a
/// write then, the next primary knows. A 503 that asks for patience is an answer, and the client's.
fn steps_aside(response: &Response) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && !response.headers().contains_key(RETRY_AFTER)
}

fn stale_text(response: &Response) -> String {
    let said = response.headers().get(X_BUNRAKU_STALE).and_then(|value| value.to_str().ok());
    format!("it is not the primary of this epoch ({})", said.unwrap_or("-"))
}
