//! An event goes in, the member says what to do, and that is done, in order.

use super::ballast::Ballast;
use super::disk::Job;
use super::hub::Hub;
use super::network::Network;
use super::{Input, parcel};
use crate::command::Envelope;
use crate::directory::Layout;
use crate::ledger::{self, Proposal, Shared};
use crate::level;
use crate::projection::Projection;
use crate::settings::Replication;
use crate::snapshot;
use replica::flaws::Flaws;
use replica::membership::MembershipFile;
use replica::role::{Action, Event, Member, Proposed, Refusal, Restored, Settings};
use replica::{ClusterId, Entry, Frame, MemberName, Position};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

/// The role is looked at again at least so often: how fresh a standby is depends on time alone.
const LONGEST_NAP: Duration = Duration::from_millis(200);
/// Between attempts to write a disk that failed.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Meanwhile, between looks at what comes in.
const PAUSE: Duration = Duration::from_millis(20);

/// What it works with.
pub(super) struct Surroundings {
    pub shared: Arc<Shared>,
    pub projection: Projection,
    pub network: Network,
    /// To the log's thread, in order.
    pub jobs: Sender<Vec<Job>>,
    pub hub: Arc<Hub>,
    pub layout: Layout,
}

pub(super) struct Engine {
    member: Member,
    membership: MembershipFile,
    pub(super) around: Surroundings,
    started: Instant,
    /// In the log and not committed yet.
    uncommitted: VecDeque<Entry>,
    applied: Position,
    proposals: BTreeMap<u64, oneshot::Sender<Result<u64, ledger::Refusal>>>,
    open_frames: BTreeMap<u64, oneshot::Sender<Frame>>,
    /// Names of keys that entries name and that nobody uses any more.
    pub(super) not_in_use: BTreeSet<String>,
    next_number: u64,
    /// What the log's thread is to be asked next.
    jobs: Vec<Job>,
    /// Snapshots packed for others.
    parcels: BTreeMap<MemberName, File>,
    /// What was last said of a snapshot that arrives or leaves: when, and how far it was.
    progress: Progress,
    since_snapshot: u64,
    /// Room for what must be written even on a full disk.
    ballast: Ballast,
    /// A snapshot is being written.
    saving: Option<snapshot::Writing>,
    probed: Instant,
    /// The membership file could not be written (a full disk, mostly): what has to wait for it, itself first.
    stalled: VecDeque<Action>,
    /// What arrived meanwhile and must not be lost.
    backlog: VecDeque<Input>,
    /// Set when this member cannot go on: the reason has been logged.
    ended: bool,
}

impl Engine {
    pub(super) fn new(
        name: &str,
        replication: &Replication,
        restored: Restored,
        membership: MembershipFile,
        applied: Position,
        around: Surroundings,
    ) -> Self {
        let own = MemberName::new(name);
        let names = replication.members.iter().map(|member| MemberName::new(&member.name));
        let settings = Settings {
            peers: names.filter(|peer| *peer != own).collect(),
            name: own,
            cluster: ClusterId::new(&replication.cluster),
            level: level::LEVEL,
            timings: replication.timings,
            flaws: Flaws::default(),
        };
        let behind = restored.entries.iter().filter(|entry| entry.position.index > applied.index);
        let uncommitted = behind.cloned().collect();
        let since_snapshot = applied.index.saturating_sub(restored.base.index);
        let now = Instant::now();
        let ballast = Ballast::take(&around.layout.own());
        Self {
            member: Member::new(settings, restored),
            membership,
            around,
            started: now,
            uncommitted,
            applied,
            proposals: BTreeMap::new(),
            open_frames: BTreeMap::new(),
            not_in_use: BTreeSet::new(),
            next_number: 0,
            jobs: Vec::new(),
            parcels: BTreeMap::new(),
            progress: Progress::default(),
            since_snapshot,
            ballast,
            saving: None,
            probed: now,
            stalled: VecDeque::new(),
            backlog: VecDeque::new(),
            ended: false,
        }
    }

    /// Deals with what came in first, and with what goes together with it. False: only the member's own thread can go on,
    /// because the member ends, waits for its disk, or has something before it that is not for a helper.
    pub(super) fn deal_with(&mut self, hub: &Hub, for_helper: bool) -> bool {
        let is_able = self.stalled.is_empty() && self.backlog.is_empty() && !self.ended;
        if for_helper && !is_able {
            return false;
        }
        if !self.stalled.is_empty() {
            self.wait_for_disk(hub);
        } else {
            match self.backlog.pop_front().or_else(|| hub.next(for_helper)) {
                Some(Input::Propose(first)) => self.propose(hub.with_those_behind(first)),
                Some(input) => self.take(input),
                None => return !for_helper || hub.is_empty(),
            }
        }
        self.send_jobs();
        self.look_at_role();
        !self.ended && self.stalled.is_empty()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        if self.stalled.is_empty() {
            self.step(Event::Tick);
            self.send_jobs();
            self.look_at_role();
        }
    }

    /// Whether there is something to be dealt with.
    pub(super) fn has_more(&self, hub: &Hub) -> bool {
        !self.stalled.is_empty() || !self.backlog.is_empty() || !hub.is_empty()
    }

    /// Whether the member has ended.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// When time alone makes a look necessary.
    pub(super) fn next_look(&self) -> Instant {
        let until = self.member.wake_at().saturating_sub(self.now());
        Instant::now() + Duration::from_millis(until).clamp(Duration::from_millis(1), LONGEST_NAP)
    }

    /// The end of the member.
    pub(super) fn finish(mut self) {
        let role = ledger::Role { decides: false, reads: false, ..(*self.around.shared.role()).clone() };
        self.around.shared.set_role(role);
        self.around.projection.finish();
        self.finish_saving();
    }

    /// Nothing may happen before the membership is durable: until then this member is as good as paused. Others see
    /// that it does not answer, and go on without it.
    fn wait_for_disk(&mut self, hub: &Hub) {
        let until = Instant::now() + PROBE_EVERY;
        while Instant::now() < until {
            for input in hub.all_after(PAUSE) {
                match input {
                    Input::Stop => {
                        self.ended = true;
                        return;
                    }
                    Input::Propose(proposal) => {
                        let epoch = self.member.membership().epoch().0;
                        // Whoever gave up waiting needs no telling.
                        let _ =
                            proposal.answer.send(Err(ledger::Refusal::NotPrimary { epoch, primary: None }));
                    }
                    // Its sender sees that there is no answer.
                    Input::Frame { .. } => {}
                    input => self.backlog.push_back(input),
                }
            }
        }
        for action in std::mem::take(&mut self.stalled) {
            self.carry_out_in_turn(action);
        }
        if self.stalled.is_empty() {
            info!("the membership file could be written: this member takes part again");
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Propose(proposal) => self.propose(vec![proposal]),
            Input::KeyNotInUse(id) => {
                self.not_in_use.insert(id);
            }
            Input::Frame { from, frame, answer } => {
                let Some((frame, answer)) = self.fetch_keys_first(&from, frame, answer) else { return };
                let reply = self.number();
                self.open_frames.insert(reply, answer);
                self.step(Event::FrameReceived { from, frame, reply });
            }
            Input::Event(event) => {
                let failed = matches!(event, Event::LogFailed { .. });
                if matches!(event, Event::LogRecovered) {
                    self.ballast.refill();
                }
                self.step(event);
                if failed {
                    self.ask_log(Job::Resume);
                }
            }
            Input::Packed { to, position, parcel: Some((parcel, length)) } => {
                self.parcels.insert(to.clone(), parcel);
                self.step(Event::SnapshotTaken { to, position, length });
            }
            Input::Packed { to, parcel: None, .. } => self.step(Event::SnapshotFailed { to }),
            Input::Unpacked { position, state: Some(state) } => {
                let (done, finished) = mpsc::channel();
                self.ask_log(Job::Reset(position, done));
                self.send_jobs();
                if !matches!(finished.recv(), Ok(Ok(()))) {
                    return self.end("the log could not be begun anew after a snapshot");
                }
                self.uncommitted.clear();
                self.applied = position;
                self.since_snapshot = 0;
                self.around.shared.replace(*state);
                self.around.projection.carry_out(position.index, Vec::new());
                self.step(Event::SnapshotLoaded { position });
            }
            Input::Unpacked { state: None, .. } => self.step(Event::SnapshotUnusable),
            Input::Saved(position) => self.ask_log(Job::Compact(position)),
            Input::Stop => self.ended = true,
        }
    }

    fn propose(&mut self, all: Vec<Proposal>) {
        let acting = self.member.acting_epoch().map(|epoch| epoch.0);
        let agreed = self.member.agreed_level();
        let mut proposed = Vec::with_capacity(all.len());
        for mut proposal in all {
            let refusal = if acting == Some(proposal.epoch) {
                level::fit(&mut proposal.envelope, agreed)
                    .err()
                    .map(|needed| ledger::Refusal::TooNew { needed })
            } else {
                let role = self.around.shared.role();
                Some(ledger::Refusal::NotPrimary { epoch: role.epoch, primary: role.primary.clone() })
            };
            if let Some(refusal) = refusal {
                // Whoever gave up waiting needs no telling.
                let _ = proposal.answer.send(Err(refusal));
                continue;
            }
            let ticket = self.number();
            self.proposals.insert(ticket, proposal.answer);
            proposed.push(Proposed { ticket, payload: proposal.envelope.encode() });
        }
        if !proposed.is_empty() {
            self.step(Event::Propose(proposed));
        }
    }

    fn step(&mut self, event: Event) {
        let now = self.now();
        for action in self.member.step(event, now) {
            self.carry_out_in_turn(action);
            if self.ended {
                return;
            }
        }
        if self.member.report(now).fault.is_some() && self.probed.elapsed() >= PROBE_EVERY {
            self.probed = Instant::now();
            self.ask_log(Job::Probe);
        }
    }

    /// What comes after a membership that is not durable yet waits with it.
    fn carry_out_in_turn(&mut self, action: Action) {
        if self.stalled.is_empty() {
            self.carry_out(action);
        } else {
            self.stalled.push_back(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::PersistMembership(value) => {
                // In line: nothing that comes after may happen before this is durable.
                while let Err(fault) = self.membership.store(&value) {
                    if !self.ballast.give_up_some() {
                        error!("{fault}: this member takes no part until it can be written");
                        self.stalled.push_back(Action::PersistMembership(value));
                        return;
                    }
                }
            }
            Action::Append(entries) => {
                self.uncommitted.extend(entries.iter().cloned());
                self.ask_log(Job::Append(entries));
            }
            Action::Truncate { to } => {
                self.uncommitted.retain(|entry| entry.position.index <= to.index);
                self.ask_log(Job::Truncate(to));
            }
            Action::Flush { up_to } => self.ask_log(Job::Flush(up_to)),
            Action::Send { to, ticket, frame } => self.around.network.send(to, ticket, frame),
            Action::SendSnapshot { to, ticket, mut frame, offset, length } => {
                let part = self.parcels.get(&to).map(|parcel| read_part(parcel, offset, length));
                // Without its bytes the receiver does not count the part, and asks again.
                frame.fill_snapshot(part.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|fault| {
                    warn!(%fault, "a part of a snapshot could not be read");
                    Vec::new()
                }));
                self.around.network.send(to, ticket, frame);
            }
            Action::Reply { reply, frame } => {
                if let Some(answer) = self.open_frames.remove(&reply) {
                    // The sender's time-out was shorter.
                    let _ = answer.send(frame);
                }
            }
            Action::CompareAndSet { ticket, expected_version, configuration } => {
                self.around.network.compare_and_set(ticket, expected_version, configuration);
            }
            Action::Commit { up_to } => self.commit(up_to),
            Action::Accepted { ticket, position } => self.answer(ticket, Ok(position.index)),
            Action::Refused { ticket, reason } => {
                let refusal = match reason {
                    Refusal::Deposed { by } => {
                        ledger::Refusal::Deposed { epoch: by.epoch.0, primary: by.primary.to_string() }
                    }
                    reason if !reason.nothing_done() => ledger::Refusal::Unconfirmed,
                    Refusal::NotPrimary { primary } => ledger::Refusal::NotPrimary {
                        epoch: self.around.shared.role().epoch,
                        primary: primary.map(|name| name.to_string()),
                    },
                    _ => {
                        ledger::Refusal::NotPrimary { epoch: self.around.shared.role().epoch, primary: None }
                    }
                };
                self.answer(ticket, Err(refusal));
            }
            // The role is looked at after each step.
            Action::RoleChanged { role } => info!(%role, "role"),
            Action::TakeSnapshot { to } => self.pack(to),
            Action::DropSnapshot { to } => {
                self.parcels.remove(&to);
            }
            Action::StoreSnapshot { offset, total, bytes, .. } => {
                self.progress.arrives(offset + bytes.len() as u64, total);
                if let Err(fault) = self.store_part(offset, &bytes) {
                    warn!(%fault, "a part of a snapshot could not be kept");
                }
            }
            Action::LoadSnapshot { position } => self.unpack(position),
            Action::Tell(notice) => info!("{notice}"),
        }
    }

    fn answer(&mut self, ticket: u64, result: Result<u64, ledger::Refusal>) {
        if let Some(answer) = self.proposals.remove(&ticket) {
            // Whoever gave up waiting finds the result in the state.
            let _ = answer.send(result);
        }
    }

    fn commit(&mut self, up_to: Position) {
        let mut envelopes = Vec::new();
        while self.uncommitted.front().is_some_and(|entry| entry.position.index <= up_to.index) {
            let Some(entry) = self.uncommitted.pop_front() else { break };
            if entry.position.index <= self.applied.index {
                continue;
            }
            let envelope = match (entry.is_marker(), Envelope::decode(&entry.payload)) {
                (true, _) => None,
                (false, Ok(envelope)) => Some(envelope),
                (false, Err(fault)) => return self.end(&format!("{fault} (at {})", entry.position)),
            };
            envelopes.push((entry.position.index, envelope));
            self.applied = entry.position;
        }
        self.since_snapshot += envelopes.len() as u64;
        let entries = envelopes.iter().map(|(index, envelope)| (*index, envelope.as_ref()));
        self.around.shared.apply(&self.around.projection, entries);
        if self.around.shared.copy().is_some_and(|state| snapshot::is_due(self.since_snapshot, &state)) {
            self.save();
        }
    }

    /// Has the state written into the snapshot file.
    fn save(&mut self) {
        let Some(state) = self.around.shared.copy() else { return };
        if self.saving.as_ref().is_some_and(|writing| !writing.is_done()) {
            return;
        }
        self.finish_saving();
        self.since_snapshot = 0;
        let (hub, position) = (Arc::clone(&self.around.hub), self.applied);
        let tell = move |result: io::Result<()>| {
            if result.is_ok() {
                hub.leave(Input::Saved(position));
            }
        };
        let layout = self.around.layout.clone();
        match snapshot::Writing::begin(&self.around.projection, layout, position, state, tell) {
            Ok(writing) => self.saving = Some(writing),
            Err(fault) => warn!(%fault, "no snapshot could be written; the log stays as it is"),
        }
    }

    /// Only one snapshot is written at a time, and an older one never takes the place of a newer one.
    fn finish_saving(&mut self) {
        if let Some(writing) = self.saving.take() {
            writing.wait();
        }
    }

    fn pack(&mut self, to: MemberName) {
        let (hub, position) = (Arc::clone(&self.around.hub), self.applied);
        let Some(state) = self.around.shared.copy() else {
            hub.leave(Input::Packed { to, position, parcel: None });
            return;
        };
        self.around.projection.run(move |directory| {
            let parcel = parcel::pack(directory.layout(), &state)
                .inspect_err(|fault| warn!(%fault, %to, "no snapshot could be made"))
                .ok();
            hub.leave(Input::Packed { to, position, parcel });
        });
    }

    fn store_part(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(offset == 0)
            .mode(0o600)
            .open(self.around.layout.incoming())?;
        file.write_all_at(bytes, offset)?;
        file.flush()
    }

    fn unpack(&mut self, position: Position) {
        self.finish_saving();
        let hub = Arc::clone(&self.around.hub);
        let held = self.around.shared.copy();
        self.around.projection.run(move |directory| {
            let incoming = directory.layout().incoming();
            let mut progress = Progress::default();
            let tell = |done, of| progress.unpacks(done, of);
            let result = parcel::unpack(directory, &incoming, tell).and_then(|mut state| {
                super::gate::has_keys(directory.layout(), &state)?;
                directory.resume_record(&mut state, held.as_deref())?;
                snapshot::write(directory.layout(), position, &state)?;
                std::fs::remove_file(directory.layout().arriving())?;
                Ok(Box::new(state))
            });
            // It holds the key; and if this fails, the next one is written over it.
            let _ = std::fs::remove_file(&incoming);
            let state = result.inspect_err(|fault| warn!(%fault, "a snapshot cannot be used")).ok();
            hub.leave(Input::Unpacked { position, state });
        });
    }

    fn ask_log(&mut self, job: Job) {
        self.jobs.push(job);
    }

    fn send_jobs(&mut self) {
        if !self.jobs.is_empty() {
            // Its thread lives as long as this.
            let _ = self.around.jobs.send(std::mem::take(&mut self.jobs));
        }
    }

    pub(super) fn look_at_role(&self) {
        let membership = self.member.membership();
        let writable = self.stalled.is_empty();
        let acting = self.member.acting_epoch().filter(|_| writable);
        let primary =
            membership.configuration.as_ref().map(|configuration| configuration.primary.to_string());
        self.around.shared.set_role(ledger::Role {
            epoch: acting.unwrap_or(membership.epoch()).0,
            primary,
            decides: acting.is_some(),
            reads: writable && self.member.may_serve_reads(self.now()),
        });
    }

    fn end(&mut self, reason: &str) {
        error!("{reason}; this member stands aside");
        self.ended = true;
    }
}

fn read_part(parcel: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut part = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    parcel.read_exact_at(&mut part, offset)?;
    Ok(part)
}

/// Says now and then how far a member is that joins.
#[derive(Default)]
struct Progress {
    said: Option<Instant>,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(1);

    /// So much of a snapshot is here.
    fn arrives(&mut self, received: u64, total: u64) {
        if received == total {
            info!("a copy of the CA has arrived, {} KiB; it is put in place now", total.div_ceil(1024));
            self.said = None;
        } else if self.is_due() {
            info!(
                "joining: {} of {} MiB have arrived ({} %)",
                received >> 20,
                total.div_ceil(1 << 20),
                received * 100 / total.max(1)
            );
        }
    }

    /// So many of its files are in the directory.
    fn unpacks(&mut self, done: u64, of: u64) {
        if done == of {
            info!("joining: all {of} files are in the directory");
        } else if self.is_due() {
            info!("joining: {done} of {of} files are in the directory ({} %)", done * 100 / of.max(1));
        }
    }

    fn is_due(&mut self) -> bool {
        let due = self.said.is_none_or(|said| said.elapsed() >= Self::EVERY);
        if due {
            self.said = Some(Instant::now());
        }
        due
    }
}
