//! Watches the CA members and carries out what the monitor decides.
//!
//! The thinking is `replica::monitor`, pure. Here is only its body: a loop that probes over fresh connections, keeps
//! the register, writes the log, and steers the requests. Everything that can happen to it arrives on one channel, so
//! the monitor sees one order of events.

mod exchange;
mod history;
mod operators;
mod record;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use replica::configuration::Configuration;
use replica::monitor::{Action, Change, Event, Failback, ForcePlan, Monitor, Timings, View};
use replica::name::{Epoch, MemberName};
use replica::register::{Author, RegisterFault, RegisterRequest};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::exchange::failure_of;
use self::history::History;
pub use self::record::Record;
use crate::ca_route::{Sighting, SightingKind};
use crate::clock::Clock;
use crate::error_log::ErrorLog;
use crate::hold::{Helm, Target};
use crate::register::{Home, Tidings};
use crate::status::LastFailover;
use crate::upstream::Upstream;

/// What the supervisor is told besides its own timers.
pub enum Message {
    /// A probe or handoff ended: an event for the monitor, and the cause in the system's words for the log.
    Exchanged {
        /// The event. Boxed: it carries a whole frame, and the other messages are small.
        event: Box<Event>,
        /// Whom it was about.
        member: usize,
        /// When it was begun, on the supervisor's clock.
        begun_ms: u64,
        /// Why it failed, when it did.
        cause: Option<String>,
    },
    /// A CA member changed the register.
    RegisterTouched,
    /// Another process takes over: nothing is decided until [`Message::Wake`].
    Rest(oneshot::Sender<()>),
    /// It goes on.
    Wake,
    /// The configuration has other times.
    Retune(Failback, Timings),
    /// An operator wants a switchover, and to hear how it ended.
    Switchover {
        /// The member to become active; none: the best other one.
        to: Option<String>,
        /// Where the outcome goes.
        reply: oneshot::Sender<Result<Switched, String>>,
    },
    /// An operator wants to know what forcing a failover would cost.
    PlanForce {
        /// The member to become primary; none: the best that answers.
        to: Option<String>,
        /// Where the plan goes, or why there is none.
        reply: oneshot::Sender<Result<ForcePlan, String>>,
    },
    /// An operator has read the plan and wants it.
    Force {
        /// The member to become primary; none: the best that answers.
        to: Option<String>,
        /// Version of the register that the plan was made for.
        version: u64,
        /// Where the outcome goes.
        reply: oneshot::Sender<Result<Switched, String>>,
    },
    /// An operator holds a member back for maintenance, or releases it.
    Maintain {
        /// Which.
        member: String,
        /// Whether it is held back from now on.
        hold: bool,
        /// Where all those held back go, or why it was not done.
        reply: oneshot::Sender<Result<Vec<String>, String>>,
    },
}

/// A switchover that came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// Who is primary now.
    pub primary: String,
    /// In which epoch.
    pub epoch: u64,
}

/// What others may see of the supervisor.
pub struct Outlook {
    /// The monitor's view after its last step.
    pub view: View,
    /// What outlives this process.
    pub record: Record,
}

impl Outlook {
    /// The last change of the active member.
    pub fn last_failover(&self) -> Option<&LastFailover> {
        self.record.failovers.back()
    }
}

/// The handle that the rest of the front end holds.
#[derive(Clone)]
pub struct Supervisor {
    messages: mpsc::Sender<Message>,
    outlook: Arc<ArcSwap<Outlook>>,
    helm: Arc<Helm>,
}

impl Supervisor {
    /// The view now.
    pub fn outlook(&self) -> Arc<Outlook> {
        self.outlook.load_full()
    }

    /// Decides nothing from now on; what is being decided is finished before.
    pub async fn rest(&self) {
        let (reply, rests) = oneshot::channel();
        if self.messages.send(Message::Rest(reply)).await.is_ok() {
            let _ = rests.await;
        }
    }

    /// Decides again.
    pub async fn wake(&self) {
        let _ = self.messages.send(Message::Wake).await;
    }

    /// Goes by other times from now on.
    pub async fn retune(&self, failback: Failback, timings: Timings) {
        let _ = self.messages.send(Message::Retune(failback, timings)).await;
    }

    /// Tells that a member changed the register.
    pub async fn register_touched(&self) {
        // Only a front end that is shutting down has no supervisor.
        let _ = self.messages.send(Message::RegisterTouched).await;
    }
}

/// Everything the loop needs.
pub struct Setup {
    /// The brain.
    pub monitor: Monitor,
    /// The ways to the members, in configured order.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Certnames of the other front ends, in configured order.
    pub siblings: Vec<String>,
    /// The register.
    pub register: Home,
    /// What a shared register holds, as it is read.
    pub tidings: mpsc::Receiver<Tidings>,
    /// What requests follow.
    pub helm: Arc<Helm>,
    /// What requests saw.
    pub sightings: mpsc::Receiver<Sighting>,
    /// The log.
    pub error_log: Arc<ErrorLog>,
    /// The clock that the monitor was made with.
    pub clock: Clock,
    /// Where the last failovers are kept for the next start.
    pub record_path: std::path::PathBuf,
    /// See [`replica::monitor::Timings`].
    pub probe_timeout: Duration,
    /// See [`replica::monitor::Timings`].
    pub handoff_timeout: Duration,
    /// Whether it begins by resting.
    pub resting: bool,
}

/// Makes the handle and the loop's future (to be spawned).
pub fn start(setup: Setup) -> (Supervisor, impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(1024);
    let record = Record::load(&setup.record_path, &setup.error_log);
    let outlook = Outlook { view: setup.monitor.view(), record: record.clone() };
    let outlook = Arc::new(ArcSwap::from_pointee(outlook));
    let helm = Arc::clone(&setup.helm);
    let handle = Supervisor { messages: sender.clone(), outlook: Arc::clone(&outlook), helm };
    let (records, kept) = watch::channel(record);
    let body = Body {
        setup,
        messages: sender,
        outlook,
        history: History::new(records),
        waiting: Vec::new(),
        causes: std::collections::BTreeMap::new(),
    };
    (handle, body.run(receiver, kept))
}

struct Body {
    setup: Setup,
    messages: mpsc::Sender<Message>,
    outlook: Arc<ArcSwap<Outlook>>,
    history: History,
    /// Operators waiting for a switchover.
    waiting: Vec<(MemberName, oneshot::Sender<Result<Switched, String>>)>,
    /// Last failure of each member in the system's words.
    causes: std::collections::BTreeMap<usize, String>,
}

impl Body {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>, kept: watch::Receiver<Record>) {
        let error_log = Arc::clone(&self.setup.error_log);
        tokio::spawn(record::keep(self.setup.record_path.clone(), kept, error_log));
        if self.setup.resting {
            self.rest(&mut messages).await;
        }
        self.register_event().await;
        self.maintain(self.history.record().held_back).await;
        loop {
            let wake = self.setup.monitor.wake_at().saturating_sub(self.setup.clock.now_ms());
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Rest(rests)) => {
                        let _ = rests.send(());
                        self.rest(&mut messages).await;
                        self.register_event().await;
                    }
                    Some(message) => self.hear(message).await,
                    None => return,
                },
                Some(sighting) = self.setup.sightings.recv() => self.see(sighting).await,
                Some(tidings) = self.setup.tidings.recv() => self.learn(tidings).await,
                () = tokio::time::sleep(Duration::from_millis(wake.max(1))) => self.step(Event::Tick).await,
            }
        }
    }

    /// Waits for [`Message::Wake`]. What is heard meanwhile will be old by then; who asks for something is told that
    /// nobody is there.
    async fn rest(&mut self, messages: &mut mpsc::Receiver<Message>) {
        while let Some(message) = messages.recv().await {
            match message {
                Message::Wake => break,
                Message::Rest(rests) => drop(rests.send(())),
                Message::Retune(failback, timings) => self.setup.monitor.retune(failback, timings),
                _ => {}
            }
        }
        while self.setup.sightings.try_recv().is_ok() {}
    }

    /// A shared register was read, or did not answer.
    async fn learn(&mut self, tidings: Tidings) {
        match tidings {
            Tidings::Read(reading) => {
                self.step(Event::Sights(reading.sights)).await;
                self.step(Event::Register(reading.value)).await;
            }
            Tidings::Silent => self.step(Event::RegisterUnavailable).await,
            Tidings::Remembered(configuration) => self.step(Event::Remembered(configuration)).await,
        }
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Exchanged { event, member, begun_ms, cause } => {
                match cause {
                    Some(cause) => {
                        self.setup.upstreams[member].forget_idle();
                        self.note_trouble(member, begun_ms, cause);
                    }
                    None => self.history.answered(member),
                }
                self.step(*event).await;
            }
            Message::RegisterTouched => self.register_event().await,
            Message::Retune(failback, timings) => {
                self.setup.probe_timeout = Duration::from_millis(timings.probe_timeout_ms);
                self.setup.monitor.retune(failback, timings);
                self.step(Event::Tick).await;
            }
            Message::Rest(_) | Message::Wake => {}
            Message::Switchover { .. }
            | Message::PlanForce { .. }
            | Message::Force { .. }
            | Message::Maintain { .. } => self.hear_operator(message).await,
        }
    }

    /// A request has met a member in trouble, or has changed something.
    async fn see(&mut self, sighting: Sighting) {
        let Sighting { member, kind } = sighting;
        let current = self.setup.helm.course().target.is_some_and(|target| target.member == member);
        match kind {
            SightingKind::Unreachable { cause, failure } => {
                self.note_trouble(member, self.setup.clock.now_ms(), cause);
                let member = self.name(member);
                self.step(Event::ConnectFailed { member, failure }).await;
            }
            SightingKind::Broken { cause } => {
                self.note_trouble(member, self.setup.clock.now_ms(), cause);
                if !current {
                    return;
                }
                // One broken connection says little, a new one that cannot be opened says all: look at once.
                let upstream = Arc::clone(&self.setup.upstreams[member]);
                let (messages, name) = (self.messages.clone(), self.name(member));
                let timeout = self.setup.probe_timeout;
                let begun_ms = self.setup.clock.now_ms();
                tokio::spawn(async move {
                    if let Err(fault) = upstream.open(timeout).await {
                        let failure = exchange::failure_of(&fault);
                        let event = Box::new(Event::ConnectFailed { member: name, failure });
                        let cause = Some(fault.to_string());
                        let _ = messages.send(Message::Exchanged { event, member, begun_ms, cause }).await;
                    }
                });
            }
            SightingKind::Warned { cause } => {
                self.note_trouble(member, self.setup.clock.now_ms(), cause);
                let member = self.name(member);
                self.step(Event::Warned { member }).await;
            }
            // One refusal is enough; the others were under way before requests were held.
            SightingKind::Stale { .. } if !current => {}
            SightingKind::Stale { epoch } => {
                let member = self.name(member);
                self.step(Event::Disowned { member, epoch: Epoch(epoch) }).await;
            }
        }
    }

    /// Lets the monitor think, and does what it says, in order. What comes of it may make it think again.
    async fn step(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let actions = self.setup.monitor.step(event, self.setup.clock.now_ms());
            for action in actions {
                match action {
                    Action::Probe { member, ticket, frame } => {
                        let timeout = self.setup.probe_timeout;
                        self.send(&member.clone(), frame, timeout, move |result| Event::Probed {
                            member,
                            ticket,
                            result,
                        });
                    }
                    Action::Handoff { member, ticket, frame } => {
                        let timeout = self.setup.handoff_timeout;
                        self.send(&member.clone(), frame, timeout, move |result| Event::HandoffAnswered {
                            member,
                            ticket,
                            result,
                        });
                    }
                    Action::CompareAndSet { expected_version, configuration } => {
                        let request = RegisterRequest { expected_version, configuration };
                        if let Home::Etcd(keeper) = &self.setup.register {
                            keeper.change(request);
                        } else {
                            let made = self.setup.register.compare_and_set(Author::FrontEnd, request).await;
                            events.push_back(self.register_outcome(made.map(|answer| answer.current)));
                        }
                    }
                    Action::Publish(sight) => {
                        if let Home::Etcd(keeper) = &self.setup.register {
                            keeper.publish(sight);
                        }
                    }
                    Action::ReadRegister => {
                        if let Home::Etcd(keeper) = &self.setup.register {
                            keeper.look();
                        }
                    }
                    Action::Tell(change) => self.tell(&change),
                }
            }
            self.publish();
        }
    }

    /// Shows the new view to everybody who follows it.
    fn publish(&mut self) {
        let view = self.setup.monitor.view();
        let target = view.active.as_ref().and_then(|active| {
            let member = self.index(active)?;
            let through = view.through.iter().filter_map(|name| self.sibling(name)).collect::<Vec<_>>();
            // Named by others only, and unknown here: there is no way through it.
            let lost = through.is_empty() && !view.through.is_empty();
            (!lost).then_some(Target { member, epoch: view.epoch.0, through })
        });
        let now = self.setup.clock.now_ms();
        if let Some(change) = self.history.follow(&view, &self.setup.helm, now) {
            self.setup.error_log.say(change.sentence());
        }
        // Before requests go on: whoever is told of the new course finds it in the status too.
        self.outlook.store(Arc::new(Outlook { view, record: self.history.record() }));
        self.setup.helm.steer(target);
    }

    fn send(
        &self,
        member: &MemberName,
        frame: replica::frame::Frame,
        timeout: Duration,
        event: impl FnOnce(Result<replica::frame::Frame, replica::monitor::Failure>) -> Event + Send + 'static,
    ) {
        let Some(member) = self.index(member) else { return };
        let (messages, upstream) = (self.messages.clone(), Arc::clone(&self.setup.upstreams[member]));
        let begun_ms = self.setup.clock.now_ms();
        tokio::spawn(async move {
            let result = exchange::frame(&upstream, &frame, timeout).await;
            let cause = result.as_ref().err().map(|(_, cause)| cause.clone());
            let event = Box::new(event(result.map_err(|(failure, _)| failure)));
            let _ = messages.send(Message::Exchanged { event, member, begun_ms, cause }).await;
        });
    }

    fn tell(&mut self, change: &Change) {
        let sentence = match change {
            Change::Down { member, cause } => {
                let seen = self.index(member).and_then(|index| self.causes.get(&index));
                let cause = match (cause, seen) {
                    (replica::monitor::Cause::Failure(_), Some(seen)) => seen.clone(),
                    (cause, _) => cause.to_string(),
                };
                format!("CA member {} disabled: {cause}", self.place(member))
            }
            Change::Up { member } => format!("CA member {} enabled: it answers again", self.place(member)),
            Change::Active { primary, epoch } => {
                format!("CA member {} is active in epoch {epoch}", self.place(primary))
            }
            other => other.to_string(),
        };
        self.setup.error_log.say(sentence);
        self.answer_operators(change);
    }

    async fn register_event(&mut self) {
        if self.setup.register.is_shared() {
            // Its keeper tells.
            return;
        }
        let read = self.setup.register.read().await;
        let event = self.register_outcome(read);
        self.step(event).await;
    }

    fn register_outcome(&self, outcome: Result<Option<Configuration>, RegisterFault>) -> Event {
        match outcome {
            Ok(current) => Event::Register(current),
            Err(fault) => {
                self.setup.error_log.say(format!("The register cannot be used: {fault}"));
                Event::RegisterUnavailable
            }
        }
    }

    fn note_trouble(&mut self, member: usize, since_ms: u64, cause: String) {
        self.history.trouble(member, since_ms);
        self.causes.insert(member, cause);
    }

    fn name(&self, member: usize) -> MemberName {
        MemberName::new(self.setup.upstreams[member].worker().name.clone())
    }

    fn index(&self, name: &MemberName) -> Option<usize> {
        self.setup.upstreams.iter().position(|upstream| upstream.worker().name == name.as_str())
    }

    fn sibling(&self, name: &MemberName) -> Option<usize> {
        self.setup.siblings.iter().position(|certname| certname == name.as_str())
    }

    fn place(&self, name: &MemberName) -> String {
        match self.index(name) {
            Some(index) => format!("{name} ({})", self.setup.upstreams[index].worker().address),
            None => name.to_string(),
        }
    }
}
