//! Serial numbers: reserved in the log, durable on every in-sync member, before the key uses them.
//!
//! A signature that comes alone has its number reserved and waits for that. While several are under way, a few numbers
//! are kept in stock, reserved along with the certificates that go into the log anyway, so that nobody waits for a
//! reservation alone. As soon as the authority is idle, the stock goes back: `serial` then shows the number that the
//! next certificate gets. A crash burns the numbers in stock; none is repeated.

use super::{Authority, Failure};
use crate::command::{Actor, Command, Envelope};
use crate::time;
use pki::Serial;
use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::debug;

/// Numbers in stock for each signature under way, at most.
const STOCK_PER_SIGNATURE: usize = 3;
/// Numbers in stock at most.
const LARGEST_STOCK: usize = 128;
/// So many signatures under way are many.
const CROWD: usize = 4;
/// So long after there were many it counts as if there still were: of agents that come all the time, sometimes most are
/// between two requests, and the others would wait for a directory that gathers what the whole crowd brings.
const CROWD_LASTS: Duration = Duration::from_millis(250);
/// How long nothing is signed before the stock goes back.
const IDLE: Duration = Duration::from_millis(50);

/// How far serials have been handed out in this epoch; ahead of the log by what is on its way into it.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    epoch: u64,
    next: Option<Serial>,
    /// Reserved, committed and unused, ascending.
    stock: VecDeque<Serial>,
    /// On their way into the stock.
    coming: usize,
    /// Signatures under way.
    busy: usize,
    /// When there were many last.
    crowded: Option<Instant>,
    /// How often it has become idle.
    idles: u64,
}

/// A signature is under way until this is dropped.
pub(super) struct Busy(Arc<Authority>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut reservation = self.0.reservation();
        reservation.busy -= 1;
        if reservation.busy > 0 || reservation.stock.is_empty() {
            return;
        }
        reservation.idles += 1;
        let (idle, epoch) = (reservation.idles, reservation.epoch);
        let authority = Arc::clone(&self.0);
        drop(reservation);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            authority.give_back(idle, epoch).await;
        });
    }
}

/// Numbers that go into the stock once the command that reserves them is committed.
#[derive(Debug, Default)]
pub(super) struct Supply {
    epoch: u64,
    serials: Vec<Serial>,
}

impl Authority {
    /// Says that a signature is under way.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        let mut reservation = self.reservation();
        reservation.busy += 1;
        if reservation.busy >= CROWD {
            reservation.crowded = Some(Instant::now());
        }
        drop(reservation);
        Busy(Arc::clone(self))
    }

    /// Whether many signatures are under way, or were a moment ago.
    pub(super) fn is_crowded(&self) -> bool {
        self.reservation().crowded.is_some_and(|last| last.elapsed() < CROWD_LASTS)
    }

    /// A number from the stock.
    pub(super) fn take_from_stock(&self, epoch: u64) -> Option<Serial> {
        let mut reservation = self.reservation();
        if reservation.epoch == epoch { reservation.stock.pop_front() } else { None }
    }

    /// Takes `count` serials and the command that reserves them. They may be used once that command (or one
    /// with a higher number) is committed in `epoch`.
    pub(super) fn reserve(&self, epoch: u64, count: usize) -> Result<(Vec<Serial>, Command), Failure> {
        // Looked up under the lock: what comes back from the stock lowers it, and must not meet an older look.
        let mut reservation = self.reservation();
        let in_log = self.ledger.read(|state| state.next_serial()).ok_or(Failure::NoState)?;
        Ok(reservation.take(epoch, in_log, count))
    }

    /// What should be added to the stock, and the command for it, when enough is going on.
    pub(super) fn supply(&self, epoch: u64) -> Result<Option<(Supply, Command)>, Failure> {
        let mut reservation = self.reservation();
        let in_log = self.ledger.read(|state| state.next_serial()).ok_or(Failure::NoState)?;
        let wanted = match reservation.busy {
            0 | 1 => 0,
            busy => (busy * STOCK_PER_SIGNATURE).min(LARGEST_STOCK),
        };
        let there = if reservation.epoch == epoch { reservation.stock.len() + reservation.coming } else { 0 };
        // Not one by one: each goes to every member, and into the `serial` file.
        if there * 2 > wanted || wanted == 0 {
            return Ok(None);
        }
        let (serials, command) = reservation.take(epoch, in_log, wanted - there);
        reservation.coming += serials.len();
        Ok(Some((Supply { epoch, serials }, command)))
    }

    /// The command that reserves `supply` is committed, or is not.
    pub(super) fn supplied(&self, supply: Supply, committed: bool) {
        let mut reservation = self.reservation();
        if reservation.epoch == supply.epoch {
            reservation.coming -= supply.serials.len();
            if committed {
                reservation.stock.extend(supply.serials);
            }
        }
    }

    /// Gives the stock back, if nothing has been signed since it became idle for the `idle`th time.
    async fn give_back(&self, idle: u64, epoch: u64) {
        let Some(command) = self.reservation().give_back(idle, epoch) else { return };
        let envelope =
            Envelope { at: time::now(), actor: Actor::default(), request: None, commands: vec![command] };
        if let Err(refusal) = self.ledger.record(epoch, envelope).await {
            debug!(%refusal, "reserved serial numbers stay unused");
        }
    }

    fn reservation(&self) -> MutexGuard<'_, Reservation> {
        self.reservation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    fn take(&mut self, epoch: u64, in_log: Serial, count: usize) -> (Vec<Serial>, Command) {
        if self.epoch != epoch {
            let Self { busy, idles, crowded, .. } = *self;
            *self = Self { epoch, busy, idles, crowded, ..Self::default() };
        }
        let mut next = self.next.map_or(in_log, |next| next.max(in_log));
        let mut serials = Vec::with_capacity(count);
        for _ in 0..count {
            serials.push(next);
            next = next.next();
        }
        self.next = Some(next);
        (serials, Command::SerialsReserved { next: next.to_string() })
    }

    /// The run of unused numbers at the end. What comes before a gap (a reservation that failed) is burned.
    fn give_back(&mut self, idle: u64, epoch: u64) -> Option<Command> {
        if self.epoch != epoch || self.idles != idle || self.busy > 0 || self.coming > 0 {
            return None;
        }
        let from = self.next?;
        let mut to = from;
        while let Some(last) = self.stock.pop_back().filter(|last| last.next() == to) {
            to = last;
        }
        self.stock.clear();
        if to == from {
            return None;
        }
        // The last numbers that were reserved were in stock, so all reservations before are committed or lower. Whoever
        // comes next goes on where the log is by then, which is `to` or, as long as this is not committed, `from`.
        self.next = None;
        Some(Command::SerialsReturned { from: from.to_string(), to: to.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(number: u64) -> Serial {
        Serial::from_u64(number)
    }

    #[test]
    fn an_idle_stock_goes_back_up_to_the_first_gap() {
        let mut reservation = Reservation::default();
        let (serials, command) = reservation.take(3, serial(5), 6);
        assert_eq!(command, Command::SerialsReserved { next: "000B".into() });
        reservation.stock.extend(serials);
        assert_eq!(reservation.stock.pop_front(), Some(serial(5)));
        // The number 8 was lost with a reservation that failed.
        reservation.stock.retain(|number| *number != serial(8));
        assert_eq!(reservation.give_back(1, 3), None, "it has been busy since");
        let back = reservation.give_back(0, 3).unwrap();
        assert_eq!(back, Command::SerialsReturned { from: "000B".into(), to: "0009".into() });
        assert!(reservation.stock.is_empty());
        assert_eq!(reservation.take(3, serial(9), 1).0, [serial(9)]);
    }

    #[test]
    fn a_stock_does_not_outlive_its_epoch() {
        let mut reservation = Reservation::default();
        let (serials, _) = reservation.take(3, serial(5), 4);
        reservation.stock.extend(serials);
        assert_eq!(reservation.take(4, serial(7), 1).0, [serial(7)]);
        assert!(reservation.stock.is_empty());
        assert_eq!(reservation.give_back(0, 3), None);
    }
}
