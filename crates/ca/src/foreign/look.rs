//! Which files may be other than the log says: names that only one side has, and files that changed since the last
//! look. Those are read, the others are not.

use super::found::{Content, Found};
use super::stamp::{Place, Seen, Stamp};
use crate::directory::Layout;
use crate::state::State;
use pki::fingerprint::Digests;
use pki::pem;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The `NAME.pem` files of a directory, with their change time, and what else lies there.
#[derive(Debug, Default)]
pub struct Listing {
    pub objects: BTreeMap<String, i64>,
    pub strange: Vec<String>,
}

/// Reads the names of a directory.
///
/// # Errors
/// Any fault of the file system; a directory that is missing is one: it is never taken for an empty one.
pub fn list(path: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // Gone since.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        match name.strip_suffix(".pem") {
            Some(stem) if metadata.is_file() && !stem.is_empty() => {
                listing.objects.insert(stem.to_owned(), Stamp::from(&metadata).changed);
            }
            _ => listing.strange.push(name.to_owned()),
        }
    }
    Ok(listing)
}

/// Reads a file that may be missing.
///
/// # Errors
/// Any fault of the file system but that.
pub fn read(path: &Path) -> io::Result<Content> {
    match fs::read(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Content::Missing),
        other => other.map(Content::Bytes),
    }
}

/// What differs, compared with what was seen before (with everything, when nothing was). `now` is the directory as it
/// was before this look.
///
/// # Errors
/// Any fault of the file system.
pub fn look(layout: &Layout, before: Option<&Seen>, now: &Seen, state: &State) -> io::Result<Found> {
    let mut found = small_files(layout, before, now)?;
    for place in [Place::Signed, Place::Requests] {
        let Some(as_of) = names_to_compare(place, before, now) else { continue };
        let listing = list(&place.path(layout))?;
        note_strange(&mut found, place, &listing);
        for name in candidates(place, &listing, as_of, state) {
            note(layout, &mut found, place, &name, state)?;
        }
    }
    Ok(found)
}

/// Reads the single files whose stamps differ.
///
/// # Errors
/// Any fault of the file system.
pub fn small_files(layout: &Layout, before: Option<&Seen>, now: &Seen) -> io::Result<Found> {
    let read_if_changed = |place: Place| {
        let same = before.is_some_and(|before| before.stamp(place) == now.stamp(place));
        if same { Ok(None) } else { read(&place.path(layout)).map(Some) }
    };
    Ok(Found {
        serial: read_if_changed(Place::Serial)?,
        inventory: read_if_changed(Place::Inventory)?,
        lists: read_if_changed(Place::Lists)?,
        bundle: read_if_changed(Place::Bundle)?,
        ..Found::default()
    })
}

/// From which change time on the files of a directory must be read; none when its names need not be looked at.
pub fn names_to_compare(place: Place, before: Option<&Seen>, now: &Seen) -> Option<i64> {
    let Some(before) = before else { return Some(i64::MIN) };
    if before.stamp(place) == now.stamp(place) {
        return None;
    }
    // Another directory was put in its place: what is in it need not be new to be other.
    let replaced = before.stamp(place).map(|stamp| stamp.inode) != now.stamp(place).map(|stamp| stamp.inode);
    Some(if replaced { i64::MIN } else { before.as_of })
}

fn note_strange(found: &mut Found, place: Place, listing: &Listing) {
    let folder = if place == Place::Signed { "signed" } else { "requests" };
    found.strange.extend(listing.strange.iter().map(|name| format!("{folder}/{name}")));
}

/// Names that only one side has, and those whose files changed at or after `as_of`.
pub fn candidates(place: Place, listing: &Listing, as_of: i64, state: &State) -> Vec<String> {
    let known = |name: &str| match place {
        Place::Requests => state.pending().contains_key(name),
        _ => state.signed().contains_key(name),
    };
    let here = listing.objects.iter().filter(|(name, changed)| **changed >= as_of || !known(name));
    let mut names: Vec<String> = here.map(|(name, _)| name.clone()).collect();
    let gone = |name: &&Arc<str>| !listing.objects.contains_key(&***name);
    match place {
        Place::Requests => names.extend(state.pending().keys().filter(gone).map(|name| name.to_string())),
        _ => names.extend(state.signed().keys().filter(gone).map(|name| name.to_string())),
    }
    names
}

/// Reads the file of one name, and notes it if it is not what the log says.
///
/// # Errors
/// Any fault of the file system.
pub fn note(layout: &Layout, found: &mut Found, place: Place, name: &str, state: &State) -> io::Result<()> {
    if place == Place::Requests {
        let content = read(&layout.request(name))?;
        if !is_request(&content, state, name) {
            if state.signed().contains_key(name)
                && let Content::Bytes(certificate) = read(&layout.certificate(name))?
            {
                found.beside_requests.insert(name.to_owned(), certificate);
            }
            found.requests.insert(name.to_owned(), content);
        }
    } else {
        let content = read(&layout.certificate(name))?;
        if !is_certificate(&content, state, name) {
            found.signed.insert(name.to_owned(), content);
        }
    }
    Ok(())
}

fn is_certificate(content: &Content, state: &State, name: &str) -> bool {
    match (state.signed().get(name), content) {
        (None, Content::Missing) => true,
        (Some(signed), Content::Bytes(bytes)) => {
            only_block(bytes, "CERTIFICATE").is_some_and(|der| Digests::of(&der) == signed.fingerprints)
        }
        _ => false,
    }
}

fn is_request(content: &Content, state: &State, name: &str) -> bool {
    match (state.pending().get(name), content) {
        (None, Content::Missing) => true,
        (Some(pending), Content::Bytes(bytes)) => {
            only_block(bytes, "CERTIFICATE REQUEST").is_some_and(|der| der == pending.der)
        }
        _ => false,
    }
}

fn only_block(bytes: &[u8], label: &str) -> Option<Vec<u8>> {
    let mut blocks = pem::parse_all(bytes).ok()?.into_iter();
    let block = blocks.next().filter(|block| block.label == label)?;
    blocks.next().is_none().then_some(block.der)
}
