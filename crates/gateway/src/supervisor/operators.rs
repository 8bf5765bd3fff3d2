//! What operators ask of the supervisor.

use std::collections::BTreeSet;
use std::time::Duration;

use replica::monitor::{Change, Event, ForcePlan};
use replica::name::MemberName;
use tokio::sync::oneshot;

use super::{Body, Message, Supervisor, Switched};

/// How long the register may take to name a primary that an operator wants.
const REGISTERED_WITHIN: Duration = Duration::from_secs(15);

impl Supervisor {
    /// Makes another member active, in order. Waits until it is registered.
    pub async fn switchover(&self, to: Option<String>) -> Result<Switched, String> {
        self.ask(|reply| Message::Switchover { to, reply }).await
    }

    /// What making `to` primary at any price would cost; or why that is not the thing to do.
    pub async fn plan_force(&self, to: Option<String>) -> Result<ForcePlan, String> {
        self.ask(|reply| Message::PlanForce { to, reply }).await
    }

    /// Makes `to` primary at any price, if the register still has the version for which the price was told.
    pub async fn force(&self, to: Option<String>, version: u64) -> Result<Switched, String> {
        self.ask(|reply| Message::Force { to, version, reply }).await
    }

    /// Holds a member back for maintenance, or releases it. Gives all that are held back.
    pub async fn maintain(&self, member: String, hold: bool) -> Result<Vec<String>, String> {
        self.ask(|reply| Message::Maintain { member, hold, reply }).await
    }

    /// Waits until requests go to the primary of `epoch`, or of a later one.
    pub async fn active_in(&self, epoch: u64, limit: Duration) -> bool {
        let mut course = self.helm.watch();
        let acts =
            course.wait_for(|course| course.target.as_ref().is_some_and(|target| target.epoch >= epoch));
        tokio::time::timeout(limit, acts).await.is_ok_and(|seen| seen.is_ok())
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Message,
    ) -> Result<T, String> {
        let (reply, outcome) = oneshot::channel();
        let gone = || "the front end is shutting down".to_owned();
        self.messages.send(message(reply)).await.map_err(|_| gone())?;
        match tokio::time::timeout(REGISTERED_WITHIN, outcome).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            Err(_) => Err(format!(
                "the register has not taken it within {} s; 'bunraku status' shows what is registered",
                REGISTERED_WITHIN.as_secs()
            )),
        }
    }
}

impl Body {
    /// One question or order. An operator who hung up needs no answer.
    pub(super) async fn hear_operator(&mut self, message: Message) {
        match message {
            Message::Switchover { to, reply } => match self.resolve(to) {
                Ok(to) => {
                    self.waiting.push((to.clone(), reply));
                    self.step(Event::Switchover { to }).await;
                }
                Err(why) => drop(reply.send(Err(why))),
            },
            Message::PlanForce { to, reply } => drop(reply.send(self.plan(to))),
            Message::Force { to, version, reply } => match self.plan(to) {
                Ok(plan) if plan.version != version => {
                    let why = "things have changed since you were told what may be lost; ask again";
                    drop(reply.send(Err(why.to_owned())));
                }
                Ok(plan) => {
                    self.waiting.push((plan.to.clone(), reply));
                    self.step(Event::Force { to: plan.to }).await;
                }
                Err(why) => drop(reply.send(Err(why))),
            },
            Message::Maintain { member, hold, reply } => {
                let answer = match self.named(&member) {
                    Ok(_) => {
                        let mut held_back = self.history.record().held_back;
                        if hold {
                            held_back.insert(member.clone());
                        } else {
                            held_back.remove(&member);
                        }
                        self.setup.error_log.say(match hold {
                            true => format!("CA member {member} is held back for maintenance by an operator"),
                            false => format!("CA member {member} is no longer held back"),
                        });
                        self.maintain(held_back.clone()).await;
                        Ok(held_back.into_iter().collect())
                    }
                    Err(why) => Err(why),
                };
                drop(reply.send(answer));
            }
            Message::Exchanged { .. }
            | Message::RegisterTouched
            | Message::Retune(..)
            | Message::Rest(_)
            | Message::Wake => {}
        }
    }

    /// Holds exactly these members back.
    pub(super) async fn maintain(&mut self, held_back: BTreeSet<String>) {
        let members = held_back.iter().map(MemberName::new).collect();
        if held_back != self.history.record().held_back {
            self.history.hold_back(held_back);
        }
        self.step(Event::Maintain { members }).await;
    }

    fn plan(&self, to: Option<String>) -> Result<ForcePlan, String> {
        let to = to.map(|to| self.named(&to)).transpose()?;
        self.setup.monitor.plan_force(to.as_ref()).map_err(|refusal| refusal.to_string())
    }

    fn named(&self, name: &str) -> Result<MemberName, String> {
        let member = MemberName::new(name);
        self.index(&member).map(|_| member).ok_or_else(|| format!("there is no CA member {name}"))
    }

    fn resolve(&self, to: Option<String>) -> Result<MemberName, String> {
        let successor = || {
            let view = self.setup.monitor.view();
            view.successor.ok_or_else(|| "no other member is in sync and answers".to_owned())
        };
        to.map_or_else(successor, |to| self.named(&to))
    }

    /// Operators who wait for a switchover hear how it ended.
    pub(super) fn answer_operators(&mut self, change: &Change) {
        let (whom, outcome) = match change {
            Change::Switchover { to, epoch, .. } | Change::Forced { to, epoch } => {
                (to, Ok(Switched { primary: to.to_string(), epoch: epoch.0 }))
            }
            Change::SwitchoverFailed { to, why } | Change::Declined { to, why } => (to, Err(why.clone())),
            _ => return,
        };
        for (to, reply) in std::mem::take(&mut self.waiting) {
            if to == *whom {
                let _ = reply.send(outcome.clone());
            } else if !reply.is_closed() {
                self.waiting.push((to, reply));
            }
        }
    }
}
