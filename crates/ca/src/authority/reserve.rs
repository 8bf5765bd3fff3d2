//! Serial numbers: reserved in the log, durable on every in-sync member, before the key uses them.
//!
//! Exactly as many are reserved as there are signatures about to be made, so an idle authority has no unused
//! one and `serial` always shows the number the next certificate gets. A crash burns numbers; none is repeated.

use super::{Authority, Failure};
use crate::command::Command;
use pki::Serial;
use std::sync::PoisonError;

/// How far serials have been handed out in this epoch; ahead of the log by what is on its way into it.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    epoch: u64,
    next: Option<Serial>,
}

impl Authority {
    /// Takes `count` serials and the command that reserves them. They may be used once that command (or one
    /// with a higher number) is committed in `epoch`.
    pub(super) fn reserve(&self, epoch: u64, count: usize) -> Result<(Vec<Serial>, Command), Failure> {
        let in_log = self.ledger.read(|state| state.next_serial()).ok_or(Failure::NoState)?;
        let mut reservation = self.reservation.lock().unwrap_or_else(PoisonError::into_inner);
        if reservation.epoch != epoch {
            *reservation = Reservation { epoch, next: None };
        }
        let mut next = reservation.next.map_or(in_log, |next| next.max(in_log));
        let mut serials = Vec::with_capacity(count);
        for _ in 0..count {
            serials.push(next);
            next = next.next();
        }
        reservation.next = Some(next);
        Ok((serials, Command::SerialsReserved { next: next.to_string() }))
    }
}
