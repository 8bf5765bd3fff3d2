//! The CA directory in Puppet's formats and permissions, and the one way anything is written there:
//! temporary file, fsync, rename, fsync of the directory.
//!
//! Temporary files live under `bunraku/tmp` on the same file system, so that no reader of `requests/` or
//! `signed/` ever meets one and what a crash leaves behind is in one place.

mod audit;
mod batch;
mod flush;
mod overtaken;

pub use batch::Batch;
pub use overtaken::Known;

use crate::foreign::settle;
use crate::keys;
use flush::Together;
use pki::pem;
use replica::witness;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tracing::warn;

/// What Puppet Server gives certificates, requests, revocation lists and `serial`.
pub const PUBLIC_MODE: u32 = 0o644;
/// What Puppet Server gives keys and the inventory.
pub const PRIVATE_MODE: u32 = 0o640;
/// What Puppet Server gives directories.
pub const DIRECTORY_MODE: u32 = 0o750;
/// What our own directory has: its log and snapshots hold more than any single file of Puppet's.
pub const OWN_MODE: u32 = 0o700;

/// Files that get their names together when many are placed: where those are to go is held in memory.
const PLACED_TOGETHER: usize = 16_384;

/// The files of a CA directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
    /// The CA directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// `ca_crt.pem`: the issuing certificate, then its chain.
    pub fn bundle(&self) -> PathBuf {
        self.root.join("ca_crt.pem")
    }
    /// `ca_key.pem`.
    pub fn key(&self) -> PathBuf {
        self.root.join("ca_key.pem")
    }
    /// `root_key.pem`: the key of the root, where `puppetserver ca setup` left it.
    pub fn root_key(&self) -> PathBuf {
        self.root.join("root_key.pem")
    }
    /// `infra_inventory.txt`: certnames of the infrastructure's nodes, as the operator writes them.
    pub fn infra_inventory(&self) -> PathBuf {
        self.root.join("infra_inventory.txt")
    }
    /// `infra_serials`: their serial numbers, decimal.
    pub fn infra_serials(&self) -> PathBuf {
        self.root.join("infra_serials")
    }
    /// `infra_crl.pem`: the infrastructure's revocation list, then those of the chain.
    pub fn infra_lists(&self) -> PathBuf {
        self.root.join("infra_crl.pem")
    }
    /// `ca_pub.pem`.
    pub fn public_key(&self) -> PathBuf {
        self.root.join("ca_pub.pem")
    }
    /// `ca_crl.pem`: our list, then those of the chain.
    pub fn revocation_lists(&self) -> PathBuf {
        self.root.join("ca_crl.pem")
    }
    /// `serial`: the next serial number.
    pub fn serial(&self) -> PathBuf {
        self.root.join("serial")
    }
    /// `inventory.txt`.
    pub fn inventory(&self) -> PathBuf {
        self.root.join("inventory.txt")
    }
    /// `requests/`.
    pub fn requests(&self) -> PathBuf {
        self.root.join("requests")
    }
    /// `signed/`.
    pub fn signed(&self) -> PathBuf {
        self.root.join("signed")
    }
    /// `requests/NAME.pem`.
    pub fn request(&self, certname: &str) -> PathBuf {
        self.requests().join(format!("{certname}.pem"))
    }
    /// `signed/NAME.pem`.
    pub fn certificate(&self, certname: &str) -> PathBuf {
        self.signed().join(format!("{certname}.pem"))
    }
    /// `bunraku/`: what belongs to this member alone (log, snapshot, configuration, lock, socket).
    pub fn own(&self) -> PathBuf {
        self.root.join("bunraku")
    }
    /// `bunraku/tmp`.
    pub fn temporary(&self) -> PathBuf {
        self.own().join("tmp")
    }
    /// `bunraku/log`.
    pub fn log(&self) -> PathBuf {
        self.own().join("log")
    }
    /// `bunraku/snapshot`.
    pub fn snapshot(&self) -> PathBuf {
        self.own().join("snapshot")
    }
    /// `bunraku/configuration`.
    pub fn configuration(&self) -> PathBuf {
        self.own().join("configuration")
    }
    /// `bunraku/projected`: how far the directory follows the log.
    pub fn mark(&self) -> PathBuf {
        self.own().join("projected")
    }
    /// `bunraku/seen`: the directory as it was when it last showed what the log says.
    pub fn seen(&self) -> PathBuf {
        self.own().join("seen")
    }
    /// `bunraku/found`: files of others that had to make room.
    pub fn found(&self) -> PathBuf {
        self.own().join("found")
    }
    /// `bunraku/audit`: the audit record.
    pub fn audit(&self) -> PathBuf {
        self.own().join("audit")
    }
    /// `bunraku/incoming`: a snapshot from the primary, while it arrives.
    pub fn incoming(&self) -> PathBuf {
        self.own().join("incoming")
    }
    /// `bunraku/arriving`: there while a snapshot from the primary takes its place in the directory.
    pub fn arriving(&self) -> PathBuf {
        self.own().join("arriving")
    }
    /// What a crash may leave of files of ours that were being replaced or received; none of it counts.
    fn unfinished(&self) -> Vec<PathBuf> {
        let own = self.own();
        let replaced = ["log", "snapshot", "configuration", "probe"];
        let mut all: Vec<PathBuf> = replaced.iter().map(|name| own.join(format!("{name}.new"))).collect();
        all.extend([self.incoming(), own.join("probe")]);
        all
    }
    /// `bunraku/lock`.
    pub fn lock(&self) -> PathBuf {
        self.own().join("lock")
    }
    /// `bunraku/socket`.
    pub fn socket(&self) -> PathBuf {
        self.own().join("socket")
    }
}

/// Writes into a CA directory. One at a time: the projection thread, or an offline command that has the lock.
#[derive(Debug)]
pub struct Directory {
    layout: Layout,
    /// Who must own what is written, when this process may give files away (it is root, the directory is not).
    owner: Option<(u32, u32)>,
    temporaries: AtomicU64,
    /// Files of the audit record that are not flushed.
    unflushed: Mutex<BTreeSet<u64>>,
    known: Arc<Known>,
}

impl Directory {
    /// Prepares a directory for writing: makes `requests/`, `signed/`, `bunraku/` when missing, drops what a
    /// crash left in `bunraku/tmp`.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let layout = Layout::new(root);
        let metadata = fs::metadata(layout.root())?;
        let wanted = (metadata.uid(), metadata.gid());
        let owner = (rustix::process::geteuid().is_root() && wanted.0 != 0).then_some(wanted);
        let known = Arc::new(Known::now(&layout)?);
        let (temporaries, unflushed) = (AtomicU64::new(0), Mutex::default());
        let directory = Self { layout, owner, temporaries, unflushed, known };
        match fs::remove_dir_all(directory.layout.temporary()) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
        for path in directory.layout.unfinished() {
            match fs::remove_file(&path) {
                Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
                _ => {}
            }
        }
        for path in [directory.layout.requests(), directory.layout.signed()] {
            directory.make_directory(&path, DIRECTORY_MODE)?;
        }
        for path in [directory.layout.own(), directory.layout.temporary()] {
            directory.make_directory(&path, OWN_MODE)?;
            // Whoever made it, and however long ago.
            if fs::metadata(&path)?.mode() & 0o777 != OWN_MODE {
                fs::set_permissions(&path, fs::Permissions::from_mode(OWN_MODE))?;
            }
        }
        sync_directory(directory.layout.root())?;
        Ok(directory)
    }

    /// Where things are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    fn make_directory(&self, path: &Path, mode: u32) -> io::Result<()> {
        match fs::DirBuilder::new().mode(mode).create(path) {
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    /// Writes one file whole and durably.
    ///
    /// # Errors
    /// Any fault of the file system; the old file, if there was one, is intact then.
    pub fn write(&self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.place(target, bytes, mode)?;
        sync_directory(target.parent().unwrap_or(self.layout.root()))
    }

    /// Removes one file durably; one that is gone already is no fault.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(naming(path))?,
        }
        witness::removed(path);
        sync_directory(path.parent().unwrap_or(self.layout.root()))
    }

    /// As [`Directory::write`], for many files: the caller makes the names durable in the end.
    pub(crate) fn place(&self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let (file, staged) = self.stage(target.to_owned(), bytes, mode)?;
        flush::one(&file)?;
        self.put(staged)
    }

    /// As [`Directory::place`] for each, thousands with one wait for the disk, however much others have written there: for
    /// a directory that is of no use before all is in it. Ends at the first fault.
    pub(crate) fn place_all<E: From<io::Error>>(
        &self,
        contents: impl Iterator<Item = Result<(PathBuf, Vec<u8>, u32), E>>,
    ) -> Result<(), E> {
        let at_once = flush::tells_of_faults();
        let temporary = File::open(self.layout.temporary())?;
        let mut contents = contents.peekable();
        while contents.peek().is_some() {
            let (mut files, mut staged) = (Together::default(), Vec::new());
            for content in contents.by_ref().take(PLACED_TOGETHER) {
                let (target, bytes, mode) = content?;
                let (file, one) = self.stage(target, &bytes, mode)?;
                if !at_once {
                    files.add(file)?;
                }
                staged.push(one);
            }
            if at_once {
                flush::file_system(&temporary)?;
            }
            files.flush()?;
            staged.into_iter().try_for_each(|staged| self.put(staged))?;
        }
        Ok(())
    }

    /// Writes a temporary file; the caller makes it durable, then puts it in place.
    fn stage(&self, target: PathBuf, bytes: &[u8], mode: u32) -> io::Result<(File, Staged)> {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        let temporary = self.layout.temporary().join(number.to_string());
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        witness::created(&temporary, &file);
        file.write_all(bytes)?;
        witness::wrote(&file, 0, bytes);
        // The umask may have taken bits away that Puppet's own tools need.
        let about = file.metadata()?;
        if about.mode() & 0o7777 != mode {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
        }
        Ok((file, Staged { temporary, target, mark: overtaken::Mark::of(&about) }))
    }

    /// Writes temporary files, which are durable once `files` has been flushed.
    fn stage_all(
        &self,
        contents: impl Iterator<Item = (PathBuf, String)>,
        mode: u32,
        files: &mut Together,
    ) -> io::Result<Vec<Staged>> {
        contents
            .map(|(target, text)| {
                let (file, staged) = self.stage(target, text.as_bytes(), mode)?;
                files.add(file)?;
                Ok(staged)
            })
            .collect()
    }

    fn put(&self, staged: Staged) -> io::Result<()> {
        fs::rename(&staged.temporary, &staged.target).map_err(naming(&staged.target))?;
        witness::renamed(&staged.temporary, &staged.target);
        self.known.wrote(staged.target, staged.mark);
        Ok(())
    }

    /// The same, for a file that others may have written since we did. What they did is dealt with by the rules for
    /// changes by others; until then a list of theirs, or a serial that is not behind, stays in place, because the log
    /// knows what would stand here. Whatever else is there is kept under `bunraku/found`.
    fn put_unless_overtaken(&self, staged: Staged) -> io::Result<()> {
        if !self.known.is_overtaken(&staged.target)? {
            return self.put(staged);
        }
        self.known.notice();
        let stays = if staged.target == self.layout.serial() {
            let number = |path: &Path| {
                let text = fs::read_to_string(path).unwrap_or_default();
                pki::Serial::parse_hex(&text).ok()
            };
            number(&staged.target) >= number(&staged.temporary)
        } else {
            staged.target == self.layout.revocation_lists()
        };
        if stays {
            return fs::remove_file(&staged.temporary);
        }
        settle::keep_overtaken(&self.layout, &staged.target)?;
        self.put(staged)
    }

    /// The single files as we know them.
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known)
    }

    /// Carries out a batch. May be repeated, whole or in part, any number of times (after a crash).
    ///
    /// The order is Puppet Server's: `serial`, `inventory.txt`, `signed/`, then `requests/`; so that a
    /// directory that a crash cut off in between never holds a certificate its inventory lacks, nor an inventory
    /// with a serial that `serial` would give again.
    ///
    /// # Errors
    /// Any fault of the file system; the batch has to be repeated then.
    pub fn carry_out(&self, batch: &Batch) -> io::Result<()> {
        self.show(batch)?.flush()
    }

    /// As [`Directory::carry_out`], up to the point from which on everybody sees it: a crash of the machine may still take
    /// names away.
    pub(crate) fn show(&self, batch: &Batch) -> io::Result<Shown> {
        // 1. All contents, durable before any of them has its name.
        let layout = &self.layout;
        let mut files = Together::default();
        let there = |name: &str, der: &[u8]| {
            batch.ensured.contains(name)
                && fs::read(layout.certificate(name))
                    .is_ok_and(|bytes| bytes == pem::encode("CERTIFICATE", der).as_bytes())
        };
        let certificates = present(&batch.certificates)
            .filter(|(name, der)| !there(name, der))
            .map(|(name, der)| (layout.certificate(name), pem::encode("CERTIFICATE", der)));
        let certificates = self.stage_all(certificates, PUBLIC_MODE, &mut files)?;
        let requests = present(&batch.requests)
            .map(|(name, der)| (layout.request(name), pem::encode("CERTIFICATE REQUEST", der)));
        let requests = self.stage_all(requests, PUBLIC_MODE, &mut files)?;
        let serial = batch.serial.iter().map(|next| (layout.serial(), next.to_string()));
        let serial = self.stage_all(serial, PUBLIC_MODE, &mut files)?;
        let bundle = batch.bundle.iter().map(|bundle| (layout.bundle(), bundle.to_string()));
        let lists = batch.lists.iter().map(|current| (layout.revocation_lists(), current.to_pem()));
        let infra_serials = batch.infra_serials.iter().map(|text| (layout.infra_serials(), text.clone()));
        let infra_lists = batch.infra_lists.iter().map(|lists| (layout.infra_lists(), lists.to_pem()));
        let infra_inventory = self.infra_inventory(batch)?;
        let infra = infra_serials.chain(infra_lists).chain(infra_inventory);
        let lists = bundle.chain(lists).chain(infra);
        let lists = self.stage_all(lists, PUBLIC_MODE, &mut files)?;
        files.flush()?;

        // 2. The serial, before anything that has it.
        if !serial.is_empty() {
            serial.into_iter().try_for_each(|staged| self.put_unless_overtaken(staged))?;
            sync_directory(layout.root())?;
        }

        // 3. The inventory, before the certificates in it.
        if !batch.inventory.is_empty() {
            self.write_inventory(&batch.inventory)?;
        }

        // 4. The audit record. Not flushed: see [`Directory::flush_record`].
        self.write_record(&batch.audit)?;

        // 5. The key, then the certificates that begin with its own.
        if let Some(spki) = &batch.key {
            keys::install(self, spki)?;
        }

        // 6. Everything else takes its name, and what is gone loses it.
        let mut changed = Vec::new();
        if !lists.is_empty() {
            changed.push(layout.root().to_owned());
        }
        lists.into_iter().try_for_each(|staged| self.put_unless_overtaken(staged))?;
        for (directory, staged, gone) in [
            (
                layout.signed(),
                certificates,
                self.removals(&batch.certificates, |name| layout.certificate(name)),
            ),
            (layout.requests(), requests, self.removals(&batch.requests, |name| layout.request(name))),
        ] {
            let mut touched = !staged.is_empty();
            staged.into_iter().try_for_each(|staged| self.put(staged))?;
            for path in gone {
                match fs::remove_file(&path) {
                    Ok(()) => {
                        witness::removed(&path);
                        touched = true;
                    }
                    // A folder of that name is nothing that a CA has put there.
                    Err(fault)
                        if matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
                    Err(fault) => return Err(naming(&path)(fault)),
                }
            }
            if touched {
                changed.push(directory);
            }
        }
        batch.dropped_keys.iter().try_for_each(|spki| keys::drop_other(self, spki))?;
        Ok(Shown { changed })
    }

    /// After a fault: what it left under temporary names. Each further attempt makes its own, and there may be attempts for
    /// hours.
    pub(crate) fn drop_temporaries(&self) {
        let entries = fs::read_dir(self.layout.temporary()).into_iter().flatten().flatten();
        for entry in entries {
            // Best effort: the next start drops all of them.
            let _ = fs::remove_file(entry.path());
        }
    }

    fn removals(&self, files: &batch::Files, path: impl Fn(&str) -> PathBuf) -> Vec<PathBuf> {
        files.iter().filter(|(_, content)| content.is_none()).map(|(name, _)| path(name)).collect()
    }

    /// The infrastructure's inventory, where it has to follow that of another member. A file that says something else
    /// than it did before is somebody's work, and stays.
    fn infra_inventory(&self, batch: &Batch) -> io::Result<Option<(PathBuf, String)>> {
        let Some((former, text)) = &batch.infra_inventory else { return Ok(None) };
        let path = self.layout.infra_inventory();
        let present = match fs::read_to_string(&path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        if present == **text {
            return Ok(None);
        }
        if present != **former {
            warn!(path = %path.display(), "was changed on this member; that of the active CA counts");
            return Ok(None);
        }
        Ok(Some((path, text.to_string())))
    }

    /// Appends in place: rewriting the whole inventory for each certificate would make signing slower with
    /// every certificate signed.
    fn write_inventory(&self, writes: &[batch::InventoryWrite]) -> io::Result<()> {
        for write in writes {
            match write {
                batch::InventoryWrite::Append(offset, lines) => {
                    self.known.write_inventory(&self.open_inventory()?, |file| {
                        append_line(file, *offset, lines)?;
                        flush::one(file)
                    })?;
                }
                batch::InventoryWrite::Exactly(offset, text) => self.rewrite_inventory(*offset, text)?,
            }
        }
        Ok(())
    }

    fn open_inventory(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(PRIVATE_MODE);
        let path = self.layout.inventory();
        options.open(&path).map_err(naming(&path))
    }

    /// Makes the inventory its first `offset` bytes and `text`, unless it is that already.
    fn rewrite_inventory(&self, offset: u64, text: &str) -> io::Result<()> {
        let path = self.layout.inventory();
        let mut bytes = match fs::read(&path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let kept = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        if bytes[kept..].starts_with(text.as_bytes()) {
            // As it should be, and perhaps with lines that came after this: a batch may be repeated.
            return Ok(());
        }
        bytes.truncate(kept);
        bytes.extend_from_slice(text.as_bytes());
        self.write(&path, &bytes, PRIVATE_MODE)
    }
}

fn append_line(file: &File, offset: u64, line: &str) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut there = vec![0; line.len()];
    let known = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX).min(line.len());
    if length >= offset && file.read_exact_at(&mut there[..known], offset).is_ok() {
        if there == line.as_bytes() {
            return Ok(());
        }
        if there[..known] == line.as_bytes()[..known] {
            return write_at(file, line.as_bytes(), offset);
        }
    }
    // Somebody else wrote to the inventory. Nothing of theirs is overwritten: our line goes to the end, once.
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    let whole = String::from_utf8_lossy(&bytes);
    let missing: String = line
        .lines()
        .filter(|ours| !whole.lines().any(|row| row == *ours))
        .flat_map(|row| [row, "\n"])
        .collect();
    if !missing.is_empty() {
        warn!("inventory.txt was changed by somebody else; appending to its end");
    }
    write_at(file, missing.as_bytes(), length)
}

fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)?;
    witness::wrote(file, offset, bytes);
    Ok(())
}

/// Folders in which names have changed.
#[must_use = "names are durable after `flush`"]
pub(crate) struct Shown {
    changed: Vec<PathBuf>,
}

impl Shown {
    /// Makes the names durable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let opened = self.changed.iter().map(File::open).collect::<io::Result<Vec<_>>>()?;
        flush::all(&opened)?;
        self.changed.iter().for_each(|path| witness::synced_directory(path));
        Ok(())
    }
}

/// Makes a fault name its file: one file that cannot be written holds up all that come after it.
fn naming(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |fault| io::Error::new(fault.kind(), format!("{}: {fault}", path.display()))
}

/// A file that has its content and not its name yet.
struct Staged {
    temporary: PathBuf,
    target: PathBuf,
    mark: overtaken::Mark,
}

fn present(files: &batch::Files) -> impl Iterator<Item = (&str, &[u8])> {
    files.iter().filter_map(|(name, content)| Some((name.as_str(), content.as_deref()?)))
}

/// Makes the names in a directory durable.
///
/// # Errors
/// Any fault of the file system.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    witness::synced_directory(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DirectoryEffect;
    use pki::Serial;

    fn saved(certname: &str) -> DirectoryEffect {
        DirectoryEffect::SaveCertificate { certname: certname.into(), der: [1, 2, 3].into() }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_batch_leaves_puppets_files_and_modes() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::SaveRequest { certname: "a.test".into(), der: [9].into() });
        batch.add(DirectoryEffect::WriteSerial { next: Serial::from_u64(11) });
        batch.add(DirectoryEffect::AppendInventory { offset: 0, line: "first\n".into() });
        batch.add(saved("a.test"));
        directory.carry_out(&batch).unwrap();
        let layout = directory.layout();
        assert_eq!(fs::read_to_string(layout.serial()).unwrap(), "000B");
        assert_eq!(fs::read_to_string(layout.inventory()).unwrap(), "first\n");
        let text = fs::read_to_string(layout.certificate("a.test")).unwrap();
        assert_eq!(text, "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n");
        assert_eq!(mode(&layout.certificate("a.test")), 0o644);
        assert_eq!(mode(&layout.request("a.test")), 0o644);
        assert_eq!(mode(&layout.serial()), 0o644);
        assert_eq!(mode(&layout.inventory()), 0o640);
        assert_eq!(mode(&layout.signed()), 0o750);
        assert_eq!((mode(&layout.own()), mode(&layout.temporary())), (0o700, 0o700));
        assert_eq!(fs::read_dir(layout.temporary()).unwrap().count(), 0);
        // Again, as after a crash: nothing doubles.
        directory.carry_out(&batch).unwrap();
        assert_eq!(fs::read_to_string(layout.inventory()).unwrap(), "first\n");
    }

    #[test]
    fn a_torn_line_of_the_inventory_is_completed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        fs::write(directory.layout().inventory(), "first\nsec").unwrap();
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::AppendInventory { offset: 6, line: "second\n".into() });
        directory.carry_out(&batch).unwrap();
        assert_eq!(fs::read_to_string(directory.layout().inventory()).unwrap(), "first\nsecond\n");
    }

    #[test]
    fn lines_of_others_stay_in_the_inventory() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        fs::write(directory.layout().inventory(), "first\nforeign\n").unwrap();
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::AppendInventory { offset: 6, line: "second\n".into() });
        for _ in 0..2 {
            directory.carry_out(&batch).unwrap();
            let text = fs::read_to_string(directory.layout().inventory()).unwrap();
            assert_eq!(text, "first\nforeign\nsecond\n");
        }
    }

    #[test]
    fn a_directory_that_others_could_look_into_is_closed_to_them() {
        let root = tempfile::tempdir().unwrap();
        let own = Layout::new(root.path()).own();
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        Directory::open(root.path()).unwrap();
        assert_eq!(mode(&own), 0o700);
    }

    #[test]
    fn leftovers_of_a_crash_are_dropped() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        fs::write(directory.layout().temporary().join("7"), "half").unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert_eq!(fs::read_dir(directory.layout().temporary()).unwrap().count(), 0);
    }
}
