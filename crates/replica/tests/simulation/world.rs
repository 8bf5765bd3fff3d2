//! The simulated world: clock, network, processes, clients, faults.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use replica::flaws::Flaws;
use replica::monitor::{self, Monitor};
use replica::register::{Author, EmbeddedRegister, RegisterRequest};
use replica::role::{self, Event, Origin, RegisterOutcome, SendFailure};
use replica::{ClusterId, Configuration, Epoch, Frame, MemberName, Position};

use crate::disk::SimCell;
use crate::machine::Wish;
use crate::node::{Disk, Effect, Process};
use crate::oracle::Oracle;
use crate::random::Random;
use crate::store::{Errand, Reading, Store};

/// Where a message comes from or goes to: a member, a front end (by number), or the shared register of several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Member(usize),
    Front(usize),
    Store,
}

/// What happens to what is sent over a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Vanishes.
    Drop,
    /// A firewall before the port: requests are refused at once, answers to one's own requests still come.
    Reject,
    /// The same firewall, silent.
    Mute,
    /// The same firewall, which answers as Linux does: now and then, to whichever packet comes then. A request is refused
    /// or vanishes, and the front end may be warned on a connection that was open before.
    Prohibit,
}

/// A request over the network.
#[derive(Clone, Debug)]
pub enum Request {
    Frame(Vec<u8>),
    Register(RegisterRequest),
    Store(Errand),
    Client {
        wish: Wish,
        epoch: Epoch,
    },
    /// To a front end that reaches a member which the caller does not reach.
    Detour {
        member: usize,
        wish: Wish,
        epoch: Epoch,
    },
}

/// Its answer.
#[derive(Clone, Debug)]
pub enum Answer {
    Frame(Vec<u8>),
    Register(RegisterOutcome),
    Store(Reading),
    Done,
    Disowned,
    NothingDone,
    Unknown,
}

/// Whom an answer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    Peer {
        to: usize,
        ticket: u64,
    },
    Register {
        ticket: u64,
    },
    Probe {
        member: usize,
        ticket: u64,
    },
    Handoff {
        member: usize,
        ticket: u64,
    },
    Client {
        member: usize,
        wish: Wish,
        epoch: Epoch,
        detour: bool,
    },
    /// A front end asks a member for another front end, whose call waits.
    Detour {
        call: u64,
    },
    /// A front end asks the shared register for itself.
    Store,
    /// A front end asks it for a member, whose call waits.
    Relay {
        call: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoAnswer {
    Refused,
    TimedOut,
    Reset,
}

#[derive(Clone, Debug)]
pub enum Happening {
    Tick {
        place: Place,
        life: u32,
        number: u64,
    },
    Deliver {
        to: Place,
        from: Place,
        request: Request,
        call: u64,
    },
    Answered {
        call: u64,
        answer: Answer,
    },
    Failed {
        call: u64,
        how: NoAnswer,
    },
    Flushed {
        member: usize,
        life: u32,
        up_to: Position,
    },
    LogFailed {
        member: usize,
        life: u32,
        fault: replica::Fault,
        kept: Position,
    },
    SnapshotHalf {
        member: usize,
        life: u32,
        position: Position,
    },
    SnapshotLoaded {
        member: usize,
        life: u32,
        position: Position,
    },
    SnapshotTaken {
        member: usize,
        life: u32,
        to: String,
        position: Position,
        length: u64,
    },
    ProbeLog {
        member: usize,
        life: u32,
    },
    Start(Place),
    Wish,
    Release,
    /// A front end reads the shared register.
    Poll {
        front: usize,
        life: u32,
    },
    /// The network says to a front end, on an open connection, that there is no way to a member.
    Warned {
        front: usize,
        life: u32,
        member: usize,
    },
    Fault,
    Heal(u64),
}

struct Call {
    caller: Place,
    life: u32,
    purpose: Purpose,
    callee: Place,
}

pub struct Front {
    pub life: u32,
    pub monitor: Monitor,
    /// Its own register; none when it is shared.
    pub register: Option<EmbeddedRegister<SimCell>>,
    /// Newest revision of the shared register that it has read.
    pub revision: u64,
    pub held: VecDeque<(Wish, Option<Epoch>)>,
}

/// What a run may do.
#[derive(Clone, Copy)]
pub struct Plan {
    pub members: usize,
    /// More than one share a register outside of them.
    pub fronts: usize,
    pub faults: bool,
    pub fault_ms: u64,
    /// Whether firewalls answer rarely, and warnings come also when nothing is wrong.
    pub warnings: bool,
    /// Whether proposals wait for one another, and go in together.
    pub together: bool,
    pub flaws: Flaws,
}

pub struct World {
    pub random: Random,
    pub now: u64,
    pub sequence: u64,
    agenda: BTreeMap<(u64, u64, u64), Happening>,
    pub plan: Plan,
    pub names: Vec<MemberName>,
    pub disks: Vec<Disk>,
    pub processes: Vec<Option<Process>>,
    pub lives: Vec<u32>,
    pub fronts: Vec<Option<Front>>,
    pub front_lives: Vec<u32>,
    register_cell: SimCell,
    /// What each front end last read from the shared register, on its disk.
    pub memories: Vec<Option<Configuration>>,
    pub store: Store,
    registered: Option<Configuration>,
    pub clocks: BTreeMap<Place, crate::clocks::Clock>,
    /// When each place is to be woken, and the number of that tick.
    ticks: BTreeMap<Place, (u64, u64)>,
    calls: BTreeMap<u64, Call>,
    pub cuts: BTreeMap<(Place, Place), Cut>,
    pub loss_percent: u64,
    pub paused: BTreeMap<Place, u64>,
    pub slow_disk: BTreeSet<usize>,
    pub full_disk: BTreeSet<usize>,
    pub heals: BTreeMap<u64, crate::faults::Heal>,
    pub calm: bool,
    pub next_wish: u64,
    pub oracle: Oracle,
    pub trace: Option<Vec<String>>,
    pub steps: u64,
    /// How often each fact was told.
    pub happened: BTreeMap<String, u64>,
}

impl World {
    pub fn new(seed: u64, plan: Plan) -> World {
        let names: Vec<MemberName> =
            (1..=plan.members).map(|number| MemberName::new(format!("ca-{number}"))).collect();
        let mut world = World {
            random: Random::new(seed),
            now: 10_000,
            sequence: 0,
            agenda: BTreeMap::new(),
            plan,
            disks: names.iter().map(|_| Disk::default()).collect(),
            processes: names.iter().map(|_| None).collect(),
            lives: vec![0; names.len()],
            names,
            fronts: (0..plan.fronts).map(|_| None).collect(),
            front_lives: vec![0; plan.fronts],
            register_cell: SimCell::default(),
            memories: vec![None; plan.fronts],
            store: Store::default(),
            registered: None,
            clocks: BTreeMap::new(),
            ticks: BTreeMap::new(),
            calls: BTreeMap::new(),
            cuts: BTreeMap::new(),
            loss_percent: 0,
            paused: BTreeMap::new(),
            slow_disk: BTreeSet::new(),
            full_disk: BTreeSet::new(),
            heals: BTreeMap::new(),
            calm: false,
            next_wish: 0,
            oracle: Oracle::default(),
            trace: None,
            steps: 0,
            happened: BTreeMap::new(),
        };
        for number in 0..world.names.len() {
            let after = world.random.between(0, 300);
            world.later(after, Happening::Start(Place::Member(number)));
        }
        for number in 0..plan.fronts {
            let after = world.random.between(0, 300);
            world.later(after, Happening::Start(Place::Front(number)));
        }
        world.later(50, Happening::Wish);
        world.later(20, Happening::Release);
        if plan.faults {
            world.later(1_500, Happening::Fault);
        }
        world
    }

    pub fn log(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:>7} {}", line()));
        }
    }

    /// Counts what happened, by the name of the fact.
    pub fn count(&mut self, fact: &str) {
        let name = fact.split([' ', '(']).next().unwrap_or(fact);
        *self.happened.entry(name.to_owned()).or_default() += 1;
    }

    pub fn later(&mut self, after: u64, happening: Happening) {
        self.sequence += 1;
        // What is due at the same moment happens in any order, but for one process in the order of causes.
        let order = self.random.next() % 4;
        self.agenda.insert((self.now + after, order, self.sequence), happening);
    }

    pub fn number(&self, name: &str) -> usize {
        self.names.iter().position(|known| known.as_str() == name).unwrap_or(usize::MAX)
    }

    /// Lets time pass until `end`, or until something is wrong.
    pub fn run_until(&mut self, end: u64) {
        while self.oracle.violation.is_none() {
            let Some((key, happening)) = self.agenda.pop_first() else { return };
            if key.0 > end {
                self.agenda.insert(key, happening);
                self.now = end;
                return;
            }
            self.now = self.now.max(key.0);
            self.steps += 1;
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        // What concerns a paused process waits until it wakes.
        if let Some(until) = self.concerned(&happening).and_then(|place| self.paused.get(&place)).copied()
            && until > self.now
        {
            self.sequence += 1;
            self.agenda.insert((until, 0, self.sequence), happening);
            return;
        }
        match happening {
            Happening::Tick { place, life, number } => self.tick(place, life, number),
            Happening::Deliver { to, from, request, call } => self.deliver(to, from, request, call),
            Happening::Answered { call, answer } => self.answered(call, Ok(answer)),
            Happening::Failed { call, how } => self.answered(call, Err(how)),
            Happening::Flushed { member, life, up_to } => {
                let Some((process, disk)) = self.process(member, life) else { return };
                process.sync(disk);
                self.step(member, Event::Flushed { up_to });
            }
            Happening::LogFailed { member, life, fault, kept } => {
                if self.process(member, life).is_some() {
                    self.step(member, Event::LogFailed { fault, kept });
                    if let Some(process) = &mut self.processes[member] {
                        process.log_stopped = false;
                    }
                    self.later(200, Happening::ProbeLog { member, life });
                }
            }
            Happening::ProbeLog { member, life } => {
                if self.process(member, life).is_some() {
                    if self.full_disk.contains(&member) {
                        self.later(200, Happening::ProbeLog { member, life });
                    } else {
                        self.step(member, Event::LogRecovered);
                    }
                }
            }
            Happening::SnapshotHalf { member, life, position } => {
                if let Some((process, disk)) = self.process(member, life) {
                    let result = process.load_state(disk);
                    self.oracle.check(result, "loading");
                    let after = self.random.between(0, 5);
                    self.later(after, Happening::SnapshotLoaded { member, life, position });
                }
            }
            Happening::SnapshotLoaded { member, life, position } => {
                if let Some((process, disk)) = self.process(member, life) {
                    let result = process.load_log(disk, position);
                    self.oracle.check(result, "loading");
                    self.step(member, Event::SnapshotLoaded { position });
                }
            }
            Happening::SnapshotTaken { member, life, to, position, length } => {
                if self.process(member, life).is_some() {
                    self.step(member, Event::SnapshotTaken { to: MemberName::new(to), position, length });
                }
            }
            Happening::Start(place) => self.start(place),
            Happening::Wish => self.wish(),
            Happening::Release => {
                self.release();
                self.later(40, Happening::Release);
            }
            Happening::Poll { front, life } => self.poll(front, life),
            Happening::Warned { front, life, member } => {
                if self.front(front, life).is_some() {
                    self.count("Warned");
                    let member = self.names[member].clone();
                    self.front_step(front, monitor::Event::Warned { member });
                }
            }
            Happening::Fault => {
                if !self.calm {
                    self.strike();
                    let after = self.random.between(100, self.plan.fault_ms);
                    self.later(after, Happening::Fault);
                }
            }
            Happening::Heal(number) => self.heal(number),
        }
    }

    pub fn heal_later(&mut self, after: u64, heal: crate::faults::Heal) {
        self.sequence += 1;
        let number = self.sequence;
        self.heals.insert(number, heal);
        self.later(after, Happening::Heal(number));
    }

    pub fn start_later(&mut self, after: u64, place: Place) {
        self.later(after, Happening::Start(place));
    }

    fn concerned(&self, happening: &Happening) -> Option<Place> {
        match happening {
            Happening::Tick { place, .. } => Some(*place),
            Happening::Deliver { to, .. } => Some(*to),
            Happening::Answered { call, .. } | Happening::Failed { call, .. } => {
                self.calls.get(call).map(|call| call.caller)
            }
            Happening::Flushed { member, .. }
            | Happening::LogFailed { member, .. }
            | Happening::SnapshotHalf { member, .. }
            | Happening::SnapshotLoaded { member, .. }
            | Happening::SnapshotTaken { member, .. } => Some(Place::Member(*member)),
            Happening::Poll { front, .. } | Happening::Warned { front, .. } => Some(Place::Front(*front)),
            _ => None,
        }
    }

    fn process(&mut self, member: usize, life: u32) -> Option<(&mut Process, &mut Disk)> {
        let disk = &mut self.disks[member];
        let process = self.processes[member].as_mut().filter(|process| process.life == life)?;
        Some((process, disk))
    }

    fn cluster(&self) -> ClusterId {
        ClusterId::new("estate")
    }

    fn start(&mut self, place: Place) {
        match place {
            Place::Member(number) if self.processes[number].is_none() => {
                self.lives[number] += 1;
                let life = self.lives[number];
                let peers = self.names.iter().filter(|name| **name != self.names[number]).cloned().collect();
                let timings = role::Timings {
                    frame_entries: 16,
                    frame_bytes: 300,
                    tail_bytes: 700,
                    ..Default::default()
                };
                let settings = role::Settings {
                    name: self.names[number].clone(),
                    cluster: self.cluster(),
                    peers,
                    level: 0,
                    timings,
                    flaws: self.plan.flaws,
                };
                let first = number == 0 && life == 1;
                self.wind_up(place);
                self.disks[number].log.set_full(false);
                match Process::start(&mut self.disks[number], settings, life, first, &mut self.random) {
                    Ok(process) => {
                        self.processes[number] = Some(process);
                        self.disks[number].log.set_full(self.full_disk.contains(&number));
                        self.log(|| format!("ca-{} starts", number + 1));
                        self.tick_later(place);
                    }
                    Err(what) => self.oracle.violated(format!("ca-{} cannot start: {what}", number + 1)),
                }
            }
            Place::Front(number) if self.fronts[number].is_none() => self.start_front(number),
            _ => {}
        }
    }

    fn start_front(&mut self, number: usize) {
        self.front_lives[number] += 1;
        let settings = monitor::Settings {
            name: MemberName::new(format!("front-{}", number + 1)),
            cluster: self.cluster(),
            members: self.names.clone(),
            failback: monitor::Failback::After(2_000),
            timings: monitor::Timings::default(),
            shared: self.shared(),
            flaws: self.plan.flaws,
        };
        let register = (!self.shared()).then(|| {
            EmbeddedRegister::with_cell(self.register_cell.clone(), ClusterId::new("estate")).unwrap()
        });
        if register.as_ref().is_some_and(|register| register.current() != self.registered.as_ref()) {
            self.oracle.violated("the register has forgotten".to_owned());
        }
        self.wind_up(Place::Front(number));
        let monitor = Monitor::new(settings, self.clock(Place::Front(number)));
        let (life, held) = (self.front_lives[number], VecDeque::new());
        self.fronts[number] = Some(Front { life, monitor, register, revision: 0, held });
        self.log(|| format!("front end {} starts", number + 1));
        if self.shared() {
            self.poll(number, life);
            self.tick_later(Place::Front(number));
        } else {
            self.register_changed(number);
        }
    }

    /// Whether the register is outside of the front ends.
    pub fn shared(&self) -> bool {
        self.plan.fronts > 1
    }

    /// Whether a request of this member is on its way to the register.
    pub fn asks_register(&self, number: usize) -> bool {
        self.agenda.values().any(|happening| match happening {
            Happening::Deliver { from, request: Request::Register(_), .. } => *from == Place::Member(number),
            Happening::Deliver { request: Request::Store(Errand::Set(author, _)), .. } => {
                *author == Author::Member(self.names[number].clone())
            }
            _ => false,
        })
    }

    /// The process is killed; a member's unsynced writes are lost, wholly or in part.
    pub fn kill(&mut self, place: Place) {
        self.log(|| format!("{place:?} is killed"));
        match place {
            Place::Member(number) => {
                if self.processes[number].take().is_some() {
                    self.disks[number].log.crash(&mut self.random);
                }
            }
            Place::Front(number) => self.fronts[number] = None,
            Place::Store => {}
        }
        self.paused.remove(&place);
        self.ticks.remove(&place);
        // Connections to it break.
        let broken: Vec<u64> =
            self.calls.iter().filter(|(_, call)| call.callee == place).map(|(id, _)| *id).collect();
        for call in broken {
            let after = self.random.between(0, 3);
            self.later(after, Happening::Failed { call, how: NoAnswer::Reset });
        }
        self.calls.retain(|_, call| call.caller != place);
    }

    fn tick(&mut self, place: Place, life: u32, number: u64) {
        if self.ticks.get(&place).is_none_or(|(_, scheduled)| *scheduled != number) {
            return;
        }
        self.ticks.remove(&place);
        match place {
            Place::Member(number) if self.process(number, life).is_some() => self.step(number, Event::Tick),
            Place::Front(number) if self.front(number, life).is_some() => {
                self.front_step(number, monitor::Event::Tick);
            }
            _ => {}
        }
    }

    /// Sees to it that `place` wakes when it wants to.
    fn tick_later(&mut self, place: Place) {
        let (life, wake) = match place {
            Place::Member(number) => match &self.processes[number] {
                Some(process) => (process.life, process.member.wake_at()),
                None => return,
            },
            Place::Front(number) => match &self.fronts[number] {
                Some(front) => (front.life, front.monitor.wake_at()),
                None => return,
            },
            Place::Store => return,
        };
        if wake == u64::MAX {
            return;
        }
        let at = self.when(place, wake).max(self.now + 1);
        if self.ticks.get(&place).is_some_and(|(scheduled, _)| *scheduled <= at) {
            return;
        }
        self.sequence += 1;
        let number = self.sequence;
        self.ticks.insert(place, (at, number));
        self.later(at - self.now, Happening::Tick { place, life, number });
    }

    // --- members ---

    pub fn step(&mut self, number: usize, event: Event) {
        self.propose(number);
        self.step_now(number, event);
    }

    pub fn step_now(&mut self, number: usize, event: Event) {
        let now = self.clock(Place::Member(number));
        let Some(process) = self.processes[number].as_mut() else { return };
        let actions = process.member.step(event, now);
        for action in actions {
            let Some(process) = self.processes[number].as_mut() else { return };
            if let role::Action::Tell(notice) = &action {
                self.count(&format!("{notice:?}"));
                let line = format!("ca-{}: {notice}", number + 1);
                self.log(|| line);
                continue;
            }
            if let Some(effect) = process.perform(action, &mut self.disks[number], &mut self.random) {
                self.effect(number, effect);
            }
        }
        self.tick_later(Place::Member(number));
    }

    fn effect(&mut self, number: usize, effect: Effect) {
        let life = self.lives[number];
        let who = format!("ca-{}", number + 1);
        let me = Place::Member(number);
        match effect {
            Effect::Flush(up_to) => {
                let slow = self.slow_disk.contains(&number);
                let after = if slow { self.random.between(50, 1_500) } else { self.random.between(0, 8) };
                self.later(after, Happening::Flushed { member: number, life, up_to });
            }
            Effect::LogFailed(fault, kept) => {
                let after = self.random.between(0, 2);
                self.later(after, Happening::LogFailed { member: number, life, fault, kept });
            }
            Effect::Loaded(position) => {
                let after = self.random.between(0, 50);
                self.later(after, Happening::SnapshotHalf { member: number, life, position });
            }
            Effect::SnapshotTaken { to, position, length } => {
                let after = self.random.between(0, 30);
                self.later(after, Happening::SnapshotTaken { member: number, life, to, position, length });
            }
            Effect::Send { to, ticket, frame } => {
                let to = self.number(&to);
                let purpose = Purpose::Peer { to, ticket };
                self.call(me, Place::Member(to), purpose, Request::Frame(frame.encode()), 1_000);
            }
            Effect::CompareAndSet { ticket, expected_version, configuration } => {
                let request = Request::Register(RegisterRequest { expected_version, configuration });
                let front = self.random.between(0, self.plan.fronts as u64 - 1) as usize;
                self.call(me, Place::Front(front), Purpose::Register { ticket }, request, 800);
            }
            Effect::Reply { reply, frame } => self.answer(reply, Answer::Frame(frame.encode())),
            Effect::Acknowledge { command, client, epoch } => {
                let on_disk = self.epoch_on_disk(number);
                self.oracle.acknowledges(command, epoch, on_disk, (number, life));
                self.check_copies(number, command.wish.id);
                if let Some(client) = client {
                    self.answer(client, Answer::Done);
                }
            }
            Effect::Refuse { client, nothing_done } => {
                self.answer(client, if nothing_done { Answer::NothingDone } else { Answer::Unknown });
            }
            Effect::Acts => {
                if let Some(process) = &self.processes[number] {
                    let epoch = process.member.membership().epoch();
                    let role = format!("{who} (epoch {epoch})");
                    // One that was deposed and cannot know it yet may take up work again after a switchover that came
                    // to nothing. It lacks what its successor acknowledged, and can acknowledge nothing itself.
                    if self.registered().is_some_and(|registered| registered.epoch == epoch) {
                        self.oracle.begins_to_act(&process.machine, &role);
                    }
                    self.log(|| format!("{role} acts"));
                }
            }
            Effect::Final(position) => self.oracle.is_final(position, &who),
            Effect::Wrong(what) => self.oracle.violated(format!("{who}: {what}")),
        }
    }

    /// Promise 2, at the very moment: what is acknowledged is durable on every disk that the register counts on.
    fn check_copies(&mut self, number: usize, id: u64) {
        let Some(process) = &self.processes[number] else { return };
        let position = process.machine.position;
        let Some(registered) = self.registered() else { return };
        let acked_here = process.machine.done.contains_key(&id);
        for (other, name) in self.names.iter().enumerate() {
            let counted = registered.in_sync.contains(name) && self.disks[other].joined;
            if counted && acked_here && !self.disks[other].holds(&position) {
                let what = format!("wish {id} at {position} acknowledged, but not durable on {name}");
                self.oracle.violation.get_or_insert(what);
            }
        }
    }

    pub fn epoch_on_disk(&self, number: usize) -> Epoch {
        self.processes[number].as_ref().map_or(Epoch::NONE, |process| process.epoch_on_disk)
    }

    /// What the register's file holds.
    pub fn registered(&self) -> Option<Configuration> {
        self.registered.clone()
    }

    // --- front end ---

    pub fn front(&mut self, number: usize, life: u32) -> Option<&mut Front> {
        self.fronts[number].as_mut().filter(|front| front.life == life)
    }

    pub fn front_step(&mut self, number: usize, event: monitor::Event) {
        let now = self.clock(Place::Front(number));
        let Some(front) = self.fronts[number].as_mut() else { return };
        let actions = front.monitor.step(event, now);
        let me = Place::Front(number);
        for action in actions {
            match action {
                monitor::Action::Probe { member, ticket, frame } => {
                    let member = self.number(member.as_str());
                    let purpose = Purpose::Probe { member, ticket };
                    self.call(me, Place::Member(member), purpose, Request::Frame(frame.encode()), 500);
                }
                monitor::Action::Handoff { member, ticket, frame } => {
                    let member = self.number(member.as_str());
                    let purpose = Purpose::Handoff { member, ticket };
                    self.call(me, Place::Member(member), purpose, Request::Frame(frame.encode()), 1_000);
                }
                monitor::Action::CompareAndSet { expected_version, configuration } => {
                    let request = RegisterRequest { expected_version, configuration };
                    if self.shared() {
                        self.ask_store(number, Errand::Set(Author::FrontEnd, request));
                    } else {
                        self.set_register(&Author::FrontEnd, &request);
                        self.register_changed(number);
                    }
                }
                monitor::Action::Publish(sight) => self.ask_store(number, Errand::Publish(sight)),
                monitor::Action::ReadRegister => self.ask_store(number, Errand::Read),
                monitor::Action::Tell(change) => {
                    self.count(&format!("{change:?}"));
                    if let monitor::Change::Holding(hold) = &change {
                        self.count(&format!("{hold:?}"));
                    }
                    self.log(|| format!("front end {}: {change}", number + 1));
                }
            }
        }
        self.tick_later(me);
    }

    /// Notes what the register holds from now on.
    pub fn note_registered(&mut self, set: &Configuration) {
        self.oracle.registers(set.epoch);
        self.registered = Some(set.clone());
        let line =
            format!("register: v{} epoch {} {} {:?}", set.version, set.epoch, set.primary, set.in_sync);
        self.log(|| line);
    }

    // --- clients ---

    fn hold_again(&mut self, number: usize, wish: Wish, sent: Option<Epoch>) {
        if let Some(front) = &mut self.fronts[number] {
            front.held.push_back((wish, sent));
        }
    }

    // --- network ---

    pub fn delay(&mut self) -> u64 {
        if self.random.chance(2) { self.random.between(5, 200) } else { self.random.between(0, 4) }
    }

    pub fn call(&mut self, from: Place, to: Place, purpose: Purpose, request: Request, timeout: u64) {
        self.sequence += 1;
        let call = self.sequence;
        let life = match from {
            Place::Member(number) => self.lives[number],
            Place::Front(number) => self.front_lives[number],
            Place::Store => 0,
        };
        self.calls.insert(call, Call { caller: from, life, purpose, callee: to });
        self.later(timeout, Happening::Failed { call, how: NoAnswer::TimedOut });
        match self.cuts.get(&(from, to)) {
            Some(Cut::Drop | Cut::Mute) => return,
            Some(Cut::Prohibit) => return self.prohibited(from, to, call),
            Some(Cut::Reject) => {
                let after = self.delay();
                self.later(after, Happening::Failed { call, how: NoAnswer::Refused });
                return;
            }
            None => {}
        }
        if self.random.chance(self.loss_percent) {
            return;
        }
        let after = self.delay();
        if self.random.chance(2) {
            let again = self.random.between(0, 400);
            self.later(again, Happening::Deliver { to, from, request: request.clone(), call });
        }
        self.later(after, Happening::Deliver { to, from, request, call });
    }

    fn deliver(&mut self, to: Place, from: Place, request: Request, call: u64) {
        if self.cuts.get(&(from, to)) == Some(&Cut::Drop) {
            return;
        }
        let alive = match to {
            Place::Member(number) => self.processes[number].is_some(),
            Place::Front(number) => self.fronts[number].is_some(),
            Place::Store => true,
        };
        if !alive {
            self.later(0, Happening::Failed { call, how: NoAnswer::Refused });
            return;
        }
        match (to, request) {
            (Place::Member(number), Request::Frame(bytes)) => {
                let frame = Frame::decode(&bytes).expect("a frame that was encoded can be decoded");
                let origin = match from {
                    Place::Member(number) => Origin::Member(self.names[number].clone()),
                    Place::Front(_) | Place::Store => Origin::FrontEnd,
                };
                self.step(number, Event::FrameReceived { from: origin, frame, reply: call });
            }
            (Place::Member(number), Request::Client { wish, epoch }) => {
                self.client_request(number, wish, epoch, call)
            }
            (Place::Front(_), Request::Detour { member, wish, epoch }) => {
                let request = Request::Client { wish, epoch };
                self.call(to, Place::Member(member), Purpose::Detour { call }, request, 2_500);
            }
            (Place::Store, Request::Store(errand)) => self.run_errand(errand, from, call),
            (Place::Front(front), Request::Register(request)) => {
                let Place::Member(number) = from else { return };
                let author = Author::Member(self.names[number].clone());
                if self.shared() {
                    let errand = Request::Store(Errand::Set(author, request));
                    self.call(to, Place::Store, Purpose::Relay { call }, errand, 600);
                    return;
                }
                let outcome = self.set_register(&author, &request);
                let changed = outcome == RegisterOutcome::Set;
                self.answer(call, Answer::Register(outcome));
                if changed {
                    self.register_changed(front);
                }
            }
            _ => {}
        }
    }

    /// Sends an answer back over the network.
    pub fn answer(&mut self, call: u64, answer: Answer) {
        let Some(open) = self.calls.get(&call) else { return };
        let way = (open.callee, open.caller);
        if self.cuts.get(&way) == Some(&Cut::Drop) || self.random.chance(self.loss_percent) {
            return;
        }
        let after = self.delay();
        self.later(after, Happening::Answered { call, answer });
    }

    fn answered(&mut self, call: u64, result: Result<Answer, NoAnswer>) {
        let Some(Call { caller, life, purpose, .. }) = self.calls.remove(&call) else { return };
        match caller {
            Place::Member(number) if self.process(number, life).is_none() => return,
            Place::Front(number) if self.front(number, life).is_none() => return,
            _ => {}
        }
        let frame = |result: Result<Answer, NoAnswer>| match result {
            Ok(Answer::Frame(bytes)) => Ok(Frame::decode(&bytes).expect("an encoded frame can be decoded")),
            Ok(_) => Err(NoAnswer::Reset),
            Err(how) => Err(how),
        };
        let failure = |how: NoAnswer| match how {
            NoAnswer::Refused => monitor::Failure::Refused,
            NoAnswer::TimedOut => monitor::Failure::TimedOut,
            NoAnswer::Reset => monitor::Failure::Reset,
        };
        match (caller, purpose) {
            (Place::Member(number), Purpose::Peer { to, ticket }) => {
                let result = frame(result).map_err(|how| match how {
                    NoAnswer::Refused => SendFailure::Refused,
                    NoAnswer::TimedOut | NoAnswer::Reset => SendFailure::Lost,
                });
                let to = self.names[to].clone();
                self.step(number, Event::FrameAnswered { to, ticket, result });
            }
            (Place::Member(number), Purpose::Register { ticket }) => {
                let outcome = match result {
                    Ok(Answer::Register(outcome)) => outcome,
                    _ => RegisterOutcome::Unknown,
                };
                self.step(number, Event::RegisterAnswered { ticket, outcome });
            }
            (Place::Front(number), Purpose::Probe { member, ticket }) => {
                let member = self.names[member].clone();
                self.front_step(
                    number,
                    monitor::Event::Probed { member, ticket, result: frame(result).map_err(failure) },
                );
                self.release_now(number);
            }
            (Place::Front(number), Purpose::Handoff { member, ticket }) => {
                let member = self.names[member].clone();
                let result = frame(result).map_err(failure);
                self.front_step(number, monitor::Event::HandoffAnswered { member, ticket, result });
            }
            (Place::Front(_), Purpose::Detour { call }) => match result {
                Ok(answer) => self.answer(call, answer),
                Err(NoAnswer::Refused) => self.answer(call, Answer::NothingDone),
                Err(_) => self.answer(call, Answer::Unknown),
            },
            (Place::Front(number), Purpose::Client { member, wish, epoch, detour }) => {
                let name = self.names[member].clone();
                match result {
                    // It says nothing of the member that this way there is none.
                    Ok(Answer::Disowned) | Err(NoAnswer::Refused) if detour => {
                        self.hold_again(number, wish, None);
                    }
                    Ok(Answer::Done) => {}
                    Ok(Answer::Disowned) => {
                        self.hold_again(number, wish, None);
                        self.front_step(number, monitor::Event::Disowned { member: name, epoch });
                    }
                    Ok(Answer::NothingDone) => self.hold_again(number, wish, None),
                    Ok(_) | Err(NoAnswer::TimedOut | NoAnswer::Reset) => {
                        self.hold_again(number, wish, Some(epoch))
                    }
                    Err(NoAnswer::Refused) => {
                        self.hold_again(number, wish, None);
                        self.front_step(
                            number,
                            monitor::Event::ConnectFailed {
                                member: name,
                                failure: monitor::Failure::Refused,
                            },
                        );
                    }
                }
            }
            (Place::Front(number), Purpose::Store) => self.store_answered(number, result),
            (Place::Front(number), Purpose::Relay { call }) => self.relay_answered(number, call, result),
            _ => {}
        }
    }
}
