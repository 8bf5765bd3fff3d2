//! Bringing the log to the others: one frame at a time to each, and what their answers mean.

use crate::configuration::Configuration;
use crate::frame::{Append, Appended, Body, Denial, Frame, Mismatch, Snapshot, SnapshotReceived};
use crate::name::MemberName;
use crate::position::Position;
use crate::role::core::Core;
use crate::role::notice::Silence;
use crate::role::reign::Reign;
use crate::role::session::{Feed, InFlight};
use crate::role::{Action, Notice, SendFailure};

/// After a snapshot was refused: so many times `Timings::silence_ms`.
const REFUSED_SNAPSHOT_PAUSE: u64 = 5;

impl Reign {
    pub(crate) fn feed_all(&mut self, core: &mut Core, now: u64) {
        let peers: Vec<MemberName> = self.sessions.keys().cloned().collect();
        for peer in peers {
            self.feed(core, &peer, now);
        }
    }

    /// Sends what is due to `peer`, unless a frame is under way.
    fn feed(&mut self, core: &mut Core, peer: &MemberName, now: u64) {
        let timings = core.settings.timings;
        let registered = self.roster.registered().clone();
        let counted_on = self.roster.may_count_on(peer);
        let Some(session) = self.sessions.get_mut(peer) else { return };
        if session.in_flight.is_some() || now < session.retry_at || session.feed == Feed::Preparing {
            return;
        }
        let ticket;
        if let Feed::Snapshot { position, length: total, offset } = session.feed {
            let length = (total - offset).min(timings.frame_bytes as u64);
            let part = Snapshot { configuration: registered, position, total, offset, bytes: Vec::new() };
            let frame = core.frame(Body::Snapshot(part));
            ticket = core.ticket();
            core.act(Action::SendSnapshot { to: peer.clone(), ticket, frame, offset, length });
        } else {
            if session.previous.index < core.tail.base().index {
                // Memory has moved on; what it lacks comes as a snapshot.
                session.feed = Feed::Preparing;
                core.act(Action::TakeSnapshot { to: peer.clone() });
                return;
            }
            let entries = core.tail.after(&session.previous, timings.frame_entries, timings.frame_bytes);
            // A disk is declared complete only while the register certainly does not count on its owner yet: an
            // empty one that came back under a name that is counted on must leave the in-sync set first, or it could
            // be taken for the one that was lost.
            let welcome = !session.joined && session.dropping.is_none() && !counted_on;
            let admit = session.admission.and(session.incarnation).filter(|_| welcome);
            let news =
                session.told_commit < core.committed && now >= session.answered_at + timings.commit_news_ms;
            let heartbeat =
                now >= session.answered_at + timings.heartbeat_ms || session.unanswered_since.is_some();
            let first = session.incarnation.is_none();
            if entries.is_empty() && admit.is_none() && !news && !heartbeat && !first {
                return;
            }
            let append = Append {
                configuration: registered,
                previous: session.previous,
                entries,
                commit: core.committed,
                admit,
            };
            let frame = core.frame(Body::Append(append));
            ticket = core.ticket();
            core.act(Action::Send { to: peer.clone(), ticket, frame });
        }
        session.in_flight = Some(InFlight { ticket, since: now, commit: core.committed });
        session.unanswered_since.get_or_insert(now);
    }

    /// A frame was answered, or was not. Gives the configuration that ends this reign, if the answer holds one.
    pub(crate) fn answered(
        &mut self,
        core: &mut Core,
        peer: &MemberName,
        ticket: u64,
        result: Result<Frame, SendFailure>,
        now: u64,
    ) -> Option<Configuration> {
        let session = self.sessions.get_mut(peer)?;
        if session.in_flight.as_ref().is_none_or(|in_flight| in_flight.ticket != ticket) {
            return None;
        }
        let sent_commit = session.in_flight.take()?.commit;
        let body = match result {
            Ok(frame)
                if frame.cluster == core.settings.cluster && frame.sender == *peer && frame.readable() =>
            {
                frame.body
            }
            Ok(_) => None,
            Err(failure) => {
                if failure == SendFailure::Refused {
                    session.refused_since.get_or_insert(now);
                } else {
                    session.refused_since = None;
                }
                None
            }
        };
        match body {
            Some(Body::Appended(appended)) => self.appended(core, peer, appended, sent_commit, now),
            Some(Body::Mismatch(mismatch)) => self.mismatched(core, peer, mismatch, now),
            Some(Body::SnapshotReceived(progress)) => self.snapshot_received(core, peer, progress, now),
            Some(Body::Stale(newer)) if newer.epoch > self.roster.registered().epoch => return Some(newer),
            Some(Body::Denied(Denial::Fault(_))) => {
                session.retry_at = now + core.settings.timings.retry_ms;
                self.distrust(core, peer, Silence::Faulted);
            }
            Some(Body::Denied(Denial::Damaged)) if matches!(session.feed, Feed::Snapshot { .. }) => {
                // This one will not do, however often it is sent. The next one may; making it costs much.
                session.feed = Feed::Entries;
                session.retry_at = now + REFUSED_SNAPSHOT_PAUSE * core.settings.timings.silence_ms;
                core.act(Action::DropSnapshot { to: peer.clone() });
            }
            _ => session.retry_at = now + core.settings.timings.retry_ms,
        }
        self.find_silent(core, now);
        self.settle(core, now);
        self.feed(core, peer, now);
        None
    }

    fn appended(
        &mut self,
        core: &mut Core,
        peer: &MemberName,
        appended: Appended,
        sent_commit: u64,
        now: u64,
    ) {
        let Some(session) = self.sessions.get_mut(peer) else { return };
        if !core.tail.contains(&appended.end) {
            // Not ours; or so old that memory has moved on, which the next frame finds out.
            session.retry_at = now + core.settings.timings.retry_ms;
            return;
        }
        if session.feed != Feed::Entries {
            session.feed = Feed::Entries;
            core.act(Action::DropSnapshot { to: peer.clone() });
        }
        let replaced = session.note_disk(appended.incarnation, appended.joined);
        session.level = Some(appended.level);
        session.heard(now);
        session.retry_at = 0;
        session.told_commit = sent_commit;
        session.previous = appended.end;
        session.matched = Some(appended.end);
        self.check_disk(core, peer, replaced);
        self.keep(peer);
        self.advance(core, now);
        self.consider_admission(core, peer);
    }

    fn mismatched(&mut self, core: &mut Core, peer: &MemberName, mismatch: Mismatch, now: u64) {
        let Some(session) = self.sessions.get_mut(peer) else { return };
        // It had said that it has what it now lacks.
        let lost = session.matched.take().is_some();
        let replaced = session.note_disk(mismatch.incarnation, mismatch.joined);
        session.level = Some(mismatch.level);
        session.heard(now);
        session.retry_at = 0;
        if !session.walk_back(&mismatch, &core.tail) && session.feed == Feed::Entries {
            session.feed = Feed::Preparing;
            core.act(Action::TakeSnapshot { to: peer.clone() });
        }
        self.check_disk(core, peer, replaced || lost);
        self.keep(peer);
    }

    /// A guarantor that comes back without what it had is none: the register must not count on it.
    fn check_disk(&mut self, core: &mut Core, peer: &MemberName, replaced: bool) {
        let Some(session) = self.sessions.get(peer) else { return };
        let counted_on = self.roster.registered().in_sync.contains(peer);
        if replaced || (counted_on && !session.joined) {
            self.distrust(core, peer, Silence::DiskLost);
        }
    }

    fn distrust(&mut self, core: &mut Core, peer: &MemberName, why: Silence) {
        if core.settings.flaws.trust_lost_disk && why == Silence::DiskLost {
            return;
        }
        let Some(session) = self.sessions.get_mut(peer) else { return };
        if self.roster.guarantors().contains(peer) && session.dropping != Some(why) {
            session.dropping = Some(why);
            core.tell(Notice::Removing { member: peer.clone(), why });
        }
    }

    fn snapshot_received(
        &mut self,
        core: &mut Core,
        peer: &MemberName,
        progress: SnapshotReceived,
        now: u64,
    ) {
        let Some(session) = self.sessions.get_mut(peer) else { return };
        session.heard(now);
        if let Feed::Snapshot { position, length, offset } = &mut session.feed {
            // An answer about another snapshot, or none: begin with this one anew.
            *offset = if progress.position == *position { progress.received.min(*length) } else { 0 };
            if *offset == *length {
                // Everything is there and being loaded; asking with the last byte again would only be noise.
                *offset = length.saturating_sub(1);
                session.retry_at = now + core.settings.timings.retry_ms;
            }
        }
    }

    /// The snapshot for `peer` is made.
    pub(crate) fn snapshot_taken(
        &mut self,
        core: &mut Core,
        peer: &MemberName,
        position: Position,
        length: u64,
        now: u64,
    ) {
        let Some(session) = self.sessions.get_mut(peer) else { return };
        if session.feed != Feed::Preparing {
            core.act(Action::DropSnapshot { to: peer.clone() });
            return;
        }
        if !core.tail.contains(&position) {
            // Memory has moved on while it was made.
            session.feed = Feed::Entries;
            core.act(Action::DropSnapshot { to: peer.clone() });
            session.retry_at = now + core.settings.timings.retry_ms;
            return;
        }
        session.feed = Feed::Snapshot { position, length, offset: 0 };
        core.tell(Notice::SendingSnapshot { member: peer.clone(), position, length });
        self.feed(core, peer, now);
    }

    /// The snapshot for `peer` could not be made: tried again.
    pub(crate) fn snapshot_failed(&mut self, core: &mut Core, peer: &MemberName, now: u64) {
        if let Some(session) = self.sessions.get_mut(peer)
            && session.feed == Feed::Preparing
        {
            session.feed = Feed::Entries;
            session.retry_at = now + core.settings.timings.heartbeat_ms.max(core.settings.timings.retry_ms);
        }
    }
}
