//! The row of figures, with the last minute as a line.

use super::html::{Html, count, short, time};
use crate::overview::Overview;

/// Size of the line's picture.
const WIDE: f64 = 240.0;
const HIGH: f64 = 44.0;

pub(super) fn section(html: &mut Html, overview: &Overview) {
    let pace = overview.pace;
    html.raw("<section id=\"figures\" data-live aria-labelledby=\"figures-title\"><h2 id=\"figures-title\" class=\"unseen\">Traffic</h2><dl>");
    html.raw("<div class=\"wide\"><dt>requests per second</dt><dd>");
    html.text(&short(pace.per_second));
    html.raw("</dd>");
    line(html, &overview.history);
    html.raw("</div>");
    figure(html, "half answered within", &time(pace.p50_ms), false);
    figure(html, "99 of 100 within", &time(pace.p99_ms), false);
    figure(html, "in flight", &count(overview.in_flight), false);
    if pace.failed_per_second > 0.0 {
        figure(html, "answered 5xx per second", &short(pace.failed_per_second), true);
    }
    let held = overview.status.ca.held;
    if held > 0 {
        figure(html, "wait for a CA", &count(held), true);
    }
    let queued = overview.status.queue.waiting;
    if queued > 0 {
        figure(html, "wait for a worker", &count(queued as u64), true);
    }
    figure(html, "connections", &count(overview.connections), false);
    let waiting = overview.ca.as_ref().map(|ca| ca.waiting);
    let shown = waiting.map_or_else(|| "\u{2013}".to_owned(), |waiting| count(waiting as u64));
    figure(html, "certificates waiting", &shown, false);
    html.raw("</dl></section>");
}

fn figure(html: &mut Html, name: &'static str, value: &str, pressing: bool) {
    html.raw(if pressing { "<div class=\"pressing\"><dt>" } else { "<div><dt>" });
    html.raw(name);
    html.raw("</dt><dd>");
    html.text(value);
    html.raw("</dd></div>");
}

/// The last minute; the newest second is at the right.
fn line(html: &mut Html, history: &[f64]) {
    let most = history.iter().copied().fold(0.0, f64::max);
    let points: Vec<String> = history
        .iter()
        .rev()
        .enumerate()
        .map(|(back, rate)| {
            let x = WIDE - back as f64 * WIDE / 59.0;
            let y = HIGH - 2.0 - if most > 0.0 { rate / most * (HIGH - 6.0) } else { 0.0 };
            format!("{x:.1},{y:.1}")
        })
        .collect();
    html.raw("<svg class=\"line\" viewBox=\"0 0 240 44\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"The last minute: at most ");
    html.text(&short(most));
    html.raw(" requests per second\">");
    if let Some(oldest) = history.len().checked_sub(1) {
        let left = WIDE - oldest as f64 * WIDE / 59.0;
        html.raw("<polygon points=\"");
        html.text(&format!("{WIDE},{HIGH} {} {left:.1},{HIGH}", points.join(" ")));
        html.raw("\"/><polyline points=\"");
        html.text(&points.join(" "));
        html.raw("\"/>");
    }
    html.raw("</svg>");
}
