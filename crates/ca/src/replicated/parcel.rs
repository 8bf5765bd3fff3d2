//! A whole authority for a member that cannot be fed from the log: its state, and the files of its directory.
//!
//! The CA's private key travels here, over the mutually authenticated connection between members, and (a new one, see [`super::gate`]) in an
//! answer of its own over the same connection, and nowhere else: it is never in the log. The root's key (`puppetserver ca setup` leaves it beside the CA's) does not travel at all:
//! no CA needs it to work, and its place is offline.
//!
//! A parcel is one CBOR map, written into a file and read from one piece by piece: never more of it is in memory than
//! its largest part, however many certificates there are.

use crate::directory::{Directory, Layout, PUBLIC_MODE, sync_directory};
use crate::inventory::Row;
use crate::state::{State, UnreadableImage};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The parts of a CA directory that are in a parcel.
const PLACES: [&str; 3] = ["", "requests", "signed"];
/// Never sent.
const KEPT_HOME: &str = "root_key.pem";
/// The form that all versions read.
const FORMAT: u64 = 1;
/// Longest name of a file.
const LONGEST_NAME: u64 = 4096;

/// CBOR's major types that occur here.
const NUMBER: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// Why a parcel cannot be used.
#[derive(Debug, Error)]
pub enum ParcelFault {
    /// Not in the form of this version.
    #[error("it cannot be read by this version: {0}")]
    Form(&'static str),
    /// Its state is broken.
    #[error(transparent)]
    Image(#[from] UnreadableImage),
    /// It names a file that no CA directory has.
    #[error("it names the file {0:?}")]
    Name(String),
    /// What is here would be lost.
    #[error(
        "{} has certificates that the primary's log does not know ({what}): another CA was at work here, or the primary \
         was put back to an older state. Nothing is written over. Copy what is here over the directory of the \
         primary while that runs, which takes it over: `cp -pu` for signed/ and requests/, `cp` for inventory.txt and ca_crl.pem \
         (docs/MIGRATING.md, \"If the standby was quicker\"); or, if it is to be given up, stop this member, move this \
         directory away, and start it again",
        place.display()
    )]
    Loss { place: PathBuf, what: String },
    /// A key that the state names is not in it.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyProblem),
    /// The file system says no, or the parcel ends too soon.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Packs a state and the files of a directory that shows exactly this state. Gives the parcel, a file without a name
/// that is gone when it is closed, and its length.
///
/// # Errors
/// Any fault of the file system.
pub fn pack(layout: &Layout, state: &State) -> io::Result<(File, u64)> {
    let path = layout.temporary().join(format!("parcel-{}", uuid::Uuid::new_v4()));
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    head(&mut out, MAP, 3)?;
    head(&mut out, NUMBER, 0)?;
    head(&mut out, NUMBER, FORMAT)?;
    head(&mut out, NUMBER, 1)?;
    let mut measured = Measure(0);
    state.write(&mut measured)?;
    head(&mut out, BYTES, measured.0)?;
    state.write(&mut out)?;
    head(&mut out, NUMBER, 2)?;
    let files = files(layout)?;
    head(&mut out, ARRAY, files.len() as u64)?;
    for (place, name, path) in files {
        let content = fs::read(&path)?;
        head(&mut out, ARRAY, 4)?;
        for text in [place, &name] {
            head(&mut out, TEXT, text.len() as u64)?;
            out.write_all(text.as_bytes())?;
        }
        head(&mut out, NUMBER, u64::from(fs::metadata(&path)?.permissions().mode() & 0o777))?;
        head(&mut out, BYTES, content.len() as u64)?;
        out.write_all(&content)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let length = file.stream_position()?;
    Ok((file, length))
}

/// Place, name and path of each file that travels.
fn files(layout: &Layout) -> io::Result<Vec<(&'static str, String, PathBuf)>> {
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
            files.push((place, name.to_owned(), path));
        }
    }
    Ok(files)
}

/// Counts what is written.
struct Measure(u64);

impl Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The shortest head of an item (RFC 8949, 3).
fn head(out: &mut impl Write, major: u8, value: u64) -> io::Result<()> {
    let first = major << 5;
    match value {
        0..=23 => out.write_all(&[first | value as u8]),
        24..=0xFF => out.write_all(&[first | 24, value as u8]),
        0x100..=0xFFFF => out.write_all(&[&[first | 25], (value as u16).to_be_bytes().as_slice()].concat()),
        0x1_0000..=0xFFFF_FFFF => {
            out.write_all(&[&[first | 26], (value as u32).to_be_bytes().as_slice()].concat())
        }
        _ => out.write_all(&[&[first | 27], value.to_be_bytes().as_slice()].concat()),
    }
}

/// Reads a head, which must be of this type.
fn expect(input: &mut impl Read, major: u8) -> Result<u64, ParcelFault> {
    let mut first = [0];
    input.read_exact(&mut first)?;
    if first[0] >> 5 != major {
        return Err(ParcelFault::Form("an item of another type was expected"));
    }
    let width = match first[0] & 0x1F {
        value @ 0..=23 => return Ok(u64::from(value)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(ParcelFault::Form("an item without a length")),
    };
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes[8 - width..])?;
    Ok(u64::from_be_bytes(bytes))
}

/// Reads so many bytes; a length that is not true costs no memory.
fn bytes(input: &mut impl Read, length: u64) -> Result<Vec<u8>, ParcelFault> {
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(ParcelFault::Form("it ends too soon")) }
}

fn text(input: &mut impl Read) -> Result<String, ParcelFault> {
    let length = expect(input, TEXT)?;
    if length > LONGEST_NAME {
        return Err(ParcelFault::Form("a name that is too long"));
    }
    String::from_utf8(bytes(input, length)?).map_err(|_| ParcelFault::Form("a name that is no text"))
}

fn key(input: &mut impl Read, wanted: u64) -> Result<(), ParcelFault> {
    if expect(input, NUMBER)? == wanted {
        Ok(())
    } else {
        Err(ParcelFault::Form("another order of its parts"))
    }
}

/// One file of a parcel, up to its content.
struct Item {
    place: String,
    name: String,
    mode: u32,
    length: u64,
}

impl Item {
    fn read(input: &mut impl Read) -> Result<Item, ParcelFault> {
        if expect(input, ARRAY)? != 4 {
            return Err(ParcelFault::Form("a file of other parts"));
        }
        let (place, name) = (text(input)?, text(input)?);
        let mode = u32::try_from(expect(input, NUMBER)?).map_err(|_| ParcelFault::Form("a mode"))? & 0o777;
        let plain = !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
        if !plain || !PLACES.contains(&place.as_str()) || name == "bunraku" {
            return Err(ParcelFault::Name(format!("{place}/{name}")));
        }
        let length = expect(input, BYTES)?;
        Ok(Item { place, name, mode: if mode == 0 { PUBLIC_MODE } else { mode }, length })
    }
}

/// Makes a directory show what the parcel in a file holds; gives the state. `tell` hears how many files of how many are
/// done. A crash in between leaves a directory that the next attempt completes: nothing of it counts before the
/// snapshot file says so.
///
/// # Errors
/// [`ParcelFault`].
pub fn unpack(
    directory: &Directory,
    parcel: &Path,
    mut tell: impl FnMut(u64, u64),
) -> Result<State, ParcelFault> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(parcel)?);
    if expect(&mut input, MAP)? != 3 {
        return Err(ParcelFault::Form("other parts"));
    }
    key(&mut input, 0)?;
    if expect(&mut input, NUMBER)? != FORMAT {
        return Err(ParcelFault::Form("another format"));
    }
    key(&mut input, 1)?;
    let length = expect(&mut input, BYTES)?;
    let state = State::decode(&bytes(&mut input, length)?)?;
    key(&mut input, 2)?;
    let count = expect(&mut input, ARRAY)?;
    // All names are judged before the first file is written.
    let begin = input.stream_position()?;
    let mut present: [BTreeSet<String>; 2] = Default::default();
    for _ in 0..count {
        let item = Item::read(&mut input)?;
        let skip = i64::try_from(item.length).map_err(|_| ParcelFault::Form("a length"))?;
        input.seek_relative(skip)?;
        match item.place.as_str() {
            "requests" => present[0].insert(item.name),
            "signed" => present[1].insert(item.name),
            _ => false,
        };
    }
    let end = input.stream_position()?;
    if end != fs::metadata(parcel)?.len() {
        return Err(ParcelFault::Form("it has another length"));
    }
    input.seek(SeekFrom::Start(begin))?;
    let layout = directory.layout();
    if !layout.arriving().exists() {
        refuse_loss(layout, &state)?;
        fs::write(layout.arriving(), b"")?;
        sync_directory(&layout.own())?;
    }
    let root = layout.root();
    let mut read = 0;
    let contents = std::iter::from_fn(|| {
        (read < count).then(|| {
            read += 1;
            tell(read, count);
            let item = Item::read(&mut input)?;
            let content = bytes(&mut input, item.length)?;
            Ok::<_, ParcelFault>((root.join(item.place).join(item.name), content, item.mode))
        })
    });
    directory.place_all(contents)?;
    for (place, present) in ["requests", "signed"].into_iter().zip(&present) {
        drop_others(&root.join(place), present)?;
    }
    PLACES.iter().try_for_each(|place| sync_directory(&root.join(place)))?;
    Ok(state)
}

/// Refuses a parcel that knows less than this directory: a certificate, once given away, must stay known to somebody who
/// can revoke it.
fn refuse_loss(layout: &Layout, state: &State) -> Result<(), ParcelFault> {
    let inventory = match fs::read(layout.inventory()) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let text = String::from_utf8_lossy(&inventory);
    let unknown = |row: &Row| state.issued_to(&row.name).iter().all(|one| one.serial != row.serial);
    let rows: Vec<Row> = text.lines().filter_map(Row::parse).filter(unknown).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> =
        rows.iter().take(3).map(|row| format!("serial {} of {}", row.serial, row.name)).collect();
    let what = match rows.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    };
    Err(ParcelFault::Loss { place: layout.root().to_owned(), what })
}

fn drop_others(path: &Path, keep: &BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let known = entry.file_name().to_str().is_some_and(|name| keep.contains(name));
        if !known && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minicbor::{Decode, Encode};

    /// A parcel as the first versions defined it.
    #[derive(Encode, Decode)]
    #[cbor(map)]
    struct First {
        #[n(0)]
        format: u32,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        image: Vec<u8>,
        #[n(2)]
        files: Vec<FirstFile>,
    }

    #[derive(Encode, Decode)]
    struct FirstFile {
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

    fn packed(file: &File, length: u64) -> Vec<u8> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn a_parcel_is_what_the_first_versions_read_and_wrote() {
        let root = tempfile::tempdir().unwrap();
        let cadir = root.path().join("ca");
        let options = crate::SetupOptions {
            ca_name: "Puppet CA: parcel".into(),
            key: pki::KeyKind::EcP256,
            ca_ttl: 86_400,
        };
        crate::setup(&cadir, &options, |_| {}).unwrap();
        let directory = Directory::open(&cadir).unwrap();
        let layout = directory.layout().clone();
        let state = crate::store::Store::open(&cadir).unwrap().state.unwrap();
        fs::write(cadir.join("root_key.pem"), "stays").unwrap();
        // Lengths of all widths that CBOR knows.
        for (name, length) in [("a.pem", 3), ("b.pem", 200), ("c.pem", 5_000), ("d.pem", 70_000)] {
            fs::write(layout.signed().join(name), vec![b'x'; length]).unwrap();
        }
        let (file, length) = pack(&layout, &state).unwrap();
        let written = packed(&file, length);
        let first: First = minicbor::decode(&written).unwrap();
        assert_eq!((first.format, &first.image), (1, &state.encode()));
        assert!(first.files.iter().any(|file| file.name == "ca_key.pem"));
        assert!(first.files.iter().all(|file| file.name != "root_key.pem"));
        assert_eq!(minicbor::to_vec(&first).unwrap(), written, "what the first versions would have written");
        assert_eq!(fs::read_dir(layout.temporary()).unwrap().count(), 0, "a parcel has no name");

        let arrived = root.path().join("arrived");
        fs::write(&arrived, &written).unwrap();
        fs::create_dir(root.path().join("standby")).unwrap();
        let there = Directory::open(root.path().join("standby")).unwrap();
        fs::write(there.layout().certificate("leftover"), "old").unwrap();
        let mut told = Vec::new();
        let unpacked = unpack(&there, &arrived, |done, of| told.push((done, of))).unwrap();
        assert_eq!(unpacked.encode(), state.encode());
        assert_eq!(told.last().map(|(done, of)| done == of), Some(true));
        assert_eq!(fs::read(there.layout().certificate("d")).unwrap().len(), 70_000);
        assert!(!there.layout().certificate("leftover").exists());
        assert!(!there.layout().root_key().exists());

        for cut in [1, 100, written.len() / 2, written.len() - 1] {
            fs::write(&arrived, &written[..cut]).unwrap();
            assert!(unpack(&there, &arrived, |_, _| {}).is_err(), "cut off at {cut}");
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_before_anything_is_written() {
        let root = tempfile::tempdir().unwrap();
        let cadir = root.path().join("ca");
        let options = crate::SetupOptions {
            ca_name: "Puppet CA: parcel".into(),
            key: pki::KeyKind::EcP256,
            ca_ttl: 86_400,
        };
        crate::setup(&cadir, &options, |_| {}).unwrap();
        let state = crate::store::Store::open(&cadir).unwrap().state.unwrap();
        fs::create_dir(root.path().join("standby")).unwrap();
        let there = Directory::open(root.path().join("standby")).unwrap();
        let arrived = root.path().join("arrived");
        for (place, name) in [("signed", "../x"), ("..", "x"), ("", "bunraku"), ("", "")] {
            let file = |place: &str, name: &str| FirstFile {
                place: place.into(),
                name: name.into(),
                mode: 0o644,
                content: b"x".to_vec(),
            };
            let files = vec![file("signed", "good.pem"), file(place, name)];
            let parcel = First { format: 1, image: state.encode(), files };
            fs::write(&arrived, minicbor::to_vec(&parcel).unwrap()).unwrap();
            let fault = unpack(&there, &arrived, |_, _| {}).unwrap_err();
            assert!(matches!(fault, ParcelFault::Name(_)), "{fault}");
            assert!(!there.layout().certificate("good").exists());
        }
    }
}
