//! Another configuration while the front end is at work.

use std::sync::{Arc, PoisonError};

use super::{FrontEnd, failback, timings};
use crate::probe;
use crate::reload::{NewCourse, Reloaded, Reread};
use crate::upstream::Upstream;
use crate::workers::Policy;

impl FrontEnd {
    /// Reads the configuration again and goes by it: all of it, or, when something is wrong, nothing of it. Connections
    /// and requests go on undisturbed.
    ///
    /// # Errors
    /// Everything that is wrong with it; then nothing has changed.
    pub async fn reload(&self) -> Result<Reloaded, Vec<String>> {
        let _turn = self.reloading.lock().await;
        let source = Arc::clone(&self.settings.reload);
        let read = tokio::task::spawn_blocking(move || source.read())
            .await
            .unwrap_or_else(|fault| Err(vec![fault.to_string()]));
        let told = match read {
            Ok(Reread { changes, notes, course, commit }) => {
                commit();
                self.follow(course).await;
                Ok(Reloaded { changes, notes })
            }
            Err(faults) => Err(faults),
        };
        self.error_log.say(match &told {
            Ok(told) if told.changes.is_empty() => "Configuration read again: nothing has changed".to_owned(),
            Ok(told) => format!("Configuration read again: {}", told.changes.join("; ")),
            Err(faults) => format!("Configuration refused, the old one goes on: {}", faults.join("; ")),
        });
        told
    }

    /// Goes by what a new configuration says.
    async fn follow(&self, course: NewCourse) {
        let NewCourse { catalog_workers, role_certnames, tuning, rules, limits } = course;
        self.limits.replace(limits);
        self.server_tls.set_client_verify(tuning.client_verify);
        self.settings.rules.replace(rules);
        self.roles.store(Arc::new(role_certnames));
        self.metrics.add(catalog_workers.iter().map(|(worker, _)| worker.name.as_str()));
        let policy = Policy::from(&tuning);
        let probe_timeout = tuning.worker_probe_timeout;
        self.supervisor.retune(failback(&tuning), timings(&tuning)).await;
        self.ca_route.tuning.store(Arc::new(tuning));
        let upstreams = &self.forwarder.upstreams;
        let reshaped = self.workers.reshape(catalog_workers, policy, |index, worker| {
            let mut ways: Vec<Arc<Upstream>> = upstreams.load().iter().cloned().collect();
            let way = self.ways.to(worker);
            if index < ways.len() {
                ways[index] = way;
            } else {
                ways.push(way);
            }
            upstreams.store(Arc::new(ways));
        });
        let lock = |poisoned: PoisonError<_>| poisoned.into_inner();
        let mut probers = self.probers.lock().unwrap_or_else(lock);
        for index in reshaped.left {
            if let Some(prober) = probers.remove(&index) {
                prober.abort();
            }
        }
        let mut tasks = self._tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for index in reshaped.joined {
            let upstream = Arc::clone(&upstreams.load()[index]);
            let probing = probe::watch(Arc::clone(&self.workers), index, upstream, probe_timeout);
            probers.insert(index, tasks.spawn(probing));
        }
        // Those that were ended leave their remains otherwise.
        while tasks.try_join_next().is_some() {}
    }
}
