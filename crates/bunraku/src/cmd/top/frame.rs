//! One frame: a text made of what the front end says. Pure.

use gateway::overview::{Mood, Overview, Pace};
use wire::protocol::internal::{MemberState, WorkerState};

use crate::console;

/// Room on the screen, in characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Failovers shown.
const FAILOVERS: usize = 5;
const BARS: [char; 8] =
    ['\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];

const RED: &str = "31";
const YELLOW: &str = "33";
const BLUE: &str = "34";
const DIM: &str = "2";
const BOLD: &str = "1";

/// A line and its colour.
type Line = (Option<&'static str>, String);

/// The frame. `trouble`: why the front end's last answer is an old one.
pub(super) fn text(overview: &Overview, trouble: Option<&str>, size: Size, coloured: bool) -> String {
    let mut lines: Vec<Line> = vec![(Some(DIM), heading(overview))];
    match trouble {
        Some(trouble) => lines.push((Some(RED), format!("{trouble} What follows is old."))),
        None => lines.push((Some(mood(overview.mood)), overview.sentence.clone())),
    }
    let blank = || (None, String::new());
    lines.extend([blank(), (None, traffic(overview)), (None, waiting(overview)), blank()]);
    lines.extend(members(overview));
    lines.push(blank());
    lines.extend(workers(overview));
    lines.extend(failovers(overview));
    lines.extend(to_look_at(overview));
    lines.truncate(size.rows);
    lines.into_iter().map(|line| fit(line, size.columns, coloured)).collect()
}

fn heading(overview: &Overview) -> String {
    let at = overview.at.get(11..19).unwrap_or(&overview.at);
    let Overview { cluster, front_end, up_seconds, .. } = overview;
    format!("Bunraku {cluster}   {front_end}, up {up_seconds} s   {at} UTC   q: quit")
}

fn mood(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => BOLD,
        Mood::Look => YELLOW,
        Mood::Bad => RED,
    }
}

fn traffic(overview: &Overview) -> String {
    let Pace { per_second, failed_per_second, p50_ms, p99_ms } = overview.pace;
    format!(
        "{} requests/s {}  p50 {}  p99 {}  5xx/s {}",
        rate(per_second),
        spark(&overview.history),
        time(p50_ms),
        time(p99_ms),
        rate(failed_per_second)
    )
}

fn waiting(overview: &Overview) -> String {
    let certificates = overview.ca.as_ref().map_or_else(|| "?".to_owned(), |ca| ca.waiting.to_string());
    format!(
        "in flight {}  queue {}  held {}  connections {}  certificates waiting {certificates}",
        overview.in_flight, overview.status.queue.waiting, overview.status.ca.held, overview.connections,
    )
}

fn members(overview: &Overview) -> Vec<Line> {
    let mut rows = vec![words(&["CA", "state", "in sync", "log", "behind", "req/s", "p50", "p99"])];
    let mut colours = vec![Some(DIM)];
    for member in &overview.status.ca.members {
        let pace = pace(overview, &member.member.name);
        let behind = member.lag_entries.map_or_else(|| "?".to_owned(), |entries| entries.to_string());
        let (state, colour) = match member.member.state {
            MemberState::Active => ("active", Some(BOLD)),
            MemberState::Standby => ("standby", None),
            MemberState::CatchingUp => ("catching up", Some(YELLOW)),
            MemberState::Down => ("down", Some(RED)),
        };
        rows.push(vec![
            member.member.name.clone(),
            state.to_owned(),
            if member.member.in_sync { "yes" } else { "no" }.to_owned(),
            member.member.position.to_string(),
            behind,
            rate(pace.per_second),
            time(pace.p50_ms),
            time(pace.p99_ms),
        ]);
        colours.push(colour);
    }
    let mut lines = vec![(None, format!("epoch {}", overview.status.epoch))];
    lines.extend(table(&rows, colours));
    lines
}

fn workers(overview: &Overview) -> Vec<Line> {
    let heading =
        ["worker", "state", "tier", "weight", "in flight", "req/s", "5xx/s", "p50", "p99", "failures"];
    let mut rows = vec![words(&heading)];
    let mut colours = vec![Some(DIM)];
    for worker in &overview.status.workers {
        let pace = pace(overview, &worker.name);
        let (state, colour) = match worker.state {
            WorkerState::Up => ("up", None),
            WorkerState::Down => ("down", Some(RED)),
            WorkerState::Draining => ("draining", Some(BLUE)),
            WorkerState::Maintenance => ("maintenance", Some(BLUE)),
            WorkerState::Ejected => ("ejected", Some(YELLOW)),
        };
        let limit = worker.max_requests.map_or_else(String::new, |most| format!("/{most}"));
        rows.push(vec![
            worker.name.clone(),
            state.to_owned(),
            worker.tier.to_string(),
            worker.weight.to_string(),
            format!("{}{limit}", worker.in_flight),
            rate(pace.per_second),
            rate(pace.failed_per_second),
            time(pace.p50_ms),
            time(pace.p99_ms),
            worker.failures.to_string(),
        ]);
        colours.push(colour);
    }
    table(&rows, colours)
}

fn failovers(overview: &Overview) -> Vec<Line> {
    let all = &overview.status.ca.failovers;
    let mut lines: Vec<Line> = Vec::new();
    for change in all.iter().rev().take(FAILOVERS) {
        let at = change.at.get(..19).unwrap_or(&change.at);
        let line = format!(
            "{at}  {} -> {}  epoch {}  {} ms without a CA, {} waited, {} in vain: {}",
            change.from.as_deref().unwrap_or("-"),
            change.to,
            change.epoch,
            change.duration_ms,
            change.held,
            change.timed_out,
            change.reason
        );
        lines.push((None, line));
    }
    if !lines.is_empty() {
        lines.splice(0..0, [(None, String::new()), (Some(DIM), "last failovers".to_owned())]);
    }
    lines
}

fn to_look_at(overview: &Overview) -> Vec<Line> {
    let mut found: Vec<String> = overview.status.warnings.clone();
    for member in &overview.status.ca.members {
        found.extend(member.cause.iter().map(|cause| format!("{} {cause}", member.member.name)));
    }
    found.extend(overview.ca.iter().flat_map(|ca| &ca.warnings).map(|warning| warning.text.clone()));
    if overview.log_drops > 0 {
        found.push(format!("{} lines of the access log were lost", overview.log_drops));
    }
    let mut lines: Vec<Line> = found.into_iter().map(|line| (Some(YELLOW), line)).collect();
    if !lines.is_empty() {
        lines.insert(0, (None, String::new()));
    }
    lines
}

fn pace(overview: &Overview, name: &str) -> Pace {
    overview.paces.get(name).copied().unwrap_or_default()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn table(rows: &[Vec<String>], colours: Vec<Option<&'static str>>) -> Vec<Line> {
    colours.into_iter().zip(console::table(rows).lines().map(str::to_owned)).collect()
}

/// Cuts a line to the screen, and colours it. What would move the cursor becomes a dot.
fn fit((colour, line): Line, columns: usize, coloured: bool) -> String {
    let plain = |character: char| if character.is_control() { '\u{b7}' } else { character };
    let cut: String = line.chars().take(columns).map(plain).collect();
    match colour.filter(|_| coloured) {
        Some(colour) => format!("\x1b[{colour}m{cut}\x1b[0m\n"),
        None => format!("{cut}\n"),
    }
}

/// The last minute, two seconds a column.
fn spark(history: &[f64]) -> String {
    let most = history.iter().copied().fold(0.0, f64::max);
    let columns = history.rchunks(2).rev().map(|pair| pair.iter().copied().fold(0.0, f64::max));
    let bar =
        |rate: f64| if most > 0.0 { (rate / most * (BARS.len() - 1) as f64).round() as usize } else { 0 };
    columns.map(|rate| BARS[bar(rate).min(BARS.len() - 1)]).collect()
}

fn rate(value: f64) -> String {
    if value > 0.0 && value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn time(ms: Option<f64>) -> String {
    match ms {
        None => "-".to_owned(),
        Some(ms) if ms >= 1000.0 => format!("{:.1} s", ms / 1000.0),
        Some(ms) => format!("{} ms", rate(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview() -> Overview {
        let member = |name: &str, state: &str| {
            serde_json::json!({"name": name, "address": "", "state": state, "in_sync": true, "position": 7,
                "lag_entries": 0, "cause": if state == "down" { Some("does not\x1b[2J answer") } else { None }})
        };
        serde_json::from_value(serde_json::json!({
            "at": "2026-11-29T21:49:42.000Z", "version": "0.1.0", "cluster": "c", "front_end": "fe",
            "up_seconds": 15, "mood": "look", "sentence": "ca-2 is down.", "status": {
                "epoch": 3, "ca": {"active": "ca-1", "members": [member("ca-1", "active"), member("ca-2", "down")],
                "held": 1, "held_total": 2, "last_failover": null, "failovers": [{"at": "2026-11-29T21:40:00Z",
                "from": "ca-2", "to": "ca-1", "epoch": 3, "duration_ms": 48, "held": 4, "reason": "ca-2 was killed"}]},
                "workers": [{"name": "catalog-1", "address": "", "state": "draining", "in_flight": 2, "requests": 5,
                    "failures": 1, "weight": 3, "tier": 1, "max_requests": 8}], "requests_total": 9},
            "pace": {"per_second": 52.6, "failed_per_second": 0.0, "p50_ms": 0.93, "p99_ms": 1310.0},
            "paces": {"catalog-1": {"per_second": 17.5, "failed_per_second": 0.2, "p50_ms": 2.1, "p99_ms": 17.0}},
            "history": [0.0, 10.0, 20.0, 80.0], "in_flight": 2, "connections": 11, "ca": {"waiting": 2, "warnings": []},
            "log_drops": 0,
        }))
        .unwrap()
    }

    #[test]
    fn a_frame_has_what_matters() {
        let wide = Size { columns: 200, rows: 50 };
        let frame = text(&overview(), None, wide, false);
        for part in [
            "ca-2 is down.\n",
            "53 requests/s \u{2582}\u{2588}  p50 0.9 ms  p99 1.3 s",
            "in flight 2  queue 0  held 1  connections 11  certificates waiting 2\n",
            "ca-2  down    yes",
            "catalog-1  draining  1     3       2/8        18     0.2    2.1 ms  17 ms  1\n",
            "ca-2 -> ca-1  epoch 3  48 ms without a CA, 4 waited, 0 in vain: ca-2 was killed\n",
            "ca-2 does not\u{b7}[2J answer\n",
        ] {
            assert!(frame.contains(part), "{part:?} is not in\n{frame}");
        }
        assert!(!frame.contains('\x1b'), "no colour where none is wanted");
        assert!(text(&overview(), None, wide, true).contains("\x1b[31mca-2  down"));
        assert!(
            text(&overview(), Some("it is gone."), wide, false)
                .contains("it is gone. What follows is old.\n")
        );
    }

    #[test]
    fn a_frame_stays_on_the_screen() {
        let frame = text(&overview(), None, Size { columns: 30, rows: 6 }, false);
        assert_eq!(frame.lines().count(), 6);
        assert!(frame.lines().all(|line| line.chars().count() <= 30), "{frame}");
    }
}
