//! Reads a CA directory that Puppet Server, the Ruby CA, `puppetserver ca setup` or openvox-ca wrote.
//!
//! Everything is read and judged first. A directory that cannot be taken over is refused with what to do about it, and
//! nothing in it has been changed; one that can be is mended only after that (docs/CA-DIRECTORY.md tells what).

mod fault;
mod material;
mod numbers;
mod objects;
mod second;

pub use fault::ImportFault;

use crate::directory::{Directory, Layout};
use crate::foreign::stamp::Seen;
use crate::state::{Origin, State};
use pki::Certificate;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// Lines of the log that are spent on what was found in a directory.
const TOLD: usize = 50;

/// A directory that can be taken over.
#[derive(Debug)]
pub struct Imported {
    state: Option<State>,
    /// The directory before anything of it was read.
    seen: Seen,
    /// Files that have to be written: where, what, and with which permissions.
    mends: Vec<(PathBuf, Vec<u8>, u32)>,
    /// Requests that were signed already, by name.
    leftovers: BTreeMap<String, Vec<u8>>,
    notes: Vec<String>,
}

impl Imported {
    fn say(&mut self, note: String) {
        self.notes.push(note);
    }

    fn mend(&mut self, path: PathBuf, bytes: Vec<u8>, mode: u32) {
        self.mends.push((path, bytes, mode));
    }

    /// Whether there is a CA in the directory.
    pub fn is_authority(&self) -> bool {
        self.state.is_some()
    }

    /// Whether nobody has written to the directory since it was read.
    pub fn is_current(&self, layout: &Layout) -> bool {
        Seen::now(layout).is_ok_and(|now| now.same_stamps(&self.seen))
    }

    /// Tells what was found, mends what has to be, and gives the state that the log begins with; none when there is no
    /// CA in the directory. May be repeated: a directory that was mended needs no mending.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub fn take_over(self, directory: &Directory) -> io::Result<Option<State>> {
        let Some(state) = self.state else { return Ok(None) };
        for note in self.notes.iter().take(TOLD) {
            warn!("taking over the CA directory: {note}");
        }
        if let Some(more) = self.notes.len().checked_sub(TOLD).filter(|more| *more > 0) {
            warn!(
                "taking over the CA directory: {more} more of these; `bunraku ca fsck` shows what is still so"
            );
        }
        let layout = directory.layout();
        for (path, bytes, mode) in &self.mends {
            directory.write(path, bytes, mode_of(path).unwrap_or(*mode))?;
        }
        if !self.leftovers.is_empty() {
            crate::foreign::settle::remove_leftovers(layout, &self.leftovers, crate::time::now())?;
        }
        let (certificates, requests) = (state.signed().len(), state.pending().len());
        let next = state.next_serial();
        info!(%next, certificates, requests, "took over the CA directory {}", layout.root().display());
        Ok(Some(state))
    }
}

/// The permissions of a file that is there already stay as they are.
fn mode_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).ok().map(|about| about.permissions().mode() & 0o777)
}

/// Reads the whole directory; changes nothing in it. Single files that are not what their names say are left out with
/// a note, and stay where they are; a CA that cannot be understood is an error.
///
/// # Errors
/// [`ImportFault`].
pub fn read(layout: &Layout) -> Result<Imported, ImportFault> {
    let seen = Seen::now(layout).map_err(|source| ImportFault::io(layout.root(), source))?;
    let mut imported =
        Imported { state: None, seen, mends: Vec::new(), leftovers: BTreeMap::new(), notes: Vec::new() };
    if !is_present(layout)? {
        return Ok(imported);
    }
    let key = material::key(layout, &mut imported)?;
    let bundle_pem = String::from_utf8(bytes(&layout.bundle())?)
        .map_err(|_| ImportFault::content(&layout.bundle(), "is not text"))?;
    let issuer = material::issuer(layout, &bundle_pem, &key, &mut imported)?;
    let lists = material::lists(layout, &issuer, &mut imported)?;
    let bundle = Certificate::all_from_pem(bundle_pem.as_bytes()).unwrap_or_default();
    let signed = objects::signed(layout, &issuer, &bundle, &mut imported)?;
    let pending = objects::pending(layout, &signed, &mut imported)?;
    let inventory = numbers::inventory(layout, &signed, &mut imported)?;
    let next_serial = numbers::next_serial(layout, &inventory, &signed, &lists.own, &mut imported)?;
    numbers::tell_duplicates(&inventory, &signed, &mut imported);
    let mut state = State::new(Origin {
        issuer,
        bundle_pem,
        next_serial,
        pending,
        signed,
        inventory_length: inventory.bytes.len() as u64,
        inventory_sum: crc32c::crc32c(&inventory.bytes),
        inventory_open: false,
        inventory: inventory.rows,
        lists,
    });
    second::find(layout, &mut state, &mut imported);
    imported.state = Some(state);
    Ok(imported)
}

/// Whether there is a CA in this directory: all of it, or nothing.
fn is_present(layout: &Layout) -> Result<bool, ImportFault> {
    let key = material::key_path(layout).unwrap_or_else(|| layout.key());
    let needed = [
        ("ca_crt.pem", layout.bundle()),
        ("ca_key.pem", key),
        ("ca_crl.pem", layout.revocation_lists()),
        ("inventory.txt", layout.inventory()),
        ("serial", layout.serial()),
    ];
    let mut missing = Vec::new();
    for (name, path) in &needed {
        match fs::metadata(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => missing.push(*name),
            Err(source) => return Err(ImportFault::io(path, source)),
            Ok(_) => {}
        }
    }
    if missing.len() == needed.len() {
        return Ok(false);
    }
    if !missing.is_empty() {
        return Err(ImportFault::Partial { path: layout.root().to_owned(), missing });
    }
    for path in [layout.root().to_owned(), layout.signed(), layout.requests()] {
        let may = rustix::fs::accessat(
            rustix::fs::CWD,
            &path,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
            rustix::fs::AtFlags::EACCESS,
        );
        match may {
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
                return Err(ImportFault::denied(&path, "write to"));
            }
            // A folder that is missing will be made.
            Err(rustix::io::Errno::NOENT) | Ok(()) => {}
            Err(fault) => return Err(ImportFault::io(&path, fault.into())),
        }
    }
    Ok(true)
}

fn bytes(path: &Path) -> Result<Vec<u8>, ImportFault> {
    fs::read(path).map_err(|source| ImportFault::io(path, source))
}
