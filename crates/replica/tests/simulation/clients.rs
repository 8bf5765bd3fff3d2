//! Clients and their ways: wishes, what is held, detours, and firewalls that answer rarely.

use std::collections::VecDeque;

use replica::Epoch;
use replica::role::Event;

use crate::machine::Wish;
use crate::world::{Answer, Happening, NoAnswer, Place, Purpose, Request, World};

impl World {
    pub fn wish(&mut self) {
        self.next_wish += 1;
        let wish = Wish { id: self.next_wish, certificate: !self.next_wish.is_multiple_of(4) };
        if self.random.chance(8) {
            // Someone reaches a member directly, past the front end.
            let number = self.random.between(0, self.names.len() as u64 - 1) as usize;
            let epoch = self.processes[number].as_ref().and_then(|process| process.member.acting_epoch());
            if let Some(epoch) = epoch {
                self.sequence += 1;
                let call = self.sequence;
                self.client_request(number, wish, epoch, call);
            }
        } else {
            // One front end uses up no randomness, so that old seeds stay what they were.
            let one =
                if self.shared() { self.random.between(0, self.plan.fronts as u64 - 1) as usize } else { 0 };
            if let Some(front) = self.fronts[one].as_mut().filter(|front| front.held.len() < 50) {
                front.held.push_back((wish, None));
            }
        }
        let after = self.random.between(5, 60);
        self.later(after, Happening::Wish);
        self.release();
    }

    pub fn release(&mut self) {
        (0..self.plan.fronts).for_each(|number| self.release_now(number));
    }

    /// Sends what is held to the active member: what was sent before, only in a later epoch.
    pub fn release_now(&mut self, number: usize) {
        let me = Place::Front(number);
        if self.paused.get(&me).is_some_and(|until| *until > self.now) {
            return;
        }
        let Some(front) = self.fronts[number].as_mut() else { return };
        let view = front.monitor.view();
        let Some(active) = view.active else { return };
        let epoch = view.epoch;
        let (ready, wait): (VecDeque<_>, VecDeque<_>) =
            front.held.drain(..).partition(|(_, sent)| sent.is_none_or(|sent| sent < epoch));
        front.held = wait;
        let member = self.number(active.as_str());
        let way = view.through.first().and_then(|front| front.as_str().strip_prefix("front-"));
        let way = way.and_then(|number| number.parse::<usize>().ok()).map(|number| number - 1);
        for (wish, _) in ready {
            let purpose = Purpose::Client { member, wish, epoch, detour: way.is_some() };
            match way {
                None => self.call(me, Place::Member(member), purpose, Request::Client { wish, epoch }, 3_000),
                Some(front) => {
                    self.count("Detour");
                    let request = Request::Detour { member, wish, epoch };
                    self.call(me, Place::Front(front), purpose, request, 3_000);
                }
            }
        }
    }

    pub fn client_request(&mut self, number: usize, wish: Wish, epoch: Epoch, call: u64) {
        let Some(process) = self.processes[number].as_mut() else { return };
        if process.member.acting_epoch() != Some(epoch) {
            self.answer(call, Answer::Disowned);
            return;
        }
        match process.decide(wish, call) {
            Ok(proposed) => {
                process.proposed.push(proposed);
                // One of three waits for whatever happens next to this member.
                if !self.plan.together || !call.is_multiple_of(3) {
                    self.propose(number);
                }
            }
            Err(Some(command)) => {
                // Carried out before, under another primary or by a frame that came twice.
                let on_disk = self.epoch_on_disk(number);
                self.oracle.acknowledges(command, epoch, on_disk, (number, self.lives[number]));
                self.answer(call, Answer::Done);
            }
            Err(None) => self.answer(call, Answer::Unknown),
        }
    }

    /// What has gathered is proposed.
    pub fn propose(&mut self, number: usize) {
        let Some(process) = self.processes[number].as_mut() else { return };
        let proposed = std::mem::take(&mut process.proposed);
        if !proposed.is_empty() {
            self.step_now(number, Event::Propose(proposed));
        }
    }

    /// A request meets a firewall that answers rarely.
    pub fn prohibited(&mut self, from: Place, to: Place, call: u64) {
        let after = self.delay();
        if self.random.chance(15) {
            self.later(after, Happening::Failed { call, how: NoAnswer::Refused });
        } else if self.random.chance(30) {
            self.warn_later(after, from, to);
        }
    }

    /// The network will say to a front end that there is no way to a member.
    pub fn warn_later(&mut self, after: u64, from: Place, to: Place) {
        if let (Place::Front(front), Place::Member(member)) = (from, to) {
            let life = self.front_lives[front];
            self.later(after, Happening::Warned { front, life, member });
        }
    }
}
