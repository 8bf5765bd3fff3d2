//! The picture once more as tables: for who hears the page, and for who copies figures from it.

use wire::protocol::internal::{MemberState, WorkerState};

use super::html::{Html, count, short, time};
use crate::overview::Overview;
use crate::status::CaMemberStatus;

pub(super) fn section(html: &mut Html, overview: &Overview) {
    html.raw("<section id=\"tables\" data-live aria-labelledby=\"tables-title\"><h2 id=\"tables-title\">As tables</h2>");
    html.raw("<div class=\"scroll\"><table><caption>Certificate authority, epoch ");
    html.number(overview.status.epoch);
    html.raw("</caption>");
    head(html, &["Member", "State", "In sync", "Log", "Behind", "Requests/s", "p50", "p99", "Address"]);
    for member in &overview.status.ca.members {
        let pace = overview.paces.get(&member.member.name).copied().unwrap_or_default();
        row(
            html,
            &member.member.name,
            &[
                state_of_member(member.member.state),
                if member.member.in_sync { "yes" } else { "no" },
                &count(member.member.position),
                &behind(member),
                &short(pace.per_second),
                &time(pace.p50_ms),
                &time(pace.p99_ms),
                &member.member.address,
            ],
        );
    }
    html.raw("</tbody></table></div><div class=\"scroll\"><table><caption>Catalog workers</caption>");
    head(
        html,
        &[
            "Worker",
            "State",
            "Tier",
            "Weight",
            "In flight",
            "Limit",
            "Requests/s",
            "p50",
            "p99",
            "Failures",
            "Address",
        ],
    );
    for worker in &overview.status.workers {
        let pace = overview.paces.get(&worker.name).copied().unwrap_or_default();
        row(
            html,
            &worker.name,
            &[
                state_of_worker(worker.state),
                &worker.tier.to_string(),
                &worker.weight.to_string(),
                &count(worker.in_flight),
                &worker.max_requests.map_or_else(|| "none".to_owned(), count),
                &short(pace.per_second),
                &time(pace.p50_ms),
                &time(pace.p99_ms),
                &count(worker.failures),
                &worker.address,
            ],
        );
    }
    html.raw("</tbody></table></div></section>");
}

fn head(html: &mut Html, names: &[&'static str]) {
    html.raw("<thead><tr>");
    for name in names {
        html.raw("<th scope=\"col\">");
        html.raw(name);
        html.raw("</th>");
    }
    html.raw("</tr></thead><tbody>");
}

fn row(html: &mut Html, name: &str, cells: &[&str]) {
    html.raw("<tr><th scope=\"row\">");
    html.text(name);
    html.raw("</th>");
    for cell in cells {
        html.cell(if cell.is_empty() { "\u{2013}" } else { cell });
    }
    html.raw("</tr>");
}

pub(super) fn state_of_member(state: MemberState) -> &'static str {
    match state {
        MemberState::Active => "active",
        MemberState::Standby => "standby",
        MemberState::CatchingUp => "catching up",
        MemberState::Down => "down",
    }
}

pub(super) fn state_of_worker(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Up => "up",
        WorkerState::Down => "down",
        WorkerState::Draining => "draining",
        WorkerState::Maintenance => "maintenance",
        WorkerState::Ejected => "ejected",
    }
}

pub(super) fn behind(member: &CaMemberStatus) -> String {
    match (member.lag_entries, member.lag_seconds) {
        (None, _) => "unknown".to_owned(),
        (Some(0), _) => "0".to_owned(),
        (Some(1), _) => "1 entry".to_owned(),
        (Some(entries), Some(seconds)) if seconds >= 1.0 => {
            format!("{} entries, {} s", count(entries), short(seconds))
        }
        (Some(entries), _) => format!("{} entries", count(entries)),
    }
}
