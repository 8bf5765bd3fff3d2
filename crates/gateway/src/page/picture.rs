//! The picture: front ends, from them the wires to the CA pair and to the workers. Boxes and wires are drawn by the style
//! sheet, so that they find their places on any screen; each box says in words what its colour says.

use wire::protocol::internal::{MemberState, Usage, WorkerState, WorkerStatus};

use super::Viewer;
use super::html::{Html, short, time};
use super::tables::{behind, state_of_member, state_of_worker};
use crate::overview::{Overview, Pace};
use crate::status::CaMemberStatus;

/// A worker without a limit has a full bar with so many requests, or with as many as the busiest has.
const BUSY: u64 = 10;

pub(super) fn section(html: &mut Html, overview: &Overview, viewer: &Viewer) {
    html.raw("<section id=\"picture\" data-live aria-labelledby=\"picture-title\"><h2 id=\"picture-title\" class=\"unseen\">The deployment</h2><div class=\"estate\">");
    front_ends(html, overview);
    html.raw("<div class=\"behind\">");
    authority(html, overview);
    workers(html, overview, viewer);
    html.raw("</div></div></section>");
}

fn front_ends(html: &mut Html, overview: &Overview) {
    html.raw("<div class=\"front\"><h3>Front end</h3><ul>");
    // Only front ends that share a register know of each other.
    let others = overview.status.front_ends.iter().filter(|other| other.name != overview.front_end);
    card(html, "good here", &overview.front_end, "answers");
    html.raw("<p class=\"rates\">");
    html.text(&short(overview.pace.per_second));
    html.raw("/s</p></li>");
    for other in others {
        let blind = !other.down.is_empty();
        let state = if blind { "cannot reach all CAs" } else { "answers" };
        card(html, if blind { "look" } else { "good" }, &other.name, state);
        html.raw("</li>");
    }
    html.raw("</ul></div>");
}

fn authority(html: &mut Html, overview: &Overview) {
    let ca = &overview.status.ca;
    html.raw("<div class=\"group ca\"><h3>Certificate authority <span class=\"quiet\">epoch ");
    html.number(overview.status.epoch);
    html.raw("</span></h3><ul>");
    let in_step =
        |member: &&CaMemberStatus| member.member.in_sync && member.member.state != MemberState::Down;
    let all_in_step = ca.members.iter().all(|member| in_step(&member));
    for member in &ca.members {
        let class = match member.member.state {
            MemberState::Active if all_in_step => "good lead joined",
            MemberState::Active => "good lead",
            MemberState::Standby if member.member.in_sync && all_in_step => "good joined",
            MemberState::Standby if member.member.in_sync => "good",
            MemberState::Standby | MemberState::CatchingUp => "look",
            MemberState::Down => "bad",
        };
        card(html, class, &member.member.name, state_of_member(member.member.state));
        html.paragraph("quiet", &standing(member, ca.active.as_deref()));
        pace(html, overview, &member.member.name);
        html.raw("</li>");
    }
    html.raw("</ul></div>");
}

fn standing(member: &CaMemberStatus, active: Option<&str>) -> String {
    let name = &member.member.name;
    match (active, member.member.in_sync) {
        (Some(active), _) if active == name => "answers agents".to_owned(),
        (_, true) if member.member.state == MemberState::Down => "has everything confirmed".to_owned(),
        (_, true) => match member.lag_entries {
            Some(0) | None => "in sync, can take over".to_owned(),
            Some(_) => format!("in sync, {} behind", behind(member)),
        },
        (_, false) => match member.lag_entries {
            Some(0) | None => "not in sync".to_owned(),
            Some(_) => format!("not in sync, {} behind", behind(member)),
        },
    }
}

fn workers(html: &mut Html, overview: &Overview, viewer: &Viewer) {
    let busiest = overview.status.workers.iter().map(|worker| worker.in_flight).max().unwrap_or(0);
    html.raw("<div class=\"group\"><h3>Catalog workers</h3><ul>");
    for worker in &overview.status.workers {
        let class = match worker.state {
            WorkerState::Up => "good",
            WorkerState::Draining | WorkerState::Maintenance => "aside",
            WorkerState::Ejected => "look",
            WorkerState::Down => "bad",
        };
        card(html, class, &worker.name, state_of_worker(worker.state));
        html.paragraph("quiet", &place(worker));
        load(html, worker, busiest);
        pace(html, overview, &worker.name);
        if let Viewer::Operator { token, .. } = viewer {
            buttons(html, worker, token);
        }
        html.raw("</li>");
    }
    html.raw("</ul>");
    if matches!(viewer, Viewer::Operator { .. }) && overview.status.front_ends.len() > 1 {
        let text = "The buttons tell this front end alone; \u{2018}bunraku front-end drain\u{2019} tells all of them.";
        html.paragraph("quiet", text);
    }
    html.raw("</div>");
}

/// Begins a box.
fn card(html: &mut Html, class: &'static str, name: &str, state: &'static str) {
    html.raw("<li class=\"card ");
    html.raw(class);
    html.raw("\"><p class=\"title\"><strong>");
    html.text(name);
    html.raw("</strong> <span class=\"state\">");
    html.raw(state);
    html.raw("</span></p>");
}

fn place(worker: &WorkerStatus) -> String {
    let mut words = Vec::new();
    if worker.tier > 0 {
        words.push(format!("hot standby, tier {}", worker.tier));
    }
    if worker.weight != 1 {
        words.push(format!("weight {}", worker.weight));
    }
    let limit = worker.max_requests.map_or(String::new(), |most| format!(" of {most}"));
    words.push(format!("{}{limit} in flight", worker.in_flight));
    words.join(", ")
}

fn load(html: &mut Html, worker: &WorkerStatus, busiest: u64) {
    let full = worker.max_requests.unwrap_or_else(|| busiest.max(BUSY)).max(1);
    let share = (worker.in_flight * 100 / full).min(100);
    html.raw("<svg class=\"load\" viewBox=\"0 0 100 3\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"all\" width=\"100\" height=\"3\"/><rect class=\"used\" width=\"");
    html.number(share);
    html.raw("\" height=\"3\"/></svg>");
}

fn pace(html: &mut Html, overview: &Overview, name: &str) {
    let Pace { per_second, p50_ms, p99_ms, .. } = overview.paces.get(name).copied().unwrap_or_default();
    html.raw("<p class=\"rates\">");
    html.text(&short(per_second));
    html.raw("/s");
    if p50_ms.is_some() {
        html.raw(" <span class=\"quiet\"><abbr title=\"half of the answers began within\">p50</abbr> ");
        html.text(&time(p50_ms));
        html.raw(" <abbr title=\"99 of 100 answers began within\">p99</abbr> ");
        html.text(&time(p99_ms));
        html.raw("</span>");
    }
    html.raw("</p>");
}

fn buttons(html: &mut Html, worker: &WorkerStatus, token: &str) {
    let name = worker.name.as_str();
    let mut button = |usage: Usage| match usage {
        Usage::InUse => html.button(token, "resume", name, "Resume", &format!("Put {name} back into use")),
        Usage::Draining => {
            html.button(token, "drain", name, "Drain", &format!("Send no new requests to {name}"))
        }
        Usage::Maintenance => {
            html.button(
                token,
                "maintain",
                name,
                "Maintain",
                &format!("Send {name} neither requests nor probes"),
            );
        }
    };
    match worker.state {
        WorkerState::Draining => [Usage::InUse, Usage::Maintenance].map(&mut button),
        WorkerState::Maintenance => [Usage::InUse, Usage::Draining].map(&mut button),
        _ => [Usage::Draining, Usage::Maintenance].map(&mut button),
    };
}
