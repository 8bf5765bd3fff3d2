//! Every process reads a clock of its own: it began at another time, and runs a little too fast or too slow.

use crate::world::{Place, World};

/// How many thousandths a clock may be off its pace.
const DRIFT: u64 = 50;

/// The clock of a process, for one life of it.
#[derive(Clone, Copy)]
pub struct Clock {
    born: u64,
    offset: u64,
    /// Thousandths of true time.
    pace: u64,
}

impl World {
    /// A process starts: its clock shows something, and goes at some pace.
    pub fn wind_up(&mut self, place: Place) {
        let offset = self.random.between(0, 100_000);
        let pace = self.random.between(1_000 - DRIFT, 1_000 + DRIFT);
        self.clocks.insert(place, Clock { born: self.now, offset, pace });
    }

    /// What the clock of a place shows now.
    pub fn clock(&self, place: Place) -> u64 {
        let Some(clock) = self.clocks.get(&place) else { return self.now };
        clock.offset + (self.now - clock.born) * clock.pace / 1_000
    }

    /// When it will show `reading`.
    pub fn when(&self, place: Place, reading: u64) -> u64 {
        let Some(clock) = self.clocks.get(&place) else { return reading };
        clock.born + (reading.saturating_sub(clock.offset) * 1_000).div_ceil(clock.pace)
    }
}
