//! One conversation with etcd, in order: reads four times a second, keeps this front end's lease and sight, and makes
//! changes. What it learns goes to the supervisor.
//!
//! It reads by asking, not by a watch: each answer is linearizable and shows the value and all sights of one moment, a
//! silence is noticed as soon as anything is, and there is no stream that may stand still. A change of one's own is
//! answered with all that too, so nobody waits for the next turn to find that the others agree.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use replica::configuration::Configuration;
use replica::monitor::Sight;
use replica::name::ClusterId;
use replica::register::{
    Author, RegisterAnswer, RegisterFault, RegisterRefusal, RegisterRequest, admissible,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::etcd::{Etcd, EtcdFault};
use super::memory::Memory;
use super::messages::{Held, Keys, number};
use super::{EtcdSettings, Reading};
use crate::clock::wall_time;
use crate::error_log::ErrorLog;
use crate::status::RegisterStatus;

/// Pause between two readings when nothing else is asked.
const TURN: Duration = Duration::from_millis(250);
/// A dead front end counts for so long (s) when a primary is to be deposed. etcd's shortest is 2.
const LEASE_S: i64 = 3;
/// Between two renewals.
const RENEWAL: Duration = Duration::from_millis(900);

const RANGE: &str = "/v3/kv/range";
const TXN: &str = "/v3/kv/txn";
const GRANT: &str = "/v3/lease/grant";
const KEEP_ALIVE: &str = "/v3/lease/keepalive";
const REVOKE: &str = "/v3/lease/revoke";

/// What the supervisor is told.
#[derive(Debug)]
pub enum Tidings {
    /// Read just now.
    Read(Reading),
    /// No answer: what was asked for may have been done.
    Silent,
    /// No answer since the start; this was read in an earlier life.
    Remembered(Configuration),
}

enum Command {
    Read(Option<oneshot::Sender<Result<Option<Configuration>, RegisterFault>>>),
    Publish(Sight),
    Set {
        author: Author,
        request: RegisterRequest,
        reply: Option<oneshot::Sender<Result<RegisterAnswer, RegisterFault>>>,
    },
    Leave(oneshot::Sender<()>),
}

/// The handle.
#[derive(Clone)]
pub struct Keeper {
    commands: mpsc::Sender<Command>,
    status: Arc<ArcSwap<RegisterStatus>>,
}

impl Keeper {
    /// Reads for a member.
    pub async fn read(&self) -> Result<Option<Configuration>, RegisterFault> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Read(Some(reply)));
        answer.await.unwrap_or_else(|_| Err(busy()))
    }

    /// Changes for a member, or for whoever waits for the outcome.
    pub async fn compare_and_set(
        &self,
        author: Author,
        request: RegisterRequest,
    ) -> Result<RegisterAnswer, RegisterFault> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Set { author, request, reply: Some(reply) });
        answer.await.unwrap_or_else(|_| Err(busy()))
    }

    /// Changes for the front end itself; the outcome comes as tidings.
    pub fn change(&self, request: RegisterRequest) {
        self.send(Command::Set { author: Author::FrontEnd, request, reply: None });
    }

    /// Reads out of turn.
    pub fn look(&self) {
        self.send(Command::Read(None));
    }

    /// Publishes a sight.
    pub fn publish(&self, sight: Sight) {
        self.send(Command::Publish(sight));
    }

    /// Gives the lease back.
    pub async fn leave(&self) {
        let (done, left) = oneshot::channel();
        self.send(Command::Leave(done));
        // In vain is fine too: then the lease runs out by itself.
        let _ = tokio::time::timeout(Duration::from_secs(1), left).await;
    }

    /// How etcd is.
    pub fn status(&self) -> RegisterStatus {
        (*self.status.load_full()).clone()
    }

    fn send(&self, command: Command) {
        // So many wait only when etcd does not answer. What is dropped here is asked again: sights with the next
        // reading, changes by whoever wants them.
        let _ = self.commands.try_send(command);
    }
}

fn busy() -> RegisterFault {
    RegisterFault::Unavailable("etcd does not answer; too many questions wait for it".to_owned())
}

/// Makes the handle, the receiver for the supervisor, and the loop's future (to be spawned).
#[allow(clippy::type_complexity, reason = "three things that are made together")]
pub fn start(
    settings: &EtcdSettings,
    cluster: ClusterId,
    register_path: &std::path::Path,
    error_log: Arc<ErrorLog>,
) -> Result<(Keeper, mpsc::Receiver<Tidings>, impl Future<Output = ()> + Send + 'static), RegisterFault> {
    let etcd = Etcd::new(settings).map_err(RegisterFault::Unavailable)?;
    let (commands, received) = mpsc::channel(64);
    let (tidings, told) = mpsc::channel(64);
    let status = RegisterStatus {
        kind: "etcd".into(),
        answers: false,
        since: Some(wall_time()),
        cause: Some("not asked yet".into()),
        endpoints: settings.endpoints.clone(),
    };
    let status = Arc::new(ArcSwap::from_pointee(status));
    let keeper = Keeper { commands, status: Arc::clone(&status) };
    let body = Body {
        etcd,
        keys: Keys::new(&settings.prefix, cluster.as_str()),
        memory: Memory::open(register_path, cluster.clone())?,
        cluster,
        tidings,
        status,
        error_log,
        lease: None,
        ever_read: false,
        remembered: false,
        warned: false,
        left: false,
    };
    Ok((keeper, told, body.run(received)))
}

struct Lease {
    id: String,
    renewed: Instant,
}

struct Body {
    etcd: Etcd,
    keys: Keys,
    memory: Memory,
    cluster: ClusterId,
    tidings: mpsc::Sender<Tidings>,
    status: Arc<ArcSwap<RegisterStatus>>,
    error_log: Arc<ErrorLog>,
    lease: Option<Lease>,
    /// Whether this life has read anything.
    ever_read: bool,
    /// Whether the supervisor was told what an earlier life had read.
    remembered: bool,
    /// Whether the log says that the memory cannot be written.
    warned: bool,
    /// Whether it has taken leave of the others.
    left: bool,
}

impl Body {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut turn = tokio::time::interval(TURN);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                _ = turn.tick() => {
                    let held = self.read().await;
                    self.tell(held.map(|held| held.reading)).await;
                }
            }
            self.renew().await;
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Read(reply) => {
                let held = self.read().await;
                let answer = match &held {
                    Ok(held) => Ok(held.reading.value.clone()),
                    Err(fault) => Err(RegisterFault::Unavailable(fault.to_string())),
                };
                self.tell(held.map(|held| held.reading)).await;
                if let Some(reply) = reply {
                    // Whoever asked has given up.
                    let _ = reply.send(answer);
                }
            }
            // It has taken leave: nobody shall count it any more.
            Command::Publish(_) if self.left => {}
            Command::Publish(sight) => {
                let held = self.put_sight(&sight).await;
                self.tell(held.map(|held| held.reading)).await;
            }
            // Whoever asked has given up, and may have asked elsewhere: better not at all than late.
            Command::Set { reply: Some(reply), .. } if reply.is_closed() => {}
            Command::Set { author, request, reply } => {
                let outcome = self.set(&author, &request).await;
                let (answer, reading) = match outcome {
                    Ok((refused, reading)) => {
                        (Ok(RegisterAnswer { current: reading.value.clone(), refused }), Ok(reading))
                    }
                    Err(fault) => (Err(RegisterFault::Unavailable(fault.to_string())), Err(fault)),
                };
                // The supervisor first: it must not promote from a set that it does not know.
                self.tell(reading).await;
                if let Some(reply) = reply {
                    let _ = reply.send(answer);
                }
            }
            Command::Leave(done) => {
                self.left = true;
                if let Some(Lease { id, .. }) = self.lease.take() {
                    let _ = self.etcd.ask(REVOKE, &json!({"ID": id})).await;
                }
                let _ = done.send(());
            }
        }
    }

    async fn read(&mut self) -> Result<Held, RegisterFault> {
        let answer = self.etcd.ask(RANGE, &self.keys.range()).await.map_err(unavailable)?;
        let held = self.keys.held(&answer)?;
        self.believable(held).await
    }

    /// What was read, unless it is older than what was read before: then etcd was emptied or put back, and to go on from
    /// there would give epochs out twice. An embedded register of the time before is taken over once.
    async fn believable(&mut self, held: Held) -> Result<Held, RegisterFault> {
        if let Some(value) = &held.reading.value
            && value.cluster != self.cluster
        {
            return Err(RegisterFault::OtherCluster(value.cluster.clone()));
        }
        let version = held.reading.value.as_ref().map_or(0, |value| value.version);
        if let Some(embedded) = self.memory.embedded()?
            && embedded.version > version
        {
            return self.take_over(embedded, held.revision).await;
        }
        match self.memory.last() {
            Some(last) if last.version > version => Err(RegisterFault::Unavailable(format!(
                "etcd holds version {version} under {}, and held version {} before: it was emptied or put back; \
                 see docs/CLUSTER.md, \"etcd has lost the register\"",
                self.keys.configuration(),
                last.version
            ))),
            _ => Ok(held),
        }
    }

    async fn take_over(&mut self, embedded: Configuration, revision: i64) -> Result<Held, RegisterFault> {
        let (made, held) = self.exchange(revision, &embedded).await?;
        if !made && held.reading.value.as_ref() != Some(&embedded) {
            return Err(RegisterFault::Unavailable(
                "another front end has set the register meanwhile".into(),
            ));
        }
        let aside = self.memory.retire_embedded()?;
        self.error_log.say(format!(
            "The register has moved to etcd with epoch {} (version {}); the file is now {}",
            embedded.epoch,
            embedded.version,
            aside.display()
        ));
        Ok(held)
    }

    /// A change: read, judged by the law, and made if nobody was quicker. Gives why it was not made, if so.
    async fn set(
        &mut self,
        author: &Author,
        request: &RegisterRequest,
    ) -> Result<(Option<RegisterRefusal>, Reading), RegisterFault> {
        let proposed = &request.configuration;
        let held = self.read().await?;
        if held.reading.value.as_ref() == Some(proposed) {
            // An earlier attempt, through this front end or another, whose answer was lost.
            return Ok((None, held.reading));
        }
        let verdict = match proposed.cluster == self.cluster {
            true => admissible(held.reading.value.as_ref(), author, request.expected_version, proposed),
            false => Err(RegisterRefusal::OtherCluster),
        };
        if let Err(refusal) = verdict {
            return Ok((Some(refusal), held.reading));
        }
        let (made, held) = self.exchange(held.revision, proposed).await?;
        let there = made || held.reading.value.as_ref() == Some(proposed);
        Ok(((!there).then_some(RegisterRefusal::Conflict), held.reading))
    }

    async fn exchange(&mut self, revision: i64, next: &Configuration) -> Result<(bool, Held), RegisterFault> {
        let question = self.keys.exchange(revision, next)?;
        let answer = self.etcd.ask(TXN, &question).await.map_err(unavailable)?;
        self.keys.transacted(&answer)
    }

    async fn put_sight(&mut self, sight: &Sight) -> Result<Held, RegisterFault> {
        let mut outcome = Err(EtcdFault::NoLease);
        // The lease may have run out without our knowing: then once more with a new one.
        for _ in 0..2 {
            let lease = self.lease().await.map_err(unavailable)?;
            outcome = self.etcd.ask(TXN, &self.keys.publish(sight, &lease)).await;
            if outcome != Err(EtcdFault::NoLease) {
                break;
            }
            self.lease = None;
        }
        let (_, held) = self.keys.transacted(&outcome.map_err(unavailable)?)?;
        self.believable(held).await
    }

    async fn lease(&mut self) -> Result<String, EtcdFault> {
        if let Some(lease) = &self.lease {
            return Ok(lease.id.clone());
        }
        let granted = self.etcd.ask(GRANT, &json!({"TTL": LEASE_S.to_string()})).await?;
        let id = number(&granted["ID"]).to_string();
        self.lease = Some(Lease { id: id.clone(), renewed: Instant::now() });
        Ok(id)
    }

    async fn renew(&mut self) {
        let Some(lease) = self.lease.as_ref().filter(|lease| lease.renewed.elapsed() >= RENEWAL) else {
            return;
        };
        let asked: Result<Value, EtcdFault> = self.etcd.ask(KEEP_ALIVE, &json!({"ID": lease.id})).await;
        match asked {
            Ok(answer) if number(&answer["result"]["TTL"]) > 0 => {
                if let Some(lease) = &mut self.lease {
                    lease.renewed = Instant::now();
                }
            }
            // It has run out; the next reading shows that the sight is gone, and it is published anew.
            Ok(_) | Err(EtcdFault::NoLease) => self.lease = None,
            Err(EtcdFault::Silent(_)) => {}
        }
    }

    async fn tell(&mut self, outcome: Result<Reading, RegisterFault>) {
        match outcome {
            Ok(reading) => {
                if let Some(value) = &reading.value {
                    match self.memory.keep(value) {
                        Ok(()) => self.warned = false,
                        Err(fault) if !self.warned => {
                            self.warned = true;
                            self.error_log.say(format!(
                                "What etcd holds cannot be kept here: {fault}. A start without etcd will not know it"
                            ));
                        }
                        Err(_) => {}
                    }
                }
                self.note(None);
                self.ever_read = true;
                let _ = self.tidings.send(Tidings::Read(reading)).await;
            }
            Err(fault) => {
                self.note(Some(fault.to_string()));
                let _ = self.tidings.send(Tidings::Silent).await;
                if let Some(last) = self.memory.last().filter(|_| !self.ever_read && !self.remembered) {
                    self.remembered = true;
                    let _ = self.tidings.send(Tidings::Remembered(last.clone())).await;
                }
            }
        }
    }

    /// Keeps the status, and says each change of it once.
    fn note(&self, cause: Option<String>) {
        let before = self.status.load_full();
        let answers = cause.is_none();
        let same = before.answers == answers;
        let since = if same { before.since.clone() } else { Some(wall_time()) };
        let now = RegisterStatus { answers, since, cause: cause.clone(), ..(*before).clone() };
        let news = gist(before.cause.as_deref()) != gist(cause.as_deref());
        self.status.store(Arc::new(now));
        if !news {
            return;
        }
        let sentence = match &cause {
            Some(cause) => format!(
                "The register cannot be used: {cause}. Serving goes on as it is; nothing can fail over until it can"
            ),
            None => "The register in etcd answers".to_owned(),
        };
        self.error_log.say(sentence);
    }
}

/// A cause without its details: which endpoint fails how may change every second.
fn gist(cause: Option<&str>) -> Option<&str> {
    cause.map(|cause| cause.split('(').next().unwrap_or(cause))
}

fn unavailable(fault: EtcdFault) -> RegisterFault {
    RegisterFault::Unavailable(fault.to_string())
}
