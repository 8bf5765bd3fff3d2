//! A toy authority as state machine: it hands out serial numbers and counts revocation lists, as the real one does.

use std::collections::BTreeMap;

use replica::{Entry, Position};

/// What a client wants, with the id that makes it happen once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wish {
    pub id: u64,
    /// A certificate, or else a revocation.
    pub certificate: bool,
}

/// A command: the primary has decided which number is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    pub wish: Wish,
    pub number: u64,
}

impl Command {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.wish.certificate)];
        bytes.extend(self.wish.id.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Command> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(Command { wish: Wish { certificate: *bytes.first()? == 1, id: word(1)? }, number: word(9)? })
    }
}

/// The state after all entries up to `position`.
#[derive(Clone, Default, Debug)]
pub struct Machine {
    pub position: Position,
    pub next_serial: u64,
    pub next_list: u64,
    /// Number given to each wish carried out.
    pub done: BTreeMap<u64, Command>,
}

impl Machine {
    /// Carries one entry out. Says what is wrong with it.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        if !entry.follows(&self.position) {
            return Err(format!("entry {} applied after {}", entry.position, self.position));
        }
        self.position = entry.position;
        let Some(command) = Command::decode(&entry.payload) else { return Ok(()) };
        let next = if command.wish.certificate { &mut self.next_serial } else { &mut self.next_list };
        if command.number < *next {
            return Err(format!("number {} at {} given again", command.number, entry.position));
        }
        *next = command.number + 1;
        if self.done.insert(command.wish.id, command).is_some() {
            return Err(format!("wish {} carried out twice", command.wish.id));
        }
        Ok(())
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Position { epoch, index, checksum } = self.position;
        for word in [epoch.0, index, checksum, self.next_serial, self.next_list] {
            bytes.extend(word.to_le_bytes());
        }
        for command in self.done.values() {
            bytes.extend(command.encode());
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Machine> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at * 8..at * 8 + 8)?.try_into().ok()?));
        let position = Position { epoch: replica::Epoch(word(0)?), index: word(1)?, checksum: word(2)? };
        let mut machine =
            Machine { position, next_serial: word(3)?, next_list: word(4)?, done: BTreeMap::new() };
        for bytes in bytes.get(40..)?.chunks(17) {
            let command = Command::decode(bytes)?;
            machine.done.insert(command.wish.id, command);
        }
        Some(machine)
    }
}
