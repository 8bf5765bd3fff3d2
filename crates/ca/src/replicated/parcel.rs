//! A whole authority for a member that cannot be fed from the log: its state, and the files of its directory.
//!
//! The CA's private key travels here, over the mutually authenticated connection between members, and (a new one, see [`super::gate`]) in an
//! answer of its own over the same connection, and nowhere else: it is never in the log. The root's key (`puppetserver ca setup` leaves it beside the CA's) does not travel at all:
//! no CA needs it to work, and its place is offline.

use crate::directory::{Directory, Layout, PUBLIC_MODE, sync_directory};
use crate::state::{State, UnreadableImage};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The parts of a CA directory that are in a parcel.
const PLACES: [&str; 3] = ["", "requests", "signed"];
/// Never sent.
const KEPT_HOME: &str = "root_key.pem";

/// Why a parcel cannot be used.
#[derive(Debug, Error)]
pub enum ParcelFault {
    /// Not CBOR of this version.
    #[error("it cannot be read by this version: {0}")]
    Encoding(#[from] minicbor::decode::Error),
    /// Its state is broken.
    #[error(transparent)]
    Image(#[from] UnreadableImage),
    /// It names a file that no CA directory has.
    #[error("it names the file {0:?}")]
    Name(String),
    /// A key that the state names is not in it.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyProblem),
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Parcel {
    #[n(0)]
    format: u32,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    image: Vec<u8>,
    #[n(2)]
    files: Vec<ParcelFile>,
}

#[derive(Encode, Decode)]
struct ParcelFile {
    /// One of [`PLACES`].
    #[n(0)]
    place: String,
    #[n(1)]
    name: String,
    #[n(2)]
    mode: u32,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    content: Vec<u8>,
}

/// Packs `image` (a state as [`State::encode`] gives it) and the files of a directory that shows exactly this state.
///
/// # Errors
/// Any fault of the file system.
pub fn pack(layout: &Layout, image: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut files = Vec::new();
    for place in PLACES {
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(layout.root().join(place))? {
            let entry = entry?;
            if entry.file_type()?.is_file() && entry.file_name() != KEPT_HOME {
                names.push(entry.path());
            }
        }
        names.sort();
        for path in names {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            files.push(ParcelFile {
                place: place.to_owned(),
                name: name.to_owned(),
                mode: fs::metadata(&path)?.permissions().mode() & 0o777,
                content: fs::read(&path)?,
            });
        }
    }
    Ok(minicbor::to_vec(Parcel { format: 1, image, files }).expect("encoding into memory cannot fail"))
}

/// Makes a directory show what a parcel holds; gives the state. A crash in between leaves a directory that the next
/// attempt completes: nothing of it counts before the snapshot file says so.
///
/// # Errors
/// [`ParcelFault`].
pub fn unpack(directory: &Directory, bytes: &[u8]) -> Result<State, ParcelFault> {
    let parcel: Parcel = minicbor::decode(bytes)?;
    let state = State::decode(&parcel.image)?;
    // Judge all names before the first file is written.
    for file in &parcel.files {
        let plain = !file.name.is_empty()
            && !file.name.contains(['/', '\0'])
            && file.name != "."
            && file.name != "..";
        if !plain || !PLACES.contains(&file.place.as_str()) || file.name == "bunraku" {
            return Err(ParcelFault::Name(format!("{}/{}", file.place, file.name)));
        }
    }
    let root = directory.layout().root();
    for file in &parcel.files {
        let mode = if file.mode == 0 { PUBLIC_MODE } else { file.mode };
        directory.place(&root.join(&file.place).join(&file.name), &file.content, mode)?;
    }
    for place in ["requests", "signed"] {
        let present = parcel.files.iter().filter(|file| file.place == place).map(|file| file.name.as_str());
        drop_others(&root.join(place), &present.collect())?;
    }
    PLACES.iter().try_for_each(|place| sync_directory(&root.join(place)))?;
    Ok(state)
}

fn drop_others(path: &Path, keep: &BTreeSet<&str>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let known = entry.file_name().to_str().is_some_and(|name| keep.contains(name));
        if !known && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
