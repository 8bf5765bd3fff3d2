//! What the checks look at, read once.

use crate::directory::Layout;
use crate::foreign::found::Content;
use crate::foreign::look::{self, Listing};
use crate::inventory::Row;
use pki::crl::RevocationList;
use pki::{Certificate, Request, pem};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Told what is being done: a word for it, how far it is, and of how many.
pub type Progress<'a> = dyn FnMut(&str, usize, usize) + Send + 'a;

/// An object that came from a file, or why it is none.
pub type Parsed<T> = Result<T, String>;

/// A line of the inventory.
#[derive(Clone, Debug)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    pub text: String,
    pub row: Option<Row>,
}

/// The directory.
#[derive(Debug)]
pub struct Material {
    pub layout: Layout,
    /// Unix seconds.
    pub now: i64,
    /// A CA has it.
    pub running: bool,
    pub key: Content,
    /// `ca_crt.pem`, each certificate.
    pub bundle: Parsed<Vec<Certificate>>,
    /// The certificate that issues: the one of the key, or else the first.
    pub issuer: Option<Certificate>,
    pub lists: Parsed<Vec<RevocationList>>,
    pub own_list: Option<RevocationList>,
    pub inventory: Content,
    pub rows: Vec<Line>,
    pub serial: Content,
    /// By certname, in their order.
    pub signed: Vec<(String, Parsed<Certificate>)>,
    pub requests: Vec<(String, Parsed<Request>)>,
    /// Names in `signed/` and `requests/` that are no `NAME.pem`.
    pub strange: Vec<String>,
}

impl Material {
    /// The certificates that are what their files' names say, and by a CA in `ca_crt.pem`. What else lies in `signed/` uses
    /// none of our numbers: a line for it would have its name's revocation revoke another's certificate.
    pub fn ours(&self) -> impl Iterator<Item = (&str, &Certificate)> {
        let bundle = self.bundle.as_deref().unwrap_or_default();
        self.signed.iter().filter_map(move |(name, certificate)| {
            let certificate = certificate.as_ref().ok()?;
            // Another CA of this host had the same name: the key tells them apart.
            let by = |issuer: &Certificate| {
                certificate.names_as_issuer(issuer)
                    && match (certificate.authority_key_id(), issuer.subject_key_id()) {
                        (Some(named), Some(key)) => named == key,
                        _ => certificate.verify(issuer.spki_der()).is_ok(),
                    }
            };
            let ours = certificate.subject_cn() == Some(name) && bundle.iter().any(by);
            ours.then_some((name.as_str(), certificate))
        })
    }

    /// Reads it, the objects on all cores.
    ///
    /// # Errors
    /// Any fault of the file system, but for single files.
    pub fn read(layout: &Layout, now: i64, progress: &mut Progress<'_>) -> io::Result<Self> {
        let mut strange = Vec::new();
        let requests = names(layout, "requests", &mut strange)?;
        let requests = parallel(&requests, "requests", progress, |name| {
            parse(&layout.request(name), |bytes| Request::from_pem(bytes).map_err(|fault| fault.to_string()))
        });
        let signed = names(layout, "signed", &mut strange)?;
        let signed = parallel(&signed, "certificates", progress, |name| {
            let parse_it = |bytes: &[u8]| Certificate::from_pem(bytes).map_err(|fault| fault.to_string());
            parse(&layout.certificate(name), parse_it)
        });
        // A file that is gone by now was taken away by a CA at work.
        let there = |running: bool, fault: &str| !(running && fault == GONE);
        let running = is_running(layout);
        let lists = parse(&layout.revocation_lists(), lists);
        let inventory = look::read(&layout.inventory())?;
        let serial = look::read(&layout.serial())?;
        let bundle = parse(&layout.bundle(), |bytes| {
            Certificate::all_from_pem(bytes).map_err(|fault| fault.to_string())
        });
        let key = look::read(&layout.key())?;
        let issuer = issuer(&bundle, &key);
        let own_list = lists.as_ref().ok().and_then(|lists| {
            let issuer = issuer.as_ref()?;
            lists.iter().find(|list| list.is_issued_by(issuer)).cloned()
        });
        let rows = lines(&inventory);
        Ok(Self {
            layout: layout.clone(),
            now,
            running,
            key,
            bundle,
            issuer,
            lists,
            own_list,
            inventory,
            rows,
            serial,
            signed: keep(signed, |fault| there(running, fault)),
            requests: keep(requests, |fault| there(running, fault)),
            strange,
        })
    }
}

const GONE: &str = "is missing";

fn keep<T>(all: Vec<(String, Parsed<T>)>, there: impl Fn(&str) -> bool) -> Vec<(String, Parsed<T>)> {
    all.into_iter().filter(|(_, parsed)| parsed.as_ref().err().is_none_or(|fault| there(fault))).collect()
}

/// Whether a process has the directory's lock.
pub fn is_running(layout: &Layout) -> bool {
    let Ok(file) = std::fs::File::open(layout.lock()) else { return false };
    matches!(
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive),
        Err(rustix::io::Errno::WOULDBLOCK)
    )
}

fn names(layout: &Layout, folder: &str, strange: &mut Vec<String>) -> io::Result<Vec<String>> {
    let Listing { objects, strange: others } = match look::list(&layout.root().join(folder)) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Listing::default(),
        other => other?,
    };
    strange.extend(others.into_iter().map(|name| format!("{folder}/{name}")));
    Ok(objects.into_keys().collect())
}

fn parse<T>(path: &std::path::Path, read: impl Fn(&[u8]) -> Parsed<T>) -> Parsed<T> {
    match look::read(path) {
        Ok(Content::Bytes(bytes)) => read(&bytes),
        Ok(Content::Missing) => Err(GONE.into()),
        Err(fault) => Err(fault.to_string()),
    }
}

fn lists(bytes: &[u8]) -> Parsed<Vec<RevocationList>> {
    let blocks = pem::parse_all(bytes).map_err(|fault| fault.to_string())?;
    let lists = blocks.iter().filter(|block| block.label == "X509 CRL");
    lists.map(|block| RevocationList::from_der(&block.der).map_err(|fault| fault.to_string())).collect()
}

fn issuer(bundle: &Parsed<Vec<Certificate>>, key: &Content) -> Option<Certificate> {
    use pki::Signer as _;
    let bundle = bundle.as_ref().ok()?;
    let key = key.bytes().and_then(|bytes| pki::PrivateKey::from_pem(bytes).ok());
    let of_key = key.and_then(|key| bundle.iter().find(|one| one.spki_der() == key.spki_der()));
    of_key.or(bundle.first()).cloned()
}

fn lines(inventory: &Content) -> Vec<Line> {
    let text = String::from_utf8_lossy(inventory.bytes().unwrap_or_default()).into_owned();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| Line { number: number + 1, text: line.to_owned(), row: Row::parse(line) })
        .collect()
}

/// Does something with each name, on all cores.
pub(crate) fn parallel<T: Send>(
    names: &[String],
    what: &str,
    progress: &mut Progress<'_>,
    work: impl Fn(&str) -> T + Sync,
) -> Vec<(String, T)> {
    let done = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = names.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let (work, done) = (&work, &done);
        let threads: Vec<_> = names
            .chunks(share)
            .map(|part| {
                scope.spawn(move || {
                    let one = |name: &String| {
                        let result = work(name);
                        done.fetch_add(1, Ordering::Relaxed);
                        (name.clone(), result)
                    };
                    part.iter().map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        while !threads.iter().all(|thread| thread.is_finished()) {
            progress(what, done.load(Ordering::Relaxed), names.len());
            // Small directories are done at once.
            let pause = if names.len() < 1000 { 1 } else { 50 };
            std::thread::sleep(std::time::Duration::from_millis(pause));
        }
        threads.into_iter().flat_map(|thread| thread.join().expect("reading does not panic")).collect()
    })
}
