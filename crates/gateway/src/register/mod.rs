//! Where the register is: in a file of this front end, or in etcd, which several front ends share.
//!
//! The law is the same in both homes (`replica::register::admissible`). The file is asked in line. etcd is asked by
//! [`keeper`], one conversation in order, so that a slow or silent etcd holds up neither probes nor requests.

mod etcd;
mod keeper;
mod memory;
mod messages;

use std::sync::{Arc, Mutex, PoisonError};

use replica::configuration::Configuration;
use replica::monitor::Sight;
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
    Embedded(Arc<Mutex<EmbeddedRegister>>),
    /// In etcd.
    Etcd(Keeper),
}

impl Home {
    /// Whether other front ends may change it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Home::Etcd(_))
    }

    /// What it holds, for a member that asks.
    pub async fn read(&self) -> Result<Option<Configuration>, RegisterFault> {
        match self {
            Home::Embedded(register) => {
                let register = Arc::clone(register);
                off_the_runtime(move || register.lock().unwrap_or_else(PoisonError::into_inner).read()).await
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
                    register.lock().unwrap_or_else(PoisonError::into_inner).compare_and_set(&author, &request)
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
