//! At start: what happened to the directory while no CA had it.

use super::acted::acted;
use super::explained::Explained;
use super::found::Found;
use super::reconcile::reconcile;
use super::settle::{self, Plan};
use super::stamp::Seen;
use super::{Restore, look};
use crate::command::{Actor, Command, Envelope, Revocation};
use crate::directory::{Batch, Layout};
use crate::inventory::Row;
use crate::keys;
use crate::state::State;
use crate::store::{self, OpenFault, Store};
use crate::{projection, time, view};
use pki::crl::CrlSuccessor;
use pki::{PrivateKey, Serial, Signer as _};
use replica::Entry;
use std::collections::BTreeSet;
use tracing::{error, warn};

/// Validity of a revocation list.
const LIST_YEARS: i32 = 5;

/// What a look at a directory that nobody writes to gave.
struct Stock {
    found: Found,
    /// With everything in the log.
    state: State,
    /// What the log has that the directory lacks.
    behind: Batch,
    seen: Seen,
}

impl Store {
    /// Deals with what others did to the directory, when this member alone decides. What it costs when nobody did
    /// anything: six `stat` calls.
    ///
    /// # Errors
    /// [`OpenFault`]; nothing is lost then, and the next start tries again.
    pub(crate) fn settle(&mut self) -> Result<(), OpenFault> {
        let layout = self.directory.layout().clone();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let Some(Stock { found, mut state, behind, seen }) = self.take_stock()? else { return Ok(()) };
        if found.is_empty() {
            keep(&seen, &layout);
            return Ok(());
        }
        // 1. The directory catches up with the log. What it would write over is kept.
        let names: BTreeSet<String> = found.signed.keys().cloned().collect();
        let originals = view::certificates_in(&self.entries, &names);
        let now = time::now();
        let findings = reconcile(&state, &found, now, &|name| originals.contains_key(name));
        let kept = found.files().filter(|file| {
            !behind.is_empty() || findings.iter().any(|finding| finding.set_aside && finding.file == *file)
        });
        let kept: Vec<String> = kept.collect();
        settle::set_aside(&layout, &found, kept.iter().map(String::as_str), now).map_err(io)?;
        settle::tell(&findings, false);
        self.directory.carry_out(&behind).map_err(io)?;

        // 2. What is taken over enters the log, then the directory.
        let plan = settle::plan(&findings);
        let mut batch = Batch::default();
        for commands in plan.entries.iter().cloned() {
            self.commit(&mut state, &mut batch, commands)?;
        }
        if let Some(commands) = list_commands(&layout, &state, &plan, now) {
            self.commit(&mut state, &mut batch, commands)?;
        }
        self.directory.carry_out(&batch).map_err(io)?;

        // 3. What is not is written anew.
        for (file, restore) in &plan.restore {
            let original = match restore {
                Restore::Certificate(name) => originals.get(name).map(Vec::as_slice),
                _ => None,
            };
            if !settle::restore(&self.directory, &state, file, restore, original).map_err(io)? {
                error!(file, "cannot be written anew: its content is nowhere else");
            }
        }
        self.applied = self.log.last();
        self.projected = self.applied.index;
        projection::mark(&self.directory, self.projected);
        self.state = Some(state);
        keep(&Seen::now(&layout).map_err(io)?.since(&seen), &layout);
        Ok(())
    }

    /// The same for a member that others have a say in: what was found is kept, for when it is known who decides. The
    /// second part says what shows that another CA has been at work here.
    ///
    /// # Errors
    /// [`OpenFault`].
    pub(crate) fn note_foreign(&mut self) -> Result<(Found, Vec<String>), OpenFault> {
        let layout = self.directory.layout().clone();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let nothing = (Found::default(), Vec::new());
        let Some(Stock { found, state, seen, .. }) = self.take_stock()? else { return Ok(nothing) };
        if found.is_empty() {
            keep(&seen, &layout);
            return Ok(nothing);
        }
        // What the primary's snapshot was about to put here is known to the log, if not to this member's part of it.
        let acted = match layout.arriving().exists() {
            true => Vec::new(),
            false => acted(&state, &reconcile(&state, &found, time::now(), &|_| false)),
        };
        // Entries that are committed before anybody has settled this may write over it.
        let files: Vec<String> = found.files().collect();
        settle::set_aside(&layout, &found, files.iter().map(String::as_str), time::now()).map_err(io)?;
        Ok((found, acted))
    }

    /// None when nothing has changed since the directory was last seen, or there is no state yet.
    fn take_stock(&self) -> Result<Option<Stock>, OpenFault> {
        let Some(shown) = &self.state else { return Ok(None) };
        let layout = self.directory.layout();
        let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
        let before = Seen::load(layout);
        let seen = Seen::now(layout).map_err(io)?;
        if before.as_ref().is_some_and(|before| before.same_stamps(&seen)) {
            return Ok(None);
        }
        let mut found = look::look(layout, before.as_ref(), &seen, shown, None).map_err(io)?;
        let mut state = shown.clone();
        let mut explained = Explained::default();
        let mut behind = Batch::default();
        explained.add(&state, &[]);
        for entry in self.entries.iter().filter(|entry| entry.position.index > self.applied.index) {
            let effects = store::apply(&mut state, entry)?;
            explained.add(&state, &effects);
            effects.into_iter().for_each(|effect| behind.add(effect));
        }
        explained.subtract(&mut found);
        // Its number alone does not show that a list is the one that the log knows.
        found.lists.take_if(|content| {
            [shown, &state].iter().any(|one| content.bytes() == Some(one.lists().to_pem().as_bytes()))
        });
        Ok(Some(Stock { found, state, behind, seen }))
    }

    fn commit(
        &mut self,
        state: &mut State,
        batch: &mut Batch,
        commands: Vec<Command>,
    ) -> Result<(), OpenFault> {
        let actor = Actor { certname: None, address: None, local: true };
        let envelope = Envelope { at: time::now(), actor, request: None, commands }.with_record(state);
        let entry = Entry::after(&self.log.last(), self.membership.epoch(), envelope.encode());
        let path = self.directory.layout().log();
        let fault = |fault| OpenFault::Log { path: path.clone(), fault };
        self.log.append(std::slice::from_ref(&entry)).map_err(fault)?;
        self.log.flush().map_err(fault)?;
        self.entries.push(entry);
        state.apply(&envelope).into_iter().for_each(|effect| batch.add(effect));
        Ok(())
    }
}

/// A list of ours with entries that only another list of ours has. Without a usable key there is none: the older list
/// is set aside, and the operator is told.
fn list_commands(layout: &Layout, state: &State, plan: &Plan, now: i64) -> Option<Vec<Command>> {
    if plan.revoke.is_empty() && plan.above <= state.lists().own.number().unwrap_or(0) {
        return None;
    }
    let made = keys::read(layout, state.issuer().spki_der())
        .map_err(|problem| problem.to_string())
        .and_then(|key| sign_list(state, &plan.revoke, plan.above, now, &key));
    match made {
        Ok(command) => {
            let text = "ca_crl.pem was a list of ours that differs: its entries are on this one".to_owned();
            Some(vec![Command::Noted { text }, command])
        }
        Err(fault) => {
            error!(
                fault,
                "entries of the revocation list that was found are NOT on ours: it is in bunraku/found"
            );
            None
        }
    }
}

fn keep(seen: &Seen, layout: &Layout) {
    if let Err(fault) = seen.keep(layout) {
        warn!(%fault, "cannot note what the directory looks like; the next start looks closer");
    }
}

/// Our next list with `entries`, numbered above `above`.
fn sign_list(
    state: &State,
    entries: &[(Serial, i64)],
    above: u64,
    now: i64,
    key: &PrivateKey,
) -> Result<Command, String> {
    let number = state.lists().own.number().unwrap_or(0).max(above) + 1;
    let (this_update, next_update) = (now - 1, time::add_years(now, LIST_YEARS));
    let kept = &state.lists().own.entries_der_without(&BTreeSet::new());
    let successor = CrlSuccessor { number, this_update, next_update, kept, added: entries };
    let tbs = pki::crl::successor_tbs_der(state.issuer(), &successor).map_err(|fault| fault.to_string())?;
    let signature = key.sign(&tbs).map_err(|fault| fault.to_string())?;
    let added = entries.iter().map(|(serial, date)| Revocation {
        serial: serial.to_string(),
        date: *date,
        certname: None,
        actor: None,
        reason: Some("was on another list of ours".into()),
    });
    let (added, dropped) = (added.collect(), Vec::new());
    Ok(Command::RevocationListIssued { number, this_update, next_update, added, dropped, signature })
}

/// What `fsck --repair` mends beyond the rules for what others did.
impl Store {
    /// Writes `serial` as at least this.
    pub(crate) fn raise_serial(&mut self, next: &str) -> Result<(), OpenFault> {
        let next = Serial::parse_hex(next).unwrap_or(Serial::from_u64(1));
        let note = Command::Noted { text: "fsck --repair: serial was not above the serials in use".into() };
        self.mend(vec![note, Command::SerialsReserved { next: next.to_string() }])?;
        self.rewrite("serial", &Restore::Serial)
    }

    /// Ends the inventory's last line, and adds those of `lines` that it lacks.
    pub(crate) fn complete_inventory(&mut self, lines: &str) -> Result<(), OpenFault> {
        let Some(state) = &self.state else { return Ok(()) };
        let lacks = |line: &&str| {
            Row::parse(line)
                .is_some_and(|row| state.issued_to(&row.name).iter().all(|one| one.serial != row.serial))
        };
        let mut text = if state.inventory_is_open() { "\n".to_owned() } else { String::new() };
        for line in lines.lines().filter(lacks) {
            text.push_str(line);
            text.push('\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        let note = Command::Noted { text: "fsck --repair: lines were missing in inventory.txt".into() };
        let offset = state.inventory_length();
        self.mend(vec![note, Command::InventoryAdopted { offset, text }])
    }

    /// Writes what was mended into the audit record.
    pub(crate) fn note(&mut self, notes: Vec<String>) -> Result<(), OpenFault> {
        if notes.is_empty() {
            return Ok(());
        }
        self.mend(notes.into_iter().map(|text| Command::Noted { text }).collect())
    }

    /// Issues a revocation list with the same entries and the next number.
    pub(crate) fn issue_list(&mut self) -> Result<(), String> {
        let Some(state) = &self.state else { return Ok(()) };
        let key = keys::read(self.directory.layout(), state.issuer().spki_der())
            .map_err(|problem| problem.to_string())?;
        let command = sign_list(state, &[], 0, time::now(), &key)?;
        let note = Command::Noted { text: "fsck --repair: a new list with the same entries".into() };
        self.mend(vec![note, command]).map_err(|fault| fault.to_string())
    }

    fn mend(&mut self, commands: Vec<Command>) -> Result<(), OpenFault> {
        let Some(mut state) = self.state.take() else { return Ok(()) };
        let mut batch = Batch::default();
        let committed = self.commit(&mut state, &mut batch, commands);
        self.state = Some(state);
        committed?;
        let root = self.directory.layout().root().to_owned();
        self.directory.carry_out(&batch).map_err(|source| OpenFault::Io { path: root, source })?;
        self.applied = self.log.last();
        self.projected = self.applied.index;
        projection::mark(&self.directory, self.projected);
        Ok(())
    }

    fn rewrite(&mut self, file: &str, restore: &Restore) -> Result<(), OpenFault> {
        let Some(state) = &self.state else { return Ok(()) };
        let root = self.directory.layout().root().to_owned();
        settle::restore(&self.directory, state, file, restore, None)
            .map(|_| ())
            .map_err(|source| OpenFault::Io { path: root, source })
    }
}
