//! The terminal while `bunraku top` has it: another screen, no cursor, keys as they are pressed. Given back however it ends.

use std::io::{Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

use super::frame::Size;

/// Another screen, which leaves what was there as it was; no cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

pub(super) struct Terminal {
    before: Termios,
    keys: mpsc::Receiver<u8>,
}

impl Terminal {
    pub(super) fn take() -> anyhow::Result<Terminal> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        // Ctrl-C is a key like any other: otherwise it would leave the terminal as it is now.
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
        let (sender, keys) = mpsc::channel(16);
        // Ends with the process: reading a terminal cannot be given up.
        std::thread::spawn(move || {
            for key in std::io::BufReader::new(std::io::stdin()).bytes().map_while(Result::ok) {
                if sender.blocking_send(key).is_err() {
                    return;
                }
            }
        });
        let terminal = Terminal { before, keys };
        write(ENTER)?;
        Ok(terminal)
    }

    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(std::io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                Size { columns: usize::from(size.ws_col), rows: usize::from(size.ws_row) }
            }
            _ => Size { columns: 80, rows: 24 },
        }
    }

    /// Writes a frame over the last one; what is left of that is wiped line by line, so that nothing flickers.
    pub(super) fn draw(&self, frame: &str) -> anyhow::Result<()> {
        let lines: Vec<&str> = frame.lines().collect();
        write(&format!("\x1b[H{}\x1b[K\x1b[J", lines.join("\x1b[K\r\n")))
    }

    /// The next key; none when the terminal is gone.
    pub(super) async fn key(&mut self) -> Option<u8> {
        self.keys.recv().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody left to tell of a fault.
        let _ = write(LEAVE);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
