//! Certificates are revoked. However many revocations come in at a time, each round signs one list for all.
//! Upkeep ([`super::upkeep`]) goes the same way, so that only one list is in the making at any time.

use super::{Authority, Caller, Failure, Fault, infra, upkeep};
use crate::command::{Actor, Command, Envelope, Revocation};
use crate::ledger::Refusal;
use crate::state::{Side, Standing, State};
use crate::time;
use pki::Serial;
use pki::crl::{CrlSuccessor, RevocationList};
use pki::issue::IssueFault;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

/// Validity of a revocation list.
const LIST_YEARS: i32 = 5;

/// What is wanted of the next list.
#[derive(Debug)]
pub(super) struct Order {
    epoch: u64,
    actor: Actor,
    /// Why, for the audit record.
    reason: Option<&'static str>,
    /// To be put on it.
    targets: Vec<Target>,
    /// The list is to be looked at for its own sake, too.
    upkeep: bool,
    /// Entries are to leave it.
    pruning: Pruning,
    /// The number of the list must be above this.
    above: u64,
}

/// An order, and who waits for it to be carried out.
pub(super) type Placed = (Order, oneshot::Sender<Result<(), Failure>>);

impl Order {
    /// Nothing yet, by `actor`.
    fn by(epoch: u64, actor: Actor) -> Self {
        let (targets, pruning) = (Vec::new(), Pruning::default());
        Self { epoch, actor, reason: None, targets, upkeep: false, pruning, above: 0 }
    }
}

/// Entries that an operator takes off the list.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    pub dropped: BTreeSet<Serial>,
    /// Of those the ones that come back, once each: they were there more than once.
    pub again: Vec<(Serial, i64)>,
}

/// One certificate to be revoked.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub serial: Serial,
    pub certname: String,
}

impl Authority {
    /// Revokes every certificate ever issued to `certname` that has not expired, also when its file has been deleted.
    ///
    /// # Errors
    /// [`Failure`]. A name that is revoked already is no fault.
    pub async fn revoke(self: &Arc<Self>, caller: &Caller, certname: &str) -> Result<(), Failure> {
        let _name = self.names.hold(certname).await;
        let now = time::now();
        let found = self.ledger.read(|state| (state.standing(certname), live(state, certname, now)));
        let (standing, targets) = found.ok_or(Failure::NoState)?;
        match standing {
            None if targets.is_empty() => Err(Fault::UnknownName.into()),
            Some(Standing::Requested) if targets.is_empty() => {
                Err(Fault::NothingToRevoke(certname.to_owned()).into())
            }
            // Where the file is gone, the certificate is not.
            _ => self.revoke_targets(caller, targets, None).await,
        }
    }

    /// Puts serials on the list, together with those of whoever else asks at the moment.
    pub(super) async fn revoke_targets(
        &self,
        caller: &Caller,
        targets: Vec<Target>,
        reason: Option<&'static str>,
    ) -> Result<(), Failure> {
        if targets.is_empty() {
            return Ok(());
        }
        let order = Order { targets, reason, ..Order::by(caller.epoch, caller.actor.clone()) };
        self.place_order(order).await
    }

    /// Has a list issued by the CA's own will, if there is a reason to; with `upkeep` it is looked at for its own sake.
    pub(super) async fn order_list(&self, epoch: u64, upkeep: bool) -> Result<(), Failure> {
        self.place_order(Order { upkeep, ..Order::by(epoch, Actor::default()) }).await
    }

    /// Puts serials on a list that is numbered above `above`, whoever they belong to.
    pub(super) async fn revoke_above(
        &self,
        caller: &Caller,
        serials: impl Iterator<Item = Serial>,
        above: u64,
    ) -> Result<(), Failure> {
        let named = |serial: Serial| {
            let holder = self.ledger.read(|state| {
                let mut all = state.inventory().iter();
                let holder = all.find(|(_, issued)| issued.as_slice().iter().any(|one| one.serial == serial));
                holder.map(|(name, _)| name.to_string())
            });
            Target { serial, certname: holder.flatten().unwrap_or_default() }
        };
        let targets = serials.map(named).collect();
        let reason = Some("was on another list of ours");
        let order = Order { targets, reason, above, ..Order::by(caller.epoch, caller.actor.clone()) };
        self.place_order(order).await
    }

    /// Has a list issued from which entries are gone.
    pub(super) async fn order_pruned_list(&self, caller: &Caller, pruning: Pruning) -> Result<(), Failure> {
        self.place_order(Order { pruning, ..Order::by(caller.epoch, caller.actor.clone()) }).await
    }

    async fn place_order(&self, order: Order) -> Result<(), Failure> {
        let (answer, asked) = oneshot::channel();
        self.revocations.send((order, answer)).map_err(|_| Refusal::Stopping)?;
        asked.await.unwrap_or(Err(Refusal::Stopping.into()))
    }

    async fn issue_list(self: &Arc<Self>, epoch: u64, orders: &[Order]) -> Result<(), Failure> {
        let now = time::now();
        // 1. The lists as they will be. Only this task issues lists, and waits for each to be committed; whoever changes
        //    whose key signs them waits for it.
        let _own_lists = self.own_lists.lock().await;
        let drafts = self.ledger.read(|state| self.drafts(state, epoch, orders, now));
        let drafts = drafts.ok_or(Failure::NoState)?;
        if drafts.is_empty() {
            return Ok(());
        }
        let count: usize = drafts.iter().map(|draft| draft.added.len()).sum();
        let outlived: usize = drafts.iter().map(|draft| draft.dropped.len()).sum();

        // 2. The signatures, on a blocking thread: with many entries even the digest takes a while.
        let times = (now - 1, time::add_years(now, LIST_YEARS));
        let mut signing = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let issuing = self.issuing(draft.side)?;
            signing.push((draft, issuing));
        }
        let signing = tokio::task::spawn_blocking(move || {
            let signed = signing.into_iter().map(|(draft, issuing)| draft.sign(&issuing, times));
            signed.collect::<Result<Vec<_>, IssueFault>>()
        });
        let signed = match signing.await {
            Ok(Ok(signed)) => signed,
            Ok(Err(fault)) => return Err(Failure::Key(fault.to_string())),
            Err(fault) => return Err(Failure::Key(fault.to_string())),
        };

        // 3. Into the log: entries and signatures; every member rebuilds the same lists from them. All in one entry: no
        //    crash leaves a node on one of them only.
        let reason = why(orders).map(|text| Command::Because { text });
        let commands = reason.into_iter().chain(signed.into_iter().flatten()).collect();
        let envelope = Envelope { at: now, actor: on_behalf_of(orders), request: None, commands };
        self.ledger.complete(epoch, envelope).await?;
        info!(added = count, dropped = outlived, "revocation list issued");
        Ok(())
    }

    /// What has to be issued for these orders: at most one draft for each of our keys. Whatever changes, our own list gets
    /// a new number, so that this one number says which revocations are in force.
    fn drafts(&self, state: &State, epoch: u64, orders: &[Order], now: i64) -> Vec<ListDraft> {
        let mut own = self.draft_for(state, Side::Own, epoch, orders, now);
        let second =
            self.draft_for(state, Side::Second, epoch, orders, now).filter(|draft| !draft.is_empty());
        if let (Some(own), Some(second)) = (&mut own, &second) {
            own.full |= second.full;
        }
        [own.filter(|draft| !draft.is_empty()), second].into_iter().flatten().collect()
    }

    fn draft_for(
        &self,
        state: &State,
        side: Side,
        epoch: u64,
        orders: &[Order],
        now: i64,
    ) -> Option<ListDraft> {
        let former = state.list_of(side)?.clone();
        let kept_up = orders.iter().any(|order| order.epoch == epoch && order.upkeep);
        let due = kept_up && upkeep::is_due(&former, now);
        let mut dropped = if kept_up { state.outlived_revocations(side) } else { BTreeSet::new() };
        let mut entries = Vec::new();
        let mut added = Vec::new();
        let mut new = BTreeSet::new();
        let ours = |serial: &Serial| state.side_of(serial) == side;
        for order in orders.iter().filter(|order| order.epoch == epoch) {
            for Target { serial, certname } in order.targets.iter().filter(|target| ours(&target.serial)) {
                if !state.is_revoked(serial) && new.insert(*serial) {
                    entries.push((*serial, now));
                    added.push(Revocation {
                        serial: serial.to_string(),
                        date: now,
                        certname: Some(certname.clone()),
                        actor: Some(order.actor.clone()),
                        reason: order.reason.map(str::to_owned),
                    });
                }
            }
        }
        if side == Side::Second && kept_up {
            // Another program revokes with the key that signs, whosever the certificate is.
            let astray = state.lists().own.entries().filter(|(serial, _)| ours(serial));
            for (serial, date) in astray.filter(|(serial, _)| !former.contains(serial)) {
                if new.insert(serial) {
                    entries.push((serial, date));
                    let serial = serial.to_string();
                    let reason = Some("it was on the list of the key that signs".to_owned());
                    added.push(Revocation { serial, date, certname: None, actor: None, reason });
                }
            }
        }
        for order in orders.iter().filter(|order| order.epoch == epoch) {
            dropped.extend(order.pruning.dropped.iter().filter(|serial| former.contains(serial)));
            for (serial, date) in order.pruning.again.iter().filter(|(serial, _)| new.insert(*serial)) {
                if !former.contains(serial) {
                    continue;
                }
                entries.push((*serial, *date));
                let actor = Some(order.actor.clone());
                let serial = serial.to_string();
                added.push(Revocation { serial, date: *date, certname: None, actor, reason: None });
            }
        }
        let infra = if self.policy.infra_list { infra::draft(state, side, &entries, now) } else { None };
        let above = match side {
            Side::Own => orders.iter().map(|order| order.above).max().unwrap_or_default(),
            Side::Second => 0,
        };
        let number = former.number().unwrap_or(0).max(above) + 1;
        let full = due || !added.is_empty() || !dropped.is_empty();
        Some(ListDraft { side, full, former, number, entries, added, dropped, infra })
    }
}

/// The next list of one of our keys.
struct ListDraft {
    side: Side,
    /// The full list is to be issued, and not only that of the infrastructure.
    full: bool,
    former: RevocationList,
    number: u64,
    /// What is added, as it goes into the list, and as it goes into the log.
    entries: Vec<(Serial, i64)>,
    added: Vec<Revocation>,
    dropped: BTreeSet<Serial>,
    infra: Option<infra::Draft>,
}

impl ListDraft {
    fn is_empty(&self) -> bool {
        !self.full && self.infra.is_none()
    }

    /// The commands that issue it. Blocks for the length of its signatures.
    fn sign(
        self,
        issuing: &pki::issue::Authority,
        (this_update, next_update): (i64, i64),
    ) -> Result<Vec<Command>, IssueFault> {
        let infra = self.infra.map(|draft| draft.sign(issuing, (this_update, next_update))).transpose()?;
        if !self.full {
            return Ok(infra.into_iter().collect());
        }
        let (number, added) = (self.number, self.added);
        let kept = &self.former.entries_der_without(&self.dropped);
        let successor = CrlSuccessor { number, this_update, next_update, kept, added: &self.entries };
        let tbs = pki::crl::successor_tbs_der(&issuing.certificate, &successor).map_err(IssueFault::from)?;
        let signature = issuing.signer.sign(&tbs)?;
        let dropped = self.dropped.iter().map(Serial::to_string).collect();
        let list = match self.side {
            Side::Own => {
                Command::RevocationListIssued { number, this_update, next_update, added, dropped, signature }
            }
            Side::Second => {
                Command::SecondListIssued { number, this_update, next_update, added, dropped, signature }
            }
        };
        Ok(std::iter::once(list).chain(infra).collect())
    }
}

/// Who wanted a list, if that is one; of many, each revocation has its own.
fn on_behalf_of(orders: &[Order]) -> Actor {
    let first = orders.first().map(|order| &order.actor);
    let same = first.filter(|first| orders.iter().all(|order| order.actor == **first));
    same.cloned().unwrap_or_default()
}

/// What the audit record says of a list beside the revocations.
fn why(orders: &[Order]) -> Option<String> {
    let pruned = orders.iter().filter(|order| !order.pruning.dropped.is_empty());
    let by: BTreeSet<&str> =
        pruned.map(|order| order.actor.certname.as_deref().unwrap_or("the CA's own machine")).collect();
    let by: Vec<&str> = by.into_iter().collect();
    match by.is_empty() {
        false => Some(format!("pruned by {}", by.join(", "))),
        true => orders.iter().any(|order| order.upkeep).then(|| {
            "upkeep: the list would end soon, or has entries of certificates that have ended".to_owned()
        }),
    }
}

/// The serials of a name that matter: not expired, not revoked; and that of the file, whatever its dates.
pub(super) fn live(state: &State, certname: &str, now: i64) -> Vec<Target> {
    let mut serials: BTreeSet<Serial> =
        state.issued_to(certname).iter().filter(|one| one.not_after > now).map(|one| one.serial).collect();
    serials.extend(state.signed().get(certname).map(|signed| signed.serial));
    let live = serials.into_iter().filter(|serial| !state.is_revoked(serial));
    live.map(|serial| Target { serial, certname: certname.to_owned() }).collect()
}

/// The task that issues lists, one after the other.
pub(super) async fn run(authority: Weak<Authority>, mut orders: mpsc::UnboundedReceiver<Placed>) {
    let mut waiting = Vec::new();
    while orders.recv_many(&mut waiting, 100_000).await > 0 {
        let Some(authority) = authority.upgrade() else { return };
        let (round, answers): (Vec<Order>, Vec<_>) = std::mem::take(&mut waiting).into_iter().unzip();
        let epoch = round.iter().map(|order| order.epoch).max().unwrap_or_default();
        let result = authority.issue_list(epoch, &round).await;
        for (order, waits) in round.iter().zip(answers) {
            let answer = match &result {
                _ if order.epoch != epoch => {
                    Err(Failure::Refused(Refusal::NotPrimary { epoch, primary: None }))
                }
                Ok(()) => Ok(()),
                Err(Failure::Refused(refusal)) => Err(Failure::Refused(refusal.clone())),
                Err(Failure::NoState) => Err(Failure::NoState),
                Err(failure) => Err(Failure::Key(failure.to_string())),
            };
            // A client that went away does not undo its revocation.
            let _ = waits.send(answer);
        }
    }
}
