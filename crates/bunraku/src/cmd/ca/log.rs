//! `bunraku ca log`: the audit record, as sentences or as it is. Read from the directory, whether a CA has it or not.

mod filter;
mod sentence;
mod verify;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use ca::audit::{Lines, Record, Segment, segments};
use ca::directory::Layout;

use super::{offline, report};
use crate::cli::LogArgs;
use crate::console::{errln, outln};
use filter::Filter;

/// Between two looks for new lines.
const LOOK: Duration = Duration::from_millis(500);

/// Exit code 1 when a line cannot be read, or the record is not whole.
pub async fn run(config: Option<PathBuf>, args: &LogArgs) -> anyhow::Result<u8> {
    let as_json = report::is_json(&args.output)?;
    let config = offline::config(config, &args.target)?;
    let cadir = offline::cadir(config.as_ref(), &args.target)?;
    let layout = Layout::new(&cadir);
    if !layout.bundle().exists() {
        bail!("{} is not a CA directory: it has no ca_crt.pem", cadir.display());
    }
    if args.verify {
        return verify::run(&cadir, args).await;
    }
    show(&layout, args, as_json).await
}

async fn show(layout: &Layout, args: &LogArgs, as_json: bool) -> anyhow::Result<u8> {
    let filter = Filter::new(args)?;
    let mut printer = Printer { as_json, lines_only: args.follow, first: true };
    let place = || layout.audit().display().to_string();
    let files = segments(layout).with_context(place)?;
    let mut end = End { segment: files.first().map_or(1, |file| file.first), octet: 0 };
    let mut unreadable = 0_u64;
    let mut last = VecDeque::new();
    printer.begin();
    for part in Lines::of(files) {
        let part = part.with_context(place)?;
        if !part.bytes.ends_with(b"\n") {
            // It is being written, or is damaged: `--verify` says which.
            continue;
        }
        end = End { segment: part.segment, octet: part.place.octet + part.bytes.len() as u64 };
        let Some(record) = Record::parse(&part.bytes) else {
            unreadable += 1;
            if unreadable == 1 {
                errln!(
                    "{}: line {} cannot be read; 'bunraku ca log --verify' says more",
                    part.place.file,
                    part.place.line
                );
            }
            continue;
        };
        if !filter.wants(&record) {
            continue;
        }
        match args.last {
            None => printer.print(&record, &part.bytes),
            Some(0) => {}
            Some(count) => {
                if last.len() == count {
                    last.pop_front();
                }
                last.push_back((record, part.bytes));
            }
        }
    }
    last.iter().for_each(|(record, bytes)| printer.print(record, bytes));
    if args.follow {
        follow(layout, end, &filter, &mut printer).await?;
    }
    printer.end();
    Ok(u8::from(unreadable > 0))
}

/// How far the record has been read.
struct End {
    segment: u64,
    octet: u64,
}

async fn follow(layout: &Layout, mut end: End, filter: &Filter, printer: &mut Printer) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(LOOK).await;
        for file in segments(layout)? {
            if file.first < end.segment {
                continue;
            }
            if file.first > end.segment {
                end = End { segment: file.first, octet: 0 };
            }
            end.octet += more(&file, end.octet, filter, printer)?;
        }
    }
}

/// Prints the whole lines of `file` from `from` on; gives their length.
fn more(file: &Segment, from: u64, filter: &Filter, printer: &mut Printer) -> anyhow::Result<u64> {
    let mut reader = BufReader::new(File::open(&file.path)?);
    reader.seek(SeekFrom::Start(from))?;
    let mut read = 0;
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 && bytes.ends_with(b"\n") {
        read += bytes.len() as u64;
        if let Some(record) = Record::parse(&bytes).filter(|record| filter.wants(record)) {
            printer.print(&record, &bytes);
        }
        bytes.clear();
    }
    Ok(read)
}

struct Printer {
    as_json: bool,
    /// JSON without an end is one object for each line.
    lines_only: bool,
    first: bool,
}

impl Printer {
    fn begin(&self) {
        if self.as_json && !self.lines_only {
            outln!("{{\"records\":[");
        }
    }

    fn print(&mut self, record: &Record, line: &[u8]) {
        if !self.as_json {
            outln!("{}", sentence::of(record));
            return;
        }
        let line = String::from_utf8_lossy(line);
        let comma = if self.first || self.lines_only { "" } else { "," };
        outln!("{comma}{}", line.trim_end());
        self.first = false;
    }

    fn end(&self) {
        if self.as_json && !self.lines_only {
            outln!("]}}");
        }
    }
}

/// Whether a CA answers on the directory's socket.
fn is_served(cadir: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(ca::socket_path(cadir)).is_ok()
}
