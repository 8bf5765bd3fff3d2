//! What `GET /metrics` shows, in its order.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::exposition::{Kind, Page};
use super::listener::{self, Listener};
use super::{BOUNDS, CODES, Metrics, ROUTES};
use crate::status::Status;
use wire::access_log::End;
use wire::protocol::internal::WorkerState;

/// When a certificate ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Whose it is.
    pub name: String,
    /// Unix seconds.
    pub at: i64,
}

/// Limits, and what came of them.
#[derive(Debug, Clone)]
pub struct LimitsSeen {
    /// How often each was hit, by name.
    pub hits: Vec<(&'static str, u64)>,
    /// Open connections.
    pub open: u64,
    /// Bytes of bodies held in memory.
    pub memory: usize,
}

/// The page. `certificates`: what this front end trusts and shows.
pub fn page(
    metrics: &Metrics,
    status: &Status,
    certificates: &[Ends],
    listener: &Listener<'_>,
    limits_seen: &LimitsSeen,
) -> String {
    let mut page = Page::default();
    let help = "1, with the version that runs.";
    page.family("bunraku_build_info", Kind::Gauge, help).sample(
        "",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1.0,
    );
    authority(&mut page, status);
    failovers(&mut page, status);
    let help = "End of a certificate, Unix time.";
    let mut family = page.family("bunraku_certificate_not_after_seconds", Kind::Gauge, help);
    for end in certificates {
        family.sample("", &[("subject", &end.name)], end.at as f64);
    }
    listener::families(&mut page, listener);
    requests(&mut page, metrics);
    workers(&mut page, status);
    limits(&mut page, limits_seen);
    page.finish()
}

fn limits(page: &mut Page, seen: &LimitsSeen) {
    let help = "Times that a limit of the front end was hit.";
    let mut family = page.family("bunraku_limit_hits_total", Kind::Counter, help);
    for (limit, count) in &seen.hits {
        family.sample("", &[("limit", limit)], *count as f64);
    }
    let help = "Connections of clients, unfinished handshakes included.";
    page.single("bunraku_sockets_open", Kind::Gauge, help, seen.open as f64);
    let help = "Bytes of messages that are held in memory, so that they can be sent again.";
    page.single("bunraku_body_memory_bytes", Kind::Gauge, help, seen.memory as f64);
}

fn authority(page: &mut Page, status: &Status) {
    let ca = &status.ca;
    page.single(
        "bunraku_ca_epoch",
        Kind::Gauge,
        "Epoch of the register; 0 while it has none.",
        status.epoch as f64,
    );
    let active = f64::from(u8::from(ca.active.is_some()));
    page.single(
        "bunraku_ca_active",
        Kind::Gauge,
        "1 while CA requests are answered, 0 while they are held.",
        active,
    );
    let in_sync = ca.members.iter().filter(|member| member.member.in_sync).count();
    page.single(
        "bunraku_ca_in_sync_members",
        Kind::Gauge,
        "CA members that have everything that was acknowledged.",
        in_sync as f64,
    );
    let successor = f64::from(u8::from(ca.successor.is_some()));
    page.single(
        "bunraku_ca_successor",
        Kind::Gauge,
        "1 when another CA could take over now without losing anything.",
        successor,
    );
    page.single(
        "bunraku_register_answers",
        Kind::Gauge,
        "1 while the register can be read and changed; 0: nothing can fail over.",
        f64::from(u8::from(status.register.answers)),
    );
    if status.register.kind == "etcd" {
        page.single(
            "bunraku_front_ends",
            Kind::Gauge,
            "Live front ends that share the register, as last read.",
            status.front_ends.len() as f64,
        );
    }
    let mut primary =
        page.family("bunraku_ca_is_primary", Kind::Gauge, "1 for the CA member that answers requests.");
    for member in &ca.members {
        let is = ca.active.as_deref() == Some(&member.member.name);
        primary.sample("", &[("member", &member.member.name)], f64::from(u8::from(is)));
    }
    let mut in_sync = page.family("bunraku_ca_in_sync", Kind::Gauge, "1 for a CA member in the in-sync set.");
    for member in &ca.members {
        in_sync.sample("", &[("member", &member.member.name)], f64::from(u8::from(member.member.in_sync)));
    }
    let mut position = page.family("bunraku_ca_log_entries", Kind::Gauge, "Entries of a CA member's log.");
    for member in &ca.members {
        position.sample("", &[("member", &member.member.name)], member.member.position as f64);
    }
    let mut entries =
        page.family("bunraku_ca_lag_entries", Kind::Gauge, "Entries that a CA member is behind the primary.");
    for member in &ca.members {
        if let Some(lag) = member.lag_entries {
            entries.sample("", &[("member", &member.member.name)], lag as f64);
        }
    }
    let mut seconds =
        page.family("bunraku_ca_lag_seconds", Kind::Gauge, "For how long a CA member has been behind.");
    for member in &ca.members {
        if let Some(lag) = member.lag_seconds {
            seconds.sample("", &[("member", &member.member.name)], lag);
        }
    }
}

fn failovers(page: &mut Page, status: &Status) {
    let ca = &status.ca;
    let mut totals =
        page.family("bunraku_ca_failovers_total", Kind::Counter, "Changes of the active CA, by cause.");
    for (cause, count) in &ca.failover_totals {
        totals.sample("", &[("cause", cause)], *count as f64);
    }
    if let Some(last) = &ca.last_failover {
        let help = "Time without an active CA at the last change of it.";
        page.single(
            "bunraku_ca_last_failover_duration_seconds",
            Kind::Gauge,
            help,
            last.duration_ms as f64 / 1000.0,
        );
        if let Ok(at) = last.at.parse::<jiff::Timestamp>() {
            let help = "When the active CA last changed, Unix time.";
            page.single("bunraku_ca_last_failover_seconds", Kind::Gauge, help, at.as_second() as f64);
        }
    }
    page.single(
        "bunraku_ca_requests_held",
        Kind::Gauge,
        "CA requests that wait for an active CA now.",
        ca.held as f64,
    );
    let help = "CA requests that have had to wait for an active CA.";
    page.single("bunraku_ca_requests_held_total", Kind::Counter, help, ca.held_total as f64);
    let help = "CA requests that waited for an active CA in vain.";
    page.single("bunraku_ca_requests_timed_out_total", Kind::Counter, help, ca.timed_out_total as f64);
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let help =
        "Requests answered, by kind, by who answered (- is the front end) and by class of status code.";
    let mut family = page.family("bunraku_requests_total", Kind::Counter, help);
    for (r, route) in ROUTES.iter().enumerate() {
        for row in metrics.workers.load().iter() {
            for (c, code) in CODES.iter().enumerate() {
                let count = row.requests[r][c].load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("route", *route), ("worker", &row.worker), ("code", code)];
                    family.sample("", &labels, count as f64);
                }
            }
        }
    }
    let help = "Time until the head of the answer, holding included.";
    let mut family = page.family("bunraku_request_duration_seconds", Kind::Histogram, help);
    for (r, route) in ROUTES.iter().enumerate() {
        for row in metrics.workers.load().iter() {
            let (latency, worker) = (&row.latencies[r], &row.worker);
            let counts: Vec<u64> = latency.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
            if counts.iter().all(|count| *count == 0) {
                continue;
            }
            let mut sum = 0;
            for (number, count) in counts.iter().enumerate() {
                sum += count;
                let bound = BOUNDS.get(number).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
                let labels = [("route", *route), ("worker", worker), ("le", &bound)];
                family.sample("_bucket", &labels, sum as f64);
            }
            let seconds = latency.micros.load(Ordering::Relaxed) as f64 / 1e6;
            family.sample("_sum", &[("route", route), ("worker", worker)], seconds);
            family.sample("_count", &[("route", route), ("worker", worker)], sum as f64);
        }
    }
    let help = "Requests that came and have no answer yet.";
    page.single("bunraku_requests_in_flight", Kind::Gauge, help, metrics.in_flight() as f64);
    let help = "Further attempts: requests that were given to another worker, or to the same one again.";
    let mut family = page.family("bunraku_retries_total", Kind::Counter, help);
    for (route, count) in ROUTES.iter().zip(&metrics.retries) {
        family.sample("", &[("route", route)], count.load(Ordering::Relaxed) as f64);
    }
    let help = "Requests that ended otherwise than with a worker's or the front end's whole answer, by how.";
    let mut family = page.family("bunraku_requests_ended_total", Kind::Counter, help);
    for (end, count) in End::ALL.iter().zip(&metrics.ends).filter(|(end, _)| **end != End::Complete) {
        family.sample("", &[("end", end.as_str())], count.load(Ordering::Relaxed) as f64);
    }
}

/// A worker as its label has it. After a reload there can be two of a name: the one whose address is no longer configured
/// finishes what it has, beside the one that has taken its place. A series must not be there twice.
#[derive(Debug, Default)]
struct Seen {
    up: bool,
    ejected: bool,
    in_flight: u64,
    failures: u64,
}

fn by_name(status: &Status) -> BTreeMap<&str, Seen> {
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    for worker in &status.workers {
        let one = seen.entry(&worker.name).or_default();
        one.up |= worker.state == WorkerState::Up;
        one.ejected |= worker.state == WorkerState::Ejected;
        one.in_flight += worker.in_flight;
        one.failures += worker.failures;
    }
    seen
}

fn workers(page: &mut Page, status: &Status) {
    let workers = by_name(status);
    let mut each = |name, kind, help: &str, value: fn(&Seen) -> f64| {
        let mut family = page.family(name, kind, help);
        for (worker, seen) in &workers {
            family.sample("", &[("worker", worker)], value(seen));
        }
    };
    let help = "1 for a catalog worker that takes requests.";
    each("bunraku_worker_up", Kind::Gauge, help, |seen| f64::from(u8::from(seen.up)));
    let help = "1 for a catalog worker that fails requests.";
    each("bunraku_worker_ejected", Kind::Gauge, help, |seen| f64::from(u8::from(seen.ejected)));
    let help = "Requests that a catalog worker is answering.";
    each("bunraku_worker_requests_in_flight", Kind::Gauge, help, |seen| seen.in_flight as f64);
    let help = "Requests and probes that a catalog worker failed.";
    each("bunraku_worker_failures_total", Kind::Counter, help, |seen| seen.failures as f64);
    let queue = &status.queue;
    let help = "Requests that wait for a catalog worker, because all have as many as they may.";
    page.single("bunraku_queue_waiting", Kind::Gauge, help, queue.waiting as f64);
    let help = "Requests that have had to wait for a catalog worker.";
    page.single("bunraku_queue_waited_total", Kind::Counter, help, queue.waited_total as f64);
    let help = "Requests answered 503: too many waited for a catalog worker, or for too long.";
    page.single("bunraku_queue_turned_away_total", Kind::Counter, help, queue.turned_away_total as f64);
}
