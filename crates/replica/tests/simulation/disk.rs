//! A disk that forgets: what was not synced before a crash may be there afterwards, in part, or not at all.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use replica::storage::{Cell, Storage};

use crate::random::Random;

#[derive(Default)]
struct File {
    content: Vec<u8>,
    synced: Vec<u8>,
    since_sync: Vec<Write>,
    full: bool,
    lying: bool,
}

enum Write {
    Append(Vec<u8>),
    Truncate(usize),
}

/// A log file.
#[derive(Clone, Default)]
pub struct SimFile(Rc<RefCell<File>>);

impl SimFile {
    pub fn set_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }

    /// From now on a flush does nothing.
    pub fn set_lying(&self, lying: bool) {
        self.0.borrow_mut().lying = lying;
    }

    /// The power fails: some of what was not synced made it, in order, the last of it perhaps torn.
    pub fn crash(&self, random: &mut Random) {
        let mut file = self.0.borrow_mut();
        let mut content = std::mem::take(&mut file.synced);
        let writes = std::mem::take(&mut file.since_sync);
        let whole = random.between(0, writes.len() as u64) as usize;
        for (number, write) in writes.into_iter().enumerate() {
            match write {
                Write::Append(bytes) if number < whole => content.extend(bytes),
                Write::Append(bytes) if number == whole => {
                    let torn = random.between(0, bytes.len() as u64) as usize;
                    content.extend(&bytes[..torn]);
                    if random.chance(30) {
                        // Length written, data not.
                        content.resize(content.len() + bytes.len() - torn, 0);
                    }
                    break;
                }
                Write::Truncate(length) if number < whole => content.truncate(length),
                _ => break,
            }
        }
        file.synced = content.clone();
        file.content = content;
    }

    pub fn is_empty(&self) -> bool {
        self.0.borrow().content.is_empty()
    }
}

impl Storage for SimFile {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.borrow().content.clone())
    }

    fn read_from(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        Ok(self.read()?.split_off(offset as usize))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        if file.full {
            let part = bytes[..bytes.len() / 2].to_vec();
            file.content.extend(&part);
            file.since_sync.push(Write::Append(part));
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.content.extend(bytes);
        file.since_sync.push(Write::Append(bytes.to_vec()));
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        file.content.truncate(length as usize);
        file.since_sync.push(Write::Truncate(length as usize));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        if !file.lying {
            file.synced = file.content.clone();
            file.since_sync.clear();
        }
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        file.content = bytes.to_vec();
        file.synced = bytes.to_vec();
        file.since_sync.clear();
        Ok(())
    }
}

/// A small file that is replaced as a whole.
#[derive(Clone, Default)]
pub struct SimCell(Rc<RefCell<Option<Vec<u8>>>>);

impl Cell for SimCell {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.borrow().clone())
    }

    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        *self.0.borrow_mut() = Some(bytes.to_vec());
        Ok(())
    }
}
