//! Where the register is: in a file of this front end, or in etcd, which several front ends share.
//!
//! The law is the same in both homes (`replica::register::admissible`). The file is asked in line. etcd is asked by
//! [`keeper`], one conversation in order, so that a slow or silent etcd holds up neither probes nor requests.

mod etcd;
mod keeper;
mod memory;
mod messages;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use replica::configuration::Configuration;
use replica::monitor::Sight;
use replica::name::ClusterId;
use replica::register::{Author, EmbeddedRegister, Register, RegisterAnswer, RegisterFault, RegisterRequest};
use wire::tls::ClientTls;

pub use self::etcd::check_endpoint;
pub use self::keeper::{Keeper, Tidings, start};
use crate::status::RegisterStatus;

/// Where the register is kept.
#[derive(Clone, Default)]
pub enum RegisterSettings {
    /// In a file of the (only) front end.
    #[default]
    Embedded,
    /// In etcd.
    Etcd(EtcdSettings),
}

/// How etcd is reached.
#[derive(Clone)]
pub struct EtcdSettings {
    /// Its members' client addresses: `http://HOST:PORT` or `https://HOST:PORT`.
    pub endpoints: Vec<String>,
    /// What the names of all keys begin with; the cluster's name follows.
    pub prefix: String,
    /// Whom to trust and what to show, for `https`.
    pub tls: Option<ClientTls>,
}

/// The handle on the register.
#[derive(Clone)]
pub enum Home {
    /// In a file of this front end.
    Embedded(Arc<Mutex<OwnFile>>),
    /// In etcd.
    Etcd(Keeper),
}

/// The register in a file: ours alone, or in the hands of another process of this front end.
pub struct OwnFile {
    path: PathBuf,
    cluster: ClusterId,
    open: Option<EmbeddedRegister>,
}

impl OwnFile {
    fn open(&mut self) -> Result<&mut EmbeddedRegister, RegisterFault> {
        let elsewhere =
            || RegisterFault::Unavailable("another process of this front end has the register".to_owned());
        self.open.as_mut().ok_or_else(elsewhere)
    }
}

impl Home {
    /// The file at `path`. `ours`: now, or only from [`Home::take_up`] on.
    pub fn in_file(path: PathBuf, cluster: ClusterId, ours: bool) -> Result<Home, RegisterFault> {
        // Also when it is another one's still: what cannot be read must be known before it is taken over.
        let open = EmbeddedRegister::open(path.clone(), cluster.clone())?;
        let open = ours.then_some(open);
        Ok(Home::Embedded(Arc::new(Mutex::new(OwnFile { path, cluster, open }))))
    }

    /// Neither reads nor writes the file from now on, for another process does. What is under way is finished before.
    pub async fn let_go(&self) {
        if let Home::Embedded(register) = self {
            let register = Arc::clone(register);
            let let_go = move || {
                register.lock().unwrap_or_else(PoisonError::into_inner).open = None;
                Ok(())
            };
            // It cannot fail.
            let _ = off_the_runtime(let_go).await;
        }
    }

    /// Has the file from now on, as it is there.
    pub async fn take_up(&self) -> Result<(), RegisterFault> {
        let Home::Embedded(register) = self else { return Ok(()) };
        let register = Arc::clone(register);
        let take_up = move || {
            let mut own = register.lock().unwrap_or_else(PoisonError::into_inner);
            own.open = Some(EmbeddedRegister::open(own.path.clone(), own.cluster.clone())?);
            Ok(())
        };
        off_the_runtime(take_up).await
    }

    /// Whether other front ends may change it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Home::Etcd(_))
    }

    /// What it holds, for a member that asks.
    pub async fn read(&self) -> Result<Option<Configuration>, RegisterFault> {
        match self {
            Home::Embedded(register) => {
                let register = Arc::clone(register);
                off_the_runtime(move || {
                    register.lock().unwrap_or_else(PoisonError::into_inner).open()?.read()
                })
                .await
            }
            Home::Etcd(keeper) => keeper.read().await,
        }
    }

    /// Changes it, and waits until that is durable. An error leaves open whether it was changed.
    pub async fn compare_and_set(
        &self,
        author: Author,
        request: RegisterRequest,
    ) -> Result<RegisterAnswer, RegisterFault> {
        match self {
            Home::Embedded(register) => {
                let register = Arc::clone(register);
                let change = move || {
                    register
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .open()?
                        .compare_and_set(&author, &request)
                };
                off_the_runtime(change).await
            }
            Home::Etcd(keeper) => keeper.compare_and_set(author, request).await,
        }
    }

    /// How it is.
    pub fn status(&self) -> RegisterStatus {
        match self {
            Home::Embedded(_) => {
                RegisterStatus { kind: "embedded".into(), answers: true, ..Default::default() }
            }
            Home::Etcd(keeper) => keeper.status(),
        }
    }

    /// Takes leave of the other front ends, so that they need not wait for this one's lease to run out.
    pub async fn leave(&self) {
        if let Home::Etcd(keeper) = self {
            keeper.leave().await;
        }
    }
}

/// What is read from a shared register at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The registered value.
    pub value: Option<Configuration>,
    /// The sights of all live front ends.
    pub sights: Vec<Sight>,
}

/// A change waits for the disk: not on the runtime's threads.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegisterFault> + Send + 'static,
) -> Result<T, RegisterFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => Err(RegisterFault::Io(std::io::Error::other(failure.to_string()))),
    }
}
