//! Makes many files durable with few waits for the disk.
//!
//! A flush of one file is several waits: for its content, its inode, the disk's own cache. For many files there is one
//! call that waits once for everything on their file system (`syncfs`). What others have written there is written with
//! it, so it is used only while that is little.

use replica::witness;
use std::fs::{self, File};
use std::io;
use std::sync::OnceLock;

/// Files that are open at the same time: far below any limit of a process.
const OPEN_AT_A_TIME: usize = 256;
/// Fewer files than this are flushed one by one.
const MANY: usize = 4;
/// A flush of one file takes as long as writing about so much: `syncfs` must not have more to write for each of ours.
const WORTH_OF_A_FLUSH: u64 = 64 * 1024;
/// Since then `syncfs` tells of what could not be written.
const TELLS_OF_FAULTS: (u32, u32) = (5, 8);

/// Files on their way to the disk. Not durable before [`Together::flush`].
#[derive(Debug, Default)]
pub(super) struct Together {
    files: Vec<File>,
}

impl Together {
    /// Adds a file. Those added before may be flushed by that.
    pub(super) fn add(&mut self, file: File) -> io::Result<()> {
        self.files.push(file);
        if self.files.len() < OPEN_AT_A_TIME { Ok(()) } else { self.flush() }
    }

    /// Makes all of them durable.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let files = std::mem::take(&mut self.files);
        all(&files)
    }
}

/// Makes files durable, content and inode.
pub(super) fn all(files: &[File]) -> io::Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    if files.len() >= MANY && is_worth_it(files.len()) {
        return file_system(first);
    }
    if files.len() > 1 {
        for file in files {
            // The advice begins the writing of all of them, so that each flush finds less to wait for. What it does
            // beyond, and whether it is taken, does not matter.
            let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        }
    }
    files.iter().try_for_each(one)
}

/// Makes one file durable, content and inode.
pub(super) fn one(file: &File) -> io::Result<()> {
    file.sync_all()?;
    witness::synced(file);
    Ok(())
}

/// Makes everything durable that is on the file system of this file or folder. Only of use where it
/// [`tells_of_faults`].
pub(super) fn file_system(on_it: &File) -> io::Result<()> {
    rustix::fs::syncfs(on_it)?;
    witness::synced_all();
    Ok(())
}

/// Whether [`file_system`] says it when something could not be written.
pub(super) fn tells_of_faults() -> bool {
    static TELLS: OnceLock<bool> = OnceLock::new();
    let tells = || version(&rustix::system::uname().release().to_string_lossy()) >= Some(TELLS_OF_FAULTS);
    *TELLS.get_or_init(tells)
}

/// Whether one wait for the whole file system is shorter than one for each of so many files, and as good.
fn is_worth_it(files: usize) -> bool {
    tells_of_faults()
        && fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| unwritten(&text))
            .is_some_and(|octets| octets <= files as u64 * WORTH_OF_A_FLUSH)
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What the whole machine has not written yet, octets, of proc_meminfo(5).
fn unwritten(meminfo: &str) -> Option<u64> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some((field("Dirty:")? + field("Writeback:")?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_itself_is_read() {
        assert_eq!(version("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(version("5.10.0"), Some((5, 10)));
        assert_eq!(version("unknown"), None);
        assert!(Some((5, 10)) > Some(TELLS_OF_FAULTS) && Some((4, 19)) < Some(TELLS_OF_FAULTS));
        let text = "MemTotal:  8136416 kB\nDirty:               120 kB\nWriteback:             8 kB\n\
                    WritebackTmp:          0 kB\n";
        assert_eq!(unwritten(text), Some(128 * 1024));
        assert_eq!(unwritten("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn few_files_and_many_are_flushed() {
        let root = tempfile::tempdir().unwrap();
        for count in [0, 1, MANY, OPEN_AT_A_TIME + 1] {
            let mut together = Together::default();
            for number in 0..count {
                together.add(File::create(root.path().join(number.to_string())).unwrap()).unwrap();
            }
            together.flush().unwrap();
            assert!(together.files.is_empty());
        }
    }
}
