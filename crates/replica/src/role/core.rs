//! What a member is in every role: its disk as it knows it, and the actions of the step under way.

use crate::configuration::{Configuration, Membership};
use crate::frame::{Body, Denial, Frame};
use crate::name::{Epoch, MemberName};
use crate::position::{Entry, Position};
use crate::report::Fault;
use crate::role::tail::Tail;
use crate::role::{Action, Notice, Settings};

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) membership: Membership,
    pub(crate) tail: Tail,
    /// End of what is durable of `tail`.
    pub(crate) flushed: Position,
    /// Index of the last entry known to be final.
    pub(crate) committed: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) out: Vec<Action>,
    next_ticket: u64,
}

impl Core {
    pub(crate) fn new(settings: Settings, membership: Membership, tail: Tail, committed: u64) -> Core {
        let flushed = tail.last();
        Core { settings, membership, tail, flushed, committed, fault: None, out: Vec::new(), next_ticket: 0 }
    }

    pub(crate) fn name(&self) -> &MemberName {
        &self.settings.name
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.membership.epoch()
    }

    pub(crate) fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    pub(crate) fn tell(&mut self, notice: Notice) {
        self.out.push(Action::Tell(notice));
    }

    pub(crate) fn frame(&self, body: Body) -> Frame {
        Frame::new(self.settings.cluster.clone(), self.epoch(), self.settings.name.clone(), body)
    }

    pub(crate) fn reply(&mut self, reply: u64, body: Body) {
        let frame = self.frame(body);
        self.act(Action::Reply { reply, frame });
    }

    pub(crate) fn deny(&mut self, reply: u64, denial: Denial) {
        self.reply(reply, Body::Denied(denial));
    }

    /// Tells a sender of an older epoch which configuration has taken its place.
    pub(crate) fn stale(&mut self, reply: u64) {
        match self.membership.configuration.clone() {
            Some(configuration) => self.reply(reply, Body::Stale(configuration)),
            None => self.deny(reply, Denial::NotAllowed),
        }
    }

    /// Stores a configuration, and that this disk is complete if it is.
    pub(crate) fn persist(&mut self, configuration: Configuration, joined: bool) {
        let forgotten =
            self.settings.flaws.forget_epoch && configuration.epoch > self.epoch() && self.membership.joined;
        self.membership.configuration = Some(configuration);
        self.membership.joined = joined;
        if !forgotten {
            self.act(Action::PersistMembership(self.membership.clone()));
        }
    }

    /// Appends to memory and disk, and wants it durable.
    pub(crate) fn append(&mut self, entries: Vec<Entry>) {
        for entry in &entries {
            self.tail.push(entry.clone());
        }
        self.act(Action::Append(entries));
        let up_to = self.tail.last();
        self.act(Action::Flush { up_to });
    }

    /// Cuts memory and disk. Never called for committed entries.
    pub(crate) fn truncate(&mut self, to: Position) {
        let count = self.tail.truncate(&to);
        if self.flushed.index > to.index {
            self.flushed = to;
        }
        self.act(Action::Truncate { to });
        self.tell(Notice::Truncated { to, count });
    }

    /// Notes that the disk has everything up to `up_to`; false if that has been cut off meanwhile.
    pub(crate) fn note_flushed(&mut self, up_to: Position) -> bool {
        let known = self.tail.contains(&up_to);
        if known && up_to.index > self.flushed.index {
            self.flushed = up_to;
        }
        known
    }

    /// Declares everything up to `index` final; `floor` is what memory must keep for standbys.
    pub(crate) fn commit(&mut self, index: u64, floor: Option<u64>) {
        let Some(up_to) = self.tail.position(index) else { return };
        self.committed = index;
        self.act(Action::Commit { up_to });
        self.tail.trim(self.settings.timings.tail_bytes, floor.unwrap_or(index).min(index));
    }
}
