//! The thread that keeps the CA directory in step with the state.
//!
//! Effects arrive in the order of the log. Whatever has gathered while one batch was being written becomes the
//! next batch, so the busier the authority, the fewer file operations and flushes per certificate. While nobody waits
//! for the directory (on a standby nobody does), it is given some time to gather.

use crate::directory::{Batch, Directory, Known, Layout};
use crate::state::DirectoryEffect;
use replica::witness;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{error, warn};

/// A batch is closed when it holds this many entries, so that nobody waits for long and little is held in memory.
const ENTRIES_PER_BATCH: usize = 1024;
/// Pause before a failed batch (a full disk, mostly) is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// While nobody waits for the directory, effects gather for so long: a batch of many certificates needs hardly more
/// flushes than one of a single certificate.
const GATHER: Duration = Duration::from_millis(50);
/// How long a stop waits for the directory.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

type Errand = Box<dyn FnOnce(&Directory) + Send>;

enum Job {
    Effects { index: u64, effects: Vec<DirectoryEffect> },
    Errand(Errand),
}

/// Ends the gathering of effects. What is queued does not: a thread that woke for each certificate would spend more on
/// waking than on the certificates.
#[derive(Debug, Default)]
struct Hurry {
    called: Mutex<bool>,
    wake: Condvar,
}

impl Hurry {
    fn called(&self) -> MutexGuard<'_, bool> {
        // Each change is a single assignment.
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody waits for what was queued before.
    fn call(&self) {
        *self.called() = true;
        self.wake.notify_one();
    }

    /// Waits until somebody calls, for at most so long.
    fn wait(&self, patience: Duration) {
        let called = self.called();
        let waited = self.wake.wait_timeout_while(called, patience, |called| !*called);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// How far the directory follows the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The directory shows all entries up to this index. A crash of the machine may take names away that it shows; the log
    /// has them.
    pub index: u64,
    /// Why it does not get on at the moment.
    pub fault: Option<String>,
}

/// Certificates whose files are on their way: certname → the entry that says so, and the DER, or none when the file is
/// to go. Whoever asks for a certificate looks here first.
#[derive(Debug, Default)]
struct Underway(Mutex<FilesUnderway>);

type FilesUnderway = HashMap<String, (u64, Option<Arc<[u8]>>)>;

impl Underway {
    fn files(&self) -> MutexGuard<'_, FilesUnderway> {
        // Each change is a single insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, index: u64, effects: &[DirectoryEffect]) {
        for effect in effects {
            let (certname, der) = match effect {
                DirectoryEffect::SaveCertificate { certname, der }
                | DirectoryEffect::EnsureCertificate { certname, der } => (certname, Some(Arc::clone(der))),
                DirectoryEffect::DeleteCertificate { certname } => (certname, None),
                _ => continue,
            };
            self.files().insert(certname.clone(), (index, der));
        }
    }

    fn arrived(&self, up_to: u64) {
        self.files().retain(|_, (index, _)| *index > up_to);
    }
}

/// What the thread tells.
struct Publish {
    progress: watch::Sender<Progress>,
    full: Arc<AtomicBool>,
}

/// Handle on the thread. The last one dropped lets it finish what is queued, then end.
#[derive(Clone, Debug)]
pub struct Projection {
    sender: Sender<Job>,
    progress: watch::Receiver<Progress>,
    underway: Arc<Underway>,
    waiting: Arc<AtomicUsize>,
    hurry: Arc<Hurry>,
    known: Arc<Known>,
    full: Arc<AtomicBool>,
}

/// Somebody waits for the directory until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Projection {
    /// Starts the thread. `index` is how far the directory already follows the log.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(directory: Directory, index: u64) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel();
        let (publish, progress) = watch::channel(Progress { index, fault: None });
        let underway = Arc::new(Underway::default());
        let waiting = Arc::new(AtomicUsize::new(0));
        let hurry = Arc::new(Hurry::default());
        let known = directory.known();
        let full = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("ca-directory".into()).spawn({
            let (underway, waiting, hurry) =
                (Arc::clone(&underway), Arc::clone(&waiting), Arc::clone(&hurry));
            let publish = Publish { progress: publish, full: Arc::clone(&full) };
            move || run(&directory, &receiver, &publish, &underway, (&waiting, &hurry))
        })?;
        Ok((Self { sender, progress, underway, waiting, hurry, known, full }, thread))
    }

    /// Whether the directory does not get on because its disk is full. The log must take nothing more then: it has room
    /// of its own behind its end, and would go on confirming what the directory cannot show.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// The directory's single files, as this CA knows them.
    pub fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// Queues the effects of the entry at `index`.
    pub fn carry_out(&self, index: u64, effects: Vec<DirectoryEffect>) {
        self.underway.note(index, &effects);
        // The thread lives as long as a sender does.
        let _ = self.sender.send(Job::Effects { index, effects });
    }

    /// A certificate whose file is on its way into the directory, or `Some(None)` when it is on its way out. None when
    /// the directory shows what is true.
    pub fn underway(&self, certname: &str) -> Option<Option<Arc<[u8]>>> {
        self.underway.files().get(certname).map(|(_, der)| der.clone())
    }

    /// How many entries before `index` the directory does not show yet.
    pub fn lag(&self, index: u64) -> u64 {
        index.saturating_sub(self.progress.borrow().index)
    }

    /// Runs `errand` once everything queued so far is durable, before anything queued later begins.
    pub fn run(&self, errand: impl FnOnce(&Directory) + Send + 'static) {
        let _ = self.sender.send(Job::Errand(Box::new(errand)));
        self.hurry.call();
    }

    /// Waits until everything queued so far is in the directory; false when the thread has ended before.
    pub async fn drained(&self) -> bool {
        let (done, finished) = tokio::sync::oneshot::channel();
        self.run(move |_| {
            // Whoever gave up waiting needs no telling.
            let _ = done.send(());
        });
        finished.await.is_ok()
    }

    /// Blocks until everything queued so far is in the directory, for at most some seconds: a disk that cannot be
    /// written now will be by the next start, which repeats what is missing.
    pub fn finish(&self) {
        let (done, finished) = mpsc::channel();
        self.run(move |directory| {
            if let Err(fault) = directory.flush_record() {
                warn!(%fault, "the audit record could not be flushed; the log has its last lines");
            }
            // Whoever gave up waiting needs no telling.
            let _ = done.send(());
        });
        if finished.recv_timeout(FINISH_WITHIN).is_err() {
            warn!("the directory is behind the log; the next start completes it");
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until the directory holds everything up to `index`; false when the thread has ended before.
    pub async fn reached(&self, index: u64) -> bool {
        if self.lag(index) == 0 {
            return true;
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        // Counted before, so either the thread sees the number or it hears this.
        self.hurry.call();
        self.progress.clone().wait_for(|progress| progress.index >= index).await.is_ok()
    }
}

fn run(
    directory: &Directory,
    receiver: &Receiver<Job>,
    publish: &Publish,
    underway: &Underway,
    hurry: (&AtomicUsize, &Hurry),
) {
    let mut next = receiver.recv().ok();
    while let Some(job) = next.take() {
        match job {
            Job::Errand(errand) => errand(directory),
            Job::Effects { index, effects } => {
                let (batch, last, errand) = gather(index, effects, receiver, hurry);
                next = errand;
                carry_out(directory, &batch, publish, || {
                    underway.arrived(last);
                    publish.progress.send_replace(Progress { index: last, fault: None });
                });
                mark(directory, last);
            }
        }
        if next.is_none() {
            next = receiver.recv().ok();
        }
    }
}

/// Merges the effects of an entry with those that follow, until somebody waits for them. What comes back: the batch,
/// the last entry in it, and what is to be done after it.
fn gather(
    index: u64,
    effects: Vec<DirectoryEffect>,
    receiver: &Receiver<Job>,
    (waiting, hurry): (&AtomicUsize, &Hurry),
) -> (Batch, u64, Option<Job>) {
    let mut last = index;
    let mut entries = 1;
    let mut batch = Batch::default();
    effects.into_iter().for_each(|effect| batch.add(effect));
    let until = Instant::now() + GATHER;
    loop {
        // Looked at before the queue: whoever waits has been queued before.
        let patience = match waiting.load(Ordering::Acquire) {
            0 => until.saturating_duration_since(Instant::now()),
            _ => Duration::ZERO,
        };
        while entries < ENTRIES_PER_BATCH {
            match receiver.try_recv() {
                Ok(Job::Effects { index, effects }) => {
                    last = index;
                    entries += 1;
                    effects.into_iter().for_each(|effect| batch.add(effect));
                }
                Ok(errand @ Job::Errand(_)) => return (batch, last, Some(errand)),
                Err(_) => break,
            }
        }
        if patience.is_zero() || entries == ENTRIES_PER_BATCH {
            return (batch, last, None);
        }
        hurry.wait(patience);
    }
}

/// Notes how far the directory is, so that the next start need not repeat what is there. Not flushed: it is
/// written after the batch, so a crash can only leave an older mark, and repeating a batch does no harm.
pub(crate) fn mark(directory: &Directory, index: u64) {
    let path = directory.layout().mark();
    let text = format!("{index:020}\n");
    let note = || -> io::Result<()> {
        let mut file = std::fs::File::create(&path)?;
        witness::created(&path, &file);
        file.write_all(text.as_bytes())?;
        witness::wrote(&file, 0, text.as_bytes());
        Ok(())
    };
    if let Err(fault) = note() {
        warn!(%fault, "cannot note how far the directory is");
    }
}

/// How far the directory was when it was last written to; 0 when that is not known.
pub fn marked(layout: &Layout) -> u64 {
    std::fs::read_to_string(layout.mark()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Tries until it succeeds: the log has the entries already, so going on without them would be a lie. `shown` is called
/// when everybody sees the batch, before the last wait for the disk.
fn carry_out(directory: &Directory, batch: &Batch, publish: &Publish, shown: impl Fn()) {
    let attempt = || {
        let named = directory.show(batch)?;
        shown();
        named.flush()
    };
    while let Err(fault) = attempt() {
        directory.drop_temporaries();
        let full = matches!(fault.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        publish.full.store(full, Ordering::Relaxed);
        let text = format!("cannot write to {}: {fault}", directory.layout().root().display());
        publish.progress.send_if_modified(|progress| {
            let new = progress.fault.as_deref() != Some(&text);
            if new {
                error!("{text}");
                progress.fault = Some(text);
            }
            new
        });
        std::thread::sleep(RETRY_AFTER);
    }
    publish.full.store(false, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::Serial;

    /// A temporary file for each attempt would fill the disk in the hours that it may take somebody to come.
    #[tokio::test]
    async fn attempts_that_fail_leave_nothing_and_the_fault_names_the_file() {
        let root = tempfile::tempdir().unwrap();
        let serial = root.path().join("serial");
        std::fs::create_dir(&serial).unwrap();
        let (projection, thread) = Projection::start(Directory::open(root.path()).unwrap(), 0).unwrap();
        projection.carry_out(1, vec![DirectoryEffect::WriteSerial { next: Serial::from_u64(7) }]);
        let mut progress = projection.progress.clone();
        let fault = progress.wait_for(|progress| progress.fault.is_some()).await.unwrap().fault.clone();
        assert!(fault.as_ref().unwrap().contains(&serial.display().to_string()), "{fault:?}");
        // One that is under way may have its file at any moment; that many never lie there at once.
        let temporary = Layout::new(root.path()).temporary();
        for _ in 0..20 {
            assert!(std::fs::read_dir(&temporary).unwrap().count() < 2);
            tokio::time::sleep(RETRY_AFTER / 5).await;
        }
        std::fs::remove_dir(&serial).unwrap();
        assert!(projection.reached(1).await);
        assert_eq!(std::fs::read_to_string(&serial).unwrap(), "0007");
        drop(projection);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn effects_reach_the_directory_in_order_and_errands_wait_for_them() {
        let root = tempfile::tempdir().unwrap();
        let (projection, thread) = Projection::start(Directory::open(root.path()).unwrap(), 0).unwrap();
        for index in 1..=600 {
            projection.carry_out(index, vec![DirectoryEffect::WriteSerial { next: Serial::from_u64(index) }]);
        }
        let (answer, asked) = tokio::sync::oneshot::channel();
        projection.run(move |directory| {
            answer.send(std::fs::read_to_string(directory.layout().serial()).unwrap()).unwrap();
        });
        assert!(projection.reached(600).await);
        assert_eq!(asked.await.unwrap(), "0258");
        drop(projection);
        thread.join().unwrap();
        assert_eq!(marked(&Layout::new(root.path())), 600);
    }
}
