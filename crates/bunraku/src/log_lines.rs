//! Lines of the log on their way to standard output: several with one write while many come, at once while few do.
//!
//! A CA says a line for each certificate; a write for each would be a twentieth of what a certificate costs. What is
//! urgent (warnings, errors) is never held back, nor is what was said before it. `kill -9` takes the information of the
//! last milliseconds with it; the audit record has what matters of that.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(10);
/// Octets that wait at most.
const ROOM: usize = 256 * 1024;

struct Gathered {
    text: Vec<u8>,
    /// When something was written last.
    written: Option<Instant>,
    out: Box<dyn Write + Send>,
}

impl Gathered {
    fn write(&mut self) {
        // There is nowhere to say it if the log cannot be written.
        let _ = self.out.write_all(&self.text).and_then(|()| self.out.flush());
        self.text.clear();
        self.written = Some(Instant::now());
    }
}

struct Shared {
    gathered: Mutex<Gathered>,
    wake: Condvar,
}

impl Shared {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // A line that a panic cut off is no reason to say nothing more.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: &[u8], is_urgent: bool) {
        let mut gathered = self.gathered();
        let was_empty = gathered.text.is_empty();
        let is_quiet = was_empty && gathered.written.is_none_or(|last| last.elapsed() >= GATHER);
        gathered.text.extend_from_slice(line);
        if is_urgent || is_quiet || gathered.text.len() > ROOM {
            gathered.write();
        } else if was_empty {
            drop(gathered);
            self.wake.notify_one();
        }
    }

    fn write_now_and_then(&self) {
        loop {
            let mut gathered = self.gathered();
            while gathered.text.is_empty() {
                gathered = self.wake.wait(gathered).unwrap_or_else(PoisonError::into_inner);
            }
            drop(gathered);
            std::thread::sleep(GATHER);
            let mut gathered = self.gathered();
            if !gathered.text.is_empty() {
                gathered.write();
            }
        }
    }
}

/// Where `tracing` writes. Clones lead to the same place.
#[derive(Clone)]
pub struct LogLines(Arc<Shared>);

impl LogLines {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<LogLines> {
        let gathered = Gathered { text: Vec::new(), written: None, out: Box::new(out) };
        let shared = Arc::new(Shared { gathered: Mutex::new(gathered), wake: Condvar::new() });
        let own = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || own.write_now_and_then())?;
        Ok(LogLines(shared))
    }

    /// Writes what waits: before the process ends.
    pub fn flush(&self) {
        self.0.gathered().write();
    }
}

/// One line that is being said.
pub struct Line<'a> {
    shared: &'a Shared,
    is_urgent: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.take(&one_line(line), self.is_urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event is one line, and nothing in it steers a terminal, whatever a stranger has put into a name or a path.
fn one_line(event: &[u8]) -> Cow<'_, [u8]> {
    let text = event.strip_suffix(b"\n").unwrap_or(event);
    // 0xc2 begins the controls beyond ASCII; most lines have none of these octets.
    if !text.iter().any(|octet| octet.is_ascii_control() || *octet == 0xc2) {
        return Cow::Borrowed(event);
    }
    let mut line = String::with_capacity(event.len() + 16);
    for c in String::from_utf8_lossy(text).chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line.push('\n');
    Cow::Owned(line.into_bytes())
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { shared: &self.0, is_urgent: true }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        Line { shared: &self.0, is_urgent: *about.level() <= Level::WARN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, one piece for each write.
    #[derive(Clone, Default)]
    struct Pieces(Arc<Mutex<Vec<String>>>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let pieces = Pieces::default();
        let lines = LogLines::to(pieces.clone()).unwrap();
        let log = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(log, || {
            let path = "/a\n2026-11-30T00:00:00Z  INFO certificate issued certname=\"evil\"\r\x1b[2J\u{85}";
            tracing::warn!(%path, "{path}");
        });
        lines.flush();
        let said = pieces.0.lock().unwrap().concat();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!said.trim_end_matches('\n').contains(char::is_control), "{said:?}");
        assert!(said.contains(r"/a\n2026-11-30T00:00:00Z"), "{said}");
    }

    #[test]
    fn lines_keep_their_order_and_what_is_urgent_waits_for_nothing() {
        let pieces = Pieces::default();
        let lines = LogLines::to(pieces.clone()).unwrap();
        let said = || pieces.0.lock().unwrap().concat();
        let mut expected = String::new();
        for number in 0..1000 {
            let line = format!("{number}\n");
            lines.0.take(line.as_bytes(), false);
            expected.push_str(&line);
        }
        lines.0.take(b"urgent\n", true);
        expected.push_str("urgent\n");
        assert_eq!(said(), expected, "with everything before it");
        assert!(pieces.0.lock().unwrap().len() < 1000, "several lines with one write");
        lines.0.take(b"last\n", false);
        expected.push_str("last\n");
        // Nobody has to say anything more for that.
        while said() != expected {
            std::thread::yield_now();
        }
        lines.0.take(b"end\n", false);
        lines.flush();
        assert!(said().ends_with("last\nend\n"));
    }
}
