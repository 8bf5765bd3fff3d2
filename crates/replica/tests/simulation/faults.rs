//! What goes wrong, and how it is put right again.

use crate::world::{Cut, Place, World};

pub enum Heal {
    Connect(Vec<(Place, Place)>),
    Wake(Place),
    FastDisk(usize),
    FreeDisk(usize),
    NoLoss,
}

impl World {
    fn any_member(&mut self) -> usize {
        self.random.between(0, self.disks.len() as u64 - 1) as usize
    }

    fn any_place(&mut self) -> Place {
        let places = self.places();
        places[self.random.between(0, places.len() as u64 - 1) as usize]
    }

    /// Everybody who can be reached. A shared register is one of them: cut off, it has lost its quorum.
    fn places(&self) -> Vec<Place> {
        let members = (0..self.disks.len()).map(Place::Member);
        let store = self.shared().then_some(Place::Store);
        members.chain((0..self.plan.fronts).map(Place::Front)).chain(store).collect()
    }

    fn any_front(&mut self) -> Place {
        let last = self.plan.fronts as u64 - 1;
        Place::Front(if self.shared() { self.random.between(0, last) as usize } else { 0 })
    }

    /// One fault, for some time.
    pub fn strike(&mut self) {
        let for_ms = if self.random.chance(70) {
            self.random.between(50, 1_500)
        } else {
            self.random.between(1_500, 6_000)
        };
        if self.plan.warnings && self.random.chance(25) {
            return self.prohibit(for_ms);
        }
        match self.random.between(0, if self.shared() { 19 } else { 16 }) {
            0..=2 => {
                let member = Place::Member(self.any_member());
                self.kill(member);
                // A supervisor is often quicker than the front end's next look.
                let down = if self.random.chance(40) { self.random.between(1, 60) } else { for_ms };
                self.start_later(down, member);
            }
            3 => {
                let front = self.any_front();
                self.kill(front);
                self.start_later(for_ms / 2, front);
            }
            4 => {
                let place = self.any_place();
                let until = self.now + for_ms;
                self.paused.insert(place, until);
                self.heal_later(for_ms, Heal::Wake(place));
            }
            5..=7 => {
                let cut = if self.random.chance(50) { Cut::Drop } else { Cut::Reject };
                let (a, b) = (self.any_place(), self.any_place());
                let ways = match self.random.between(0, 2) {
                    0 => vec![(a, b)],
                    1 => vec![(a, b), (b, a)],
                    _ => self.all_ways_of(a),
                };
                for way in &ways {
                    self.cuts.insert(*way, cut);
                }
                self.heal_later(for_ms, Heal::Connect(ways));
            }
            12..=14 => {
                // What decides designs: nobody reaches this place, but its own requests go out and are answered.
                let place = Place::Member(self.any_member());
                let cut = if self.random.chance(50) { Cut::Reject } else { Cut::Mute };
                let ways =
                    self.all_ways_of(place).into_iter().filter(|way| way.1 == place).collect::<Vec<_>>();
                for way in &ways {
                    self.cuts.insert(*way, cut);
                }
                self.heal_later(for_ms, Heal::Connect(ways));
            }
            8 => {
                self.loss_percent = self.random.between(1, 40);
                self.heal_later(for_ms, Heal::NoLoss);
            }
            17..=19 => {
                // Alone with its view: one front end loses the way to a member, or the register goes away from all.
                let (front, member) = (self.any_front(), Place::Member(self.any_member()));
                let cut = if self.random.chance(50) { Cut::Drop } else { Cut::Reject };
                let ways = if self.random.chance(50) {
                    vec![(front, member), (member, front)]
                } else {
                    self.all_ways_of(Place::Store)
                };
                for way in &ways {
                    self.cuts.insert(*way, cut);
                }
                self.heal_later(for_ms, Heal::Connect(ways));
            }
            9 => {
                let member = self.any_member();
                self.slow_disk.insert(member);
                self.heal_later(for_ms, Heal::FastDisk(member));
            }
            10 => {
                let member = self.any_member();
                self.full_disk.insert(member);
                self.disks[member].log.set_full(true);
                self.heal_later(for_ms, Heal::FreeDisk(member));
            }
            _ => self.lose_disk(for_ms),
        }
    }

    /// A firewall before a member's port, of which the front ends hear little; or a warning for nothing.
    fn prohibit(&mut self, for_ms: u64) {
        let (front, place) = (self.any_front(), Place::Member(self.any_member()));
        if self.random.chance(30) {
            return self.warn_later(1, front, place);
        }
        let ways: Vec<_> = self.all_ways_of(place).into_iter().filter(|way| way.1 == place).collect();
        for way in &ways {
            self.cuts.insert(*way, Cut::Prohibit);
        }
        self.heal_later(for_ms, Heal::Connect(ways));
    }

    fn all_ways_of(&self, place: Place) -> Vec<(Place, Place)> {
        let others = self.places().into_iter().filter(|other| *other != place);
        others.flat_map(|other| [(place, other), (other, place)]).collect()
    }

    /// A host is gone with its disk and comes back empty. This is promised to be survived as a single failure: another
    /// disk that the register counts on is whole, its owner and the front end are well, and no request to shrink the
    /// in-sync set is under way. (What happens otherwise is a hold, never a loss: nobody is promoted who lacks anything.)
    fn lose_disk(&mut self, for_ms: u64) {
        let member = self.any_member();
        let Some(registered) = self.registered() else { return };
        let well = |place: Place| !self.paused.contains_key(&place);
        let whole = |number: usize| {
            let name = format!("ca-{}", number + 1);
            number != member
                && registered.in_sync.iter().any(|known| known.as_str() == name)
                && self.disks[number].joined
                && self.processes[number].is_some()
                && !self.full_disk.contains(&number)
                && well(Place::Member(number))
        };
        let fronts_well = self.fronts.iter().all(Option::is_some)
            && (0..self.plan.fronts).all(|number| well(Place::Front(number)));
        let calm = self.cuts.is_empty() && self.loss_percent == 0 && fronts_well;
        if !calm || !(0..self.disks.len()).any(whole) || self.asks_register(member) {
            return;
        }
        self.count("HostLost");
        self.kill(Place::Member(member));
        self.disks[member] = Default::default();
        self.start_later(for_ms, Place::Member(member));
    }

    pub fn heal(&mut self, number: u64) {
        match self.heals.remove(&number) {
            Some(Heal::Connect(ways)) => ways.iter().for_each(|way| {
                self.cuts.remove(way);
            }),
            Some(Heal::Wake(place)) => {
                self.paused.remove(&place);
            }
            Some(Heal::FastDisk(member)) => {
                self.slow_disk.remove(&member);
            }
            Some(Heal::FreeDisk(member)) => {
                self.full_disk.remove(&member);
                self.disks[member].log.set_full(false);
            }
            Some(Heal::NoLoss) => self.loss_percent = 0,
            None => {}
        }
    }

    /// Everything works again, at once.
    pub fn calm_down(&mut self) {
        self.calm = true;
        let open: Vec<u64> = self.heals.keys().copied().collect();
        open.into_iter().for_each(|number| self.heal(number));
        self.cuts.clear();
        self.paused.clear();
        for number in 0..self.disks.len() {
            self.start_later(1, Place::Member(number));
        }
        (0..self.plan.fronts).for_each(|number| self.start_later(1, Place::Front(number)));
    }
}
