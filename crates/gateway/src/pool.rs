//! Which worker gets the next request.
//!
//! Pure bookkeeping; the choice among those that may have it is [`balance`]'s. Ties are rotated, or an idle estate would
//! always use the first worker.

mod balance;
mod place;

pub use balance::Balance;
use balance::{Candidate, Circumstances, choose};
pub use place::{Place, Traffic};

/// Index of a worker in its pool; stable for the life of the pool.
pub type WorkerIndex = usize;

/// Share of a worker that has just come back, of its full one: cold caches make it slow, and a rush slower still.
const FIRST_SHARE: f64 = 0.1;

/// Whether a worker may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// It may.
    #[default]
    Usable,
    /// It answers, but badly: only while more than half of its tier stands like that.
    Ejected,
    /// It does not answer, or an operator has taken it out.
    Out,
}

/// Counters of one worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// May be chosen.
    pub standing: Standing,
    /// When it became usable again; none: it has been from the start.
    pub back_since_ms: Option<u64>,
    /// Given to it and not yet wholly answered.
    pub in_flight: u64,
    /// Given to it since the start.
    pub requests: u64,
    /// Of those: ended without a whole answer.
    pub failures: u64,
}

/// What is known of a request that needs a worker.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Its kind.
    pub traffic: Traffic,
    /// Workers that have had it already.
    pub tried: &'a [WorkerIndex],
    /// The node that asks, as far as it is known.
    pub certname: Option<&'a str>,
    /// Differs from request to request.
    pub dice: u64,
    /// Now, milliseconds.
    pub now_ms: u64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Counted as given to this one.
    Given(WorkerIndex),
    /// Those that could take it have as many as they may.
    Full,
    /// There is none.
    Nobody,
}

/// The workers of an estate, in configured order.
#[derive(Debug, Clone)]
pub struct Pool {
    names: Vec<String>,
    places: Vec<Place>,
    workers: Vec<Load>,
    balance: Balance,
    slow_start_ms: u64,
    /// For [`Balance::RoundRobin`].
    turns: Vec<i64>,
    /// Where the search for the next worker begins.
    next: WorkerIndex,
}

impl Pool {
    /// A pool of workers with these names and places, all usable until something is known against them. One that
    /// comes back gets its full share after `slow_start_ms`.
    pub fn new(workers: Vec<(String, Place)>, balance: Balance, slow_start_ms: u64) -> Self {
        let (names, places): (Vec<_>, Vec<_>) = workers.into_iter().unzip();
        let loads = vec![Load::default(); names.len()];
        Self { turns: vec![0; names.len()], names, places, workers: loads, balance, slow_start_ms, next: 0 }
    }

    /// Spreads requests another way from now on.
    pub fn set_manner(&mut self, balance: Balance, slow_start_ms: u64) {
        self.balance = balance;
        self.slow_start_ms = slow_start_ms;
    }

    /// One more worker, that may not be chosen yet: in the place of one that has nothing left to do, or at the end.
    pub fn admit(&mut self, free: Option<WorkerIndex>, name: String, place: Place) -> WorkerIndex {
        let load = Load { standing: Standing::Out, ..Load::default() };
        match free {
            Some(index) => {
                self.names[index] = name;
                self.places[index] = place;
                self.workers[index] = load;
                self.turns[index] = 0;
                index
            }
            None => {
                self.names.push(name);
                self.places.push(place);
                self.workers.push(load);
                self.turns.push(0);
                self.names.len() - 1
            }
        }
    }

    /// Gives `index` another place.
    pub fn set_place(&mut self, index: WorkerIndex, place: Place) {
        self.places[index] = place;
    }

    /// Chooses a worker and counts the request as given to it: one step, so that two simultaneous requests see each
    /// other. The lowest tier that has a usable worker serves; one whose workers are all full is not left for it.
    pub fn begin(&mut self, ask: Ask<'_>) -> Choice {
        // Ejecting is for exceptions. When most of a tier are, it is the requests or the network, and sending
        // everything to the few that are left would only finish them off.
        let any_ejected = self.workers.iter().any(|load| load.standing == Standing::Ejected);
        let looked_at = if any_ejected { self.workers.len() } else { 0 };
        let open_to_ejected: Vec<bool> = (0..looked_at).map(|at| self.fails_open(at)).collect();
        let may = |index: WorkerIndex, load: &Load| match load.standing {
            Standing::Usable => true,
            Standing::Ejected => open_to_ejected[index],
            Standing::Out => false,
        };
        self.give(&ask, may)
    }

    /// As [`Pool::begin`] among the workers that may *not* be chosen but for which `permitted` says that trying does no
    /// harm: the last resort before giving up, since a probe's view is a fraction of a second old.
    pub fn begin_desperate(&mut self, ask: Ask<'_>, permitted: impl Fn(WorkerIndex) -> bool) -> Choice {
        self.give(&ask, |index, load| load.standing != Standing::Usable && permitted(index))
    }

    /// The request given to `index` is over.
    pub fn end(&mut self, index: WorkerIndex, failed: bool) {
        let load = &mut self.workers[index];
        load.in_flight -= 1;
        load.failures += u64::from(failed);
    }

    /// Whether `index` may be chosen from now on.
    pub fn set_standing(&mut self, index: WorkerIndex, standing: Standing, now_ms: u64) {
        let load = &mut self.workers[index];
        if standing == Standing::Usable && load.standing != Standing::Usable {
            load.back_since_ms = Some(now_ms);
        }
        load.standing = standing;
    }

    /// Counters of one worker.
    pub fn load(&self, index: WorkerIndex) -> &Load {
        &self.workers[index]
    }

    /// What `index` takes.
    pub fn place(&self, index: WorkerIndex) -> &Place {
        &self.places[index]
    }

    fn fails_open(&self, index: WorkerIndex) -> bool {
        let tier = self.places[index].tier;
        let count = |standing| {
            let same = |(place, load): &(&Place, &Load)| place.tier == tier && load.standing == standing;
            self.places.iter().zip(&self.workers).filter(same).count()
        };
        count(Standing::Ejected) > count(Standing::Usable)
    }

    fn give(&mut self, ask: &Ask<'_>, may: impl Fn(WorkerIndex, &Load) -> bool) -> Choice {
        let size = self.workers.len();
        let serving = |index: &WorkerIndex| {
            self.places[*index].serves.contains(&ask.traffic)
                && !ask.tried.contains(index)
                && may(*index, &self.workers[*index])
        };
        let all: Vec<WorkerIndex> = (0..size).map(|step| (self.next + step) % size).filter(serving).collect();
        let Some(tier) = all.iter().map(|index| self.places[*index].tier).min() else {
            return Choice::Nobody;
        };
        let (workers, slow_start_ms) = (&self.workers, self.slow_start_ms);
        let candidates: Vec<Candidate<'_>> = all
            .into_iter()
            .filter(|index| self.places[*index].tier == tier)
            .filter(|index| self.places[*index].most.is_none_or(|most| workers[*index].in_flight < most))
            .map(|index| Candidate {
                index,
                name: &self.names[index],
                share: share(&self.places[index], &workers[index], slow_start_ms, ask.now_ms),
                in_flight: workers[index].in_flight,
            })
            .collect();
        let circumstances = Circumstances { certname: ask.certname, dice: ask.dice };
        let chosen = choose(self.balance, &candidates, circumstances, &mut self.turns);
        let Some(chosen) = chosen.map(|at| candidates[at].index) else { return Choice::Full };
        let load = &mut self.workers[chosen];
        load.in_flight += 1;
        load.requests += 1;
        self.next = (chosen + 1) % size;
        Choice::Given(chosen)
    }
}

/// In thousandths of a weight of 1.
fn share(place: &Place, load: &Load, slow_start_ms: u64, now_ms: u64) -> u64 {
    let full = u64::from(place.weight.max(1)) * 1000;
    let Some(since) = load.back_since_ms.filter(|_| slow_start_ms > 0) else { return full };
    let part = now_ms.saturating_sub(since) as f64 / slow_start_ms as f64;
    if part >= 1.0 { full } else { (full as f64 * part.max(FIRST_SHARE)) as u64 }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use proptest::prelude::*;

    use super::*;

    fn pool(size: usize) -> Pool {
        let worker = |index: usize| (format!("w{index}"), Place::default());
        Pool::new((0..size).map(worker).collect(), Balance::default(), 0)
    }

    fn placed(places: Vec<Place>, slow_start_ms: u64) -> Pool {
        let named = places.into_iter().enumerate().map(|(index, place)| (format!("w{index}"), place));
        Pool::new(named.collect(), Balance::default(), slow_start_ms)
    }

    fn ask(tried: &[WorkerIndex]) -> Ask<'_> {
        Ask { traffic: Traffic::Catalog, tried, certname: None, dice: 7, now_ms: 0 }
    }

    fn given(choice: Choice) -> WorkerIndex {
        let Choice::Given(index) = choice else { panic!("{choice:?}") };
        index
    }

    #[test]
    fn ties_are_rotated() {
        let mut pool = pool(3);
        let mut order = Vec::new();
        for _ in 0..6 {
            let chosen = given(pool.begin(ask(&[])));
            order.push(chosen);
            pool.end(chosen, false);
        }
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_slow_worker_gets_little() {
        // Worker 0 needs 40 ticks for a request, worker 1 needs 2; one request arrives per tick.
        let mut pool = pool(2);
        let mut running: VecDeque<(u32, WorkerIndex)> = VecDeque::new();
        for tick in 0..400u32 {
            while let Some(at) = running.iter().position(|(done, _)| *done <= tick) {
                let (_, worker) = running.remove(at).unwrap();
                pool.end(worker, false);
            }
            let worker = given(pool.begin(ask(&[])));
            running.push_back((tick + if worker == 0 { 40 } else { 2 }, worker));
        }
        let (slow, quick) = (pool.load(0).requests, pool.load(1).requests);
        assert!(quick > 8 * slow, "slow {slow}, quick {quick}");
    }

    #[test]
    fn unusable_and_tried_ones_are_left_out() {
        let mut pool = pool(3);
        pool.set_standing(1, Standing::Out, 0);
        assert_eq!(pool.begin(ask(&[0])), Choice::Given(2));
        assert_eq!(pool.begin(ask(&[0, 2])), Choice::Nobody);
        assert_eq!(pool.begin_desperate(ask(&[0, 2]), |_| true), Choice::Given(1));
        assert_eq!(pool.begin_desperate(ask(&[0, 2]), |_| false), Choice::Nobody);
        assert_eq!(self::pool(0).begin(ask(&[])), Choice::Nobody);
    }

    #[test]
    fn a_hot_standby_works_only_while_nobody_before_it_does() {
        let mut pool = placed(vec![Place::default(), Place { tier: 1, ..Place::default() }], 0);
        for _ in 0..5 {
            assert_eq!(given(pool.begin(ask(&[]))), 0);
        }
        assert_eq!(given(pool.begin(ask(&[0]))), 1, "for a request that the first one has had");
        pool.set_standing(0, Standing::Out, 0);
        assert_eq!(given(pool.begin(ask(&[]))), 1);
        pool.set_standing(0, Standing::Usable, 9);
        assert_eq!(given(pool.begin(ask(&[]))), 0);
    }

    #[test]
    fn a_full_tier_makes_requests_wait_instead_of_using_up_the_standby() {
        let narrow = Place { most: Some(2), ..Place::default() };
        let mut pool = placed(vec![narrow, Place { tier: 1, ..Place::default() }], 0);
        for _ in 0..2 {
            assert_eq!(given(pool.begin(ask(&[]))), 0);
        }
        assert_eq!(pool.begin(ask(&[])), Choice::Full);
        pool.end(0, false);
        assert_eq!(given(pool.begin(ask(&[]))), 0);
    }

    #[test]
    fn each_kind_of_traffic_finds_those_who_take_it() {
        let only = |traffic| Place { serves: vec![traffic], ..Place::default() };
        let mut pool = placed(vec![only(Traffic::Catalog), only(Traffic::Files)], 0);
        for _ in 0..3 {
            assert_eq!(given(pool.begin(Ask { traffic: Traffic::Files, ..ask(&[]) })), 1);
            assert_eq!(given(pool.begin(ask(&[]))), 0);
        }
        assert_eq!(pool.begin(Ask { traffic: Traffic::Reports, ..ask(&[]) }), Choice::Nobody);
    }

    #[test]
    fn weights_are_shares_of_the_load() {
        let heavy = Place { weight: 3, ..Place::default() };
        let mut pool = placed(vec![heavy, Place::default()], 0);
        let chosen: Vec<usize> = (0..8).map(|_| given(pool.begin(ask(&[])))).collect();
        assert_eq!(chosen.iter().filter(|index| **index == 0).count(), 6, "{chosen:?}");
    }

    #[test]
    fn who_comes_back_gets_little_at_first() {
        let mut pool = placed(vec![Place::default(), Place::default()], 10_000);
        pool.set_standing(1, Standing::Out, 0);
        pool.set_standing(1, Standing::Usable, 1000);
        let share_at = |now_ms: u64| {
            let mut pool = pool.clone();
            let chosen = (0..110).map(|_| given(pool.begin(Ask { now_ms, ..ask(&[]) })));
            chosen.filter(|index| *index == 1).count()
        };
        assert_eq!([share_at(1000), share_at(6000), share_at(11_000)], [10, 37, 55]);
    }

    #[test]
    fn the_ejected_are_used_when_most_of_their_tier_are() {
        let mut pool = pool(4);
        pool.set_standing(0, Standing::Ejected, 0);
        pool.set_standing(1, Standing::Ejected, 0);
        let chosen: Vec<usize> = (0..4).map(|_| given(pool.begin(ask(&[])))).collect();
        assert_eq!(chosen, [2, 3, 2, 3]);
        pool.set_standing(2, Standing::Ejected, 0);
        let chosen: BTreeSet<usize> = (0..8).map(|_| given(pool.begin(ask(&[])))).collect();
        assert_eq!(chosen.len(), 4, "all of them are better than one alone");
        // The last that answers at all is never out of use.
        for index in [0, 1, 3] {
            pool.set_standing(index, Standing::Out, 0);
        }
        assert_eq!(given(pool.begin(ask(&[]))), 2);
    }

    proptest! {
        #[test]
        fn nobody_has_two_more_than_a_usable_peer_who_was_there_throughout(steps in prop::collection::vec(0usize..8, 1..200)) {
            let mut pool = pool(4);
            let mut open = Vec::new();
            for step in steps {
                if step < 5 || open.is_empty() {
                    let chosen = given(pool.begin(ask(&[])));
                    let least = (0..4).map(|i| pool.load(i).in_flight).min().unwrap();
                    prop_assert!(pool.load(chosen).in_flight <= least + 1);
                    open.push(chosen);
                } else {
                    let worker = open.swap_remove(step % open.len());
                    pool.end(worker, step == 7);
                }
            }
            let total: u64 = (0..4).map(|i| pool.load(i).in_flight).sum();
            prop_assert_eq!(total, open.len() as u64);
        }
    }
}
