//! A new key for the CA, with overlap (docs/CA-ROLLOVER.md): it is introduced beside the present one, activated once
//! agents know it, and the former one is retired once no certificate hangs on it. Each step is one entry of the log, so a
//! crash leaves the CA before it or after it. What each leads to is in [`crate::state`].

mod elsewhere;
mod status;

use super::rollover::chain::is_root;
use super::{Authority, Caller, Failure, LONGEST_LIFE, done};
use crate::answer::{Answer, JSON_UTF8};
use crate::command::{Command, Outcome};
use crate::keys;
use crate::ledger::Refusal;
use crate::state::{Part, Second, Side, State};
use crate::time;
use pki::crl::CrlDraft;
use pki::issue::{self, BACKDATED_SECONDS, IssueFault};
use pki::{Certificate, KeyKind, PrivateKey, Serial, Signer as _};
pub use status::{KeyPart, KeyStatus, KeyView, Leftover, Phase, RequestView};
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::{info, warn};

/// How long agents have to learn of a new key before it may sign, seconds: a week. Agents that refresh their copy of the
/// CA's certificates do so once a day (`ca_refresh_interval`), and a weekend is no time for the others.
pub const OVERLAP: i64 = 7 * 24 * 60 * 60;
const DAY: i64 = 24 * 60 * 60;
/// RFC 5280, ub-common-name.
const LONGEST_NAME: usize = 64;
/// Names told in a refusal.
const NAMES_TOLD: usize = 10;

/// Why a step of the way to a new key is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NewKeyFault {
    /// One new key at a time.
    #[error(
        "A new key is on its way already: {0}. `bunraku ca rollover --status` says how far it is; finish that \
         (--activate, --retire), or --abort it as long as it is not active"
    )]
    Underway(String),
    /// There is nothing to activate or abort.
    #[error("No new key has been introduced: `bunraku ca rollover --new-key` does that")]
    NotIntroduced,
    /// What is active cannot be aborted, nor activated again.
    #[error(
        "The new key has been active since {}: certificates hang on it. Go on with it, and --retire the former one when \
         --status says that nothing hangs on that any more", time::format(*.0)
    )]
    Active(i64),
    /// There is no former key.
    #[error("There is no former key to retire: `bunraku ca rollover --status` says where the rollover is")]
    NoFormer,
    /// A life that makes no sense.
    #[error("The life of a CA certificate is at least a day and at most 50 years")]
    Life,
    /// The name cannot be one.
    #[error("The new CA cannot be called {name:?}: {why}. Name it with --ca-name")]
    Name { name: String, why: &'static str },
    /// A key waits for its certificate already.
    #[error(
        "A new key waits for its certificate since {}. `bunraku ca rollover --status` shows the request; hand in what the \
         issuer has signed with `--new-key --certificate FILE`, or --abort it", time::format(*.0)
    )]
    Awaited(i64),
    /// No key waits for a certificate.
    #[error(
        "No new key waits for a certificate: `bunraku ca rollover --new-key` makes one, and the request for it"
    )]
    NotAwaited,
    /// What was handed in cannot be the certificate of the new key.
    #[error("The certificate cannot be that of the new key: {0}")]
    Unusable(String),
    /// Agents have not had the time to learn of it.
    #[error(
        "The new key was introduced on {}, and agents are given until {} to learn of it. One that does not know the new CA \
         certificate stops as soon as a front end shows a certificate of the new key, and is warned of its own until then. \
         Which have fetched it since: `grep 'certificate/ca ' front_end_access.log` in the deployment's log directory \
         (docs/CA-ROLLOVER.md says which Puppet versions fetch by themselves). --force activates now",
        time::format(*.introduced), time::format(*.until)
    )]
    TooEarly { introduced: i64, until: i64 },
    /// Certificates still hang on the former key.
    #[error(
        "{count} names still have only a certificate of the former key, valid until {}: {}. Renew or replace them \
         (`bunraku ca rollover --status` lists all; `bunraku ca renew-roles` renews those of Bunraku's own roles), or \
         --force: they are locked out then",
        time::format(*.until), names.join(", ")
    )]
    InUse {
        count: usize,
        /// Some of them.
        names: Vec<String>,
        /// When the last of their certificates ends, Unix seconds.
        until: i64,
    },
}

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// That of the present one, unless given.
    pub kind: Option<KeyKind>,
    /// Common name of the new certificate; the present one with a number, unless given.
    pub name: Option<String>,
    /// Its life, seconds; that of the present one, unless given.
    pub life: Option<i64>,
}

impl Authority {
    /// Where the way to a new key is; none before there is a state.
    pub fn key_status(&self) -> Option<KeyStatus> {
        let now = time::now();
        let mut status = self.ledger.read(|state| status::of(state, now))?;
        status.find_keys(|spki| self.keys.get(spki).map(|_| ()).map_err(|problem| problem.to_string()));
        Some(status)
    }

    /// Makes a new key and its certificate, and lets everybody trust it. The present key goes on signing.
    ///
    /// # Errors
    /// [`NewKeyFault`] or another [`Failure`]; then everything stays as it was.
    pub async fn introduce_key(
        self: &Arc<Self>,
        caller: &Caller,
        wanted: &NewKey,
    ) -> Result<Outcome, Failure> {
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        // 1. May it be?
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let plan = Plan::judge(&state, wanted, time::now())?;
        let above = self.issuer_above(&state)?;
        if matches!(above, Above::Elsewhere) && wanted.life.is_some() {
            let why = "its life is for the issuer above to say: leave --ttl out";
            return Err(NewKeyFault::Unusable(why.to_owned()).into());
        }

        // 2. The key, durable here before anybody hears of it.
        let kind = wanted.kind;
        let like = self.key_of(state.issuer())?;
        let made =
            tokio::task::spawn_blocking(move || PrivateKey::generate(kind.unwrap_or(like.kind()))).await;
        let key = match made {
            Ok(Ok(key)) => Arc::new(key),
            Ok(Err(fault)) => return Err(Failure::Key(fault.to_string())),
            Err(fault) => return Err(Failure::Key(fault.to_string())),
        };
        self.keep_key(&key).await?;
        let above = match above {
            Above::Itself => None,
            Above::Here(above) => Some(above),
            // What else there is to do waits for its certificate.
            Above::Elsewhere => return self.request_certificate(caller, &plan.name, &key).await,
        };

        // 3. Its certificate, with a serial number that no other certificate of either key has, and its first list.
        let (serials, reserve) = self.reserve(caller.epoch, 1)?;
        self.ledger.record(caller.epoch, caller.envelope(None, vec![reserve])).await?;
        let issuing =
            plan.certify(&key, above, serials[0]).map_err(|fault| Failure::Key(fault.to_string()))?;
        let trusted = |bundle: &[Certificate]| {
            bundle.iter().chain([&issuing.certificate]).map(Certificate::to_pem).collect()
        };
        self.let_in(caller, &key, &issuing, trusted).await
    }

    /// Lets everybody trust a new key that has its certificate. `trusted` makes `ca_crt.pem` of the present certificates.
    async fn let_in(
        self: &Arc<Self>,
        caller: &Caller,
        key: &Arc<PrivateKey>,
        issuing: &issue::Authority,
        trusted: impl FnOnce(&[Certificate]) -> String,
    ) -> Result<Outcome, Failure> {
        let now = time::now();
        let infra = self.ledger.read(|state| state.infra().list().is_some()).unwrap_or_default();
        let list = empty_list(issuing, now, 0)?;
        let infra_der = if infra { empty_list(issuing, now, 0)? } else { Vec::new() };
        // Every member that is in sync has entry and key before anybody is told.
        let _own_lists = self.own_lists.lock().await;
        let bundle_pem = trusted(&bundle(&*self.ledger.state().ok_or(Failure::NoState)?)?);
        let command = Command::KeyIntroduced {
            certificate_der: issuing.certificate.der().to_vec(),
            list_der: list,
            infra_der,
            bundle_pem,
        };
        let outcome = self.take_step_with_key(caller, command, key).await?;
        let subject = issuing.certificate.subject_rfc2253();
        info!(subject, key = keys::id(key.spki_der()), "a new key of the CA is introduced");
        Ok(outcome)
    }

    /// Lets the new key sign from now on.
    ///
    /// # Errors
    /// [`NewKeyFault`] or another [`Failure`].
    pub async fn activate_key(self: &Arc<Self>, caller: &Caller, force: bool) -> Result<Outcome, Failure> {
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        let _own_lists = self.own_lists.lock().await;
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let now = time::now();
        let next = expect_next(&state)?;
        let until = next.introduced.saturating_add(OVERLAP);
        if !force && now < until {
            return Err(NewKeyFault::TooEarly { introduced: next.introduced, until }.into());
        }
        let issuing = self.issuing(Side::Second)?;
        // One number says which revocations are in force, whoever signs the list.
        let highest =
            [Side::Own, Side::Second].into_iter().filter_map(|side| state.list_of(side)?.number()).max();
        let list_der = empty_list(&issuing, now, highest.unwrap_or(0) + 1)?;
        let infra_der = match state.infra().list() {
            Some(list) => empty_list(&issuing, now, list.number().unwrap_or(0) + 1)?,
            None => Vec::new(),
        };
        let (first, rest): (Vec<_>, Vec<_>) =
            bundle(&state)?.into_iter().partition(|one| *one == issuing.certificate);
        let bundle_pem = first.iter().chain(&rest).map(Certificate::to_pem).collect();
        let command = Command::KeyActivated { list_der, infra_der, bundle_pem };
        let outcome = self.take_step(caller, command).await?;
        let subject = issuing.certificate.subject_rfc2253();
        info!(subject, forced = force && now < until, "the new key of the CA signs from now on");
        Ok(outcome)
    }

    /// Takes the former key out of what is trusted. Its file stays.
    ///
    /// # Errors
    /// [`NewKeyFault`] or another [`Failure`].
    pub async fn retire_key(self: &Arc<Self>, caller: &Caller, force: bool) -> Result<Outcome, Failure> {
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        let _own_lists = self.own_lists.lock().await;
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        let former = match state.second() {
            Some(second @ Second { part: Part::Former { .. }, .. }) => second.certificate.clone(),
            _ => return Err(NewKeyFault::NoFormer.into()),
        };
        let left = status::of(&state, time::now()).left;
        if !force && !left.is_empty() {
            return Err(NewKeyFault::InUse {
                count: left.len(),
                until: left.iter().map(|one| one.until).max().unwrap_or_default(),
                names: told(&left),
            }
            .into());
        }
        let command = Command::KeyRetired { bundle_pem: without(&state, &former)? };
        let outcome = self.take_step(caller, command).await?;
        self.keys.forget(former.spki_der());
        let kept = keys::path(&self.layout, &keys::id(former.spki_der()));
        info!(subject = former.subject_rfc2253(), kept = %kept.display(), "the former key of the CA is retired");
        if !left.is_empty() {
            warn!(names = left.len(), "certificates of the former key are locked out");
        }
        Ok(outcome)
    }

    /// Takes a key back that has been introduced and does not sign yet. It is destroyed.
    ///
    /// # Errors
    /// [`NewKeyFault`] or another [`Failure`].
    pub async fn abandon_key(self: &Arc<Self>, caller: &Caller) -> Result<Outcome, Failure> {
        let _chain = self.chain_lists.lock().await;
        if let Some(outcome) = self.answered(caller) {
            return Ok(outcome);
        }
        let _own_lists = self.own_lists.lock().await;
        let state = self.ledger.state().ok_or(Failure::NoState)?;
        if let Some(awaited) = state.awaited() {
            let outcome = self.take_step(caller, Command::KeyRequestDropped).await?;
            self.keys.forget(awaited.request.spki_der());
            info!("the new key of the CA, which waited for its certificate, is given up");
            return Ok(outcome);
        }
        let next = expect_next(&state)?.certificate.clone();
        let command = Command::KeyAbandoned { bundle_pem: without(&state, &next)? };
        let outcome = self.take_step(caller, command).await?;
        self.keys.forget(next.spki_der());
        info!(subject = next.subject_rfc2253(), "the new key of the CA is given up");
        Ok(outcome)
    }

    /// Commits the step that brings a key in; when it surely did not happen, the key goes again.
    async fn take_step_with_key(
        self: &Arc<Self>,
        caller: &Caller,
        command: Command,
        key: &Arc<PrivateKey>,
    ) -> Result<Outcome, Failure> {
        let taken = self.take_step(caller, command).await;
        let awaited = self.ledger.read(|state| {
            state.awaited().is_some_and(|awaited| awaited.request.spki_der() == key.spki_der())
        });
        if let Err(Failure::Refused(refusal)) = &taken
            && !may_come_true(refusal)
            && awaited != Some(true)
        {
            self.drop_key(key).await;
        }
        taken
    }

    /// Commits a step; tells where the rollover is then.
    async fn take_step(self: &Arc<Self>, caller: &Caller, command: Command) -> Result<Outcome, Failure> {
        // What the answer will be is part of the entry, so it is worked out on a copy.
        let mut after = (*self.ledger.state().ok_or(Failure::NoState)?).clone();
        let mut envelope = caller.envelope(None, vec![command]);
        after.apply(&envelope);
        let mut status = status::of(&after, envelope.at);
        status.find_keys(|spki| self.keys.get(spki).map(|_| ()).map_err(|problem| problem.to_string()));
        let text = serde_json::to_string(&status).map_err(|fault| Failure::Key(fault.to_string()))?;
        let answer = Answer::new(200, JSON_UTF8, text);
        envelope = caller.envelope(done(answer.clone()), envelope.commands);
        self.ledger.complete(caller.epoch, envelope).await?;
        self.forget_ends();
        Ok(answer.into())
    }

    /// Puts a key beside `ca_key.pem`; durable on return.
    async fn keep_key(&self, key: &Arc<PrivateKey>) -> Result<(), Failure> {
        let (done, asked) = oneshot::channel();
        let key = Arc::clone(key);
        self.ledger.projection().run(move |directory| {
            // Whoever asked may have gone.
            let _ = done.send(keys::keep(directory, &key));
        });
        match asked.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(Failure::Directory(fault.to_string())),
            Err(_) => Err(Failure::NoState),
        }
    }

    /// Removes a key that nobody has heard of.
    async fn drop_key(&self, key: &Arc<PrivateKey>) {
        let (done, asked) = oneshot::channel();
        let spki = key.spki_der().to_vec();
        self.ledger.projection().run(move |directory| {
            if let Err(fault) = keys::drop_other(directory, &spki) {
                warn!(%fault, "a key that was not introduced stays in the CA directory");
            }
            // Whoever asked may have gone.
            let _ = done.send(());
        });
        // The thread has ended: the file stays, and nothing names it.
        let _ = asked.await;
    }

    /// Who has to sign the certificate of a new key.
    fn issuer_above(&self, state: &State) -> Result<Above, Failure> {
        let own = state.issuer();
        if is_root(own) {
            return Ok(Above::Itself);
        }
        let Some(key) = self.root_key()? else { return Ok(Above::Elsewhere) };
        let above = bundle(state)?
            .into_iter()
            .find(|one| own.names_as_issuer(one) && one.spki_der() == key.spki_der());
        Ok(match above {
            Some(certificate) => Above::Here(issue::Authority { certificate, signer: key }),
            None => Above::Elsewhere,
        })
    }
}

/// Who signs a CA's certificate.
enum Above {
    /// It is a root.
    Itself,
    /// A root whose key is in the directory.
    Here(issue::Authority),
    /// One whose key is not.
    Elsewhere,
}

/// What a new certificate will say.
#[derive(Debug)]
struct Plan {
    name: String,
    now: i64,
    not_after: i64,
}

impl Plan {
    fn judge(state: &State, wanted: &NewKey, now: i64) -> Result<Self, Failure> {
        match state.second() {
            Some(Second { part: Part::Next, certificate, .. }) => {
                let what = format!("{} waits to be activated", certificate.subject_rfc2253());
                return Err(NewKeyFault::Underway(what).into());
            }
            Some(Second { part: Part::Former { .. }, certificate, .. }) => {
                let what = format!("the former one, {}, is still trusted", certificate.subject_rfc2253());
                return Err(NewKeyFault::Underway(what).into());
            }
            None => {}
        }
        if let Some(awaited) = state.awaited() {
            return Err(NewKeyFault::Awaited(awaited.since).into());
        }
        let issuer = state.issuer();
        let present = issuer.subject_cn().unwrap_or_default();
        let name = wanted.name.clone().unwrap_or_else(|| numbered(present));
        let refused = |why| NewKeyFault::Name { name: name.clone(), why };
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(refused("it has nothing readable").into());
        }
        if name.len() > LONGEST_NAME {
            return Err(refused("a common name has at most 64 octets").into());
        }
        // OpenSSL and Java look for issuers, and above all for their revocation lists, by name.
        let others = bundle(state)?;
        let retired = state.retired().iter().map(|one| &one.certificate);
        if others.iter().chain(retired).any(|one| one.subject_cn() == Some(name.as_str())) {
            return Err(
                refused("agents find a CA's revocation list by its name, and this one is taken").into()
            );
        }
        let lived = (issuer.not_after() - issuer.not_before()).clamp(DAY, LONGEST_LIFE);
        let life = wanted.life.unwrap_or(lived);
        if !(DAY..=LONGEST_LIFE).contains(&life) {
            return Err(NewKeyFault::Life.into());
        }
        Ok(Self { name, now, not_after: now.saturating_add(life) })
    }

    fn certify(
        &self,
        key: &Arc<PrivateKey>,
        above: Option<issue::Authority>,
        serial: Serial,
    ) -> Result<issue::Authority, IssueFault> {
        let not_before = self.now - BACKDATED_SECONDS;
        let certificate = match above {
            None => issue::self_signed_ca(&self.name, &**key, serial, not_before, self.not_after)?,
            Some(above) => {
                let end = self.not_after.min(above.certificate.not_after());
                issue::setup_intermediate_ca(&above, &self.name, key.spki_der(), serial, not_before, end)?
            }
        };
        Ok(issue::Authority { certificate, signer: key.clone() })
    }
}

/// Whether an entry that was not confirmed may still be.
fn may_come_true(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Deposed { .. } | Refusal::Stopping | Refusal::Unconfirmed)
}

/// The present name with the next number.
fn numbered(present: &str) -> String {
    let (stem, number) = match present.rsplit_once(" #") {
        Some((stem, number)) if number.parse::<u32>().is_ok() => (stem, number.parse().unwrap_or(1)),
        _ => (present, 1_u32),
    };
    format!("{stem} #{}", number.saturating_add(1))
}

fn expect_next(state: &State) -> Result<&Second, NewKeyFault> {
    match state.second() {
        Some(second @ Second { part: Part::Next, .. }) => Ok(second),
        Some(Second { part: Part::Former { activated, .. }, .. }) => Err(NewKeyFault::Active(*activated)),
        None => match state.awaited() {
            Some(awaited) => Err(NewKeyFault::Awaited(awaited.since)),
            None => Err(NewKeyFault::NotIntroduced),
        },
    }
}

fn bundle(state: &State) -> Result<Vec<Certificate>, Failure> {
    Certificate::all_from_pem(state.bundle_pem().as_bytes()).map_err(|fault| Failure::Key(fault.to_string()))
}

/// The bundle as PEM, but for one.
fn without(state: &State, dropped: &Certificate) -> Result<String, Failure> {
    let same = |one: &Certificate| {
        one.spki_der() == dropped.spki_der() && one.subject_der() == dropped.subject_der()
    };
    Ok(bundle(state)?.iter().filter(|one| !same(one)).map(Certificate::to_pem).collect())
}

fn empty_list(issuing: &issue::Authority, now: i64, number: u64) -> Result<Vec<u8>, Failure> {
    let list = pki::crl::issue(issuing, &CrlDraft::at(now, number, &[]));
    list.map(|list| list.der().to_vec()).map_err(|fault| Failure::Key(fault.to_string()))
}

fn told(left: &[Leftover]) -> Vec<String> {
    let mut names: Vec<String> = left.iter().take(NAMES_TOLD).map(|one| one.name.clone()).collect();
    if left.len() > NAMES_TOLD {
        names.push(format!("and {} more", left.len() - NAMES_TOLD));
    }
    names
}

impl From<NewKeyFault> for Failure {
    fn from(fault: NewKeyFault) -> Self {
        Self::Fault(super::Fault::NewKey(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn names_are_numbered_on() {
        assert_eq!(numbered("Puppet CA: a.test"), "Puppet CA: a.test #2");
        assert_eq!(numbered("Puppet CA: a.test #2"), "Puppet CA: a.test #3");
        assert_eq!(numbered("Puppet CA #x"), "Puppet CA #x #2");
    }
}
