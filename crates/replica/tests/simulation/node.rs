//! One CA member: the real state machine and log over a simulated disk, with the IO loop that `ca` would be.

use std::collections::BTreeMap;

use replica::flaws::Flaws;
use replica::log::Log;
use replica::membership::MembershipFile;
use replica::role::{Action, Member, Proposed, Restored, Settings};
use replica::storage::Cell;
use replica::{Entry, Epoch, Membership, Position};

use crate::disk::{SimCell, SimFile};
use crate::machine::{Command, Machine, Wish};
use crate::random::Random;

/// What survives a crash.
#[derive(Default)]
pub struct Disk {
    pub log: SimFile,
    pub membership: SimCell,
    pub machine: SimCell,
    /// Positions whose records are synced; kept beside the bytes for the oracle.
    pub durable: Vec<Position>,
    pub durable_base: Position,
    /// Whether this disk has ever been complete, as its membership file says.
    pub joined: bool,
}

impl Disk {
    /// Whether everything up to `position` is durable here.
    pub fn holds(&self, position: &Position) -> bool {
        self.durable.contains(position) || self.durable_base.index >= position.index
    }
}

/// One life of a member's process.
pub struct Process {
    pub life: u32,
    pub member: Member,
    pub machine: Machine,
    pub log: Log<SimFile>,
    membership: MembershipFile<SimCell>,
    /// Epoch in the membership file.
    pub epoch_on_disk: Epoch,
    /// Entries in the log that are not yet applied.
    unapplied: Vec<Entry>,
    written: Vec<Position>,
    /// A failed append has not been told to the member yet: the log takes nothing.
    pub log_stopped: bool,
    pub waiting: BTreeMap<u64, (Command, Option<u64>)>,
    /// Decided, and about to be proposed.
    pub proposed: Vec<Proposed>,
    next_proposal: u64,
    next_numbers: (u64, u64),
    flaws: Flaws,
    pub snapshots: BTreeMap<String, Vec<u8>>,
    pub incoming: Vec<u8>,
}

/// What the world must do for a process.
pub enum Effect {
    Flush(Position),
    LogFailed(replica::Fault, Position),
    Loaded(Position),
    SnapshotTaken { to: String, position: Position, length: u64 },
    Send { to: String, ticket: u64, frame: replica::Frame },
    Reply { reply: u64, frame: replica::Frame },
    CompareAndSet { ticket: u64, expected_version: u64, configuration: replica::Configuration },
    Acknowledge { command: Command, client: Option<u64>, epoch: Epoch },
    Refuse { client: u64, nothing_done: bool },
    Acts,
    Final(Position),
    Wrong(String),
}

impl Process {
    /// Starts from what the disk holds. `first`: this disk gets the estate's first entry if it is empty.
    pub fn start(
        disk: &mut Disk,
        settings: Settings,
        life: u32,
        first: bool,
        random: &mut Random,
    ) -> Result<Process, String> {
        let mut machine = match disk.machine.load().map_err(|fault| fault.to_string())? {
            Some(bytes) => Machine::decode(&bytes).ok_or("machine is damaged")?,
            None => Machine { position: Position::ZERO, ..Machine::default() },
        };
        if disk.log.is_empty() {
            let mut log = Log::create(disk.log.clone(), Position::ZERO).map_err(|fault| fault.to_string())?;
            if first {
                let genesis = Entry::after(&Position::ZERO, Epoch::NONE, b"genesis".to_vec());
                log.append(std::slice::from_ref(&genesis)).map_err(|fault| fault.to_string())?;
                log.flush().map_err(|fault| fault.to_string())?;
                machine.apply(&genesis)?;
                disk.machine.store(&machine.encode()).map_err(|fault| fault.to_string())?;
            }
        }
        let (mut log, mut entries) = Log::open(disk.log.clone()).map_err(|fault| fault.to_string())?;
        if !log.contains(&machine.position) {
            // A snapshot was made durable, the log not yet reset.
            log.reset(machine.position).map_err(|fault| fault.to_string())?;
            entries.clear();
        }
        disk.durable = entries.iter().map(|entry| entry.position).collect();
        disk.durable_base = log.base();
        let membership = MembershipFile::new(disk.membership.clone());
        let known = membership.load().map_err(|fault| fault.to_string())?;
        let known = known.unwrap_or_else(|| Membership::blank(random.next()));
        let mut file = MembershipFile::new(disk.membership.clone());
        file.store(&known).map_err(|fault| fault.to_string())?;
        let applied = machine.position.index;
        let unapplied = entries.iter().filter(|entry| entry.position.index > applied).cloned().collect();
        let epoch_on_disk = known.epoch();
        let flaws = settings.flaws;
        disk.log.set_lying(flaws.lying_flush);
        let next_numbers = (machine.next_serial, machine.next_list);
        let restored = Restored { membership: known, base: log.base(), entries, applied };
        Ok(Process {
            life,
            member: Member::new(settings, restored),
            machine,
            written: disk.durable.clone(),
            log,
            membership: file,
            epoch_on_disk,
            unapplied,
            log_stopped: false,
            waiting: BTreeMap::new(),
            proposed: Vec::new(),
            next_proposal: 0,
            next_numbers,
            flaws,
            snapshots: BTreeMap::new(),
            incoming: Vec::new(),
        })
    }

    /// A client's wish: decided here, proposed if it was not carried out before. `client`: who waits.
    pub fn decide(&mut self, wish: Wish, client: u64) -> Result<Proposed, Option<Command>> {
        if let Some(done) = self.machine.done.get(&wish.id)
            && !self.flaws.forget_requests
        {
            return Err(Some(*done));
        }
        if self.waiting.values().any(|(command, _)| command.wish.id == wish.id) {
            return Err(None);
        }
        let next = if wish.certificate { &mut self.next_numbers.0 } else { &mut self.next_numbers.1 };
        let command = Command { wish, number: *next };
        *next += 1;
        self.next_proposal += 1;
        self.waiting.insert(self.next_proposal, (command, Some(client)));
        Ok(Proposed { ticket: self.next_proposal, payload: command.encode() })
    }

    /// A flush is over: everything written is durable.
    pub fn sync(&mut self, disk: &mut Disk) {
        self.log.flush().expect("a simulated sync does not fail");
        disk.durable.clone_from(&self.written);
    }

    /// Carries one action out.
    pub fn perform(&mut self, action: Action, disk: &mut Disk, random: &mut Random) -> Option<Effect> {
        match self.carry_out(action, disk, random) {
            Ok(effect) => effect,
            Err(what) => Some(Effect::Wrong(what)),
        }
    }

    fn carry_out(
        &mut self,
        action: Action,
        disk: &mut Disk,
        random: &mut Random,
    ) -> Result<Option<Effect>, String> {
        Ok(match action {
            Action::PersistMembership(membership) => {
                self.membership.store(&membership).map_err(|fault| fault.to_string())?;
                self.epoch_on_disk = membership.epoch();
                disk.joined = membership.joined;
                None
            }
            Action::Truncate { to } if self.log_stopped => {
                self.unapplied.retain(|entry| entry.position.index <= to.index);
                None
            }
            Action::Append(entries) if self.log_stopped => {
                self.unapplied.extend(entries);
                None
            }
            Action::Flush { .. } if self.log_stopped => None,
            Action::Append(entries) => match self.log.append(&entries) {
                Ok(()) => {
                    self.written.extend(entries.iter().map(|entry| entry.position));
                    self.unapplied.extend(entries);
                    None
                }
                Err(replica::log::LogFault::Io(fault)) => {
                    self.log_stopped = true;
                    self.unapplied.extend(entries);
                    Some(Effect::LogFailed(replica::log::LogFault::Io(fault).fault(), self.log.last()))
                }
                Err(other) => return Err(other.to_string()),
            },
            Action::Truncate { to } => {
                self.log.truncate(&to).map_err(|fault| fault.to_string())?;
                self.unapplied.retain(|entry| entry.position.index <= to.index);
                self.written.retain(|position| position.index <= to.index);
                disk.durable.clone_from(&self.written);
                None
            }
            Action::Flush { up_to } => Some(Effect::Flush(up_to)),
            Action::Send { to, ticket, frame } => {
                Some(Effect::Send { to: to.as_str().to_owned(), ticket, frame })
            }
            Action::SendSnapshot { to, ticket, mut frame, offset, length } => {
                let to = to.as_str().to_owned();
                let snapshot = self.snapshots.get(&to).ok_or("no such snapshot")?;
                frame.fill_snapshot(snapshot[offset as usize..(offset + length) as usize].to_vec());
                Some(Effect::Send { to, ticket, frame })
            }
            Action::Reply { reply, frame } => Some(Effect::Reply { reply, frame }),
            Action::CompareAndSet { ticket, expected_version, configuration } => {
                Some(Effect::CompareAndSet { ticket, expected_version, configuration })
            }
            Action::Commit { up_to } => {
                let rest = self.unapplied.iter().position(|entry| entry.position.index > up_to.index);
                let rest = self.unapplied.split_off(rest.unwrap_or(self.unapplied.len()));
                for entry in std::mem::replace(&mut self.unapplied, rest) {
                    self.machine.apply(&entry)?;
                }
                if self.machine.position != up_to {
                    return Err(format!("commit up to {up_to}, but the log has {}", self.machine.position));
                }
                if random.chance(10) {
                    disk.machine.store(&self.machine.encode()).map_err(|fault| fault.to_string())?;
                    if random.chance(20) && self.log.flushed().index >= up_to.index {
                        self.log.compact(&up_to).map_err(|fault| fault.to_string())?;
                        self.written.retain(|position| position.index > up_to.index);
                        disk.durable.retain(|position| position.index > up_to.index);
                        disk.durable_base = up_to;
                    }
                }
                Some(Effect::Final(up_to))
            }
            Action::Accepted { ticket, position } => {
                let (command, client) = self.waiting.remove(&ticket).ok_or("accepted twice")?;
                if self.machine.done.get(&command.wish.id) != Some(&command) {
                    return Err(format!("{command:?} accepted before it was applied"));
                }
                Some(Effect::Acknowledge { command, client, epoch: position.epoch })
            }
            Action::Refused { ticket, reason } => {
                let (_, client) = self.waiting.remove(&ticket).ok_or("refused twice")?;
                let nothing_done = reason.nothing_done();
                client.map(|client| Effect::Refuse { client, nothing_done })
            }
            Action::RoleChanged { role: replica::Role::Primary } => {
                // Coming back from a switchover that was given up, numbers are still in flight.
                if self.flaws.reuse_serial_after_crash {
                    return Ok(Some(Effect::Acts));
                }
                let (serial, list) = self.next_numbers;
                self.next_numbers = (serial.max(self.machine.next_serial), list.max(self.machine.next_list));
                Some(Effect::Acts)
            }
            Action::RoleChanged { .. } | Action::Tell(_) => None,
            Action::TakeSnapshot { to } => {
                let bytes = self.machine.encode();
                let (to, length) = (to.as_str().to_owned(), bytes.len() as u64);
                self.snapshots.insert(to.clone(), bytes);
                Some(Effect::SnapshotTaken { to, position: self.machine.position, length })
            }
            Action::DropSnapshot { to } => {
                self.snapshots.remove(to.as_str());
                None
            }
            Action::StoreSnapshot { offset, bytes, .. } => {
                if offset == 0 {
                    self.incoming.clear();
                }
                if offset != self.incoming.len() as u64 {
                    return Err("a part of a snapshot is missing".to_owned());
                }
                self.incoming.extend(bytes);
                None
            }
            Action::LoadSnapshot { position } => Some(Effect::Loaded(position)),
        })
    }

    /// The first half of loading: the state is durable. A crash may come before the second.
    pub fn load_state(&mut self, disk: &mut Disk) -> Result<(), String> {
        if self.flaws.lose_snapshot {
            return Ok(());
        }
        disk.machine.store(&self.incoming).map_err(|fault| fault.to_string())
    }

    /// The second half: the log begins after it.
    pub fn load_log(&mut self, disk: &mut Disk, position: Position) -> Result<(), String> {
        self.machine = Machine::decode(&self.incoming).ok_or("damaged snapshot")?;
        if self.machine.position != position {
            return Err(format!("snapshot of {} instead of {position}", self.machine.position));
        }
        self.log.reset(position).map_err(|fault| fault.to_string())?;
        self.unapplied.clear();
        self.written.clear();
        disk.durable.clear();
        disk.durable_base = position;
        Ok(())
    }
}
