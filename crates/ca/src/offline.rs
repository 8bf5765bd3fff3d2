//! The authority of a directory that no worker owns, for one command: the same requests, without a socket.

use crate::alone::Alone;
use crate::api;
use crate::authority::Authority;
use crate::directory::Layout;
use crate::hand_over::HandOver;
use crate::ledger::Ledger;
use crate::settings::CaSettings;
use crate::store::{OpenFault, Store};
use access::LiveRules;
use replica::MemberName;
use std::sync::Arc;
use wire::http::{Method, StatusCode};
use wire::{Peer, Request, Response, reply};

/// An opened directory, exclusively ours until dropped.
pub struct Offline {
    authority: Arc<Authority>,
    peer: Peer,
    rules: LiveRules,
    /// Why nothing may be changed here, if so.
    read_only: Option<String>,
    // Dropped after the authority, and the directory's lock with it.
    _log: Alone,
    // Dropped last: everything is written then.
    _hand_over: HandOver,
}

impl Offline {
    /// Opens `settings.cadir`. When other members follow this directory, it can only be read: a change made here
    /// would be missing on them.
    ///
    /// # Errors
    /// [`OpenFault`], above all when a worker owns the directory.
    pub async fn open(settings: CaSettings) -> Result<Self, OpenFault> {
        let layout = Layout::new(&settings.cadir);
        if !layout.configuration().exists() && !layout.bundle().exists() {
            return Err(OpenFault::NoAuthority { path: settings.cadir });
        }
        let store = Store::open(&settings.cadir)?;
        let layout = store.directory.layout().clone();
        let own = MemberName::new(&settings.name);
        let read_only = (!store.membership.sole_owner(&own)).then(|| match &store.membership.configuration {
            Some(configuration) if configuration.primary == own => {
                let others: Vec<&str> =
                    configuration.in_sync.iter().filter(|name| **name != own).map(MemberName::as_str).collect();
                format!(
                    "{own} shares its log with {}: a change made here alone would be lost. Start the CA, then repeat (with --online, for verbs that have it)",
                    others.join(", ")
                )
            }
            // Whose directory it is may not be known here (`--cadir` of a copy): nothing is said of `own`.
            Some(configuration) => format!(
                "this is a copy of a CA whose primary is {}: a change made here alone would be lost. Start the CA, then repeat (with --online, for verbs that have it)",
                configuration.primary
            ),
            None => format!("{own} has no complete copy of the authority yet"),
        });
        let (log, ledger) =
            if read_only.is_some() { Alone::start_reading(store)? } else { Alone::start(store)? };
        Ok(Self::over(settings, ledger, layout, log, read_only))
    }

    fn over(
        settings: CaSettings,
        ledger: Ledger,
        layout: Layout,
        log: Alone,
        read_only: Option<String>,
    ) -> Self {
        let epoch = ledger.role().epoch;
        let hand_over = HandOver::of(layout.clone());
        let rules = settings.rules.clone();
        let authority = Authority::start(settings.policy(), ledger, layout);
        if read_only.is_none() {
            authority.begin_term(epoch);
        }
        Self { authority, peer: Peer::local(), rules, read_only, _log: log, _hand_over: hand_over }
    }

    /// Answers one request, as the worker's local socket would.
    pub async fn handle(&self, request: Request) -> Response {
        if let Some(reason) = &self.read_only
            && *request.method() != Method::GET
        {
            return reply::text(StatusCode::CONFLICT, reason.clone());
        }
        let rules = Arc::clone(&self.rules.now());
        api::handle(&self.authority, &[], &rules, request, &self.peer).await
    }
}
