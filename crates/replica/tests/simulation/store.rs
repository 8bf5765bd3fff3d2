//! The register that several front ends share (etcd, in the real world), and their way to it.

use std::collections::BTreeMap;

use replica::Configuration;
use replica::monitor::{self, Sight, View};
use replica::register::{Author, Register, RegisterRequest, admissible};
use replica::role::RegisterOutcome;

use crate::world::{Answer, Happening, NoAnswer, Place, Purpose, Request, World};

/// A lease runs out so long after it was last renewed.
const LEASE_MS: u64 = 3_000;
/// Between two readings of a front end.
const POLL_MS: u64 = 250;
/// A front end's patience with the register.
const PATIENCE_MS: u64 = 500;

/// What a front end asks of the register.
#[derive(Clone, Debug)]
pub enum Errand {
    Read,
    Publish(Sight),
    Set(Author, RegisterRequest),
}

/// What the register holds, and what became of a change.
#[derive(Clone, Debug)]
pub struct Reading {
    revision: u64,
    value: Option<Configuration>,
    sights: Vec<Sight>,
    set: bool,
}

/// The register's own memory; never lost, sometimes out of reach.
#[derive(Default)]
pub struct Store {
    revision: u64,
    sights: BTreeMap<usize, (Sight, u64)>,
}

impl World {
    /// What each running front end has concluded.
    pub fn views(&self) -> Vec<View> {
        self.fronts.iter().flatten().map(|front| front.monitor.view()).collect()
    }

    pub fn set_register(&mut self, author: &Author, request: &RegisterRequest) -> RegisterOutcome {
        let Some(register) = self.fronts[0].as_mut().and_then(|front| front.register.as_mut()) else {
            return RegisterOutcome::Unknown;
        };
        match register.compare_and_set(author, request) {
            Ok(answer) if answer.refused.is_none() => {
                self.note_registered(&request.configuration);
                RegisterOutcome::Set
            }
            Ok(answer) => RegisterOutcome::Refused(answer.current),
            Err(_) => RegisterOutcome::Unknown,
        }
    }

    pub fn register_changed(&mut self, number: usize) {
        let register = self.fronts[number].as_ref().and_then(|front| front.register.as_ref());
        if let Some(register) = register {
            let value = register.current().cloned();
            self.front_step(number, monitor::Event::Register(value));
            self.release_now(number);
        }
    }

    pub fn poll(&mut self, number: usize, life: u32) {
        if self.front(number, life).is_some() {
            self.ask_store(number, Errand::Read);
            self.later(POLL_MS, Happening::Poll { front: number, life });
        }
    }

    pub fn ask_store(&mut self, number: usize, errand: Errand) {
        let request = Request::Store(errand);
        self.call(Place::Front(number), Place::Store, Purpose::Store, request, PATIENCE_MS);
    }

    /// The register does what it is asked: a message that was long under way included.
    pub fn run_errand(&mut self, errand: Errand, from: Place, call: u64) {
        let Place::Front(number) = from else { return };
        let expires = self.now + LEASE_MS;
        if let Some((_, until)) = self.store.sights.get_mut(&number) {
            *until = expires;
        }
        let mut set = false;
        match errand {
            Errand::Read => {}
            Errand::Publish(sight) => drop(self.store.sights.insert(number, (sight, expires))),
            Errand::Set(author, request) => {
                let (version, next) = (request.expected_version, request.configuration);
                if admissible(self.registered().as_ref(), &author, version, &next).is_ok() {
                    self.note_registered(&next);
                    set = true;
                }
            }
        }
        self.store.revision += 1;
        let now = self.now;
        self.store.sights.retain(|_, (_, until)| *until > now);
        let sights = self.store.sights.values().map(|(sight, _)| sight.clone()).collect();
        let reading = Reading { revision: self.store.revision, value: self.registered(), sights, set };
        self.answer(call, Answer::Store(reading));
    }

    pub fn store_answered(&mut self, number: usize, result: Result<Answer, NoAnswer>) {
        match result {
            Ok(Answer::Store(reading)) => self.take_reading(number, reading),
            _ => {
                self.front_step(number, monitor::Event::RegisterUnavailable);
                let nothing = self.fronts[number].as_ref().is_some_and(|front| front.revision == 0);
                if let Some(memory) = self.memories[number].clone().filter(|_| nothing) {
                    self.count("Remembered");
                    self.front_step(number, monitor::Event::Remembered(memory));
                }
            }
        }
        self.release_now(number);
    }

    /// The answer to what a member has asked through this front end.
    pub fn relay_answered(&mut self, number: usize, call: u64, result: Result<Answer, NoAnswer>) {
        let Ok(Answer::Store(reading)) = result else {
            self.count("OutcomeUnknown");
            return self.answer(call, Answer::Register(RegisterOutcome::Unknown));
        };
        let outcome =
            if reading.set { RegisterOutcome::Set } else { RegisterOutcome::Refused(reading.value.clone()) };
        self.take_reading(number, reading);
        self.answer(call, Answer::Register(outcome));
    }

    fn take_reading(&mut self, number: usize, reading: Reading) {
        let Some(front) = self.fronts[number].as_mut() else { return };
        // A front end has one conversation with the register, in order.
        if reading.revision <= front.revision {
            return;
        }
        front.revision = reading.revision;
        self.memories[number].clone_from(&reading.value);
        self.front_step(number, monitor::Event::Sights(reading.sights));
        self.front_step(number, monitor::Event::Register(reading.value));
    }
}
