//! Requests and certificates are dropped from the directory.

use super::names::each_once;
use super::{Authority, Caller, Failure, Fault, done, revoke};
use crate::command::Command;
use crate::{answer, time};
use std::sync::Arc;
use tracing::info;

impl Authority {
    /// Drops the certificate and the request of a name. This does not revoke anything.
    ///
    /// # Errors
    /// [`Fault::UnknownName`] when there is neither, or another [`Failure`].
    pub async fn delete(self: &Arc<Self>, caller: &Caller, certname: &str) -> Result<(), Failure> {
        let _name = self.names.hold(certname).await;
        if self.answered(caller).is_some() {
            return Ok(());
        }
        let (signed, pending) = self
            .ledger
            .read(|state| (state.signed().contains_key(certname), state.pending().contains_key(certname)))
            .ok_or(Failure::NoState)?;
        let mut commands = Vec::new();
        if signed {
            commands.push(Command::CertificateRemoved { certname: certname.to_owned() });
        }
        if pending {
            commands.push(Command::RequestDeleted { certname: certname.to_owned() });
        }
        if commands.is_empty() {
            return Err(Fault::UnknownName.into());
        }
        self.ledger.complete(caller.epoch, caller.envelope(done(answer::status_deleted()), commands)).await?;
        info!(certname, signed, pending, "certificate or request deleted");
        Ok(())
    }

    /// Drops the request of a name.
    ///
    /// # Errors
    /// [`Fault::UnknownName`] when none waits, or another [`Failure`].
    pub async fn delete_request(self: &Arc<Self>, caller: &Caller, certname: &str) -> Result<(), Failure> {
        let _name = self.names.hold(certname).await;
        if self.answered(caller).is_some() {
            return Ok(());
        }
        let pending = self.ledger.read(|state| state.pending().contains_key(certname));
        if !pending.ok_or(Failure::NoState)? {
            return Err(Fault::UnknownName.into());
        }
        let commands = vec![Command::RequestDeleted { certname: certname.to_owned() }];
        self.ledger.complete(caller.epoch, caller.envelope(done(answer::status_deleted()), commands)).await?;
        info!(certname, "certificate request deleted");
        Ok(())
    }

    /// Revokes and drops the certificates of many names with one revocation list; requests stay, as Puppet
    /// Server leaves them. Returns the names that never had a certificate.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn clean(
        self: &Arc<Self>,
        caller: &Caller,
        certnames: &[String],
    ) -> Result<Vec<String>, Failure> {
        let _names = self.names.hold_all(certnames).await;
        let now = time::now();
        let certnames = each_once(certnames);
        // 1. What is there?
        let found = self.ledger.read(|state| {
            let (known, unknown): (Vec<_>, Vec<_>) = certnames.into_iter().partition(|certname| {
                state.signed().contains_key(certname.as_str()) || !state.issued_to(certname).is_empty()
            });
            let targets = known.iter().flat_map(|name| revoke::live(state, name, now)).collect();
            let files: Vec<String> =
                known.into_iter().filter(|certname| state.signed().contains_key(certname.as_str())).collect();
            (files, unknown, targets)
        });
        let (files, unknown, targets) = found.ok_or(Failure::NoState)?;
        // 2. Revoke first: a certificate whose file is gone and that is not on the list would live unseen.
        self.revoke_targets(caller, targets, Some("clean")).await?;
        // 3. Drop the files.
        let removed = files.into_iter().map(|certname| Command::CertificateRemoved { certname });
        let commands: Vec<Command> =
            std::iter::once(Command::Because { text: "clean".into() }).chain(removed).collect();
        if commands.len() > 1 {
            let outcome = done(answer::cleaned(&unknown));
            self.ledger.complete(caller.epoch, caller.envelope(outcome, commands)).await?;
        }
        Ok(unknown)
    }
}
