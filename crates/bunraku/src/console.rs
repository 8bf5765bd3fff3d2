//! Colour and width, only where a person reads.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Prints to stdout. A reader that has seen enough (`| head`) ends the program, as it ends every other one.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(fault) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        let closed = fault.kind() == std::io::ErrorKind::BrokenPipe;
        if !closed {
            errln!("{} could not write to stdout: {fault}", error_label());
        }
        // 141 is what a shell reports for a program that SIGPIPE ended.
        std::process::exit(if closed { 141 } else { 1 });
    }
}

/// Prints to stderr. When nobody reads that any more (`2>&1 | head`), the program ends, as it does for stdout.
pub fn complain(text: &str) {
    let mut stderr = std::io::stderr().lock();
    match stderr.write_all(text.as_bytes()) {
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(141),
        // A full disk behind stderr cannot be told anywhere, and is no reason to leave work undone.
        _ => {}
    }
}

/// `println!` through [`print`].
macro_rules! outln {
    ($($argument:tt)*) => { $crate::console::print(&format!("{}\n", format_args!($($argument)*))) };
}
pub(crate) use outln;

/// `eprintln!` through [`complain`].
macro_rules! errln {
    ($($argument:tt)*) => { $crate::console::complain(&format!("{}\n", format_args!($($argument)*))) };
}
pub(crate) use errln;

/// Where `--verbose` tells its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Details {
    /// As `puppetserver ca` does.
    OnStdout,
    /// Stdout holds one document for a machine.
    OnStderr,
}

/// One line of a stranger's text: what a terminal would obey, or what turns the direction of reading, is shown instead.
pub fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// One for the process, as the verbosity of any program's log is.
static DETAILS: OnceLock<Details> = OnceLock::new();

/// From now on [`detail`] is told.
pub fn tell_details(place: Details) {
    // Whoever was first has decided.
    let _ = DETAILS.set(place);
}

/// A line for `--verbose`.
pub fn detail(line: impl FnOnce() -> String) {
    match DETAILS.get() {
        None => {}
        Some(Details::OnStdout) => print(&format!("{}\n", line())),
        Some(Details::OnStderr) => errln!("{}", line()),
    }
}

/// `Error:`, red on a terminal.
pub fn error_label() -> String {
    paint(std::io::stderr().is_terminal(), "31", "Error:")
}

/// `text` in the SGR colour `code` when stdout is a terminal and `NO_COLOR` is not set.
pub fn out(code: &str, text: &str) -> String {
    paint(std::io::stdout().is_terminal(), code, text)
}

fn paint(terminal: bool, code: &str, text: &str) -> String {
    if terminal && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// A line on stderr that tells a person how far long work is. There is none where nobody watches.
pub struct Progress {
    label: String,
    total: usize,
    done: usize,
    /// When the line was last drawn.
    drawn: Option<Instant>,
    /// Whether it stands there.
    shown: bool,
    begun: Instant,
}

impl Progress {
    /// Work shorter than this needs no line.
    const PATIENCE: Duration = Duration::from_millis(500);
    /// Between two drawings.
    const BETWEEN: Duration = Duration::from_millis(100);

    /// A line for `total` parts, if stderr is a terminal.
    pub fn begin(label: &str, total: usize) -> Option<Progress> {
        let watched = std::io::stderr().is_terminal() && total > 1;
        let begun = Instant::now();
        watched.then(|| Progress {
            label: label.to_string(),
            total,
            done: 0,
            drawn: None,
            shown: false,
            begun,
        })
    }

    /// One more part is done.
    pub fn advance(&mut self) {
        self.done += 1;
        if self.is_due(Instant::now()) {
            complain(&format!("\r\x1b[K{}", self.line()));
            self.drawn = Some(Instant::now());
            self.shown = true;
        }
    }

    /// A line that stands there is drawn again now and then. One that made room for other output comes back at once: many
    /// results are told in a burst, and it is while the next ones are waited for that somebody looks at it.
    fn is_due(&self, now: Instant) -> bool {
        match self.drawn {
            None => now.duration_since(self.begun) > Self::PATIENCE,
            Some(at) => !self.shown || now.duration_since(at) > Self::BETWEEN,
        }
    }

    /// Takes the line away, so that something else can be written.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            complain("\r\x1b[K");
        }
    }

    fn line(&self) -> String {
        format!("{} {} of {} ({} %)", self.label, self.done, self.total, self.done * 100 / self.total.max(1))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Lines `rows` up in columns, the first row being the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().enumerate().map(|(c, cell)| format!("{cell:<w$}", w = widths[c])).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn progress_is_told_in_parts_of_the_whole() {
        let begun = std::time::Instant::now();
        let progress = super::Progress {
            label: "signing".into(),
            total: 400,
            done: 100,
            drawn: None,
            shown: false,
            begun,
        };
        assert_eq!(progress.line(), "signing 100 of 400 (25 %)");
    }

    #[test]
    fn a_line_that_made_room_comes_back_with_the_next_part() {
        let begun = std::time::Instant::now();
        let later = |millis| begun + std::time::Duration::from_millis(millis);
        let progress = |drawn: Option<u64>, shown| super::Progress {
            label: "signing".into(),
            total: 400,
            done: 100,
            drawn: drawn.map(later),
            shown,
            begun,
        };
        assert!(!progress(None, false).is_due(later(400)), "short work needs no line");
        assert!(progress(None, false).is_due(later(600)));
        assert!(!progress(Some(600), true).is_due(later(601)), "it stands there");
        assert!(progress(Some(600), true).is_due(later(701)));
        assert!(progress(Some(600), false).is_due(later(601)), "a result was told in its place");
    }

    #[test]
    fn a_terminal_obeys_no_stranger() {
        assert_eq!(super::plain("a\x1b[2J\nb\tc\u{9b}1m"), r"a\u{1b}[2J\nb\tc\u{9b}1m");
        assert_eq!(super::plain("caf\u{e9} \u{202e}drowssap"), "caf\u{e9} \\u{202e}drowssap");
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["role".into(), "pid".into()], vec!["front end".into(), "1".into()]];
        assert_eq!(super::table(&rows), "role       pid\nfront end  1\n");
    }
}
