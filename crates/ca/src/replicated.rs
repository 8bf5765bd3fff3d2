//! A log that several members share: the body around [`replica::role::Member`], which does the thinking.
//!
//! An event in, actions out, carried out in order ([`engine`]), by a thread of its own or by whoever brings the event
//! ([`hub`]). The log has a thread of its own ([`disk`]), the directory another ([`crate::projection`]), the network is
//! tokio's ([`network`]).

mod ballast;
mod disk;
mod engine;
mod gate;
mod hub;
mod network;
mod parcel;

use crate::ledger::{Ledger, Proposal, Role, Shared};
use crate::projection::Projection;
use crate::settings::Replication;
use crate::state::State;
use crate::store::{OpenFault, Store};
use engine::Engine;
use hub::Hub;
use replica::role::{Event, Origin, Restored};
use replica::{Frame, MemberName, Position};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::error;

/// What the member is told.
enum Input {
    Propose(Proposal),
    Frame {
        from: Origin,
        frame: Frame,
        answer: oneshot::Sender<Frame>,
    },
    /// A key that an entry names need not be had: nobody uses it any more.
    KeyNotInUse(String),
    Event(Event),
    /// A snapshot for another member is packed, or could not be.
    Packed {
        to: MemberName,
        position: Position,
        parcel: Option<(std::fs::File, u64)>,
    },
    /// A snapshot from the primary is in the directory, or could not be used.
    Unpacked {
        position: Position,
        state: Option<Box<State>>,
    },
    /// The state at this position is in the snapshot file.
    Saved(Position),
    Stop,
}

/// Handle on a replicated log. Dropping it ends its threads.
pub struct Replicated {
    hub: Arc<Hub>,
    replication: Replication,
    front_ends: Vec<String>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Replicated {
    /// Starts over an opened directory. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`OpenFault`].
    pub fn start(
        name: &str,
        replication: Replication,
        front_ends: Vec<String>,
        store: Store,
    ) -> Result<(Self, Ledger), OpenFault> {
        let Store { lock, directory, membership, membership_file, log, entries, state, applied, projected } =
            store;
        let layout = directory.layout().clone();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let hub = Arc::new(Hub::new());
        let (projection, _) = Projection::start(directory, projected).map_err(io)?;
        let role = Role { epoch: membership.epoch().0, primary: None, decides: false, reads: false };
        let shared = Shared::new(state, role);
        let network = network::Network::new(name, &replication, Handle::current(), Arc::clone(&hub));
        let (jobs, job_queue) = mpsc::channel();
        let mut threads = Vec::new();
        let engine = Engine::new(
            name,
            &replication,
            Restored { membership, base: log.base(), entries, applied: applied.index },
            membership_file,
            applied,
            engine::Surroundings {
                shared: Arc::clone(&shared),
                projection: projection.clone(),
                network,
                jobs,
                hub: Arc::clone(&hub),
                layout: layout.clone(),
            },
        );
        let (probe, report) = (layout.own().join("probe"), Arc::clone(&hub));
        let shown = projection.clone();
        let disk = move || disk::run(log, &shown, &probe, &job_queue, &report);
        threads.push(std::thread::Builder::new().name("ca-log".into()).spawn(disk).map_err(io)?);
        let own = Arc::clone(&hub);
        let run = move || {
            own.run(engine);
            // Only now may another process have the directory.
            drop(lock);
        };
        threads.push(std::thread::Builder::new().name("ca-member".into()).spawn(run).map_err(io)?);
        let proposals = Arc::clone(&hub);
        // After the end it is dropped there, and whoever waits for its answer sees that.
        let propose =
            Arc::new(move |all: Vec<Proposal>| proposals.bring(all.into_iter().map(Input::Propose)));
        let ledger = Ledger::new(shared, propose, projection);
        Ok((Self { hub, replication, front_ends, threads: Mutex::new(threads) }, ledger))
    }

    /// Who speaks, by the name in its certificate; none for strangers.
    pub fn origin(&self, certname: &str) -> Option<Origin> {
        if self.front_ends.iter().any(|front_end| front_end == certname) {
            return Some(Origin::FrontEnd);
        }
        let member = self.replication.members.iter().find(|member| member.certname == certname)?;
        Some(Origin::Member(MemberName::new(&member.name)))
    }

    /// Hands a frame to the member; none when it has ended.
    pub async fn frame(&self, from: Origin, frame: Frame) -> Option<Frame> {
        let (answer, asked) = oneshot::channel();
        self.hub.bring([Input::Frame { from, frame, answer }]);
        asked.await.ok()
    }

    /// Ends the loop and waits for it. What was acknowledged is durable; the rest is for the next start to find out.
    pub fn stop(&self) {
        self.hub.leave(Input::Stop);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                error!("a thread of the replicated log has panicked");
            }
        }
    }
}

impl Drop for Replicated {
    fn drop(&mut self) {
        self.stop();
    }
}
