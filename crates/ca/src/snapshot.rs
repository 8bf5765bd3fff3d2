//! The snapshot file: the state at a position of the log, so that the log before it can be dropped.
//!
//! A line that names the format, the position, the state ([`State::write`]), and a checksum over all of that. Written
//! as a stream, from a copy of the state that costs nothing, by a thread of its own: signing goes on meanwhile.

use crate::directory::Layout;
use crate::projection::Projection;
use crate::state::{State, UnreadableImage};
use minicbor::{Decode, Decoder, Encode};
use replica::Position;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use thiserror::Error;
use tracing::{error, warn};

const FORMAT: &[u8] = b"bunraku snapshot 2\n";
/// Between the log's length and the number of names: the work of snapshots stays a fixed share of the work of signing,
/// however many certificates there are.
const SHARE: u64 = 8;
/// A log is never cut for fewer entries.
const AT_LEAST: u64 = 8192;

/// A snapshot that is being written.
#[derive(Debug)]
pub struct Writing(JoinHandle<()>);

impl Writing {
    /// Begins to write a snapshot, once the directory holds everything that the log says so far. `tell` is told how it
    /// went.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin(
        projection: &Projection,
        layout: Layout,
        position: Position,
        state: Arc<State>,
        tell: impl FnOnce(io::Result<()>) + Send + 'static,
    ) -> io::Result<Self> {
        let (done, follows) = mpsc::channel();
        projection.run(move |directory| {
            // The log may lose the entries that lines of the audit record could be made from again. The writer waits
            // for nothing else.
            let _ = done.send(directory.flush_record());
        });
        let write = move || {
            let result = follows
                .recv()
                .map_err(io::Error::other)
                .flatten()
                .and_then(|()| write(&layout, position, &state));
            if let Err(fault) = &result {
                warn!(%fault, "no snapshot could be written; the log stays as it is");
            }
            tell(result);
        };
        Ok(Self(std::thread::Builder::new().name("ca-snapshot".into()).spawn(write)?))
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end.
    pub fn wait(self) {
        if self.0.join().is_err() {
            error!("the thread that writes a snapshot has panicked");
        }
    }
}

/// Why a snapshot file cannot be used.
#[derive(Debug, Error)]
pub enum SnapshotFault {
    /// Its checksum does not fit.
    #[error("the snapshot is damaged")]
    Damaged,
    /// Not CBOR of this version.
    #[error("the snapshot cannot be read by this version: {0}")]
    Encoding(#[from] minicbor::decode::Error),
    /// Its content is not a state.
    #[error(transparent)]
    Image(#[from] UnreadableImage),
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether it is time for a snapshot, so many entries after the last one.
pub fn is_due(entries: u64, state: &State) -> bool {
    entries >= AT_LEAST.max(state.names() as u64 / SHARE)
}

/// Writes the snapshot file; durable on return, and the one before it stands until then.
///
/// # Errors
/// Any fault of the file system.
pub fn write(layout: &Layout, position: Position, state: &State) -> io::Result<()> {
    let temporary = layout.own().join("snapshot.new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let mut out = Summing { out: BufWriter::with_capacity(1 << 16, file), sum: 0 };
    out.write_all(FORMAT)?;
    out.write_all(&minicbor::to_vec(position).map_err(io::Error::other)?)?;
    state.write(&mut out)?;
    let sum = out.sum;
    out.write_all(&sum.to_le_bytes())?;
    out.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&temporary, layout.snapshot())?;
    File::open(layout.own())?.sync_all()
}

/// Reads the snapshot file, if there is one.
///
/// # Errors
/// [`SnapshotFault`].
pub fn read(layout: &Layout) -> Result<Option<(Position, State)>, SnapshotFault> {
    let bytes = match fs::read(layout.snapshot()) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if !bytes.starts_with(FORMAT) {
        return read_first_format(&bytes).map(Some);
    }
    let (content, sum) = bytes.split_last_chunk::<4>().ok_or(SnapshotFault::Damaged)?;
    if u32::from_le_bytes(*sum) != crc32c::crc32c(content) {
        return Err(SnapshotFault::Damaged);
    }
    let mut input = Decoder::new(&content[FORMAT.len()..]);
    let position = input.decode()?;
    let state = State::decode(&content[FORMAT.len() + input.position()..])?;
    Ok(Some((position, state)))
}

/// As versions before 0.2 wrote it.
#[derive(Encode, Decode)]
#[cbor(map)]
struct FirstFormat {
    #[n(0)]
    format: u32,
    #[n(1)]
    position: Position,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    image: Vec<u8>,
}

fn read_first_format(bytes: &[u8]) -> Result<(Position, State), SnapshotFault> {
    let (sum, content) = bytes.split_first_chunk::<4>().ok_or(SnapshotFault::Damaged)?;
    if u32::from_le_bytes(*sum) != crc32c::crc32c(content) {
        return Err(SnapshotFault::Damaged);
    }
    let file: FirstFormat = minicbor::decode(content)?;
    Ok((file.position, State::decode(&file.image)?))
}

/// Passes bytes on and keeps their checksum.
struct Summing<W> {
    out: W,
    sum: u32,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum = crc32c::crc32c_append(self.sum, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
