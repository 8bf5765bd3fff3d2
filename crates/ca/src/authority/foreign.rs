//! What others do to the CA directory while this CA has it, or did to that of a replicated member before it started.
//!
//! Every few seconds the directory's stamps are compared with those of the last look: six `stat` calls. inotify would
//! tell sooner, but not what happened while its queue overflowed or nobody listened, so the look would be needed all
//! the same; and it tells as much of our own writes as of others', thousands in a second.

use super::{Authority, Caller, Failure};
use crate::command::{Actor, Envelope};
use crate::foreign::found::Found;
use crate::foreign::reconcile::reconcile;
use crate::foreign::settle::{self, Plan};
use crate::foreign::stamp::{Place, Seen, Stamp};
use crate::foreign::{Remedy, Restore, look};
use crate::ledger::{Refusal, Role};
use crate::state::State;
use crate::time;
use crate::view;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{error, warn};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// From the moment that our own write met a file of somebody else's.
const AT_ONCE: Duration = Duration::from_millis(50);
/// A look that had to go through many names is followed by a pause this many times as long: at most a 25th of one core
/// goes into looking.
const SHARE: u32 = 25;
/// But by none longer than this: on a machine with other things to do a look takes its time, and whoever has put a file
/// there waits.
const LONGEST: Duration = Duration::from_secs(30);
/// A file that changed last so many seconds ago may still be in the making.
const IN_THE_MAKING: i64 = 10;
/// Between attempts to settle what was found.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is known of the directory.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// Something that was found at the start is not settled yet: nothing is decided until it is.
    outstanding: watch::Sender<bool>,
    known: Mutex<Known>,
    one_at_a_time: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// Found at the start.
    found: Found,
    /// What of that shows that another CA has been at work.
    acted: Vec<String>,
    /// The epoch in which the operator was told that this keeps the member from following.
    told_apart: Option<u64>,
    /// As of the last look.
    seen: Option<Seen>,
    /// What the operator has been told already and stays as it is.
    told: BTreeSet<(String, String)>,
}

impl Foreign {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is a single assignment or insertion.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look, and what it was compared with.
struct Look {
    now: Seen,
    found: Found,
}

impl Authority {
    /// Tells what was found in the directory of a replicated member before it started, and what of it shows that
    /// another CA has been at work there.
    pub(crate) fn expect_foreign(&self, found: Found, acted: Vec<String>) {
        if found.is_empty() {
            return;
        }
        if !acted.is_empty() {
            let (what, more) = (some_of(&acted), acted.len());
            warn!("another CA was at work here while this member was stopped ({more}: {what})");
        }
        {
            let mut known = self.foreign.known();
            (known.found, known.acted) = (found, acted);
        }
        self.foreign.outstanding.send_replace(true);
    }

    /// Whether this member must not follow another: its directory holds what another CA did while it was stopped, and
    /// following would write over it before it is in the log. Who is asked to follow tells the operator, once an epoch.
    pub(crate) fn must_not_follow(&self) -> bool {
        let mut known = self.foreign.known();
        if known.acted.is_empty() {
            return false;
        }
        let role = self.ledger.role();
        if known.told_apart != Some(role.epoch) {
            known.told_apart = Some(role.epoch);
            let primary = role.primary.as_deref().unwrap_or("another member");
            error!(
                "another CA was at work in {here} while this member was stopped ({what}), but {primary} is the primary, and its \
                 log knows nothing of that. To lose neither, this member does not follow, and nothing is written here. \
                 Copy what is here over the directory of {primary} while that runs, which takes it over: `cp -pu` for \
                 signed/ and requests/, `cp` for inventory.txt and ca_crl.pem; then stop this member, remove configuration, \
                 log and snapshot in {own}, and start it again (docs/MIGRATING.md, \"If the standby was quicker\")",
                here = self.layout.root().display(),
                what = some_of(&known.acted),
                own = self.layout.own().display(),
            );
        }
        true
    }

    /// Waits until what was found at the start is settled. Whoever decides before might give a serial again that
    /// another program has used.
    pub(crate) async fn foreign_settled(&self) {
        let mut outstanding = self.foreign.outstanding.subscribe();
        // The sender lives as long as this.
        let _ = outstanding.wait_for(|outstanding| !outstanding).await;
    }

    pub(super) fn foreign_is_outstanding(&self) -> bool {
        *self.foreign.outstanding.borrow()
    }

    /// Settles what was found at the start, as the member that decides in `epoch`.
    pub(super) async fn settle_foreign(self: &Arc<Self>, epoch: u64) {
        while *self.foreign.outstanding.borrow() {
            let role = self.ledger.role();
            if !role.decides || role.epoch != epoch {
                return;
            }
            let _one = self.foreign.one_at_a_time.lock().await;
            let found = self.foreign.known().found.clone();
            let settled = match self.ledger.state() {
                Some(state) => self.settle_found(&role, &found, &state, Vec::new()).await,
                None => Err(Failure::NoState),
            };
            match settled {
                Ok(_) => self.foreign_is_settled(),
                Err(failure) => {
                    warn!(%failure, "changes of others to the directory could not be settled; trying again");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    fn foreign_is_settled(&self) {
        let mut known = self.foreign.known();
        (known.found, known.acted) = (Found::default(), Vec::new());
        drop(known);
        self.foreign.outstanding.send_replace(false);
    }

    /// Looks at the directory, if anything in it has changed, and settles what others did. Gives the time that the reading
    /// took; what was done then is no reason to look less often.
    ///
    /// # Errors
    /// [`Failure`]; the next look finds the same again.
    pub async fn look_for_changes(self: &Arc<Self>) -> Result<Duration, Failure> {
        let role = self.ledger.role();
        if !role.decides && !role.reads {
            return Ok(Duration::ZERO);
        }
        let _one = self.foreign.one_at_a_time.lock().await;
        if *self.foreign.outstanding.borrow() {
            if !role.decides && self.foreign.known().acted.is_empty() {
                let found = self.foreign.known().found.clone();
                let state = self.ledger.state().ok_or(Failure::NoState)?;
                self.settle_found(&role, &found, &state, Vec::new()).await?;
                self.foreign_is_settled();
            }
            // The one who decides is at it.
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        let Some(Look { mut now, mut found }) = self.look().await? else { return Ok(Duration::ZERO) };
        let took = begun.elapsed();
        if !found.is_empty() {
            // What is decided about these names waits; what was on its way into their files arrives.
            let names: Vec<String> = found.signed.keys().chain(found.requests.keys()).cloned().collect();
            let _names = self.names.hold_all(&names).await;
            // Nor does this member change its own certificates until that is settled.
            let _chain = match &found.bundle {
                Some(_) => Some(self.chain_lists.lock().await),
                None => None,
            };
            let (judged_by, places) = self.look_again(&mut found, role.decides).await?;
            for place in places {
                now = now.without(place);
            }
            let young = now_in_the_making(&self.layout, &found);
            let postponed = self.settle_found(&role, &found, &judged_by, young).await?;
            for file in postponed {
                let place = if file.starts_with("signed/") { Place::Signed } else { Place::Requests };
                now = now.without(place);
            }
        }
        let layout = self.layout.clone();
        let kept = now.clone();
        self.foreign.known().seen = Some(now);
        blocking(move || kept.keep(&layout)).await?;
        Ok(took)
    }

    /// None when nothing has changed since the last look.
    async fn look(&self) -> Result<Option<Look>, Failure> {
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let (layout, before) = (self.layout.clone(), self.foreign.known().seen.clone());
        let projection = self.ledger.projection().clone();
        blocking(move || {
            let is_coming = |name: &str| projection.underway(name).is_some_and(|content| content.is_some());
            let own = look::Own { known: projection.known(), is_coming: &is_coming };
            let before = before.or_else(|| Seen::load(&layout));
            let now = Seen::now(&layout)?;
            if before.as_ref().is_some_and(|before| before.same_stamps(&now)) {
                return Ok(None);
            }
            let found = look::look(&layout, before.as_ref(), &now, &state, Some(&own))?;
            Ok(Some(Look { now, found }))
        })
        .await
    }

    /// Compares what was found once more, with the directory that shows everything decided so far about these names.
    /// Gives the state to judge by, and the places that are to be looked at again because we ourselves wrote there
    /// meanwhile.
    async fn look_again(
        &self,
        found: &mut Found,
        decides: bool,
    ) -> Result<(Arc<State>, Vec<Place>), Failure> {
        let earlier = self.ledger.state().ok_or(Failure::NoState)?;
        if !self.ledger.directory_follows().await {
            return Err(Refusal::Stopping.into());
        }
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let (layout, former) = (self.layout.clone(), std::mem::take(found));
        let mut again = blocking(move || {
            let mut again = Found { strange: former.strange, ..Found::default() };
            for name in former.signed.keys() {
                look::note(&layout, &mut again, Place::Signed, name, &state)?;
            }
            for name in former.requests.keys() {
                look::note(&layout, &mut again, Place::Requests, name, &state)?;
            }
            let reread = |was: bool, place: Place| match was {
                true => look::read(&place.path(&layout)).map(Some),
                false => Ok(None),
            };
            again.serial = reread(former.serial.is_some(), Place::Serial)?;
            again.inventory = reread(former.inventory.is_some(), Place::Inventory)?;
            again.lists = reread(former.lists.is_some(), Place::Lists)?;
            again.bundle = reread(former.bundle.is_some(), Place::Bundle)?;
            Ok(again)
        })
        .await?;
        // Was all quiet while the files were read? If not, what differs may be our own writing.
        let mut places = Vec::new();
        let after = self.ledger.state().ok_or(Failure::NoState)?;
        let quiet = Arc::ptr_eq(&earlier, &after);
        if !quiet {
            let single = [
                (again.serial.take(), Place::Serial),
                (again.inventory.take(), Place::Inventory),
                (again.lists.take(), Place::Lists),
                (again.bundle.take(), Place::Bundle),
            ];
            places.extend(single.into_iter().filter(|(found, _)| found.is_some()).map(|(_, place)| place));
        }
        // What another member decides about a name does not wait for us.
        let something = !again.signed.is_empty() || !again.requests.is_empty();
        if something && !quiet && !decides {
            again.signed.clear();
            again.requests.clear();
            places.extend([Place::Signed, Place::Requests]);
        }
        *found = again;
        // Not by a later one: by that, our own serial of a moment ago is somebody else's that is behind.
        Ok((after, places))
    }

    /// Carries out the rules for what was found, but for the files that are `in_the_making`. `state` is what they are
    /// compared with. Gives those that were put off.
    async fn settle_found(
        self: &Arc<Self>,
        role: &Role,
        found: &Found,
        state: &State,
        in_the_making: Vec<String>,
    ) -> Result<Vec<String>, Failure> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let originals = self.originals(found).await?;
        let now = time::now();
        let mut findings = reconcile(state, found, now, &|name| originals.contains_key(name));
        let mut postponed = Vec::new();
        findings.retain(|finding| {
            let object = finding.file.starts_with("signed/") || finding.file.starts_with("requests/");
            let unclear = object && (finding.remedy == Remedy::Leave || finding.set_aside);
            let put_off = unclear && in_the_making.contains(&finding.file);
            if put_off {
                postponed.push(finding.file.clone());
            }
            !put_off
        });
        {
            let mut known = self.foreign.known();
            findings.retain(|finding| {
                finding.remedy != Remedy::Leave
                    || known.told.insert((finding.file.clone(), finding.what.clone()))
            });
        }
        settle::tell(&findings, !role.decides);
        let aside: Vec<String> = findings
            .iter()
            .filter(|finding| finding.set_aside || !role.decides && finding.remedy != Remedy::Leave)
            .map(|finding| finding.file.clone())
            .collect();
        let (layout, kept) = (self.layout.clone(), found.clone());
        let known = Arc::clone(self.ledger.projection().known());
        blocking(move || {
            settle::set_aside(&layout, &kept, aside.iter().map(String::as_str), now)?;
            // From here on our own writes may replace what has been judged; and nothing that came after it.
            for (place, content) in [(Place::Serial, &kept.serial), (Place::Lists, &kept.lists)] {
                let path = place.path(&layout);
                let stamp = Stamp::of(&path)?;
                if content.as_ref().is_some_and(|judged| look::read(&path).is_ok_and(|now| now == *judged)) {
                    known.judged(&path, stamp);
                }
            }
            Ok(())
        })
        .await?;
        if role.decides {
            let plan = settle::plan(&findings);
            self.adopt(role.epoch, &plan, state).await?;
            self.restore(plan.restore, originals).await?;
        } else {
            self.restore(settle::follower_plan(state, &findings), originals).await?;
        }
        Ok(postponed)
    }

    async fn adopt(self: &Arc<Self>, epoch: u64, plan: &Plan, judged: &State) -> Result<(), Failure> {
        let actor = Actor { certname: None, address: None, local: true };
        // What was judged by the certificate of one key must not be taken over by another.
        let own_lists = self.own_lists.lock().await;
        if self.ledger.read(|state| state.issuer() == judged.issuer()) != Some(true) {
            return Err(Failure::NoState);
        }
        for commands in plan.entries.iter().cloned() {
            let envelope = Envelope { at: time::now(), actor: actor.clone(), request: None, commands };
            self.ledger.complete(epoch, envelope).await?;
        }
        drop(own_lists);
        if plan.revoke.is_empty() {
            return Ok(());
        }
        let caller = Caller::unlimited(actor, None, epoch);
        let entries = plan.revoke.iter().map(|(serial, _)| *serial);
        self.revoke_above(&caller, entries, plan.above).await
    }

    /// Writes files anew, from the state as it is when everything before is in the directory.
    async fn restore(
        &self,
        files: Vec<(String, Restore)>,
        originals: BTreeMap<String, Vec<u8>>,
    ) -> Result<(), Failure> {
        if files.is_empty() {
            return Ok(());
        }
        let ledger = self.ledger.clone();
        let (done, finished) = tokio::sync::oneshot::channel();
        self.ledger.projection().run(move |directory| {
            let write = |state: &State| -> io::Result<()> {
                for (file, restore) in &files {
                    let original = match restore {
                        Restore::Certificate(name) => originals.get(name).map(Vec::as_slice),
                        _ => None,
                    };
                    if !settle::restore(directory, state, file, restore, original)? {
                        error!(
                            file,
                            "cannot be written anew here; have this member join again (docs/CA-DIRECTORY.md)"
                        );
                    }
                }
                Ok(())
            };
            // Whoever gave up waiting needs no telling.
            let _ = done.send(ledger.state().map_or(Ok(()), |state| write(&state)));
        });
        match finished.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(directory_failure(&fault)),
            Err(_) => Err(Refusal::Stopping.into()),
        }
    }

    /// The certificates of the names in question that the log still has.
    async fn originals(&self, found: &Found) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        if found.signed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (layout, names) = (self.layout.clone(), found.signed.keys().cloned().collect());
        blocking(move || Ok(view::certificates_in_log(&layout, &names))).await
    }
}

/// The first few of many findings.
fn some_of(acted: &[String]) -> String {
    acted.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
}

/// The files of `found` that changed only now.
fn now_in_the_making(layout: &crate::directory::Layout, found: &Found) -> Vec<String> {
    let now = time::now();
    let young = |file: &String| {
        let stamp = Stamp::of(&layout.root().join(file)).ok().flatten();
        stamp.is_some_and(|stamp| stamp.changed / 1_000_000_000 > now - IN_THE_MAKING)
    };
    found.files().filter(young).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(fault)) => Err(directory_failure(&fault)),
        Err(_) => Err(Refusal::Stopping.into()),
    }
}

fn directory_failure(fault: &io::Error) -> Failure {
    Failure::Directory(fault.to_string())
}

/// Looks every few seconds, as long as the authority is there.
pub(crate) async fn watch(authority: Weak<Authority>) {
    let mut pause = EVERY;
    loop {
        let known = match authority.upgrade() {
            Some(authority) => Arc::clone(authority.ledger.projection().known()),
            None => return,
        };
        // Our own write has met a file of somebody else's: it waits for what the look says.
        if tokio::time::timeout(pause, known.noticed()).await.is_ok() {
            tokio::time::sleep(AT_ONCE).await;
        }
        let Some(authority) = authority.upgrade() else { return };
        let took = authority.look_for_changes().await.unwrap_or_else(|failure| {
            warn!(%failure, "the directory could not be compared with the log; trying again");
            Duration::ZERO
        });
        pause = (took * SHARE).clamp(EVERY, LONGEST);
    }
}
