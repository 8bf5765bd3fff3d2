//! Processor time of a process, as the kernel accounts it.

use std::path::PathBuf;

use anyhow::Context;

/// The kernel counts in hundredths of a second on every architecture this runs on (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A process whose processor time is wanted.
#[derive(Debug, Clone)]
pub struct Process(PathBuf);

impl Process {
    /// This one.
    pub fn own() -> Process {
        Process("/proc/self/stat".into())
    }

    pub fn numbered(pid: u32) -> Process {
        Process(format!("/proc/{pid}/stat").into())
    }

    /// Seconds spent so far in user and kernel mode, all threads, to 0.01 s.
    pub fn seconds(&self) -> anyhow::Result<f64> {
        let path = &self.0;
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        seconds(&text).with_context(|| format!("{}: {text}", path.display()))
    }
}

/// Fields 14 and 15 of proc_pid_stat(5). The second field, a name in brackets, may contain anything.
fn seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some((user + kernel) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 5000 0 10 0 150 75 9 9 20 0 12 0 100 1000 200";
        assert_eq!(seconds(stat), Some(2.25));
        assert_eq!(seconds("7 (x) S 1"), None);
    }
}
