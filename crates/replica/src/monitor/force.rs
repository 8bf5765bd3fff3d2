//! What it would mean to make a member primary that may lack acknowledged changes, and when that is no answer at all.

use std::collections::BTreeSet;

use serde::Serialize;
use thiserror::Error;

use crate::monitor::view::Hold;
use crate::monitor::{Known, Monitor};
use crate::name::{Epoch, MemberName};
use crate::position::Position;

/// What an operator decides about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ForcePlan {
    /// The member that would become primary.
    pub to: MemberName,
    /// End of its log.
    pub position: Position,
    /// Version of the register for which this was worked out; 0 while it is unset.
    pub version: u64,
    /// Epoch that would end.
    pub epoch: Epoch,
    /// The primary of that epoch.
    pub primary: Option<MemberName>,
    /// The last known in-sync set.
    pub in_sync: BTreeSet<MemberName>,
    /// Members that may have what `to` lacks.
    pub lacking: Vec<Lacking>,
    /// The register knows less than a member has on its disk: more was decided than it can tell.
    pub register_doubtful: bool,
}

/// A member that may have acknowledged what is to be given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lacking {
    /// Which.
    pub name: MemberName,
    /// End of its log when it was last heard; none if that was before this front end started.
    pub position: Option<Position>,
    /// Entries of its log that are certainly missing from the new primary's; none if not known.
    pub entries: Option<u64>,
    /// How long ago that was, ms.
    pub silent_ms: Option<u64>,
}

/// Why nothing is to be forced.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ForceRefusal {
    /// Not read, or not readable.
    #[error("the register cannot be read, so nobody can be named in it; repair that first")]
    RegisterUnavailable,
    /// Somebody does the work.
    #[error("{0} is active; nothing has to be given up to change that: 'bunraku ca switchover'")]
    Active(MemberName),
    /// Somebody who has everything can do the work.
    #[error("{0} has everything and answers: it takes over by itself within seconds, and nothing is lost")]
    Successor(MemberName),
    /// The primary is about to act.
    #[error("{0} answers and is starting; it is active within seconds, and nothing is lost")]
    Starting(MemberName),
    /// Not configured.
    #[error("there is no CA member {0}")]
    NoSuchMember(MemberName),
    /// It could not even hear of it.
    #[error("{0} does not answer; start it first")]
    Silent(MemberName),
    /// Nothing to be primary with.
    #[error("{0} has no copy of the CA at all; restore a directory from backup first")]
    Empty(MemberName),
    /// Nobody to name.
    #[error("no CA member answers; start one first")]
    Nobody,
}

impl Monitor {
    /// What making `to` primary at any price (or the best member that answers) would mean.
    ///
    /// # Errors
    /// [`ForceRefusal`], when there is nothing to force.
    pub fn plan_force(&self, to: Option<&MemberName>) -> Result<ForcePlan, ForceRefusal> {
        if matches!(self.register, Known::Nothing) {
            return Err(ForceRefusal::RegisterUnavailable);
        }
        if let Some(configuration) = self.configuration() {
            let stalled = self.members.get(&configuration.primary).is_some_and(|watch| {
                let limit = self.settings.timings.stall_ms;
                watch.unready_since.is_some_and(|since| self.now >= since + limit)
            });
            match self.view().hold {
                None => return Err(ForceRefusal::Active(configuration.primary.clone())),
                Some(Hold::Starting(primary)) if !stalled => return Err(ForceRefusal::Starting(primary)),
                Some(Hold::Switching(to)) => return Err(ForceRefusal::Starting(to)),
                _ => {}
            }
            if let Some(successor) = self.best(self.successors(configuration)) {
                return Err(ForceRefusal::Successor(successor));
            }
        }
        let to = self.candidate(to)?;
        let position = self.position(&to).unwrap_or(Position::ZERO);
        let in_sync = self.configuration().map(|value| value.in_sync.clone()).unwrap_or_default();
        let others = self.settings.members.iter().filter(|name| **name != to);
        let lacking = others.filter_map(|name| {
            let theirs = self.position(name);
            // Whoever was counted on may have more than anybody knows; of the others only what was seen counts.
            let ahead = theirs.is_some_and(|theirs| theirs > position);
            let watch = self.members.get(name)?;
            let counted_on = in_sync.contains(name) || self.configuration().is_none();
            (counted_on || ahead).then(|| Lacking {
                name: name.clone(),
                position: theirs,
                entries: theirs.filter(|_| ahead).map(|end| end.index.saturating_sub(position.index)),
                silent_ms: watch.report.as_ref().map(|(_, at)| self.now.saturating_sub(*at)),
            })
        });
        let lacking = lacking.collect();
        let configuration = self.configuration();
        Ok(ForcePlan {
            position,
            version: configuration.map_or(0, |value| value.version),
            epoch: configuration.map_or(Epoch::NONE, |value| value.epoch),
            primary: configuration.map(|value| value.primary.clone()),
            in_sync,
            lacking,
            register_doubtful: matches!(
                self.view().hold,
                Some(Hold::RegisterLost { .. } | Hold::RegisterBehind { .. })
            ),
            to,
        })
    }

    fn position(&self, name: &MemberName) -> Option<Position> {
        self.members.get(name)?.report.as_ref().map(|(report, _)| report.position)
    }

    /// The member that is named, or the best of those that answer; it must answer and have a log.
    fn candidate(&self, named: Option<&MemberName>) -> Result<MemberName, ForceRefusal> {
        let timings = self.settings.timings;
        let answers = |name: &MemberName| {
            self.members.get(name).is_some_and(|watch| {
                let fresh = watch.report.as_ref().is_some_and(|(_, at)| self.now <= at + timings.fresh_ms);
                fresh && !watch.is_lost(&timings)
            })
        };
        let to = match named {
            Some(named) if !self.members.contains_key(named) => {
                return Err(ForceRefusal::NoSuchMember(named.clone()));
            }
            Some(named) if !answers(named) => return Err(ForceRefusal::Silent(named.clone())),
            Some(named) => named.clone(),
            None => {
                let there = self.settings.members.iter().filter(|name| answers(name));
                self.best(there).ok_or(ForceRefusal::Nobody)?
            }
        };
        match self.position(&to) {
            Some(position) if position.index > 0 => Ok(to),
            _ => Err(ForceRefusal::Empty(to)),
        }
    }
}
