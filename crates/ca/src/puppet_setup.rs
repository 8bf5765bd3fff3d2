//! New directories as `puppetserver ca setup` and `puppetserver ca import` make them: an authority below a root, the
//! server's own certificate, and the files of its `ssldir`. The log begins when a CA first opens the directory.

mod files;
mod import_chain;
mod infra_list;

pub use import_chain::{ImportParts, import_chain, read_import};
pub use infra_list::{InfraListFault, lock_directory, make_infra_list};

use crate::inventory::Row;
use crate::time;
use pki::crl::{self, CrlDraft, RevocationList};
use pki::issue::{self, BACKDATED_SECONDS, IssueFault, LeafLayout, LeafProfile};
use pki::{AltName, Certificate, Certname, KeyFault, KeyKind, PrivateKey, Serial, Signer as _};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Where the server's own files go.
#[derive(Clone, Debug)]
pub struct HostPlaces {
    /// Puppet's `ssldir`.
    pub ssldir: PathBuf,
    pub certname: Certname,
}

/// What is to be made.
#[derive(Clone, Debug)]
pub struct PuppetSetup {
    /// Puppet's `cadir`.
    pub cadir: PathBuf,
    pub host: HostPlaces,
    /// Names of the server's certificate, in this order.
    pub alt_names: Vec<AltName>,
    /// Kind of the keys that are made.
    pub key: KeyKind,
    /// Life of all certificates and revocation lists that are made, seconds.
    pub ttl: i64,
    /// Who shall own the files, when this process may give them away.
    pub owner: Option<(u32, u32)>,
}

/// Names of a new authority's certificates.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// The one that signs.
    pub ca_name: String,
    /// The one above it.
    pub root_ca_name: String,
}

/// Why nothing was made.
#[derive(Debug, Error)]
pub enum PuppetSetupFault {
    /// Files that would be written over.
    #[error(
        "{}\nIf you would really like to replace your CA, please delete the existing files first.\n\
         Note that any certificates that were issued by this CA will become invalid if you\nreplace it!",
        .0.iter().map(|path| format!("Existing file at '{}'", path.display())).collect::<Vec<_>>().join("\n")
    )]
    Existing(Vec<PathBuf>),
    /// A CA member's log, but no CA.
    #[error("{} holds the log of a CA member; remove it first, if that member is gone for good", .0.display())]
    Log(PathBuf),
    /// Half of the server's key pair.
    #[error(transparent)]
    HostKey(#[from] ExistingHostKey),
    /// What is to be imported makes no authority; all that is wrong with it.
    #[error("{}", .0.join("\n"))]
    Import(Vec<String>),
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueFault),
}

/// The server's key is used if it is there; but then whole.
#[derive(Debug, Error)]
pub enum ExistingHostKey {
    #[error("Missing private key to match public key at {}", .0.display())]
    NoPrivate(PathBuf),
    #[error("Missing public key to match private key at {}", .0.display())]
    NoPublic(PathBuf),
}

/// An authority, complete but for the server's certificate.
struct Parts {
    bundle: Vec<Certificate>,
    lists: Vec<RevocationList>,
    issuer: Certificate,
    key: Arc<PrivateKey>,
    root_key: Option<PrivateKey>,
}

/// Makes a root, an authority below it, and the server's certificate.
///
/// # Errors
/// [`PuppetSetupFault`].
pub fn setup_chain(setup: &PuppetSetup, names: &NewAuthority) -> Result<(), PuppetSetupFault> {
    files::check(setup, true)?;
    let now = time::now();
    let (not_before, not_after) = (now - BACKDATED_SECONDS, now.saturating_add(setup.ttl));
    let one = Serial::from_u64(1);

    let root_key = PrivateKey::generate(setup.key)?;
    let root = issue::setup_root_ca(&names.root_ca_name, &root_key, one, not_before, not_after)?;
    // The key is needed twice: to sign now, and as a file.
    let root_authority = issue::Authority {
        certificate: root.clone(),
        signer: Arc::new(PrivateKey::from_pem(root_key.to_pem().as_bytes())?),
    };
    let key = Arc::new(PrivateKey::generate(setup.key)?);
    let issuer = issue::setup_intermediate_ca(
        &root_authority,
        &names.ca_name,
        key.spki_der(),
        one.next(),
        not_before,
        not_after,
    )?;
    let authority = issue::Authority { certificate: issuer.clone(), signer: key.clone() };
    let lists = vec![first_list(&authority, now, setup.ttl)?, first_list(&root_authority, now, setup.ttl)?];
    let bundle = vec![issuer.clone(), root];
    finish(setup, Parts { bundle, lists, issuer, key, root_key: Some(root_key) }, now)
}

/// A first revocation list, as `puppetserver ca` makes it.
fn first_list(authority: &issue::Authority, now: i64, ttl: i64) -> Result<RevocationList, IssueFault> {
    let (this_update, next_update) = (now - BACKDATED_SECONDS, now.saturating_add(ttl));
    let draft = CrlDraft { number: 0, this_update, next_update, entries: &[] };
    let tbs = crl::setup_tbs_der(&authority.certificate, &draft)?;
    Ok(crl::assemble(&tbs, authority.signer.algorithm(), &authority.signer.sign(&tbs)?)?)
}

/// The server's certificate, and everything into its place.
fn finish(setup: &PuppetSetup, parts: Parts, now: i64) -> Result<(), PuppetSetupFault> {
    let (host_key, made) = files::host_key(setup)?;
    let serial = Serial::from_u64(1);
    let certname = setup.host.certname.clone();
    let profile = LeafProfile {
        alt_names: setup.alt_names.clone(),
        cli_auth: true,
        layout: LeafLayout::Setup,
        ..LeafProfile::own(certname, host_key.spki_der().to_vec(), serial, now, setup.ttl)
    };
    let authority = issue::Authority { certificate: parts.issuer.clone(), signer: parts.key.clone() };
    let certificate = issue::sign_leaf(&authority, &profile)?;
    let row = Row {
        serial,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        name: setup.host.certname.to_string(),
    };
    files::write(setup, &parts, &host_key, made, &certificate, &row)
}
