//! Where everything that the member is to know comes in, and who deals with it.
//!
//! There is a thread for it (`ca-member`). But each change of threads costs a change more than it seems: the other one has
//! to wake, perhaps on a processor that has gone to sleep. So whoever brings something light (a proposal, a frame, the
//! end of a flush) deals with it itself, if nobody else is at it: with that and with all that waits in front of it. The
//! order stays that of arrival. What may take long, or wait for another thread, is for the member's own thread alone.

use super::Input;
use super::engine::Engine;
use crate::ledger::Proposal;
use replica::frame::Body;
use replica::role::Event;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use tracing::error;

/// So many turns somebody else deals with what is there. Then the member's own thread goes on: the others have work of
/// their own.
const TURNS: usize = 4;
/// Proposals that are dealt with together, when so many are there.
const AT_ONCE: usize = 64;

/// See the module.
pub(super) struct Hub {
    waiting: Mutex<Waiting>,
    /// For the member's own thread.
    wake: Condvar,
    engine: Mutex<Option<Engine>>,
}

#[derive(Default)]
struct Waiting {
    inputs: VecDeque<Input>,
    /// Nobody will deal with anything any more.
    closed: bool,
    /// The member's own thread is to look at once.
    roused: bool,
    /// It sleeps until then.
    asleep_until: Option<Instant>,
}

impl Hub {
    /// Nothing is dealt with before [`Hub::run`].
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), engine: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is a single push, take or assignment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves something for the member's own thread. After the end it is dropped.
    pub(super) fn leave(&self, input: Input) {
        let mut waiting = self.waiting();
        if waiting.closed {
            return;
        }
        waiting.inputs.push_back(input);
        waiting.roused = true;
        drop(waiting);
        self.wake.notify_one();
    }

    /// Brings something, and deals with it here and now if nobody else is at it. After the end it is dropped.
    pub(super) fn bring(&self, inputs: impl IntoIterator<Item = Input>) {
        let mut waiting = self.waiting();
        if waiting.closed {
            return;
        }
        waiting.inputs.extend(inputs);
        drop(waiting);
        self.help();
    }

    fn help(&self) {
        for _ in 0..TURNS {
            let mut engine = match self.engine.try_lock() {
                Ok(engine) => engine,
                // Whoever is at it looks here once more after it has let go.
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(_)) => return self.close(),
            };
            // There is none before the beginning and after the end.
            let Some(able) = engine.as_mut() else { return };
            let goes_on = able.deal_with(self, true);
            let next = able.next_look();
            drop(engine);
            let waiting = self.waiting();
            if !goes_on || waiting.asleep_until.is_some_and(|until| next < until) {
                drop(waiting);
                return self.rouse();
            }
            if waiting.inputs.is_empty() {
                return;
            }
        }
        self.rouse();
    }

    fn rouse(&self) {
        self.waiting().roused = true;
        self.wake.notify_one();
    }

    /// The oldest input that waits; for a helper only if it is light.
    pub(super) fn next(&self, for_helper: bool) -> Option<Input> {
        let mut waiting = self.waiting();
        if for_helper && !waiting.inputs.front().is_some_and(is_light) {
            return None;
        }
        waiting.inputs.pop_front()
    }

    /// Whether something waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().inputs.is_empty()
    }

    /// The proposals that come right after this one.
    pub(super) fn with_those_behind(&self, first: Proposal) -> Vec<Proposal> {
        let mut all = vec![first];
        let mut waiting = self.waiting();
        while all.len() < AT_ONCE {
            match waiting.inputs.pop_front() {
                Some(Input::Propose(proposal)) => all.push(proposal),
                Some(other) => {
                    waiting.inputs.push_front(other);
                    break;
                }
                None => break,
            }
        }
        all
    }

    /// The member's own thread, until the member ends.
    pub(super) fn run(&self, engine: Engine) {
        engine.look_at_role();
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine);
        let mut is_due = false;
        loop {
            let Ok(mut engine) = self.engine.lock() else { break };
            let Some(able) = engine.as_mut() else { break };
            if is_due {
                able.tick();
            }
            while able.deal_with(self, false) && able.has_more(self) {}
            if able.is_over() {
                break;
            }
            let until = able.next_look();
            // Before anybody else can have the engine: whoever makes it later than this need not tell.
            self.waiting().asleep_until = Some(until);
            drop(engine);
            is_due = self.sleep(until);
        }
        self.close();
        let engine = self.engine.lock().unwrap_or_else(|poisoned| {
            error!("the member has stopped in the middle of a step; it stands aside");
            poisoned.into_inner()
        });
        if let Some(engine) = { engine }.take() {
            engine.finish();
        }
    }

    /// Sleeps until something is to be looked at; true when the time has come.
    fn sleep(&self, until: Instant) -> bool {
        let mut waiting = self.waiting();
        while !waiting.roused && waiting.inputs.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting = self.wake.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.asleep_until = None;
        waiting.roused = false;
        until <= Instant::now()
    }

    /// Nothing is taken in any more; who waits for an answer sees that none will come.
    fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        waiting.roused = true;
        let inputs = std::mem::take(&mut waiting.inputs);
        drop(waiting);
        drop(inputs);
        self.wake.notify_one();
    }

    /// Takes what has come in by the end of a pause: only of use to who has the engine.
    pub(super) fn all_after(&self, pause: Duration) -> VecDeque<Input> {
        std::thread::sleep(pause);
        std::mem::take(&mut self.waiting().inputs)
    }
}

/// Whether dealing with it neither takes long nor waits for another thread.
fn is_light(input: &Input) -> bool {
    match input {
        Input::Propose(_) => true,
        Input::Event(event) => matches!(event, Event::Flushed { .. } | Event::FrameAnswered { .. }),
        Input::Frame { frame, .. } => matches!(frame.body, Some(Body::Append(_))),
        _ => false,
    }
}
