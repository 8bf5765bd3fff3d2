//! Text of a page: what is written by us as it is, what comes from anywhere else escaped.

use super::{Viewer, failovers, figures, picture, tables, waiting};
use crate::overview::Overview;

/// A text under construction.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Text, or the value of an attribute in double quotes.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    /// A number.
    pub(super) fn number(&mut self, number: impl std::fmt::Display) {
        self.0.push_str(&number.to_string());
    }

    /// A paragraph of this class.
    pub(super) fn paragraph(&mut self, class: &'static str, text: &str) {
        self.raw("<p class=\"");
        self.raw(class);
        self.raw("\">");
        self.text(text);
        self.raw("</p>");
    }

    /// A cell of a table.
    pub(super) fn cell(&mut self, text: &str) {
        self.raw("<td>");
        self.text(text);
        self.raw("</td>");
    }

    /// A button in a form of its own. `label`: what it does, for who hears it.
    pub(super) fn button(
        &mut self,
        token: &str,
        deed: &'static str,
        name: &str,
        word: &'static str,
        label: &str,
    ) {
        self.raw("<form method=\"post\" action=\"act\">");
        for (field, value) in [("token", token), ("deed", deed), ("name", name)] {
            self.raw("<input type=\"hidden\" name=\"");
            self.raw(field);
            self.raw("\" value=\"");
            self.text(value);
            self.raw("\">");
        }
        self.raw("<button aria-label=\"");
        self.text(label);
        self.raw("\">");
        self.raw(word);
        self.raw("</button></form>");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// With thin spaces between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A rate or a time, with as many digits as mean something.
pub(super) fn short(value: f64) -> String {
    match value {
        value if value <= 0.0 => "0".to_owned(),
        value if value < 10.0 => format!("{value:.1}"),
        value => count(value.round() as u64),
    }
}

/// Milliseconds for a person; a dash without any.
pub(super) fn time(ms: Option<f64>) -> String {
    match ms {
        None => "\u{2013}".to_owned(),
        Some(ms) if ms >= 10_000.0 => format!("{} s", short(ms / 1000.0)),
        Some(ms) if ms >= 1000.0 => format!("{:.1} s", ms / 1000.0),
        Some(ms) => format!("{} ms", short(ms)),
    }
}

/// The whole page.
pub(super) fn document(overview: &Overview, viewer: &Viewer) -> String {
    let mut html = head(&format!("{} \u{b7} Bunraku", overview.cluster), true);
    html.raw("<main>");
    body(&mut html, overview, viewer);
    html.raw("</main><p id=\"lost\" role=\"alert\" hidden>The front end does not answer: what is shown here is old.</p></body></html>\n");
    html.finish()
}

/// What of it changes.
pub(super) fn live(overview: &Overview, viewer: &Viewer) -> String {
    let mut html = Html::default();
    html.raw("<main>");
    body(&mut html, overview, viewer);
    html.raw("</main>\n");
    html.finish()
}

/// A page of one sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut html = head("Bunraku", false);
    html.raw("<main>");
    html.paragraph("alone", text);
    html.raw("<p><a href=\"/bunraku/\">Back to the status page</a></p></main></body></html>\n");
    html.finish()
}

fn head(title: &str, script: bool) -> Html {
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    html.text(title);
    html.raw(
        "</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"page.css\">",
    );
    if script {
        html.raw("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript><script src=\"page.js\" defer></script>");
    }
    html.raw("</head><body>");
    html
}

fn body(html: &mut Html, overview: &Overview, viewer: &Viewer) {
    top(html, overview, viewer);
    figures::section(html, overview);
    picture::section(html, overview, viewer);
    notes(html, overview);
    if let Viewer::Operator { token, waiting, .. } = viewer {
        waiting::section(html, waiting, token);
    }
    failovers::section(html, &overview.status.ca);
    tables::section(html, overview);
    html.raw("<footer id=\"foot\" data-live><p>Bunraku ");
    html.text(&overview.version);
    html.raw(", up ");
    html.text(&up(overview.up_seconds));
    html.raw(". Rates and times are of the last ten seconds. <a href=\"status.json\">The same as JSON</a>");
    if matches!(viewer, Viewer::Everybody) {
        html.raw(", <a href=\"metrics\">metrics</a>");
    }
    html.raw(".</p></footer>");
}

fn top(html: &mut Html, overview: &Overview, viewer: &Viewer) {
    html.raw(
        "<header id=\"top\" data-live><p class=\"name\"><strong>Bunraku</strong> <span class=\"cluster\">",
    );
    html.text(&overview.cluster);
    html.raw("</span><span class=\"as-of\">");
    if let Viewer::Operator { name, .. } = viewer {
        html.text(name);
        html.raw(" \u{b7} ");
    }
    html.raw("<time datetime=\"");
    html.text(&overview.at);
    html.raw("\">");
    html.text(overview.at.get(11..19).unwrap_or(&overview.at));
    html.raw(" UTC</time></span></p><h1 class=\"");
    html.raw(overview.mood.class());
    html.raw("\" aria-live=\"polite\">");
    html.text(&overview.sentence);
    html.raw("</h1>");
    html.paragraph("quiet", &overview.status.ca.if_primary_died);
    html.raw("</header>");
}

/// What somebody should look at, as sentences.
fn notes(html: &mut Html, overview: &Overview) {
    let mut notes: Vec<(&'static str, String)> = Vec::new();
    let members = &overview.status.ca.members;
    for member in members {
        if let Some(cause) = &member.cause {
            notes.push(("look", format!("{} {cause}.", member.member.name)));
        }
        if member.held_back {
            notes.push(("look", format!("{} is held back for maintenance.", member.member.name)));
        }
    }
    notes.extend(overview.status.ca.obstacle.iter().map(|obstacle| ("bad", format!("{obstacle}."))));
    notes.extend(overview.status.warnings.iter().map(|warning| ("look", warning.clone())));
    if overview.log_drops > 0 {
        let text =
            format!("{} lines of the access log were lost: look at its disk.", count(overview.log_drops));
        notes.push(("look", text));
    }
    for warning in overview.ca.iter().flat_map(|ca| &ca.warnings) {
        notes.push((if warning.urgency == "soon" { "plain" } else { "look" }, format!("{}.", warning.text)));
    }
    html.raw("<section id=\"notes\" data-live aria-labelledby=\"notes-title\">");
    if !notes.is_empty() {
        html.raw("<h2 id=\"notes-title\">To look at</h2><ul class=\"notes\">");
        for (class, note) in notes {
            html.raw("<li class=\"");
            html.raw(class);
            html.raw("\">");
            html.text(&note);
            html.raw("</li>");
        }
        html.raw("</ul>");
    } else {
        html.raw("<h2 id=\"notes-title\" class=\"unseen\">Nothing to look at</h2>");
    }
    html.raw("</section>");
}

fn up(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_it_stays_text() {
        let mut html = Html::default();
        html.button("t", "sign", "\"><script>alert('x')</script>", "Sign", "a & b");
        let text = html.finish();
        assert!(!text.contains("<script") && !text.contains("'x'"), "{text}");
        assert!(text.contains("value=\"&quot;&gt;&lt;script&gt;"), "{text}");
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        assert_eq!([0.0, 0.04, 9.96, 1234.5].map(short), ["0", "0.0", "10.0", "1\u{202f}235"]);
        assert_eq!(
            [None, Some(0.31), Some(84.4), Some(2300.0)].map(time),
            ["\u{2013}", "0.3 ms", "84 ms", "2.3 s"]
        );
        assert_eq!(count(1_000_000), "1\u{202f}000\u{202f}000");
    }
}
