//! Which files may be other than the log says: names that only one side has, and files that changed since the last
//! look. Those are read, the others are not.

use super::found::{Content, Found};
use super::stamp::{Place, Seen, Stamp};
use crate::directory::{Known, Layout};
use crate::state::State;
use pki::fingerprint::Digests;
use pki::pem;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
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
    for entry in entries(path)? {
        let entry = entry?;
        let Some(metadata) = metadata(&entry)? else { continue };
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

/// A fault names the folder: one that is gone is an operator's to bring back.
fn entries(path: &Path) -> io::Result<fs::ReadDir> {
    fs::read_dir(path).map_err(|fault| io::Error::new(fault.kind(), format!("{}: {fault}", path.display())))
}

/// What an entry of a directory is, or what it leads to; none of one that is gone since.
fn metadata(entry: &fs::DirEntry) -> io::Result<Option<fs::Metadata>> {
    let about = match entry.metadata() {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // A link to nowhere stays what it is, a strange thing.
    let leads_to = about.is_symlink().then(|| fs::metadata(entry.path()).ok()).flatten();
    Ok(Some(leads_to.unwrap_or(about)))
}

/// Reads a file that may be missing; a folder of its name is none.
///
/// # Errors
/// Any fault of the file system but that; it names the file.
pub fn read(path: &Path) -> io::Result<Content> {
    match fs::read(path) {
        Err(fault) if matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            Ok(Content::Missing)
        }
        other => other
            .map(Content::Bytes)
            .map_err(|fault| io::Error::new(fault.kind(), format!("{}: {fault}", path.display()))),
    }
}

/// What the CA that has the directory knows of its own work.
pub struct Own<'a> {
    /// The files that it wrote lately.
    pub known: &'a Known,
    /// Whether the certificate of this name is on its way into the directory.
    pub is_coming: &'a dyn Fn(&str) -> bool,
}

/// What differs, compared with what was seen before (with everything, when nothing was). `now` is the directory as it
/// was before this look. Files of which `own` says that they are ours are not read; those that are not there yet are not
/// missed.
///
/// # Errors
/// Any fault of the file system.
pub fn look(
    layout: &Layout,
    before: Option<&Seen>,
    now: &Seen,
    state: &State,
    own: Option<&Own<'_>>,
) -> io::Result<Found> {
    let mut found = small_files(layout, before, now, own.map(|own| own.known))?;
    for place in [Place::Signed, Place::Requests] {
        let Some(as_of) = names_to_compare(place, before, now) else { continue };
        let Walk { candidates, strange } = walk(&place.path(layout), as_of, &names_of(place, state))?;
        let folder = if place == Place::Signed { "signed" } else { "requests" };
        found.strange.extend(strange.iter().map(|name| format!("{folder}/{name}")));
        for name in candidates {
            if !is_ours(layout, place, &name, own)? {
                note(layout, &mut found, place, &name, state)?;
            }
        }
    }
    if let Some(own) = own {
        own.known.forget_before(now.as_of);
    }
    Ok(found)
}

fn is_ours(layout: &Layout, place: Place, name: &str, own: Option<&Own<'_>>) -> io::Result<bool> {
    let Some(own) = own else { return Ok(false) };
    match place {
        Place::Requests => own.known.is_as_written(&layout.request(name)),
        // A file that is there is somebody's, whatever is on its way.
        _ if (own.is_coming)(name) && Stamp::of(&layout.certificate(name))?.is_none() => Ok(true),
        _ => own.known.is_as_written(&layout.certificate(name)),
    }
}

/// Reads the single files whose stamps differ.
///
/// # Errors
/// Any fault of the file system.
pub fn small_files(
    layout: &Layout,
    before: Option<&Seen>,
    now: &Seen,
    known: Option<&Known>,
) -> io::Result<Found> {
    let read_if_changed = |place: Place| {
        let same = before.is_some_and(|before| before.stamp(place) == now.stamp(place));
        if same { Ok(None) } else { read(&place.path(layout)).map(Some) }
    };
    let inventory = match known {
        Some(known) if known.is_our_inventory()? => None,
        _ => read_if_changed(Place::Inventory)?,
    };
    Ok(Found {
        serial: read_if_changed(Place::Serial)?,
        inventory,
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

fn names_of(place: Place, state: &State) -> Vec<&Arc<str>> {
    match place {
        Place::Requests => state.pending().keys().collect(),
        _ => state.signed().keys().collect(),
    }
}

/// What a walk through a directory came upon.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walk {
    /// Names that only one side has, and those whose files changed at or after a time.
    candidates: Vec<String>,
    strange: Vec<String>,
}

/// Compares the names in a directory with those that are `known`. There may be a million of them: instead of the names
/// their hashes are kept, other ones in each walk. (Should two be the same, a file that was put there or taken away goes
/// unnoticed until the next walk; with a million names that is one walk in ten million.)
fn walk(path: &Path, as_of: i64, known: &[&Arc<str>]) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let hasher = RandomState::new();
    // Whether a name has been met.
    let mut met: HashMap<u64, bool> = known.iter().map(|name| (hasher.hash_one(&***name), false)).collect();
    for entry in entries(path)? {
        let entry = entry?;
        let Some(metadata) = metadata(&entry)? else { continue };
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        match name.strip_suffix(".pem") {
            Some(stem) if metadata.is_file() && !stem.is_empty() => {
                let known = met.get_mut(&hasher.hash_one(stem)).map(|met| *met = true).is_some();
                if !known || Stamp::from(&metadata).changed >= as_of {
                    walk.candidates.push(stem.to_owned());
                }
            }
            _ => walk.strange.push(name.to_owned()),
        }
    }
    let gone = known.iter().filter(|name| met.get(&hasher.hash_one(&****name)) == Some(&false));
    walk.candidates.extend(gone.map(|name| name.to_string()));
    walk.candidates.sort_unstable();
    Ok(walk)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_comes_upon_what_is_new_gone_changed_or_strange() {
        let root = tempfile::tempdir().unwrap();
        for name in ["there.pem", "new.pem", "note.txt", ".pem"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        fs::create_dir(root.path().join("folder.pem")).unwrap();
        let known = [Arc::from("there"), Arc::from("gone")];
        let known: Vec<&Arc<str>> = known.iter().collect();
        let come_upon = |as_of| {
            let mut walk = walk(root.path(), as_of, &known).unwrap();
            walk.strange.sort();
            assert_eq!(walk.strange, [".pem", "folder.pem", "note.txt"]);
            walk.candidates
        };
        assert_eq!(come_upon(i64::MAX), ["gone", "new"]);
        // A file that is kept elsewhere is there.
        fs::rename(root.path().join("there.pem"), root.path().join("folder.pem/kept")).unwrap();
        std::os::unix::fs::symlink("folder.pem/kept", root.path().join("there.pem")).unwrap();
        assert_eq!(come_upon(i64::MAX), ["gone", "new"]);
        assert_eq!(come_upon(0), ["gone", "new", "there"]);
        assert!(walk(&root.path().join("missing"), 0, &known).is_err());
    }
}
