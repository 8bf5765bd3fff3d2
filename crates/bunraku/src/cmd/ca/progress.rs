//! How far work on a directory is, on a terminal.

use std::io::{IsTerminal, Write};

/// A line that says what is being looked at, on a terminal only, and only when it takes a while.
pub struct Line {
    begun: std::time::Instant,
    drawn: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { begun: std::time::Instant::now(), drawn: false }
    }
}

impl Line {
    /// Says it.
    pub fn show(&mut self, what: &str, done: usize, total: usize) {
        let long = self.begun.elapsed() > std::time::Duration::from_millis(500);
        if !long || !std::io::stderr().is_terminal() {
            return;
        }
        let how_far = if total > 0 { format!(" {done} of {total}") } else { String::new() };
        // Nobody reads it when stderr is gone.
        let _ = write!(std::io::stderr(), "\r\x1b[K{}{how_far}", what.replace('_', " "));
        self.drawn = true;
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
