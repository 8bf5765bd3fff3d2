//! Certificates for the roles of an estate and its operator, made before anything runs: key and certificate in one
//! go, without a request, written through the log of a directory that no worker owns.

use crate::authority::issued;
use crate::command::{Actor, Command, Envelope};
use crate::directory::{Batch, Layout};
use crate::hand_over::HandOver;
use crate::keys;
use crate::store::{self, OpenFault, Store};
use crate::time;
use pki::issue::{self, IssueFault, LeafLayout, LeafProfile};
use pki::{AltName, Certname, KeyFault, KeyKind, PrivateKey, Signer as _};
use replica::log::LogFault;
use replica::{Entry, MemberName};
use std::io;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// A certificate to be made.
#[derive(Clone, Debug)]
pub struct RoleRequest {
    pub certname: Certname,
    pub key: KeyKind,
    /// In addition to the certname.
    pub alt_names: Vec<AltName>,
    /// The holder may operate the CA (`pp_cli_auth`).
    pub cli_auth: bool,
    /// Life in seconds.
    pub ttl: i64,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct RoleCertificate {
    pub certname: Certname,
    pub certificate_pem: String,
    pub key_pem: String,
    pub public_key_pem: String,
}

/// Why no certificate was made.
#[derive(Debug, Error)]
pub enum RoleFault {
    /// The directory cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// There is no CA in it.
    #[error("there is no certificate authority in {0}")]
    NoAuthority(String),
    /// Other members have a say in this directory's log.
    #[error(
        "this CA shares its log with other members, on which a change made here alone would be missing. Take the \
         others out of the in-sync set first: stop them while this one runs, then stop this one, and repeat"
    )]
    Replicated,
    /// There is a certificate of this name.
    #[error("{0} already has a certificate")]
    Exists(Certname),
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The CA's key cannot be used.
    #[error(transparent)]
    CaKey(#[from] keys::KeyProblem),
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueFault),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// The directory cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Issues one certificate; see [`issue_role_certificates`].
///
/// # Errors
/// [`RoleFault`].
pub fn issue_role_certificate(
    cadir: &Path,
    member: &str,
    request: &RoleRequest,
) -> Result<RoleCertificate, RoleFault> {
    let mut made = issue_role_certificates(cadir, member, std::slice::from_ref(request))?;
    Ok(made.remove(0))
}

/// Issues certificates offline. `member` is the name of the CA member whose directory this is.
///
/// # Errors
/// [`RoleFault`]; then none of them was issued.
pub fn issue_role_certificates(
    cadir: &Path,
    member: &str,
    requests: &[RoleRequest],
) -> Result<Vec<RoleCertificate>, RoleFault> {
    issue(cadir, member, requests, LeafLayout::Server)
}

/// Issues one certificate as `puppetserver ca generate --ca-client` does: its extensions in that order, and with just
/// the alternative names of the request, in their order.
///
/// # Errors
/// [`RoleFault`].
pub fn issue_client_certificate(
    cadir: &Path,
    member: &str,
    request: &RoleRequest,
) -> Result<RoleCertificate, RoleFault> {
    let mut made = issue(cadir, member, std::slice::from_ref(request), LeafLayout::Setup)?;
    Ok(made.remove(0))
}

fn issue(
    cadir: &Path,
    member: &str,
    requests: &[RoleRequest],
    layout: LeafLayout,
) -> Result<Vec<RoleCertificate>, RoleFault> {
    // Declared before the store, so that it is dropped after it.
    let _hand_over = HandOver::of(Layout::new(cadir));
    let mut store = Store::open(cadir)?;
    if !store.membership.sole_owner(&MemberName::new(member)) {
        return Err(RoleFault::Replicated);
    }
    store.settle()?;
    let missing = || RoleFault::NoAuthority(cadir.display().to_string());
    let mut state = store.state.take().ok_or_else(missing)?;

    // 1. Up to date: what a stopped worker left in the log is ours to carry out.
    let mut batch = Batch::default();
    for entry in store.entries.iter().filter(|entry| entry.position.index > store.applied.index) {
        store::apply(&mut state, entry)?.into_iter().for_each(|effect| batch.add(effect));
    }

    // 2. Judge.
    if let Some(taken) =
        requests.iter().find(|request| state.signed().contains_key(request.certname.as_str()))
    {
        return Err(RoleFault::Exists(taken.certname.clone()));
    }

    // 3. Reserve the serials before the key uses them.
    let authority = issue::Authority {
        certificate: state.issuer().clone(),
        signer: Arc::new(keys::read(store.directory.layout(), state.issuer().spki_der())?),
    };
    let first = state.next_serial();
    let mut serials = vec![first];
    for _ in requests {
        serials.push(serials[serials.len() - 1].next());
    }
    let next = serials[requests.len()].to_string();
    let now = time::now();
    let mut commit = |commands: Vec<Command>| -> Result<(), RoleFault> {
        let actor = Actor { certname: None, address: None, local: true };
        let envelope = Envelope { at: now, actor, request: None, commands }.with_record(&state);
        let entry = Entry::after(&store.log.last(), store.membership.epoch(), envelope.encode());
        store.log.append(&[entry])?;
        store.log.flush()?;
        state.apply(&envelope).into_iter().for_each(|effect| batch.add(effect));
        Ok(())
    };
    commit(vec![Command::SerialsReserved { next }])?;

    // 4. Sign.
    let mut made = Vec::with_capacity(requests.len());
    let mut commands = Vec::with_capacity(requests.len());
    for (request, serial) in requests.iter().zip(serials) {
        let key = PrivateKey::generate(request.key)?;
        let spki = key.spki_der().to_vec();
        let own = LeafProfile::own(request.certname.clone(), spki, serial, now, request.ttl);
        let mut profile = match layout {
            LeafLayout::Setup => LeafProfile { alt_names: request.alt_names.clone(), layout, ..own },
            _ => own.with_alt_names(request.alt_names.iter().cloned()),
        };
        profile.cli_auth = request.cli_auth;
        let certificate = issue::sign_leaf(&authority, &profile)?;
        commands.push(issued(request.certname.as_str(), &certificate));
        made.push(RoleCertificate {
            certname: request.certname.clone(),
            certificate_pem: certificate.to_pem(),
            key_pem: key.to_pem(),
            public_key_pem: key.public_pem(),
        });
    }

    // 5. Record, then show.
    commit(commands)?;
    store.directory.carry_out(&batch)?;
    crate::projection::mark(&store.directory, store.log.last().index);
    Ok(made)
}
