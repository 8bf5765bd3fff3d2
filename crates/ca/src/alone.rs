//! A log with one member: a CA without standby, and commands on a directory whose worker is stopped.

use crate::directory::Layout;
use crate::ledger::{Ledger, Proposal, Refusal, Role, Shared};
use crate::projection::Projection;
use crate::snapshot;
use crate::store::{self, DirectoryLock, OpenFault, Store};
use replica::log::Log;
use replica::{Entry, Epoch, Position};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tracing::{error, warn};

/// Proposals per flush.
const GROUP: usize = 512;

/// Keeps a log with one member. Dropping it ends the log, with everything queued carried out.
#[derive(Debug)]
pub struct Alone {
    orders: Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Order {
    Commit(Proposal),
    Stop,
}

struct LogThread {
    log: Log,
    last: Position,
    epoch: Epoch,
    shared: Arc<Shared>,
    projection: Projection,
    layout: Layout,
    since_snapshot: u64,
    /// A snapshot that is being written, and how it went.
    saving: Option<(snapshot::Writing, Receiver<io::Result<Position>>)>,
}

impl Alone {
    /// Starts over an opened directory that has a state, and owns it alone.
    ///
    /// # Errors
    /// [`OpenFault`].
    pub fn start(mut store: Store) -> Result<(Self, Ledger), OpenFault> {
        store.settle()?;
        Self::run(store)
    }

    fn run(store: Store) -> Result<(Self, Ledger), OpenFault> {
        let Store { lock, directory, membership, log, entries, mut state, applied, projected, .. } = store;
        let layout = directory.layout().clone();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let (projection, _) = Projection::start(directory, projected).map_err(io)?;
        // Nobody else has a say: what is in the log is committed.
        if let Some(state) = &mut state {
            for entry in entries.iter().filter(|entry| entry.position.index > applied.index) {
                let effects = store::apply(state, entry)?;
                if entry.position.index > projected {
                    projection.carry_out(entry.position.index, effects);
                }
            }
        }
        let decides = state.is_some();
        // That of its configuration; 0 when no register ever named it.
        let epoch = membership.epoch();
        let shared = Shared::new(state, Role { epoch: epoch.0, primary: None, decides, reads: decides });
        let (orders, receiver) = mpsc::channel();
        let thread = LogThread {
            last: log.last(),
            since_snapshot: log.last().index - log.base().index,
            saving: None,
            log,
            epoch,
            shared: Arc::clone(&shared),
            projection: projection.clone(),
            layout: layout.clone(),
        };
        let log_thread = std::thread::Builder::new()
            .name("ca-log".into())
            .spawn(move || thread.run(&receiver, lock))
            .map_err(io)?;
        let proposals = orders.clone();
        let propose = Arc::new(move |all: Vec<Proposal>| {
            for proposal in all {
                if let Err(mpsc::SendError(Order::Commit(proposal))) = proposals.send(Order::Commit(proposal))
                {
                    // The thread has ended: tell the one who waits.
                    let _ = proposal.answer.send(Err(Refusal::Stopping));
                }
            }
        });
        let thread = Mutex::new(Some(log_thread));
        Ok((Self { orders, thread }, Ledger::new(shared, propose, projection)))
    }

    /// The same for a log that others have a say in: what is known to be committed can be read, nothing changed.
    ///
    /// # Errors
    /// [`OpenFault`].
    pub fn start_reading(mut store: Store) -> Result<(Self, Ledger), OpenFault> {
        let applied = store.applied.index;
        store.entries.retain(|entry| entry.position.index <= applied);
        let (alone, ledger) = Self::run(store)?;
        let role = ledger.role();
        ledger.set_role(Role { decides: false, ..(*role).clone() });
        Ok((alone, ledger))
    }

    /// Ends the log: what was proposed before is carried out, what comes later is refused, and the directory is
    /// free again.
    pub fn stop(&self) {
        // Already ended: nothing to stop.
        let _ = self.orders.send(Order::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of the CA's log has panicked");
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.stop();
    }
}

impl LogThread {
    fn run(mut self, orders: &Receiver<Order>, lock: DirectoryLock) {
        let mut stopped = false;
        while !stopped {
            let Ok(first) = orders.recv() else { break };
            let mut group = Vec::new();
            for order in std::iter::once(first).chain(orders.try_iter().take(GROUP - 1)) {
                match order {
                    Order::Commit(proposal) => group.push(proposal),
                    Order::Stop => stopped = true,
                }
            }
            self.commit(group);
        }
        self.projection.finish();
        if let Some((writing, _)) = self.saving.take() {
            writing.wait();
        }
        drop(lock);
    }

    fn commit(&mut self, mut group: Vec<Proposal>) {
        let epoch = self.epoch.0;
        let stale = |proposal: &Proposal| proposal.epoch != epoch;
        while let Some(position) = group.iter().position(stale) {
            let refusal = Refusal::NotPrimary { epoch, primary: None };
            let _ = group.swap_remove(position).answer.send(Err(refusal));
        }
        if group.is_empty() {
            return;
        }
        let mut last = self.last;
        let mut entries = Vec::with_capacity(group.len());
        for proposal in &group {
            let entry = Entry::after(&last, self.epoch, proposal.envelope.encode());
            last = entry.position;
            entries.push(entry);
        }
        let appended = match self.projection.is_full() {
            true => Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()),
            false => self.log.append(&entries),
        };
        if let Err(fault) = appended.and_then(|()| self.log.flush().map(|_| ())) {
            error!(%fault, "the log cannot be written");
            for proposal in group {
                let _ = proposal.answer.send(Err(Refusal::Log(fault.to_string())));
            }
            return;
        }
        self.last = last;
        let applied = entries.iter().zip(&group);
        self.shared.apply(
            &self.projection,
            applied.map(|(entry, proposal)| (entry.position.index, Some(&proposal.envelope))),
        );
        for (proposal, entry) in group.into_iter().zip(&entries) {
            // Whoever gave up waiting finds the result in the state.
            let _ = proposal.answer.send(Ok(entry.position.index));
        }
        self.since_snapshot += entries.len() as u64;
        if self.shared.copy().is_some_and(|state| snapshot::is_due(self.since_snapshot, &state)) {
            self.snapshot();
        }
        self.compact();
    }

    /// Has a snapshot written.
    fn snapshot(&mut self) {
        let Some(state) = self.shared.copy() else { return };
        if self.saving.is_some() {
            // The one before is not done yet.
            return;
        }
        self.since_snapshot = 0;
        let (done, finished) = mpsc::channel();
        let position = self.last;
        let tell = move |result: io::Result<()>| {
            // The log may have ended meanwhile; then the next start finds a longer log than it needs.
            let _ = done.send(result.map(|()| position));
        };
        match snapshot::Writing::begin(&self.projection, self.layout.clone(), position, state, tell) {
            Ok(writing) => self.saving = Some((writing, finished)),
            Err(fault) => warn!(%fault, "no snapshot could be written; the log stays as it is"),
        }
    }

    /// Drops what a finished snapshot stands for.
    fn compact(&mut self) {
        let Some((writing, finished)) = self.saving.take_if(|(writing, _)| writing.is_done()) else { return };
        writing.wait();
        if let Ok(Ok(position)) = finished.recv()
            && let Err(fault) = self.log.compact(&position)
        {
            warn!(%fault, "the log could not be shortened");
        }
    }
}
