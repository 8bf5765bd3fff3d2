//! A waiting request is signed: by an operator's word, or at the end of autosigning.

use super::names::each_once;
use super::reserve::Supply;
use super::{Authority, Caller, Failure, Fault, done, issued};
use crate::command::{Command, Envelope, Outcome};
use crate::ledger::{Proposal, Refusal};
use crate::state::Standing;
use crate::{answer, time};
use pki::issue::LeafProfile;
use pki::{Certname, Request, Serial};
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// Signatures that go into the log together.
const GROUP: usize = 256;

/// What became of a batch of names; see [`Authority::sign_many`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SignedMany {
    pub signed: Vec<String>,
    /// No request of this name waits.
    pub without_request: Vec<String>,
    /// A rule forbids it.
    pub refused: Vec<String>,
}

impl Authority {
    /// Signs the request of `certname`. `ttl` is the life in seconds, when not the configured one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn sign(
        self: &Arc<Self>,
        caller: &Caller,
        certname: &str,
        ttl: Option<i64>,
    ) -> Result<(), Failure> {
        let _name = self.names.hold(certname).await;
        if self.answered(caller).is_some() {
            return Ok(());
        }
        match self.ledger.read(|state| (state.standing(certname), state.pending().contains_key(certname))) {
            None => return Err(Failure::NoState),
            Some((_, true)) => {}
            Some((None, false)) => return Err(Fault::UnknownName.into()),
            Some((Some(_), false)) => return Err(Fault::NothingToSign(certname.to_owned()).into()),
        }
        let signed = self.sign_pending(caller, certname, ttl, done(answer::status_changed()), None).await;
        if let Err(Failure::Fault(fault @ Fault::Signing(_))) = &signed {
            self.record_refusals(caller, vec![refused(certname, fault)]).await;
        }
        signed
    }

    /// Signs many: group by group, so that a hundred thousand do not become one entry of the log.
    ///
    /// # Errors
    /// [`Failure`]; the groups before it have been signed. Names that a rule forbids are in the result instead.
    pub async fn sign_many(
        self: &Arc<Self>,
        caller: &Caller,
        certnames: &[String],
    ) -> Result<SignedMany, Failure> {
        let mut result = SignedMany::default();
        // A name that is there twice has one request, which is signed once.
        let certnames = each_once(certnames);
        let groups = certnames.chunks(GROUP);
        let last = groups.len().saturating_sub(1);
        for (number, group) in groups.enumerate() {
            self.sign_group(caller, group, number == last, &mut result).await?;
        }
        Ok(result)
    }

    /// One reservation, all signatures in parallel, one entry in the log.
    async fn sign_group(
        self: &Arc<Self>,
        caller: &Caller,
        certnames: &[String],
        is_last: bool,
        result: &mut SignedMany,
    ) -> Result<(), Failure> {
        let _names = self.names.hold_all(certnames).await;
        // 1. Judge all of them.
        let mut accepted = Vec::new();
        let mut refusals = Vec::new();
        for certname in certnames {
            match self.judge(certname, None) {
                Ok(profile) => accepted.push((certname, profile)),
                Err(Failure::Fault(Fault::NothingToSign(_))) => result.without_request.push(certname.clone()),
                Err(Failure::Fault(fault)) => {
                    refusals.push(refused(certname, &fault));
                    result.refused.push(certname.clone());
                }
                Err(failure) => return Err(failure),
            }
        }
        self.record_refusals(caller, refusals).await;
        if accepted.is_empty() {
            return Ok(());
        }
        // 2. Reserve.
        let (serials, reserve) = self.reserve(caller.epoch, accepted.len())?;
        self.ledger.record(caller.epoch, caller.envelope(None, vec![reserve])).await?;
        // 3. Sign in parallel.
        let mut signatures = tokio::task::JoinSet::new();
        for (position, ((certname, profile), serial)) in accepted.into_iter().zip(serials).enumerate() {
            let profile = LeafProfile { serial, ..profile };
            let (authority, certname) = (Arc::clone(self), certname.clone());
            signatures.spawn(async move { (position, certname, authority.issue(profile).await) });
        }
        let mut issued_all = Vec::new();
        while let Some(joined) = signatures.join_next().await {
            let (position, certname, certificate) =
                joined.map_err(|fault| Failure::Key(fault.to_string()))?;
            issued_all.push((position, certname, certificate?));
        }
        issued_all.sort_by_key(|(position, ..)| *position);
        // 4. Record.
        let commands = issued_all.iter().map(|(_, name, certificate)| issued(name, certificate)).collect();
        result.signed.extend(issued_all.into_iter().map(|(_, name, _)| name));
        let outcome = if is_last { done(answer::signed_many(result)) } else { None };
        Ok(self.ledger.complete(caller.epoch, caller.envelope(outcome, commands)).await?)
    }

    /// Signs a waiting request; the caller holds the name. `outcome` is what the request that caused this is
    /// answered, `reason` what the audit record says beyond the operator's word.
    pub(super) async fn sign_pending(
        self: &Arc<Self>,
        caller: &Caller,
        certname: &str,
        ttl: Option<i64>,
        outcome: Option<Outcome>,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        let profile = self.judge(certname, ttl)?;
        self.sign_judged(caller, profile, outcome, true, reason).await
    }

    /// Signs for an agent that waits for the answer: it will ask for the certificate over HTTP, so while there are many
    /// of them, none waits for the directory, which follows within moments.
    pub(super) async fn sign_now(
        self: &Arc<Self>,
        caller: &Caller,
        profile: LeafProfile,
        outcome: Option<Outcome>,
        reason: String,
    ) -> Result<(), Failure> {
        self.sign_judged(caller, profile, outcome, false, Some(reason)).await
    }

    pub(super) async fn sign_judged(
        self: &Arc<Self>,
        caller: &Caller,
        profile: LeafProfile,
        outcome: Option<Outcome>,
        directory_shows_it: bool,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        // 1. A serial that nobody else can ever have: in the log of every in-sync member.
        let _busy = self.busy();
        let serial = match self.take_from_stock(caller.epoch) {
            Some(serial) => serial,
            None => {
                let (serials, reserve) = self.reserve(caller.epoch, 1)?;
                self.ledger.record(caller.epoch, caller.envelope(None, vec![reserve])).await?;
                serials[0]
            }
        };

        // 2. The signature. 3. Nobody sees the certificate before every in-sync member has it.
        let certname = profile.certname.to_string();
        let issuing = self.issuing_for(&serial)?;
        let is_fast = issuing.signer.algorithm().is_fast();
        let (tell, told) = oneshot::channel();
        let (answer, asked) = oneshot::channel();
        let (authority, caller_then) = (Arc::clone(self), caller.clone());
        let work = move || {
            let made =
                authority.made(&caller_then, &issuing, LeafProfile { serial, ..profile }, outcome, reason);
            let (envelope, supply) = match made {
                Ok((envelope, supply)) => (Some(envelope), Ok(supply)),
                Err(failure) => (None, Err(failure)),
            };
            // Before the proposal, so that whoever hears of that finds this.
            let _ = tell.send(supply);
            envelope.map(|envelope| Proposal { epoch: caller_then.epoch, envelope, answer })
        };
        if is_fast {
            // Shorter than the way to another thread and back.
            self.ledger.propose(work().into_iter().collect());
        } else {
            self.signers.run(work).map_err(|fault| Failure::Key(fault.to_string()))?;
        }
        let index = asked.await.unwrap_or(Err(Refusal::Stopping));
        let supply = told.await.map_err(|_| Failure::Key("the signing was broken off".to_owned()))??;
        if let Some(supply) = supply {
            self.supplied(supply, index.is_ok());
        }
        let index = index?;
        if directory_shows_it || !self.is_crowded() {
            self.ledger.shown(index).await?;
        } else {
            self.ledger.not_too_far_from(index).await;
        }
        info!(certname, %serial, "certificate issued");
        Ok(())
    }

    /// Makes a certificate, and what the log is to have of it; with it, serials for those who come next.
    fn made(
        &self,
        caller: &Caller,
        issuing: &pki::issue::Authority,
        profile: LeafProfile,
        outcome: Option<Outcome>,
        reason: Option<String>,
    ) -> Result<(Envelope, Option<Supply>), Failure> {
        let certificate = pki::issue::sign_leaf(issuing, &profile);
        let certificate = certificate.map_err(|fault| Failure::Key(fault.to_string()))?;
        let reason = reason.map(|text| Command::Because { text });
        let mut commands: Vec<Command> = reason.into_iter().collect();
        commands.push(issued(profile.certname.as_str(), &certificate));
        let supply = self.supply(caller.epoch)?.map(|(supply, reserve)| {
            commands.push(reserve);
            supply
        });
        Ok((caller.envelope(outcome, commands), supply))
    }

    /// What the certificate of a waiting request will be, but for its serial.
    fn judge(&self, certname: &str, ttl: Option<i64>) -> Result<LeafProfile, Failure> {
        let der = self
            .ledger
            .read(|state| state.pending().get(certname).map(|pending| pending.der.clone()))
            .ok_or(Failure::NoState)?
            .ok_or_else(|| Fault::NothingToSign(certname.to_owned()))?;
        let request = Request::from_der(&der).map_err(Fault::from)?;
        let name = Certname::parse(certname).map_err(Fault::from)?;
        Ok(self.draft(&request, &name, ttl)?)
    }

    pub(super) fn draft(
        &self,
        request: &Request,
        certname: &Certname,
        ttl: Option<i64>,
    ) -> Result<LeafProfile, Fault> {
        // Whoever signs puts the serial in: a number is reserved only for what may be signed.
        let serial = Serial::from_u64(0);
        let renewing = self.policy.auto_renewal_ttl.filter(|_| request.asks_for_auto_renewal());
        // An operator who names a life means it.
        let ttl = ttl.or(renewing).unwrap_or(self.policy.ca_ttl);
        Ok(pki::issue::draft_from_request(request, certname, &self.policy.signing, serial, time::now(), ttl)?)
    }

    /// What an operator wanted and a rule forbids is in the audit record. What strangers want is not: they could fill
    /// the disk with it.
    async fn record_refusals(&self, caller: &Caller, refusals: Vec<Command>) {
        if caller.is_limited || refusals.is_empty() {
            return;
        }
        if let Err(refusal) = self.ledger.record(caller.epoch, caller.envelope(None, refusals)).await {
            warn!(%refusal, "a refusal is not in the audit record");
        }
    }

    /// The standing of a name, for those who only ask.
    pub fn standing(&self, certname: &str) -> Option<Standing> {
        self.ledger.read(|state| state.standing(certname)).flatten()
    }
}

fn refused(certname: &str, fault: &Fault) -> Command {
    Command::Refused { certname: certname.to_owned(), what: "sign".into(), reason: fault.to_string() }
}
