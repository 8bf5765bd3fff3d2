//! Following a primary: append what fits, cut off what contradicts it, answer when it is on disk.

use crate::configuration::Membership;
use crate::frame::{Append, Appended, Body, Denial, Mismatch, Snapshot, SnapshotReceived};
use crate::position::{Entry, Position};
use crate::role::core::Core;
use crate::role::{Action, Notice};

/// A standby's state within one epoch.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    /// When the primary was last heard, ms.
    pub(crate) heard_at: Option<u64>,
    /// Frames whose answer waits for the flush.
    pending: Vec<Pending>,
    incoming: Option<Incoming>,
    loading: Option<Loading>,
}

#[derive(Debug)]
struct Pending {
    reply: u64,
    /// The log up to here equals the primary's.
    end: Position,
    commit: u64,
    admit: bool,
}

#[derive(Debug)]
struct Incoming {
    position: Position,
    received: u64,
}

#[derive(Debug)]
struct Loading {
    position: Position,
    /// The primary's open request; none once its epoch is over.
    reply: Option<u64>,
}

impl Follow {
    pub(crate) fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// The epoch is over: whoever still waits for an answer is told so. The newer configuration is on disk already.
    pub(crate) fn epoch_over(&mut self, core: &mut Core) {
        for pending in self.pending.drain(..) {
            core.stale(pending.reply);
        }
        if let Some(reply) = self.loading.as_mut().and_then(|loading| loading.reply.take()) {
            core.stale(reply);
        }
        self.incoming = None;
        self.heard_at = None;
    }

    /// A frame of the primary of the epoch on disk.
    pub(crate) fn append(&mut self, core: &mut Core, append: Append, reply: u64, now: u64) {
        self.heard_at = Some(now);
        if let Some(denial) = self.unable(core) {
            core.deny(reply, denial);
            return;
        }
        let previous = append.previous;
        if !core.tail.contains(&previous) {
            let hint = core.tail.last_not_after(&previous);
            let needs_snapshot = hint.is_none();
            self.mismatch(core, reply, hint.unwrap_or(core.tail.base()), needs_snapshot);
            return;
        }
        let mut end = previous;
        for entry in &append.entries {
            if !entry.follows(&end) {
                core.deny(reply, Denial::Damaged);
                return;
            }
            end = entry.position;
        }
        let fresh: Vec<Entry> =
            append.entries.into_iter().skip_while(|entry| core.tail.contains(&entry.position)).collect();
        if let Some(first) = fresh.first() {
            let fork = first.position.index - 1;
            if core.tail.last().index > fork {
                if fork < core.committed {
                    // What is final here is not in the primary's log: an operator's word stands above it. State
                    // cannot be rolled back, only replaced.
                    self.mismatch(core, reply, core.tail.base(), true);
                    return;
                }
                if !core.settings.flaws.keep_leftovers {
                    self.cut(core, fork);
                }
            }
            if core.tail.last().index == fork {
                core.append(fresh);
            }
        }
        let commit = append.commit.min(end.index);
        let admit = append.admit == Some(core.membership.incarnation);
        self.pending.push(Pending { reply, end, commit, admit });
        self.answer_flushed(core);
    }

    /// Cuts off what follows the entry numbered `index`. Frames that still waited for a part of that are late.
    fn cut(&mut self, core: &mut Core, index: u64) {
        let Some(to) = core.tail.position(index) else { return };
        core.truncate(to);
        for pending in self.pending.extract_if(.., |pending| pending.end.index > index) {
            core.deny(pending.reply, Denial::Busy);
        }
    }

    /// Answers the frames whose entries are on disk by now.
    pub(crate) fn answer_flushed(&mut self, core: &mut Core) {
        let durable = if core.settings.flaws.standby_acks_before_flush {
            core.tail.last().index
        } else {
            core.flushed.index
        };
        let done: Vec<Pending> =
            self.pending.extract_if(.., |pending| pending.end.index <= durable).collect();
        for Pending { reply, end, commit, admit } in done {
            if admit
                && !core.membership.joined
                && let Some(configuration) = core.membership.configuration.clone()
            {
                core.persist(configuration, true);
            }
            let Membership { incarnation, joined, .. } = core.membership;
            let appended = Appended { end, incarnation, joined, level: core.settings.level };
            core.reply(reply, Body::Appended(appended));
            let commit = commit.min(core.flushed.index);
            if commit > core.committed {
                core.commit(commit, None);
            }
        }
    }

    /// The disk failed: nothing that waits will be answered with success.
    pub(crate) fn disk_failed(&mut self, core: &mut Core) {
        let Some(fault) = core.fault else { return };
        for pending in self.pending.drain(..) {
            core.deny(pending.reply, Denial::Fault(fault));
        }
    }

    fn unable(&self, core: &Core) -> Option<Denial> {
        match core.fault {
            Some(fault) => Some(Denial::Fault(fault)),
            None if self.is_loading() => Some(Denial::Busy),
            None => None,
        }
    }

    fn mismatch(&self, core: &mut Core, reply: u64, hint: Position, needs_snapshot: bool) {
        let Membership { incarnation, joined, .. } = core.membership;
        let level = core.settings.level;
        core.reply(reply, Body::Mismatch(Mismatch { hint, needs_snapshot, incarnation, joined, level }));
    }

    /// A part of a snapshot.
    pub(crate) fn snapshot(&mut self, core: &mut Core, part: Snapshot, reply: u64, now: u64) {
        self.heard_at = Some(now);
        if let Some(denial) = self.unable(core) {
            core.deny(reply, denial);
            return;
        }
        if core.tail.contains(&part.position) && core.tail.base() != Position::ZERO {
            // It has been loaded already; the answer was lost.
            self.pending.push(Pending { reply, end: part.position, commit: 0, admit: false });
            self.answer_flushed(core);
            return;
        }
        if part.offset == 0 {
            self.incoming = Some(Incoming { position: part.position, received: 0 });
        }
        let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.position == part.position)
        else {
            let position = part.position;
            core.reply(reply, Body::SnapshotReceived(SnapshotReceived { position, received: 0 }));
            return;
        };
        let Incoming { position, received } = incoming;
        if part.offset == *received {
            *received += part.bytes.len() as u64;
            let bytes = part.bytes;
            core.act(Action::StoreSnapshot {
                position: *position,
                offset: part.offset,
                total: part.total,
                bytes,
            });
        }
        let (position, received) = (*position, *received);
        if received < part.total {
            core.reply(reply, Body::SnapshotReceived(SnapshotReceived { position, received }));
            return;
        }
        self.incoming = None;
        // What this disk holds is about to be given up. Should that be interrupted, nobody must count on it.
        if let Some(configuration) = core.membership.configuration.clone() {
            core.persist(configuration, false);
        }
        self.loading = Some(Loading { position, reply: Some(reply) });
        core.act(Action::LoadSnapshot { position });
    }

    /// The snapshot is in place of state and log.
    pub(crate) fn snapshot_loaded(&mut self, core: &mut Core, position: Position) {
        let Some(loading) = self.loading.take() else { return };
        debug_assert_eq!(loading.position, position);
        for pending in self.pending.drain(..) {
            core.deny(pending.reply, Denial::Busy);
        }
        core.tail.reset(position);
        core.flushed = position;
        core.committed = position.index;
        core.tell(Notice::SnapshotLoaded { position });
        if let Some(reply) = loading.reply {
            self.pending.push(Pending { reply, end: position, commit: 0, admit: false });
            self.answer_flushed(core);
        }
    }

    /// It could not be loaded: everything is as before. Another one may be of more use.
    pub(crate) fn snapshot_unusable(&mut self, core: &mut Core) {
        if let Some(reply) = self.loading.take().and_then(|loading| loading.reply) {
            core.deny(reply, Denial::Damaged);
        }
    }
}
