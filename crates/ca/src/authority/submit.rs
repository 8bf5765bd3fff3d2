//! A certificate request comes in.

use super::{Authority, Caller, Failure, Fault, details_of_request, done};
use crate::answer;
use crate::autosign::{Judgement, Verdict};
use crate::command::{Actor, AutosignMark, Command, Outcome};
use crate::state::State;
use pki::issue::{LeafProfile, SigningFault};
use pki::{Certname, Request, pem};
use std::path::Path;
use std::sync::Arc;
use tracing::{info, warn};

/// Requests that wait for one name. An agent sends one; after a failover it may be here twice.
const WAITING_FOR_A_NAME: usize = 16;
/// Seconds after which one that found more may ask again.
const NAME_CROWDED_FOR: u32 = 5;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It waits for an operator.
    Waiting,
    /// It has been signed.
    Signed,
    /// This very request has been here before, and was answered so.
    Before(Outcome),
}

/// What the rules of autosigning make of a request before it is saved.
enum Plan {
    Wait,
    Sign(Box<LeafProfile>),
    Ask(std::path::PathBuf),
    /// It would be signed, but a rule forbids it. The request is saved all the same, as Puppet Server does.
    Forbidden(Fault),
}

impl Authority {
    /// Takes in a request: saves it, and signs it when the autosign setting says so.
    ///
    /// # Errors
    /// [`Failure`]. After [`Fault::Signing`] the request has been saved and waits for an operator.
    pub async fn submit(
        self: &Arc<Self>,
        caller: &Caller,
        url_name: &str,
        body: &[u8],
    ) -> Result<Submitted, Failure> {
        // 1. The body is one request.
        let request = Request::from_pem(body).map_err(Fault::from)?;

        // 2. From here on this name is ours. What waits for it here waits on when its client goes away: a policy that takes
        // a minute, and a stranger who asks, leaves and asks again, must not fill the memory.
        let Some(_name) = self.names.hold_unless_crowded(url_name, WAITING_FOR_A_NAME).await else {
            return Err(Failure::NameCrowded {
                certname: url_name.to_owned(),
                limit: WAITING_FOR_A_NAME,
                retry_after: NAME_CROWDED_FOR,
            });
        };
        // After a failover the new primary finishes what the old one began, under the id of the request that brought
        // it. That may have happened while this one, sent again, waited for the name.
        if let Some(outcome) = self.answered(caller) {
            return Ok(Submitted::Before(outcome));
        }

        // 3. The same request sent again after a failover is taken up where the last primary left it.
        if self.is_own_pending(caller, url_name) {
            return self.continue_autosign(caller, url_name).await;
        }

        // 4. Nothing of its name may be here already: the one in the request, which need not be that of the URL.
        let subject = request.subject_cn().unwrap_or_default();
        if let Some(standing) = self.ledger.read(|state| state.standing(subject)).ok_or(Failure::NoState)?
            && !self.policy.allow_duplicate_certs
        {
            return Err(Fault::Duplicate { certname: subject.to_owned(), standing }.into());
        }

        // 5. The request is for a name that may exist, and whoever made it holds its key.
        let certname = judge_subject(&request, url_name)?;
        request.verify_signature().map_err(|fault| {
            Fault::Signing(SigningFault::InvalidSignature { certname: certname.clone(), fault })
        })?;

        // 6. Who signs it?
        let (plan, reason) = self.plan(&request, &certname);
        if !matches!(plan, Plan::Sign(_)) {
            self.check_room(caller, &certname)?;
        }
        let (mark, outcome) = match &plan {
            Plan::Wait => (AutosignMark::Manual, done(answer::request_saved())),
            Plan::Ask(_) => (AutosignMark::Undecided, None),
            Plan::Forbidden(fault) => (AutosignMark::Manual, done(answer::submission_refused(fault))),
            // 7. What is signed at once is not saved first: the log has nothing of it, or the certificate.
            Plan::Sign(profile) => {
                let outcome = done(answer::request_saved());
                self.sign_now(caller, (**profile).clone(), outcome, reason).await?;
                return Ok(Submitted::Signed);
            }
        };

        // 8. Save it. Of strangers' requests that take the place of one another the audit record has the first.
        let replaces = self.ledger.read(|state| state.pending().contains_key(certname.as_str()));
        let recorded = !(caller.is_limited && replaces == Some(true));
        let saved = Command::RequestSaved {
            certname: certname.to_string(),
            der: request.der().to_vec(),
            autosign: mark,
            details: details_of_request(&request),
        };
        let commands = vec![Command::Because { text: reason }, saved];
        self.ledger.complete(caller.epoch, caller.envelope(outcome, commands)).await?;
        info!(%certname, "certificate request saved");

        // 9. Ask whoever knows.
        match plan {
            Plan::Forbidden(fault) => Err(fault.into()),
            Plan::Ask(policy) => self.ask_and_sign(caller, certname.as_str(), &policy, recorded).await,
            Plan::Wait | Plan::Sign(_) => Ok(Submitted::Waiting),
        }
    }

    /// With what it rests on.
    fn plan(&self, request: &Request, certname: &Certname) -> (Plan, String) {
        let Judgement { verdict, reason } = self.judgement(certname.as_str());
        match verdict {
            Verdict::Leave => (Plan::Wait, reason),
            Verdict::AskPolicy(path) => (Plan::Ask(path), reason),
            Verdict::Sign => match self.draft(request, certname, None) {
                Ok(profile) => (Plan::Sign(Box::new(profile)), reason),
                Err(fault) => {
                    let reason = format!("{reason}; but a rule forbids it: {fault}");
                    (Plan::Forbidden(fault), reason)
                }
            },
        }
    }

    fn judgement(&self, certname: &str) -> Judgement {
        self.policy.autosign.judge(certname).unwrap_or_else(|fault| {
            warn!(%fault, "the autosign list cannot be read: nothing is signed without an operator");
            Judgement {
                verdict: Verdict::Leave,
                reason: format!("the autosign list cannot be read: {fault}"),
            }
        })
    }

    /// Runs the policy executable, holding nothing but this one certname, and does what it says. Whether the audit
    /// record has a refusal is for the caller to say.
    async fn ask_and_sign(
        self: &Arc<Self>,
        caller: &Caller,
        certname: &str,
        policy: &Path,
        recorded: bool,
    ) -> Result<Submitted, Failure> {
        let der = self.ledger.read(|state| state.pending().get(certname).map(|p| p.der.clone())).flatten();
        let Some(der) = der else { return Ok(Submitted::Waiting) };
        let pem = pem::encode("CERTIFICATE REQUEST", &der);
        let shown = policy.display();
        let (sign, reason) = match self.policy.autosign.ask(policy, certname, &pem).await {
            Ok(answer) => {
                info!(certname, sign = answer.sign, ending = answer.ending, "autosign policy has decided");
                (answer.sign, format!("autosign policy {shown} ended with {}", answer.ending))
            }
            Err(fault) => {
                warn!(certname, %fault, "the request waits for an operator");
                (false, fault.to_string())
            }
        };
        if !sign {
            let reason = recorded.then_some(reason);
            self.decline(caller, certname, reason, done(answer::request_saved())).await?;
            return Ok(Submitted::Waiting);
        }
        let outcome = done(answer::request_saved());
        let signed = self.sign_pending(caller, certname, None, outcome, Some(reason.clone())).await;
        match signed {
            Ok(_) => Ok(Submitted::Signed),
            Err(Failure::Fault(fault)) => {
                let reason = recorded.then(|| format!("{reason}; but a rule forbids it: {fault}"));
                self.decline(caller, certname, reason, done(answer::submission_refused(&fault))).await?;
                Err(fault.into())
            }
            Err(failure) => Err(failure),
        }
    }

    /// The request waits for an operator from now on.
    async fn decline(
        &self,
        caller: &Caller,
        certname: &str,
        reason: Option<String>,
        outcome: Option<Outcome>,
    ) -> Result<(), Failure> {
        let declined = Command::AutosignDeclined { certname: certname.to_owned() };
        let reason = reason.map(|text| Command::Because { text });
        let commands = reason.into_iter().chain([declined]).collect();
        Ok(self.ledger.complete(caller.epoch, caller.envelope(outcome, commands)).await?)
    }

    fn is_own_pending(&self, caller: &Caller, certname: &str) -> bool {
        let Some(id) = caller.request_id.as_deref() else { return false };
        let own = |state: &State| {
            state.pending().get(certname).is_some_and(|pending| pending.saved_by.as_deref() == Some(id))
        };
        self.ledger.read(own).unwrap_or(false)
    }

    /// Goes on with a request that was saved, at the point that its mark shows.
    async fn continue_autosign(
        self: &Arc<Self>,
        caller: &Caller,
        certname: &str,
    ) -> Result<Submitted, Failure> {
        let mark = self.ledger.read(|state| state.pending().get(certname).map(|p| p.autosign)).flatten();
        match mark {
            None | Some(AutosignMark::Manual) => Ok(Submitted::Waiting),
            Some(AutosignMark::Approved) => {
                let reason = "autosigning that had been decided".to_owned();
                self.sign_pending(caller, certname, None, done(answer::request_saved()), Some(reason))
                    .await?;
                Ok(Submitted::Signed)
            }
            Some(AutosignMark::Undecided) => {
                let Judgement { verdict, reason } = self.judgement(certname);
                let outcome = done(answer::request_saved());
                match verdict {
                    Verdict::AskPolicy(policy) => self.ask_and_sign(caller, certname, &policy, true).await,
                    Verdict::Sign => {
                        self.sign_pending(caller, certname, None, outcome, Some(reason)).await?;
                        Ok(Submitted::Signed)
                    }
                    Verdict::Leave => {
                        self.decline(caller, certname, Some(reason), outcome).await?;
                        Ok(Submitted::Waiting)
                    }
                }
            }
        }
    }

    /// Finishes an autosigning that a crash or failover interrupted.
    pub(super) async fn finish_autosign(self: &Arc<Self>, epoch: u64, certname: &str) -> Result<(), Failure> {
        let _name = self.names.hold(certname).await;
        let saved_by = self
            .ledger
            .read(|state| state.pending().get(certname).and_then(|p| p.saved_by.clone()))
            .flatten();
        // Under the id of the request that brought it: if that one is sent again, its answer is known.
        let caller = Caller::unlimited(Actor::default(), saved_by, epoch);
        self.continue_autosign(&caller, certname).await.map(|_| ())
    }
}

/// The names whose autosigning has begun and not ended.
pub(super) fn unfinished(state: &State) -> Vec<String> {
    let pending = state.pending().iter();
    pending.filter(|(_, p)| p.autosign != AutosignMark::Manual).map(|(name, _)| name.to_string()).collect()
}

/// Puppet Server's checks of the subject, in its order.
pub(super) fn judge_subject(request: &Request, url_name: &str) -> Result<Certname, Fault> {
    let subject = request.subject_cn().unwrap_or_default();
    if subject != url_name {
        let subject = subject.to_owned();
        return Err(Fault::HostnameMismatch { subject, certname: url_name.to_owned() });
    }
    let certname = Certname::parse(subject)?;
    if certname.as_str() == "ca" {
        return Err(Fault::ReservedName);
    }
    Ok(certname)
}
