//! The authority's view of the log: propose an envelope, learn when it is committed, read the state it led to.
//!
//! Behind it is either a log of one member ([`crate::alone`]) or the replicated one ([`crate::replicated`]);
//! the decisions in [`crate::authority`] are the same for both.

use crate::command::Envelope;
use crate::projection::Projection;
use crate::state::State;
use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

/// What this member may do at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The epoch it knows of; 0 before it ever heard of one.
    pub epoch: u64,
    /// Who is primary in that epoch, if known.
    pub primary: Option<String>,
    /// It is the confirmed primary of `epoch`, and has applied all its log: it may decide.
    pub decides: bool,
    /// Its state is that of the primary: it may answer reads.
    pub reads: bool,
}

/// Why an envelope did not enter the log. None of its commands was carried out, or ever will be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// This member does not decide (any more) in the epoch the decision was made in.
    #[error("not the primary of epoch {epoch}; the primary is {}", primary.as_deref().unwrap_or("unknown"))]
    NotPrimary { epoch: u64, primary: Option<String> },
    /// The log could not be written.
    #[error("the log cannot be written: {0}")]
    Log(String),
    /// Another member became primary before the envelope was acknowledged: it may or may not have reached that one.
    /// Whoever sends the request again there, under the same id, gets the one true answer.
    #[error("deposed in epoch {epoch} before the decision was confirmed")]
    Deposed { epoch: u64, primary: String },
    /// The member is stopping: the envelope may or may not have been acknowledged. As with [`Refusal::Deposed`], the
    /// next primary knows.
    #[error("this member is stopping")]
    Stopping,
    /// Another member could not apply it: it runs an older build. Nothing was done.
    #[error(
        "another CA member runs an older version that does not know this kind of change yet ('bunraku status' shows \
         which: its level is below {needed}); bring it up to date, then repeat"
    )]
    TooNew {
        /// What all members would have to know.
        needed: u16,
    },
    /// The envelope could not be acknowledged in time: it may still come true.
    #[error("the decision was not confirmed")]
    Unconfirmed,
}

/// An envelope on its way into the log.
#[derive(Debug)]
pub struct Proposal {
    /// The epoch in which the decision was made; another one refuses it.
    pub epoch: u64,
    pub envelope: Envelope,
    /// Told the envelope's index once it is committed and applied.
    pub answer: oneshot::Sender<Result<u64, Refusal>>,
}

/// Tells one content of `ca_crl.pem` and `ca_crt.pem` from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListsVersion {
    /// Number of our own list.
    number: u64,
    /// Of that of the second key.
    second: Option<u64>,
    /// The CA's certificates.
    bundle_pem: Arc<str>,
    /// Those of the chain.
    chain_pem: Arc<str>,
}

impl ListsVersion {
    fn of(state: Option<&State>) -> Self {
        Self {
            number: state.and_then(|state| state.lists().own.number()).unwrap_or(0),
            second: state.and_then(|state| state.lists().second.as_ref()?.number()),
            bundle_pem: state.map(|state| Arc::clone(state.bundle_pem())).unwrap_or_default(),
            chain_pem: state.map(|state| Arc::clone(&state.lists().chain_pem)).unwrap_or_default(),
        }
    }
}

/// An acknowledgement waits for the directory when that is more entries behind than this: a disk that writes files
/// more slowly than the log must not let the difference grow without bound.
const LONGEST_LAG: u64 = 4096;

/// State and role, shared between the log's thread (which writes them) and everybody else.
#[derive(Debug)]
pub struct Shared {
    /// What changes; the log's thread has it while it applies.
    state: Mutex<Option<State>>,
    /// A copy of it as of the last change, for everybody else. Nobody who looks waits for anybody.
    published: ArcSwapOption<State>,
    role: watch::Sender<Arc<Role>>,
    lists: watch::Sender<ListsVersion>,
}

impl Shared {
    /// Shares a state; none while a fresh standby waits for its first snapshot.
    pub fn new(state: Option<State>, role: Role) -> Arc<Self> {
        let lists = watch::Sender::new(ListsVersion::of(state.as_ref()));
        let published = ArcSwapOption::new(state.clone().map(Arc::new));
        Arc::new(Self {
            state: Mutex::new(state),
            published,
            role: watch::Sender::new(Arc::new(role)),
            lists,
        })
    }

    /// What this member may do.
    pub fn role(&self) -> Arc<Role> {
        Arc::clone(&self.role.borrow())
    }

    pub(crate) fn set_role(&self, role: Role) {
        self.role.send_if_modified(|current| {
            let changed = **current != role;
            if changed {
                *current = Arc::new(role);
            }
            changed
        });
    }

    /// Tells of every change of the role.
    pub fn watch_role(&self) -> watch::Receiver<Arc<Role>> {
        self.role.subscribe()
    }

    /// Applies committed envelopes in order and hands what follows from them to the directory. An entry without
    /// envelope (it marks the beginning of an epoch) changes nothing but how far the directory is.
    pub(crate) fn apply<'a>(
        &self,
        projection: &Projection,
        entries: impl IntoIterator<Item = (u64, Option<&'a Envelope>)>,
    ) {
        let mut state = self.state();
        let Some(state) = state.as_mut() else { return };
        for (index, envelope) in entries {
            projection.carry_out(index, envelope.map(|envelope| state.apply(envelope)).unwrap_or_default());
        }
        self.published.store(Some(Arc::new(state.clone())));
        let version = ListsVersion::of(Some(state));
        self.lists.send_if_modified(|known| {
            let new = *known != version;
            *known = version;
            new
        });
    }

    /// Puts a received state in place of the present one.
    pub(crate) fn replace(&self, state: State) {
        let mut current = self.state();
        self.published.store(Some(Arc::new(state.clone())));
        self.lists.send_replace(ListsVersion::of(Some(&state)));
        *current = Some(state);
    }

    /// The state as it is now.
    pub(crate) fn copy(&self) -> Option<Arc<State>> {
        self.published.load_full()
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        // `apply` has no half-way points that a panic could expose.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handle on the log for those who decide and those who read.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    propose: Arc<dyn Fn(Vec<Proposal>) + Send + Sync>,
    projection: Projection,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("role", &self.role()).finish_non_exhaustive()
    }
}

impl Ledger {
    pub(crate) fn new(
        shared: Arc<Shared>,
        propose: Arc<dyn Fn(Vec<Proposal>) + Send + Sync>,
        projection: Projection,
    ) -> Self {
        Self { shared, propose, projection }
    }

    /// What this member may do.
    pub fn role(&self) -> Arc<Role> {
        self.shared.role()
    }

    pub(crate) fn set_role(&self, role: Role) {
        self.shared.set_role(role);
    }

    /// Tells of every change of the role.
    pub fn watch_role(&self) -> watch::Receiver<Arc<Role>> {
        self.shared.watch_role()
    }

    /// Tells of every new revocation list, ours or another's, and of every change of the CA's certificates.
    pub fn watch_lists(&self) -> watch::Receiver<ListsVersion> {
        self.shared.lists.subscribe()
    }

    /// Looks at the state; none on a standby that has never had one.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Option<T> {
        self.shared.published.load().as_deref().map(look)
    }

    /// The state as it is now, to be looked at for longer; none on a standby that has never had one.
    pub fn state(&self) -> Option<Arc<State>> {
        self.shared.copy()
    }

    /// The directory's thread.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Waits until the directory shows everything that has been applied so far.
    pub async fn directory_follows(&self) -> bool {
        self.projection.drained().await
    }

    /// Commits an envelope: durable in the log of every in-sync member, and applied here. The directory follows, by
    /// some milliseconds; what asks over HTTP sees it at once.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn record(&self, epoch: u64, envelope: Envelope) -> Result<u64, Refusal> {
        let (answer, asked) = oneshot::channel();
        self.propose(vec![Proposal { epoch, envelope, answer }]);
        let index = asked.await.unwrap_or(Err(Refusal::Stopping))?;
        self.not_too_far_from(index).await;
        Ok(index)
    }

    /// As [`Ledger::record`], and waits until the directory shows it: for those who look there next.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn complete(&self, epoch: u64, envelope: Envelope) -> Result<(), Refusal> {
        let index = self.record(epoch, envelope).await?;
        self.shown(index).await
    }

    /// Has envelopes committed, together if that can be. Each `answer` is told its index then, or why not; when it is
    /// dropped, this member is stopping.
    pub(crate) fn propose(&self, proposals: Vec<Proposal>) {
        let state = self.shared.published.load();
        let recorded = |envelope: Envelope| match state.as_deref() {
            Some(state) => envelope.with_record(state),
            None => envelope,
        };
        let proposals: Vec<_> = proposals
            .into_iter()
            .map(|Proposal { epoch, envelope, answer }| Proposal {
                epoch,
                envelope: recorded(envelope),
                answer,
            })
            .collect();
        if !proposals.is_empty() {
            (self.propose)(proposals);
        }
    }

    /// Waits until the directory shows the entry at `index`.
    ///
    /// # Errors
    /// [`Refusal::Stopping`].
    pub(crate) async fn shown(&self, index: u64) -> Result<(), Refusal> {
        if self.projection.reached(index).await { Ok(()) } else { Err(Refusal::Stopping) }
    }

    /// Waits while the directory is very far behind the entry at `index`.
    pub(crate) async fn not_too_far_from(&self, index: u64) {
        if self.projection.lag(index) > LONGEST_LAG {
            self.projection.reached(index - LONGEST_LAG).await;
        }
    }
}
