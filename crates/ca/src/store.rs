//! What a member keeps in `CADIR/bunraku`: lock, membership, snapshot and log; and how a state is made of it.

use crate::command::{Envelope, UnreadableEntry};
use crate::directory::{Batch, DIRECTORY_MODE, Directory, Layout, OWN_MODE, PUBLIC_MODE};
use crate::foreign::stamp::Seen;
use crate::import::{self, ImportFault, Imported};
use crate::projection;
use crate::snapshot::{self, SnapshotFault};
use crate::state::State;
use replica::log::{Log, LogFault};
use replica::membership::{MembershipFault, MembershipFile};
use replica::{Entry, Epoch, Membership, Position};
use rustix::fs::{Access, AtFlags, CWD};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use tracing::warn;

/// What to do when the log, or what belongs to it, cannot be used any more.
const WITHOUT_LOG: &str = "the directory around it is complete without it. If another member has everything: remove \
     configuration, log and snapshot in this folder, and start, and this one is fed by it. If there is none: move the \
     folder bunraku/ away, and start, and the directory is taken over as it stands (docs/CA-DIRECTORY.md)";

/// Why a CA directory cannot be opened.
#[derive(Debug, Error)]
pub enum OpenFault {
    /// Another process has it.
    #[error("{} is in use by a running CA", path.display())]
    Locked { path: PathBuf },
    /// There is no CA, and nobody asked for a new member.
    #[error("{} is not a CA directory: it has no ca_crt.pem", path.display())]
    NoAuthority { path: PathBuf },
    /// There is no CA, and something else.
    #[error(
        "{} is not a CA directory, and there is something else in it ({found}): a new member's directory is missing or \
         empty at first",
        path.display()
    )]
    Strange { path: PathBuf, found: String },
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// What is there is not a CA that can be taken over.
    #[error(transparent)]
    Import(#[from] ImportFault),
    /// The log cannot be used.
    #[error("{}: {fault}{}", path.display(), advice(is_lost(fault)))]
    Log { path: PathBuf, fault: LogFault },
    /// The membership file cannot be used.
    #[error("{}: {fault}{}", path.display(), advice(matches!(fault, MembershipFault::Damaged)))]
    Membership { path: PathBuf, fault: MembershipFault },
    /// The snapshot cannot be used.
    #[error("{}: {fault}{}", path.display(), advice(matches!(fault, SnapshotFault::Damaged)))]
    Snapshot { path: PathBuf, fault: SnapshotFault },
    /// An entry of the log cannot be read.
    #[error("log entry {index}: {fault}")]
    Entry { index: u64, fault: UnreadableEntry },
    /// This process may not use what it needs there.
    #[error(
        "{}: user {user} may not do with it what a CA has to do, it belongs to user {owner} (who ran a CA, a command or an editor here); \
         give all of the directory to one user (`chown -R USER:GROUP {}`), and start Bunraku as that user, or as root",
        path.display(),
        root.display()
    )]
    Denied { path: PathBuf, root: PathBuf, user: u32, owner: u32 },
    /// The log goes on from a snapshot that is not there.
    #[error("{} is missing, and the log goes on from it{}", path.display(), advice(true))]
    NoSnapshot { path: PathBuf },
    /// The folder of the certificates is gone from a directory that this CA has had.
    #[error(
        "{} is missing: is a file system not mounted, or a backup incomplete? Put it back; nothing has been changed. If all \
         certificates in it are to be removed (they are not revoked by that), make an empty folder",
        path.display()
    )]
    NoCertificates { path: PathBuf },
}

impl OpenFault {
    /// Whether the disk was full.
    pub(crate) fn is_full(&self) -> bool {
        let full = |fault: &io::Error| {
            matches!(fault.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        match self {
            Self::Io { source, .. } => full(source),
            Self::Log { fault, .. } => fault.fault() == replica::Fault::DiskFull,
            Self::Membership { fault: MembershipFault::Io(fault), .. } => full(fault),
            Self::Snapshot { fault: SnapshotFault::Io(fault), .. } => full(fault),
            _ => false,
        }
    }
}

fn is_lost(fault: &LogFault) -> bool {
    match fault {
        LogFault::Damaged { .. } | LogFault::NotALog => true,
        LogFault::Io(fault) => fault.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn advice(is_lost: bool) -> String {
    if is_lost { format!("; {WITHOUT_LOG}") } else { String::new() }
}

/// Exclusive ownership of a CA directory, given up when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the directory.
    ///
    /// # Errors
    /// [`OpenFault::Locked`] when another process has it.
    pub fn take(layout: &Layout) -> Result<Self, OpenFault> {
        let path = layout.lock();
        let io = |source| OpenFault::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(OWN_MODE).create(layout.own()).map_err(io)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(io)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(OpenFault::Locked { path: layout.root().to_owned() }),
            Err(fault) => Err(io(fault.into())),
        }
    }
}

/// An opened CA directory.
#[derive(Debug)]
pub struct Store {
    pub lock: DirectoryLock,
    pub directory: Directory,
    pub membership: Membership,
    pub membership_file: MembershipFile,
    pub log: Log,
    /// All entries of the log.
    pub entries: Vec<Entry>,
    /// The state after `applied`; none in a fresh standby's directory.
    pub state: Option<State>,
    /// Position of the last entry that `state` has; known to be committed.
    pub applied: Position,
    /// The directory follows the log up to here.
    pub projected: u64,
}

impl Store {
    /// Opens a CA directory: one that Bunraku has owned before, one of Puppet Server (which is taken over as it
    /// is), or an empty one (which becomes a standby that asks the primary for everything).
    ///
    /// # Errors
    /// [`OpenFault`].
    pub fn open(root: &Path) -> Result<Self, OpenFault> {
        let layout = Layout::new(root);
        let io = |path: PathBuf| move |source| OpenFault::Io { path, source };
        check_own(&layout)?;
        // A directory that cannot be taken over is refused before anything in it is touched.
        let imported = match layout.configuration().exists() || !layout.root().exists() {
            true => None,
            false => Some(import::read(&layout)?),
        };
        if imported.as_ref().is_some_and(|imported| !imported.is_authority())
            && let Some(found) = something_else(root).map_err(io(root.to_owned()))?
        {
            return Err(OpenFault::Strange { path: root.to_owned(), found });
        }
        check_directory(&layout)?;
        make_root(layout.root()).map_err(io(layout.root().to_owned()))?;
        let lock = DirectoryLock::take(&layout)?;
        // It has been there since this CA first opened the directory: nobody removes all certificates by that.
        if layout.configuration().exists() && !layout.signed().exists() {
            return Err(OpenFault::NoCertificates { path: layout.signed() });
        }
        let requests_are_gone = layout.configuration().exists() && !layout.requests().exists();
        let directory = Directory::open(root).map_err(io(layout.root().to_owned()))?;
        let membership_file = MembershipFile::at(&layout.configuration());
        let membership = membership_file
            .load()
            .map_err(|fault| OpenFault::Membership { path: layout.configuration(), fault })?;
        match membership {
            Some(membership) => {
                let store = Self::reopen(lock, directory, membership, membership_file)?;
                if requests_are_gone {
                    store.write_requests().map_err(io(layout.requests()))?;
                }
                Ok(store)
            }
            None => Self::begin(lock, directory, membership_file, imported),
        }
    }

    /// The first time: what is in the directory becomes the snapshot that the log begins with.
    fn begin(
        lock: DirectoryLock,
        directory: Directory,
        mut membership_file: MembershipFile,
        imported: Option<Imported>,
    ) -> Result<Self, OpenFault> {
        let layout = directory.layout().clone();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let imported = match imported.filter(|imported| imported.is_current(&layout)) {
            Some(imported) => imported,
            None => import::read(&layout)?,
        };
        let before = Seen::now(&layout).map_err(io)?;
        let state = imported.take_over(&directory).map_err(io)?;
        if state.is_some() {
            // Its log is gone, so nobody can place it any more.
            directory.leave_record().map_err(io)?;
        }
        let seen = Seen::now(&layout).map_err(io)?.since(&before);
        let mut base = Position::ZERO;
        if let Some(state) = &state {
            // An empty log never makes a primary, so what was found counts as an entry of its own.
            base = base.next(Epoch::NONE, &state.encode());
            snapshot::write(&layout, base, state)
                .map_err(|source| OpenFault::Io { path: layout.snapshot(), source })?;
        }
        let log_fault = |fault| OpenFault::Log { path: layout.log(), fault };
        let log = Log::create_at(&layout.log(), base).map_err(log_fault)?;
        if let Err(fault) = seen.keep(&layout) {
            warn!(%fault, "cannot note what the directory looks like; the next start looks closer");
        }
        // Last, because its presence says that the rest is complete.
        let incarnation = u64::from_le_bytes(first_eight(uuid::Uuid::new_v4().as_bytes()));
        let mut membership = Membership::blank(incarnation);
        membership.joined = state.is_some();
        membership_file
            .store(&membership)
            .map_err(|fault| OpenFault::Membership { path: layout.configuration(), fault })?;
        Ok(Self {
            lock,
            directory,
            membership,
            membership_file,
            log,
            entries: Vec::new(),
            state,
            applied: base,
            projected: base.index,
        })
    }

    fn reopen(
        lock: DirectoryLock,
        directory: Directory,
        membership: Membership,
        membership_file: MembershipFile,
    ) -> Result<Self, OpenFault> {
        let layout = directory.layout().clone();
        let log_fault = |fault| OpenFault::Log { path: layout.log(), fault };
        let (mut log, mut entries) = Log::open_at(&layout.log()).map_err(log_fault)?;
        let snapshot = snapshot::read(&layout)
            .map_err(|fault| OpenFault::Snapshot { path: layout.snapshot(), fault })?;
        let mut projected = projection::marked(&layout);
        let (mut applied, mut state) = match snapshot {
            Some((position, state)) => (position, Some(state)),
            None => (Position::ZERO, None),
        };
        if state.is_none() && log.base() != Position::ZERO {
            return Err(OpenFault::NoSnapshot { path: layout.snapshot() });
        }
        // A crash between putting a received snapshot in place and beginning the log anew.
        let fits = applied == log.base() || entries.iter().any(|entry| entry.position == applied);
        if !fits {
            log.reset(applied).map_err(log_fault)?;
            entries.clear();
        }
        if projected > log.last().index {
            projected = applied.index;
        }
        projected = projected.max(applied.index);
        // What the directory shows has been committed; the rest waits until the log's owner says that it is.
        if let Some(state) = &mut state {
            // The audit record is flushed with a snapshot only: whatever came after it may have to be written again.
            let mut lines = Batch::default();
            for entry in &entries {
                if entry.position.index > applied.index && entry.position.index <= projected {
                    for effect in apply(state, entry)? {
                        lines.add_line(effect);
                    }
                    applied = entry.position;
                }
            }
            directory
                .complete_record(&lines, state.audit())
                .map_err(|source| OpenFault::Io { path: layout.audit(), source })?;
        }
        Ok(Self { lock, directory, membership, membership_file, log, entries, state, applied, projected })
    }
}

/// A slip in a path must not make a CA member of somebody's folder: it would get other permissions, and new folders.
/// What a CA may have left there, or an operator has put there for one, is nothing strange.
fn something_else(root: &Path) -> io::Result<Option<String>> {
    const OF_A_CA: [&str; 8] =
        ["bunraku", "signed", "requests", "private", "root_key.pem", "inventory.txt", "serial", "lost+found"];
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_expected = OF_A_CA.contains(&name.as_str())
            || ["ca_", "infra_", "."].iter().any(|start| name.starts_with(start));
        if !is_expected {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Refuses a folder `bunraku/` that another user has left closed, before half of it is used.
fn check_own(layout: &Layout) -> Result<(), OpenFault> {
    let own = layout.own();
    let io = |source| OpenFault::Io { path: own.clone(), source };
    let both = Access::READ_OK | Access::WRITE_OK;
    check_access(layout, &own, both | Access::EXEC_OK)?;
    let entries = match fs::read_dir(&own) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(io)?,
    };
    for entry in entries {
        check_access(layout, &entry.map_err(io)?.path(), both)?;
    }
    Ok(())
}

/// Refuses a directory that this user cannot keep: a CA in it would confirm nothing from its first signature on. An editor
/// that root has run may have left it so.
fn check_directory(layout: &Layout) -> Result<(), OpenFault> {
    let change = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    for path in [layout.root().to_owned(), layout.signed(), layout.requests()] {
        check_access(layout, &path, change)?;
    }
    check_access(layout, &layout.inventory(), Access::READ_OK | Access::WRITE_OK)?;
    for path in [layout.key(), layout.bundle(), layout.revocation_lists(), layout.serial()] {
        check_access(layout, &path, Access::READ_OK)?;
    }
    Ok(())
}

fn check_access(layout: &Layout, path: &Path, needed: Access) -> Result<(), OpenFault> {
    match rustix::fs::accessat(CWD, path, needed, AtFlags::EACCESS) {
        Err(Errno::ACCESS | Errno::PERM) => {
            let owner = fs::symlink_metadata(path).map_or(0, |about| about.uid());
            let user = rustix::process::geteuid().as_raw();
            Err(OpenFault::Denied { path: path.to_owned(), root: layout.root().to_owned(), user, owner })
        }
        // What is wrong with it otherwise shows when it is used.
        _ => Ok(()),
    }
}

impl Store {
    /// Writes the requests that wait into a folder that was lost (backups leave out empty ones): nobody drops all of them by
    /// that.
    fn write_requests(&self) -> io::Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        warn!(
            requests = state.pending().len(),
            "{} was missing: made anew, with the requests that wait",
            self.directory.layout().requests().display()
        );
        for (name, pending) in state.pending() {
            let text = pki::pem::encode("CERTIFICATE REQUEST", &pending.der);
            self.directory.write(&self.directory.layout().request(name), text.as_bytes(), PUBLIC_MODE)?;
        }
        Ok(())
    }
}

/// Makes the CA directory if it is missing. One that has no CA yet will soon hold its key: whatever is open in it
/// beyond what Puppet Server leaves open is closed.
fn make_root(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let mode = fs::metadata(root)?.permissions().mode() & 0o777;
    if mode & !DIRECTORY_MODE != 0 && !Layout::new(root).key().exists() {
        fs::set_permissions(root, Permissions::from_mode(mode & DIRECTORY_MODE))?;
    }
    Ok(())
}

/// Applies an entry; says what must change in the directory.
///
/// # Errors
/// [`OpenFault::Entry`] when a later version wrote it.
pub fn apply(state: &mut State, entry: &Entry) -> Result<Vec<crate::state::DirectoryEffect>, OpenFault> {
    if entry.is_marker() {
        return Ok(Vec::new());
    }
    let envelope = Envelope::decode(&entry.payload)
        .map_err(|fault| OpenFault::Entry { index: entry.position.index, fault })?;
    Ok(state.apply(&envelope))
}

fn first_eight(bytes: &[u8; 16]) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    first
}
