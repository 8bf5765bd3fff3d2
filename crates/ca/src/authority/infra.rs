//! The infrastructure's revocation list is kept beside the full one. Both come from one entry of the log, so no crash can
//! leave a node on one of them only.

use super::{Authority, Caller, Failure, Fault, upkeep};
use crate::command::{Actor, Command, Envelope, Revocation};
use crate::puppet_setup::InfraListFault;
use crate::state::{RevocationLists, Side, State};
use crate::time;
use pki::Serial;
use pki::crl::{CrlSuccessor, RevocationList};
use pki::issue::IssueFault;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tracing::{info, warn};

/// Time between two looks at `infra_inventory.txt`.
const LOOK: Duration = Duration::from_secs(2);

/// The next list of the infrastructure.
pub(super) struct Draft {
    side: Side,
    former: Option<RevocationList>,
    number: u64,
    added: Vec<(Serial, i64)>,
    dropped: BTreeSet<Serial>,
}

/// What the next list will be, if there is to be one: `new` is what the full list gets at the same time.
pub(super) fn draft(state: &State, side: Side, new: &[(Serial, i64)], now: i64) -> Option<Draft> {
    // Before anybody has looked at what is there, nothing takes its place.
    state.infra().inventory()?;
    let full = state.list_of(side)?;
    let former = state.infra().list_of(side).cloned();
    if side == Side::Second && former.is_none() {
        // It comes with the key, or not at all.
        return None;
    }
    let new: BTreeMap<Serial, i64> = new.iter().copied().collect();
    let listed = |serial: &Serial| former.as_ref().is_some_and(|list| list.contains(serial));
    // What was revoked before its node was named, or by somebody else, is made good for here.
    let is_revoked = |serial: &Serial| new.contains_key(serial) || full.contains(serial);
    let missing: BTreeSet<Serial> =
        state.infra_serials().into_iter().filter(|serial| is_revoked(serial) && !listed(serial)).collect();
    let due = former.as_ref().is_none_or(|list| upkeep::is_due(list, now));
    if missing.is_empty() && !due {
        return None;
    }
    let mut added = Vec::new();
    if !missing.is_empty() {
        // A list that others wrote may have a serial twice.
        let mut seen = BTreeSet::new();
        let earlier = full.entries().filter(|(serial, _)| {
            missing.contains(serial) && !new.contains_key(serial) && seen.insert(*serial)
        });
        added.extend(earlier);
        added.extend(missing.iter().filter_map(|serial| Some((*serial, *new.get(serial)?))));
    }
    // What has left the full list has outlived its certificate.
    let entries = former.iter().flat_map(|list| list.entries().map(|(serial, _)| serial).collect::<Vec<_>>());
    let dropped = entries.filter(|serial| !full.contains(serial)).collect();
    let number = former.as_ref().map_or(0, |list| list.number().unwrap_or(0) + 1);
    Some(Draft { side, former, number, added, dropped })
}

/// Whether one of the lists has to be issued for its own sake.
fn is_wanted(state: &State, now: i64) -> bool {
    [Side::Own, Side::Second].into_iter().any(|side| draft(state, side, &[], now).is_some())
}

impl Draft {
    /// The command that issues it. Blocks for the length of a signature.
    pub(super) fn sign(
        self,
        issuing: &pki::issue::Authority,
        (this_update, next_update): (i64, i64),
    ) -> Result<Command, IssueFault> {
        let former = self.former.as_ref();
        let kept = former.map(|list| list.entries_der_without(&self.dropped)).unwrap_or_default();
        let (number, added) = (self.number, &self.added[..]);
        let successor = CrlSuccessor { number, this_update, next_update, kept: &kept, added };
        let tbs = pki::crl::successor_tbs_der(&issuing.certificate, &successor)?;
        let signature = issuing.signer.sign(&tbs)?;
        let entry = |(serial, date): &(Serial, i64)| Revocation {
            serial: serial.to_string(),
            date: *date,
            certname: None,
            actor: None,
            reason: None,
        };
        let added = self.added.iter().map(entry).collect();
        let dropped = self.dropped.iter().map(Serial::to_string).collect();
        Ok(match self.side {
            Side::Own => {
                Command::InfraListIssued { number, this_update, next_update, added, dropped, signature }
            }
            Side::Second => {
                Command::SecondInfraListIssued { number, this_update, next_update, added, dropped, signature }
            }
        })
    }
}

impl Authority {
    /// Whether a list of the infrastructure is kept.
    pub fn keeps_infra_list(&self) -> bool {
        self.policy.infra_list
    }

    /// What `GET certificate_revocation_list` gives to `certname`, and whether it is the infrastructure's list. The
    /// estate's own roles enforce revocations, so they get the full one always.
    pub fn lists_for(&self, certname: Option<&str>) -> Option<(RevocationLists, bool)> {
        let role = certname.is_some_and(|name| self.policy.roles.iter().any(|role| role == name));
        self.ledger.read(|state| match state.infra_lists() {
            Some(lists) if self.policy.infra_list && !role => (lists, true),
            _ => (state.lists().clone(), false),
        })
    }

    /// Takes in what the operator has written into `infra_inventory.txt`, and sees to it that there is a list, and that
    /// it is complete.
    ///
    /// # Errors
    /// [`Failure`]; the next look tries again.
    pub async fn keep_infra(self: &Arc<Self>, epoch: u64) -> Result<(), Failure> {
        if !self.policy.infra_list {
            return Ok(());
        }
        self.take_infra_in(epoch, Actor::default()).await
    }

    /// Begins a list of the infrastructure where none is kept: `ca enable --infracrl` of a running CA. From then on it gets
    /// what is revoked; agents are given it once `enable_infra_crl` is set.
    ///
    /// # Errors
    /// [`Failure`]: there is one already, or no `infra_inventory.txt` on this member.
    pub async fn begin_infra(self: &Arc<Self>, caller: &Caller) -> Result<PathBuf, Failure> {
        let inventory = self.layout.infra_inventory();
        if !inventory.exists() {
            return Err(Fault::from(InfraListFault::NoInventory(inventory)).into());
        }
        let path = self.layout.infra_lists();
        let kept = self.ledger.read(|state| state.infra().list().is_some()).ok_or(Failure::NoState)?;
        if kept || path.exists() {
            return Err(Fault::from(InfraListFault::Existing(path)).into());
        }
        self.take_infra_in(caller.epoch, caller.actor.clone()).await?;
        self.ledger.directory_follows().await;
        Ok(path)
    }

    async fn take_infra_in(self: &Arc<Self>, epoch: u64, actor: Actor) -> Result<(), Failure> {
        // The file of a member that was a standby a moment ago may be behind the log.
        self.ledger.directory_follows().await;
        let found = self.ledger.read(|state| {
            let number = state.infra().list().map(|list| list.number().unwrap_or(0));
            (state.infra().inventory().cloned(), number)
        });
        let (known, number) = found.ok_or(Failure::NoState)?;
        let mut commands = Vec::new();
        // A newer one was issued by another CA meanwhile; what it lacks of ours is made good for with the next.
        if let Some(list) = self.infra_list_on_disk()
            && number.is_none_or(|number| list.number().is_some_and(|theirs| theirs > number))
        {
            commands.push(Command::InfraListAdopted { der: list.der().to_vec() });
        }
        let on_disk = self.infra_inventory_on_disk();
        if let Some(inventory) = on_disk.filter(|text| known.as_deref() != Some(text)) {
            info!("infra_inventory.txt is new, or has changed");
            commands.push(Command::InfraNodesChanged { inventory });
        }
        if !commands.is_empty() {
            let envelope = Envelope { at: time::now(), actor, request: None, commands };
            self.ledger.complete(epoch, envelope).await?;
        }
        let now = time::now();
        if self.ledger.read(|state| is_wanted(state, now)) == Some(true) {
            self.order_list(epoch, false).await?;
        }
        Ok(())
    }

    /// None when it cannot be read: what was known stays.
    fn infra_inventory_on_disk(&self) -> Option<String> {
        let path = self.layout.infra_inventory();
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Some(String::new()),
            Err(fault) => {
                warn!(%fault, path = %path.display(), "cannot be read");
                None
            }
        }
    }

    /// The list that Puppet Server, or `ca enable --infracrl`, left: the first one that our key has signed.
    fn infra_list_on_disk(&self) -> Option<RevocationList> {
        let pem = std::fs::read(self.layout.infra_lists()).ok()?;
        let issuer = self.ledger.read(|state| state.issuer().clone())?;
        let lists = RevocationList::all_from_pem(&pem).ok()?;
        lists.into_iter().find(|list| list.verify(issuer.spki_der()).is_ok())
    }
}

/// Looks at `infra_inventory.txt` for as long as there is an authority.
pub(crate) async fn watch(authority: Weak<Authority>) {
    let mut said = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(authority) = authority.upgrade() else { return };
        let role = authority.ledger().role();
        if !role.decides {
            continue;
        }
        match authority.keep_infra(role.epoch).await {
            Ok(()) => said = None,
            Err(failure) => {
                let text = failure.to_string();
                if said.as_ref() != Some(&text) {
                    warn!("the infrastructure's revocation list is not kept up: {text}");
                }
                said = Some(text);
            }
        }
    }
}
