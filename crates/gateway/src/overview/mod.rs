//! The front end at this moment, for people: what the status page and `bunraku top` show.

mod mood;
mod watch;
mod window;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::protocol::internal::CaSummary;

pub use mood::Mood;
pub use watch::Watch;
pub use window::{Pace, Window};

use crate::clock;
use crate::front_end::FrontEnd;
use crate::status::Status;

/// All of it. Field names are a promise: docs/OBSERVING.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// When it was made; RFC 3339, UTC.
    pub at: String,
    /// The version that runs.
    pub version: String,
    /// Which deployment this is.
    pub cluster: String,
    /// The front end that speaks: its certname, which it shows everybody in its certificate.
    pub front_end: String,
    /// Seconds since it started.
    pub up_seconds: u64,
    /// How things are.
    pub mood: Mood,
    /// The same in a sentence.
    pub sentence: String,
    /// Its view of CA, workers, register and queue.
    pub status: Status,
    /// All requests of the last ten seconds.
    pub pace: Pace,
    /// Those of each worker and CA member, by name.
    pub paces: BTreeMap<String, Pace>,
    /// Requests per second of the last minute, second by second; the last is the newest.
    pub history: Vec<f64>,
    /// Requests that have no answer yet.
    pub in_flight: u64,
    /// Open TLS connections.
    pub connections: u64,
    /// What the active CA says; none: it has not said.
    pub ca: Option<CaSummary>,
    /// Lines of the access log that were lost.
    pub log_drops: u64,
}

impl Overview {
    /// As of now.
    pub fn of(front_end: &FrontEnd) -> Overview {
        let (paces, pace, history) = front_end.watch().paces();
        let (status, ca) = (front_end.status(), front_end.watch().summary());
        let (mood, sentence) = mood::of(&status, ca.as_ref());
        let names = front_end.metrics().names().into_iter();
        Overview {
            at: clock::wall_time(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: front_end.settings().cluster.clone(),
            front_end: front_end.settings().certname.clone(),
            up_seconds: front_end.watch().up_ms() / 1000,
            mood,
            sentence,
            status,
            pace,
            // The first is the front end itself.
            paces: names.zip(paces).skip(1).collect(),
            history,
            in_flight: front_end.metrics().in_flight(),
            connections: front_end.connections(),
            ca,
            log_drops: front_end.settings().access_log.dropped(),
        }
    }

    /// Without what only those need to know who may change something: where roles listen, and where the register is.
    pub fn for_everybody(mut self) -> Overview {
        self.status.ca.members.iter_mut().for_each(|member| member.member.address.clear());
        self.status.workers.iter_mut().for_each(|worker| worker.address.clear());
        self.status.register.endpoints.clear();
        self
    }
}
