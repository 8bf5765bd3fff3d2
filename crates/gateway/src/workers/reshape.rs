//! Another configuration while requests are under way: workers that leave finish what they have, workers that join are
//! probed before they get anything, those that stay notice nothing.

use std::sync::Arc;

use super::{Policy, Seat, Workers, event_of};
use crate::ejection::Ejection;
use crate::health::{Event, Health};
use crate::pool::{Place, WorkerIndex};
use crate::settings::WorkerAddress;

/// What a new configuration did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reshaped {
    /// Workers that joined: somebody must probe them.
    pub joined: Vec<WorkerIndex>,
    /// Workers that left: nobody need probe them any more.
    pub left: Vec<WorkerIndex>,
}

impl Workers {
    /// Takes over workers and policy of a new configuration. A worker is the same when name, address and certname are.
    /// `reach` is told of each that joins, before it can be chosen, so that there is a way to it.
    pub fn reshape(
        &self,
        workers: Vec<(WorkerAddress, Place)>,
        policy: Policy,
        mut reach: impl FnMut(WorkerIndex, &WorkerAddress),
    ) -> Reshaped {
        // Held to the end: an operator's word about a worker must not fall between.
        let aside = self.aside.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut reshaped = Reshaped::default();
        {
            let mut inner = self.lock();
            let now_ms = self.clock.now_ms();
            let mut seats: Vec<Arc<Seat>> = self.seats.load().iter().cloned().collect();
            inner.pool.set_manner(policy.balance, policy.slow_start_ms());
            let stays = |seat: &Seat| workers.iter().position(|(address, _)| *address == *seat.address);
            let mut known = Vec::new();
            for (index, seat) in seats.iter().enumerate().filter(|(index, _)| !inner.retired[*index]) {
                match stays(seat) {
                    Some(at) => known.push((at, index)),
                    None => reshaped.left.push(index),
                }
            }
            for index in &reshaped.left {
                inner.retired[*index] = true;
                // Whoever serves nothing is never chosen again.
                inner.pool.set_place(*index, Place { serves: Vec::new(), ..Place::default() });
            }
            for (at, (address, place)) in workers.into_iter().enumerate() {
                if let Some((_, index)) = known.iter().find(|(known, _)| *known == at) {
                    inner.pool.set_place(*index, place);
                    continue;
                }
                let free = (0..seats.len()).find(|index| {
                    inner.retired[*index]
                        && inner.pool.load(*index).in_flight == 0
                        && !reshaped.left.contains(index)
                });
                let index = inner.pool.admit(free, address.name.clone(), place);
                reach(index, &address);
                let (health, ejection, seat) =
                    (Health::joining(now_ms), Ejection::default(), Seat::new(address));
                match free {
                    Some(_) => {
                        inner.retired[index] = false;
                        inner.health[index] = health;
                        inner.ejection[index] = ejection;
                        seats[index] = seat;
                    }
                    None => {
                        inner.retired.push(false);
                        inner.health.push(health);
                        inner.ejection.push(ejection);
                        seats.push(seat);
                    }
                }
                reshaped.joined.push(index);
            }
            self.policy.store(Arc::new(policy));
            self.seats.store(Arc::new(seats));
        }
        for index in &reshaped.left {
            self.observe(*index, Event::Drain);
        }
        for index in &reshaped.joined {
            let address = self.address(*index);
            self.error_log.say(format!(
                "Catalog worker {} ({}) is new: it gets requests once it answers two probes",
                address.name, address.address
            ));
            if let Some(usage) = aside.get(&address.name) {
                self.observe(*index, event_of(*usage));
            }
        }
        // Those who wait look again: there may be room now, or nobody.
        self.free.iter().for_each(tokio::sync::Notify::notify_waiters);
        reshaped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::protocol::internal::{Usage, WorkerState};

    use super::*;
    use crate::clock::Clock;
    use crate::error_log::ErrorLog;
    use crate::pool::Traffic;
    use crate::settings::Tuning;
    use crate::workers::{Unassigned, UsageFile, Want};

    fn address(name: &str) -> WorkerAddress {
        WorkerAddress { name: name.into(), address: format!("{name}:1"), certname: name.into() }
    }

    fn list(names: &[&str]) -> Vec<(WorkerAddress, Place)> {
        names.iter().map(|name| (address(name), Place::default())).collect()
    }

    fn policy() -> Policy {
        Policy { slow_start: Duration::ZERO, ..Policy::from(&Tuning::default()) }
    }

    fn want(tried: &[WorkerIndex]) -> Want<'_> {
        Want { traffic: Traffic::Catalog, tried, certname: None, dice: 1 }
    }

    fn workers(dir: &std::path::Path, names: &[&str]) -> Arc<Workers> {
        let log = Arc::new(ErrorLog::open(&dir.join("error.log")).unwrap());
        let file = UsageFile::new(dir.join("workers.json"));
        Arc::new(Workers::new(list(names), policy(), Clock::start(), log, file).unwrap())
    }

    fn states(workers: &Workers) -> Vec<(String, WorkerState, u64)> {
        workers.status().into_iter().map(|one| (one.name, one.state, one.in_flight)).collect()
    }

    #[tokio::test]
    async fn who_leaves_finishes_and_who_joins_is_probed_first() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), &["a", "b"]);
        let with_a = workers.assign(want(&[1])).await.unwrap();
        assert_eq!(with_a.index(), 0);
        let mut reached = Vec::new();
        let reshaped =
            workers.reshape(list(&["b", "c"]), policy(), |index, to| reached.push((index, to.name.clone())));
        assert_eq!(reshaped, Reshaped { joined: vec![2], left: vec![0] });
        assert_eq!(reached, [(2, "c".to_owned())]);
        // The one that left has its request still, the new one is not used yet.
        assert_eq!(states(&workers)[0], ("a".into(), WorkerState::Draining, 1));
        for _ in 0..4 {
            assert_eq!(workers.assign(want(&[])).await.unwrap().index(), 1);
        }
        workers.observe(2, Event::ProbeAnswered);
        workers.observe(2, Event::ProbeAnswered);
        assert_eq!(workers.assign(want(&[1])).await.unwrap().index(), 2);
        drop(with_a);
        assert_eq!(states(&workers).len(), 2, "what has left and has nothing to do is gone");
        assert_eq!(workers.assign(want(&[1, 2])).await.unwrap_err(), Unassigned::Nobody);
        // Nothing of the one that left is remembered in its place.
        let reshaped = workers.reshape(list(&["b", "c", "d"]), policy(), |_, _| {});
        assert_eq!(reshaped, Reshaped { joined: vec![0], left: vec![] });
        assert_eq!(workers.address(0).name, "d");
        assert_eq!(states(&workers)[0], ("d".into(), WorkerState::Down, 0));
    }

    #[tokio::test]
    async fn what_an_operator_said_of_a_worker_holds_when_it_joins_again() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), &["a", "b"]);
        workers.set_usage("a", Usage::Maintenance).unwrap();
        workers.reshape(list(&["b"]), policy(), |_, _| {});
        assert!(workers.set_usage("a", Usage::InUse).unwrap().is_none(), "there is no such worker now");
        workers.reshape(list(&["b", "a"]), policy(), |_, _| {});
        let a = states(&workers).into_iter().find(|(name, ..)| name == "a").unwrap();
        assert_eq!(a.1, WorkerState::Maintenance);
    }

    #[tokio::test]
    async fn another_place_holds_for_the_next_request() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), &["a", "b"]);
        let second = Place { tier: 1, ..Place::default() };
        let places = vec![(address("a"), second), (address("b"), Place::default())];
        assert_eq!(workers.reshape(places, policy(), |_, _| {}), Reshaped::default());
        for _ in 0..4 {
            assert_eq!(workers.assign(want(&[])).await.unwrap().index(), 1);
        }
    }
}
