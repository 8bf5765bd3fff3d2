//! A request of the catalog pool: choose a worker, send, take it elsewhere where that is allowed, relay the answer as
//! it comes.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::RETRY_AFTER;
use http::request::Parts;
use wire::access_log::{End, Trail};
use wire::body::{self, Attendant, HttpBody};
use wire::client::{ConnectFault, SendCause};
use wire::{Request, Response};

use crate::answer;
use crate::cargo::Cargo;
use crate::health::Event;
use crate::memory::Memory;
use crate::pool::Traffic;
use crate::retry;
use crate::route::Class;
use crate::settings::Tuning;
use crate::upstream::{Fault, Upstream, conclusive};
use crate::workers::{Assignment, Unassigned, Want, Workers};

/// What is needed to forward.
pub struct Forwarder {
    /// Who is there.
    pub workers: Arc<Workers>,
    /// The ways to them, in the same order.
    pub upstreams: ArcSwap<Vec<Arc<Upstream>>>,
    /// What bodies are held in.
    pub memory: Memory,
    /// Times and limits.
    pub tuning: Arc<ArcSwap<Tuning>>,
}

/// An answer and who gave it.
pub struct Carried {
    /// The answer.
    pub response: Response,
    /// The worker that gave it; none when it is the front end's own.
    pub worker: Option<Arc<str>>,
}

impl Carried {
    /// An answer of the front end itself.
    pub fn own(response: Response) -> Self {
        Self { response, worker: None }
    }
}

/// An answer "not me", kept in case nobody else can.
struct Refusal {
    response: Response,
    assignment: Assignment,
}

impl Forwarder {
    /// Carries one request.
    pub async fn carry(&self, request: Request, class: Class, certname: Option<&str>) -> Carried {
        let trail = Trail::of(&request);
        let tuning = self.tuning.load_full();
        let (parts, body) = request.into_parts();
        let traffic = Traffic::of(parts.uri.path());
        let dice = answer::dice();
        let mut cargo = match class {
            Class::Write => Cargo::once(body),
            Class::Status | Class::Read | Class::Catalog => {
                match read_in_time(body, tuning.replay_limit, tuning.body_timeout, &self.memory).await {
                    Ok(cargo) => cargo,
                    Err(why) => {
                        trail.ended(End::BodyBroken);
                        return Carried::own(answer::broken_body(&why));
                    }
                }
            }
        };
        let mut tried = Vec::new();
        let mut causes: Vec<String> = Vec::new();
        let mut refusal: Option<Refusal> = None;
        let mut silences = 0;
        let unassigned = loop {
            let mut assignment =
                match self.workers.assign(Want { traffic, tried: &tried, certname, dice }).await {
                    Ok(assignment) => assignment,
                    Err(why) => break why,
                };
            let index = assignment.index();
            tried.push(index);
            let upstream = self.upstream(index);
            let name = upstream.name();
            let Some(body) = cargo.take() else { break Unassigned::Nobody };
            let request = Request::from_parts(parts_again(&parts), body);
            trail.sent_to(name);
            match self.exchange(index, request, class).await {
                Ok(response) => {
                    assignment.answered(response.status());
                    // "Once": one other worker is asked, not each in turn.
                    if refusal.is_none() && retry::after_status(class, response.status()) && cargo.is_there()
                    {
                        refusal = Some(Refusal { response, assignment });
                        continue;
                    }
                    return self.relay(response, assignment, class);
                }
                Err(Fault::NotSent { request, cause: cause @ ConnectFault::NoDescriptor }) => {
                    // Ours, not the worker's: nobody is ejected, and there are no more descriptors for the next one.
                    causes.push(format!("{name}: {cause}"));
                    cargo.put_back(request.into_body());
                    break Unassigned::Nobody;
                }
                Err(Fault::NotSent { request, cause }) => {
                    assignment.fail(&cause.to_string());
                    causes.push(format!("{name}: {cause}"));
                    self.lost(
                        index,
                        Event::ConnectFailed { cause: cause.to_string(), conclusive: conclusive(&cause) },
                    );
                    cargo.put_back(request.into_body());
                }
                Err(Fault::Silent { cause }) => {
                    assignment.fail(&cause.to_string());
                    self.lost(index, Event::Reset { cause: cause.to_string() });
                    silences += 1;
                    let again = silences == 1
                        && cargo.is_there()
                        && retry::after_silence(class, tuning.compile_retry);
                    if !again {
                        trail.ended(End::WorkerReset);
                        return Carried {
                            response: answer::bad_gateway(name, &cause.to_string()),
                            worker: Some(Arc::clone(name)),
                        };
                    }
                    causes.push(format!("{name}: {cause}"));
                }
                Err(Fault::TimedOut) => {
                    let seconds = tuning.answer_timeout.as_secs();
                    assignment.fail(&format!("no answer within {seconds} s"));
                    trail.ended(End::WorkerTimedOut);
                    return Carried {
                        response: answer::gateway_timeout(name, seconds),
                        worker: Some(Arc::clone(name)),
                    };
                }
            }
        };
        let wait_hint = class != Class::Status;
        match refusal {
            Some(Refusal { response, assignment }) => self.relay(response, assignment, class),
            None if unassigned != Unassigned::Nobody => {
                let waited = unassigned == Unassigned::Waited;
                trail.ended(if waited { End::QueueTimedOut } else { End::QueueFull });
                let waited = waited.then_some(tuning.queue_time.as_secs());
                Carried::own(answer::workers_full(waited, wait_hint, dice))
            }
            None => {
                let tried = if causes.is_empty() {
                    "none is configured for this kind of request, or all are taken out of use".to_owned()
                } else {
                    causes.join(", ")
                };
                trail.ended(End::NoWorker);
                Carried::own(answer::no_worker(&tried, wait_hint, dice))
            }
        }
    }

    /// Sends to one worker. A short answer of a request that may be repeated is read whole first: then a worker that
    /// dies in the middle of it is as one that never answered.
    async fn exchange(&self, index: usize, request: Request, class: Class) -> Result<Response, Fault> {
        let tuning = self.tuning.load();
        let (limit_time, limit) = (tuning.answer_timeout, tuning.answer_buffer);
        let repeatable = retry::after_silence(class, tuning.compile_retry);
        drop(tuning);
        let response = self.upstream(index).send(request, limit_time).await?;
        if !repeatable || response.body().size_hint().lower() > limit as u64 {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        match tokio::time::timeout(limit_time, Cargo::load(body, limit, &self.memory)).await {
            Ok(Ok(mut cargo)) => Ok(Response::from_parts(parts, cargo.take().unwrap_or_else(body::empty))),
            Ok(Err(fault)) => Err(Fault::Silent { cause: SendCause::Other(fault.to_string()) }),
            Err(_) => Err(Fault::TimedOut),
        }
    }

    /// Passes an answer on. The worker counts as busy until the last byte has gone out.
    fn relay(&self, response: Response, assignment: Assignment, class: Class) -> Carried {
        let worker = Arc::clone(self.upstream(assignment.index()).name());
        let mut response = response.map(|inner| body::attended(inner, assignment));
        if class == Class::Status {
            response.headers_mut().remove(RETRY_AFTER);
        }
        Carried { response, worker: Some(worker) }
    }

    fn upstream(&self, index: usize) -> Arc<Upstream> {
        Arc::clone(&self.upstreams.load()[index])
    }

    fn lost(&self, index: usize, event: Event) {
        self.upstream(index).forget_idle();
        self.workers.observe(index, event);
    }
}

/// Reads a body whole, if it is short enough, within `limit_time`: an answer of 400 is better than a worker's slot held
/// by a client that sends a byte a minute.
pub async fn read_in_time(
    body: wire::Body,
    limit: usize,
    limit_time: Duration,
    memory: &Memory,
) -> Result<Cargo, String> {
    match tokio::time::timeout(limit_time, Cargo::load(body, limit, memory)).await {
        Ok(Ok(cargo)) => Ok(cargo),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(_) => Err(format!("it was not complete within {} s", limit_time.as_secs())),
    }
}

/// The head of a request once more. Extensions stay behind: they are about the client's connection.
pub fn parts_again(parts: &Parts) -> Parts {
    let (mut copy, ()) = http::Request::new(()).into_parts();
    copy.method = parts.method.clone();
    copy.uri = parts.uri.clone();
    copy.headers = parts.headers.clone();
    copy
}

/// The worker is busy for as long as the answer's body lives.
impl Attendant for Assignment {
    fn broken(&mut self) {
        self.fail("the answer broke off");
    }
}
