//! Puppet's certificate authority: its decisions, its log and its directory.
//!
//! The log is the truth. A decision becomes an [`command::Envelope`]; once that is committed, applying it changes the
//! [`state::State`] and says what must change in the CA directory, which is always a complete projection in the
//! formats of Puppet Server.

#![forbid(unsafe_code)]

pub mod alone;
pub mod answer;
mod api;
pub mod audit;
pub mod authority;
pub mod autosign;
pub mod command;
pub mod directory;
pub mod expiry;
pub mod foreign;
pub mod fsck;
mod hand_over;
pub mod import;
pub mod inventory;
pub mod keys;
pub mod ledger;
mod level;
mod offline;
mod patience;
pub mod projection;
mod puppet_setup;
pub mod replicated;
mod role_certificate;
mod settings;
mod setup;
mod snapshot;
mod source;
pub mod state;
mod status_json;
pub mod store;
pub mod sync;
mod time;
pub mod view;
mod worker;

pub use api::{Reading, read_target};
pub use autosign::{Autosign, AutosignRules};
pub use offline::Offline;
pub use puppet_setup::{
    ExistingHostKey, HostPlaces, ImportParts, InfraListFault, NewAuthority, PuppetSetup, PuppetSetupFault,
    import_chain, lock_directory, make_infra_list, read_import, setup_chain,
};
pub use role_certificate::{
    RoleCertificate, RoleFault, RoleRequest, issue_client_certificate, issue_role_certificate,
    issue_role_certificates,
};
pub use settings::{
    CaSettings, FIVE_YEARS, MAX_PENDING, MAX_PENDING_PER_SOURCE, MemberAddress, RegisterAddress, Replication,
    SIXTY_DAYS,
};
pub use setup::{SetupFault, SetupOptions, SetupStep, setup};
pub use source::Source;
pub use store::OpenFault;
pub use worker::{StartFault, Worker};

use std::path::{Path, PathBuf};

/// Where the worker that owns a CA directory listens for the operator of its machine.
pub fn socket_path(cadir: &Path) -> PathBuf {
    directory::Layout::new(cadir).socket()
}
