//! The last changes of the active CA.

use super::html::{Html, count, time};
use crate::status::CaStatus;

/// So many are shown.
const SHOWN: usize = 5;

pub(super) fn section(html: &mut Html, ca: &CaStatus) {
    html.raw("<section id=\"failovers\" data-live aria-labelledby=\"failovers-title\"><h2 id=\"failovers-title\">Last failovers</h2>");
    if ca.failovers.is_empty() {
        html.paragraph("quiet", "There has been none.");
    } else {
        html.raw(
            "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">When (UTC)</th><th scope=\"col\">From, to</th>\
             <th scope=\"col\">Why</th><th scope=\"col\">Without a CA</th><th scope=\"col\">Waited</th>\
             <th scope=\"col\">In vain</th></tr></thead><tbody>",
        );
        for change in ca.failovers.iter().rev().take(SHOWN) {
            html.raw("<tr><th scope=\"row\"><time datetime=\"");
            html.text(&change.at);
            html.raw("\">");
            html.text(&change.at.get(..19).unwrap_or(&change.at).replace('T', " "));
            html.raw("</time></th><td>");
            html.text(change.from.as_deref().unwrap_or("\u{2013}"));
            html.raw(" \u{2192} ");
            html.text(&change.to);
            html.raw(" <small>epoch ");
            html.number(change.epoch);
            html.raw("</small></td>");
            html.cell(&change.reason);
            html.cell(&time(Some(change.duration_ms as f64)));
            html.cell(&count(change.held));
            html.cell(&count(change.timed_out));
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div>");
    }
    html.raw("</section>");
}
