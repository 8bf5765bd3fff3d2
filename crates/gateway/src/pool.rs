//! Which worker gets the next request: the one with the fewest unanswered ones.
//!
//! Pure bookkeeping. Least outstanding requests is what Puppet's own documents advise, because compile times differ
//! by orders of magnitude between nodes. Ties are rotated, or an idle estate would always use the first worker.

/// Index of a worker in its pool; stable for the life of the pool.
pub type WorkerIndex = usize;

/// Counters of one worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// May be chosen.
    pub usable: bool,
    /// Given to it and not yet wholly answered.
    pub in_flight: u64,
    /// Given to it since the start.
    pub requests: u64,
    /// Of those: ended without a whole answer.
    pub failures: u64,
}

/// The workers of one pool, in configured order.
#[derive(Debug, Clone)]
pub struct Pool {
    workers: Vec<Load>,
    /// Where the search for the next worker begins.
    next: WorkerIndex,
}

impl Pool {
    /// A pool of `size` workers, all usable until something is known against them.
    pub fn new(size: usize) -> Self {
        Self { workers: vec![Load { usable: true, ..Load::default() }; size], next: 0 }
    }

    /// The usable worker with the fewest requests in flight that is not in `tried`, and counts the request as given
    /// to it: choosing and counting are one step, so that two simultaneous requests see each other.
    pub fn begin(&mut self, tried: &[WorkerIndex]) -> Option<WorkerIndex> {
        let chosen = self.least(|index, load| load.usable && !tried.contains(&index))?;
        self.count(chosen);
        Some(chosen)
    }

    /// As [`Pool::begin`] among the workers that are *not* usable but for which `permitted` says that trying does no
    /// harm: the last resort before giving up, since a probe's view is a fraction of a second old.
    pub fn begin_desperate(
        &mut self,
        tried: &[WorkerIndex],
        permitted: impl Fn(WorkerIndex) -> bool,
    ) -> Option<WorkerIndex> {
        let chosen = self.least(|index, load| !load.usable && !tried.contains(&index) && permitted(index))?;
        self.count(chosen);
        Some(chosen)
    }

    /// The request given to `index` is over.
    pub fn end(&mut self, index: WorkerIndex, failed: bool) {
        let load = &mut self.workers[index];
        load.in_flight -= 1;
        load.failures += u64::from(failed);
    }

    /// Health says whether `index` may be chosen.
    pub fn set_usable(&mut self, index: WorkerIndex, usable: bool) {
        self.workers[index].usable = usable;
    }

    /// Counters of one worker.
    pub fn load(&self, index: WorkerIndex) -> &Load {
        &self.workers[index]
    }

    fn count(&mut self, chosen: WorkerIndex) {
        let load = &mut self.workers[chosen];
        load.in_flight += 1;
        load.requests += 1;
        self.next = (chosen + 1) % self.workers.len();
    }

    fn least(&self, eligible: impl Fn(WorkerIndex, &Load) -> bool) -> Option<WorkerIndex> {
        let size = self.workers.len();
        (0..size)
            .map(|step| (self.next + step) % size)
            .filter(|index| eligible(*index, &self.workers[*index]))
            // min_by_key keeps the first of equals, and the rotation decides which is first.
            .min_by_key(|index| self.workers[*index].in_flight)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_are_rotated() {
        let mut pool = Pool::new(3);
        let mut order = Vec::new();
        for _ in 0..6 {
            let chosen = pool.begin(&[]).unwrap();
            order.push(chosen);
            pool.end(chosen, false);
        }
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_slow_worker_gets_little() {
        // Worker 0 needs 40 ticks for a request, worker 1 needs 2; one request arrives per tick.
        let mut pool = Pool::new(2);
        let mut running: VecDeque<(u32, WorkerIndex)> = VecDeque::new();
        for tick in 0..400u32 {
            while let Some(at) = running.iter().position(|(done, _)| *done <= tick) {
                let (_, worker) = running.remove(at).unwrap();
                pool.end(worker, false);
            }
            let worker = pool.begin(&[]).unwrap();
            running.push_back((tick + if worker == 0 { 40 } else { 2 }, worker));
        }
        let (slow, quick) = (pool.load(0).requests, pool.load(1).requests);
        assert!(quick > 8 * slow, "slow {slow}, quick {quick}");
    }

    #[test]
    fn unusable_and_tried_ones_are_left_out() {
        let mut pool = Pool::new(3);
        pool.set_usable(1, false);
        assert_eq!(pool.begin(&[0]), Some(2));
        assert_eq!(pool.begin(&[0, 2]), None);
        assert_eq!(pool.begin_desperate(&[0, 2], |_| true), Some(1));
        assert_eq!(pool.begin_desperate(&[0, 2], |_| false), None);
        assert_eq!(Pool::new(0).begin(&[]), None);
    }

    proptest! {
        #[test]
        fn nobody_has_two_more_than_a_usable_peer_who_was_there_throughout(steps in prop::collection::vec(0usize..8, 1..200)) {
            let mut pool = Pool::new(4);
            let mut open = Vec::new();
            for step in steps {
                if step < 5 || open.is_empty() {
                    let chosen = pool.begin(&[]).unwrap();
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
