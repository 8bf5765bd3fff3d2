//! What a front end shows of itself: its status, and its metrics.

use std::sync::atomic::Ordering;

use replica::monitor::{MemberState, View};
use wire::protocol::internal::{MemberState as PublicState, MemberStatus};
use wire::tls::ClientVerify;

use super::FrontEnd;
use crate::metrics::{self, Ends, LimitsSeen, Listener};
use crate::outlook;
use crate::settings::CaKind;
use crate::status::{CaMemberStatus, CaStatus, FrontEndStatus, RegisterStatus, Status};

impl FrontEnd {
    /// What it knows.
    pub fn status(&self) -> Status {
        let outlook = self.supervisor.outlook();
        let view = &outlook.view;
        let register = self.register.status();
        let lone_answers =
            self.settings.ca_kind == CaKind::PuppetServer && self.helm.course().target.is_some();
        let lone = lone_answers.then(|| self.settings.ca_members.first().map(|lone| lone.name.clone()));
        let members = self.settings.ca_members.iter().map(|address| {
            let seen = view.members.iter().find(|member| member.name.as_str() == address.name);
            let state = match seen.map(|member| member.state) {
                None if lone_answers => PublicState::Active,
                Some(MemberState::Active) => PublicState::Active,
                Some(MemberState::Standby) => PublicState::Standby,
                Some(MemberState::CatchingUp) => PublicState::CatchingUp,
                Some(MemberState::Down) | None => PublicState::Down,
            };
            let report = seen.and_then(|member| member.report.as_ref());
            CaMemberStatus {
                member: MemberStatus {
                    name: address.name.clone(),
                    address: address.address.clone(),
                    state,
                    in_sync: seen.is_some_and(|member| member.in_sync),
                    position: report.map_or(0, |report| report.position.index),
                },
                cause: seen.and_then(|member| member.cause.clone()),
                lag_entries: seen.and_then(|member| member.lag),
                lag_seconds: seen.and_then(|member| member.lag_ms).map(seconds),
                silent_seconds: seen.and_then(|member| member.silent_ms).map(seconds),
                out_of_sync_since: outlook.record.left_in_sync.get(&address.name).cloned(),
                held_back: seen.is_some_and(|member| member.maintained),
                level: report.map(|report| report.level),
            }
        });
        Status {
            epoch: view.epoch.0,
            ca: CaStatus {
                active: view.active.as_ref().map(ToString::to_string).or(lone.flatten()),
                members: members.collect(),
                held: self.helm.held(),
                held_total: self.helm.held_total(),
                timed_out_total: self.helm.waited().timed_out,
                last_failover: outlook.last_failover().cloned(),
                failovers: outlook.record.failovers.iter().cloned().collect(),
                failover_totals: outlook.record.totals.clone(),
                if_primary_died: self.if_primary_died(view, lone_answers),
                obstacle: view.hold.as_ref().map(ToString::to_string),
                successor: view.successor.as_ref().map(ToString::to_string),
            },
            workers: self.workers.status(),
            warnings: self.warnings(view, &register),
            register,
            front_ends: view
                .front_ends
                .iter()
                .map(|sight| FrontEndStatus {
                    name: sight.front_end.to_string(),
                    epoch: sight.epoch.0,
                    down: sight.down.iter().map(|(name, why)| (name.to_string(), why.clone())).collect(),
                })
                .collect(),
            queue: self.workers.queue().into(),
            requests_total: self.requests.load(Ordering::Relaxed),
        }
    }

    /// Prometheus' text.
    pub fn metrics_page(&self) -> String {
        let own = self.settings.identity.certificate();
        let certificates = self.settings.trust.certificates().into_iter().chain([own]);
        let certificates: Vec<Ends> = certificates
            .map(|certificate| Ends { name: certificate.subject_rfc2253(), at: certificate.not_after() })
            .collect();
        let listener = Listener {
            tls: self.server_tls.counts(),
            client_verify: self.server_tls.client_verify(),
            lists: &self.settings.trust.list_ends(),
            now: jiff::Timestamp::now().as_second(),
            log_drops: self.settings.access_log.dropped(),
            waiting: self.watch.summary().map(|summary| summary.waiting),
        };
        metrics::page(&self.metrics, &self.status(), &certificates, &listener, &self.limits())
    }

    /// Limits that exist, and what came of them so far.
    fn limits(&self) -> LimitsSeen {
        let own = [
            ("body-memory", self.forwarder.memory.refused()),
            ("ca-body-size", self.ca_route.too_long.load(Ordering::Relaxed)),
            ("worker-queue", self.workers.queue().turned_away),
            ("ca-hold", self.helm.waited().timed_out),
        ];
        LimitsSeen {
            hits: self.hits.all().chain(own).collect(),
            open: self.hits.open(),
            memory: self.forwarder.memory.used(),
        }
    }

    fn if_primary_died(&self, view: &View, lone_answers: bool) -> String {
        let hold = self.ca_route.tuning.load().ca_hold.as_secs();
        match (self.settings.ca_kind, self.settings.ca_members.first()) {
            (CaKind::PuppetServer, Some(lone)) => outlook::of_puppet_server(&lone.name, lone_answers, hold),
            _ => outlook::sentence(view, hold),
        }
    }

    fn warnings(&self, view: &View, register: &RegisterStatus) -> Vec<String> {
        let mut warnings = warnings(view, register);
        if self.server_tls.client_verify() == ClientVerify::Report {
            warnings.push(
                "client_verify = \"report\": clients whose certificates are revoked, expired or somebody else's are let in \
                 as clients without one; the access log says which"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// What cannot happen now, as sentences.
fn warnings(view: &View, register: &RegisterStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    if view.unreadable_since.is_none() {
        return warnings;
    }
    let cause = register.cause.as_deref().unwrap_or("etcd does not answer");
    let since = register.since.as_deref().unwrap_or("the start");
    warnings.push(format!(
        "no failover possible: {cause} (since {since}); serving goes on in epoch {}",
        view.epoch
    ));
    for member in &view.members {
        if member.in_sync && member.state == MemberState::Down && view.primary.as_ref() != Some(&member.name)
        {
            warnings.push(format!(
                "{} is down and cannot leave the in-sync set until the register answers: the CA changes nothing until \
                 one of them is back; reading goes on",
                member.name
            ));
        }
    }
    warnings
}
