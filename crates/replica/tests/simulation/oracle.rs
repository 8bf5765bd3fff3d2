//! What was promised to whom, and whether it holds.

use std::collections::{BTreeMap, BTreeSet};

use replica::{Epoch, Position};

use crate::machine::{Command, Machine};

#[derive(Default)]
pub struct Oracle {
    /// Entries that some member holds to be final.
    final_positions: BTreeMap<u64, Position>,
    /// Wishes that a primary acknowledged.
    acknowledged: BTreeMap<u64, Command>,
    serials: BTreeMap<u64, u64>,
    /// Who acknowledged in each epoch: member and life.
    rulers: BTreeMap<Epoch, (usize, u32)>,
    last_epoch_registered: Epoch,
    pub violation: Option<String>,
}

impl Oracle {
    pub fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub fn check(&mut self, result: Result<(), String>, who: &str) {
        if let Err(what) = result {
            self.violated(format!("{who}: {what}"));
        }
    }

    /// Promises 2 and 5: what is final anywhere is the same everywhere.
    pub fn is_final(&mut self, position: Position, who: &str) {
        let known = *self.final_positions.entry(position.index).or_insert(position);
        if known != position {
            self.violated(format!("{who} holds {position} to be final, another one {known}"));
        }
    }

    /// Promises 1 and 4: a serial for one wish, an epoch for one ruler, never in the past.
    pub fn acknowledges(&mut self, command: Command, epoch: Epoch, on_disk: Epoch, ruler: (usize, u32)) {
        if on_disk > epoch {
            self.violated(format!("{ruler:?} acknowledges in {epoch:?}, {on_disk:?} on its disk"));
        }
        let known = *self.rulers.entry(epoch).or_insert(ruler);
        if known != ruler {
            self.violated(format!("{known:?} and {ruler:?} both acknowledge in {epoch:?}"));
        }
        let known = *self.acknowledged.entry(command.wish.id).or_insert(command);
        if known != command {
            self.violated(format!("wish {} acknowledged as {known:?} and {command:?}", command.wish.id));
        }
        if command.wish.certificate {
            let holder = *self.serials.entry(command.number).or_insert(command.wish.id);
            if holder != command.wish.id {
                self.violated(format!("serial {} for {holder} and {}", command.number, command.wish.id));
            }
        }
    }

    /// Promise 2: a primary that begins to act has everything acknowledged.
    pub fn begins_to_act(&mut self, machine: &Machine, who: &str) {
        for (id, command) in &self.acknowledged {
            if machine.done.get(id) != Some(command) {
                let what = format!("{who} acts at {} without the acknowledged {command:?}", machine.position);
                self.violation.get_or_insert(what);
                return;
            }
        }
    }

    pub fn registers(&mut self, epoch: Epoch) {
        if epoch < self.last_epoch_registered {
            self.violated(format!("{epoch:?} registered after {:?}", self.last_epoch_registered));
        }
        self.last_epoch_registered = epoch;
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    pub fn epochs_that_acknowledged(&self) -> usize {
        self.rulers.keys().collect::<BTreeSet<_>>().len()
    }
}
