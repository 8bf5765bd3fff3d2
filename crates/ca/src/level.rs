//! Which commands which builds know. A member stops at an entry of the log that it cannot read, so a primary writes a
//! new kind of command only when all members that must be able to apply it say that they can
//! ([`replica::role::Member::agreed_level`]). Until then such a command is left out where it only tells something, and
//! its change refused where it does not.
//!
//! A release that adds commands adds one to [`LEVEL`], and a line to `of`. The level says nothing of fields: new
//! ones are optional, and older builds skip them.

use crate::command::{Command, Envelope};

/// What this build knows.
///
/// - 0: version 0.1.0 up to the first that had levels.
/// - 1: the audit record, second keys and their lists.
/// - 2: a new key that waits for its certificate.
pub const LEVEL: u16 = 2;

/// The level that a member needs to apply a command.
fn of(command: &Command) -> u16 {
    match command {
        Command::RequestSaved { .. }
        | Command::RequestDeleted { .. }
        | Command::AutosignDeclined { .. }
        | Command::SerialsReserved { .. }
        | Command::SerialsReturned { .. }
        | Command::CertificateIssued { .. }
        | Command::CertificateRemoved { .. }
        | Command::RevocationListIssued { .. }
        | Command::ChainListsReplaced { .. }
        | Command::AuthorityRenewed { .. }
        | Command::InfraNodesChanged { .. }
        | Command::InfraListAdopted { .. }
        | Command::InfraListIssued { .. }
        | Command::RevocationListAdopted { .. }
        | Command::CertificateAdopted { .. }
        | Command::InventoryAdopted { .. }
        | Command::Noted { .. } => 0,
        Command::KeyIntroduced { .. }
        | Command::KeyActivated { .. }
        | Command::KeyRetired { .. }
        | Command::KeyAbandoned { .. }
        | Command::SecondListIssued { .. }
        | Command::SecondInfraListIssued { .. }
        | Command::AuditBegun { .. }
        | Command::Refused { .. }
        | Command::Because { .. } => 1,
        Command::KeyRequested { .. } | Command::KeyRequestDropped => 2,
    }
}

/// Whether a command only tells something: the authority is the same without it.
fn only_tells(command: &Command) -> bool {
    matches!(
        command,
        Command::Noted { .. }
            | Command::AuditBegun { .. }
            | Command::Refused { .. }
            | Command::Because { .. }
    )
}

/// Makes an envelope fit for members of `agreed`.
///
/// # Errors
/// The level that is needed, when it cannot be made to fit.
pub fn fit(envelope: &mut Envelope, agreed: u16) -> Result<(), u16> {
    envelope.commands.retain(|command| of(command) <= agreed || !only_tells(command));
    match envelope.commands.iter().map(of).max() {
        Some(needed) if needed > agreed => Err(needed),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Actor;

    #[test]
    fn what_the_first_builds_know_is_written_for_everybody() {
        let commands = vec![Command::RequestDeleted { certname: "a.example".into() }];
        let mut envelope = Envelope { at: 1, actor: Actor::default(), request: None, commands };
        assert_eq!(fit(&mut envelope, 0), Ok(()));
        assert_eq!(envelope.commands.len(), 1);
    }

    #[test]
    fn a_change_that_older_members_do_not_know_is_refused() {
        let commands = vec![Command::KeyRequestDropped];
        let mut envelope = Envelope { at: 1, actor: Actor::default(), request: None, commands };
        assert_eq!(fit(&mut envelope, 1), Err(2));
        assert_eq!(fit(&mut envelope, 2), Ok(()));
    }

    #[test]
    fn what_only_tells_is_left_out_for_older_members_and_told_to_others() {
        let commands = vec![
            Command::Because { text: "autosign = true".into() },
            Command::RequestDeleted { certname: "a.example".into() },
        ];
        let envelope = Envelope { at: 1, actor: Actor::default(), request: None, commands };
        let mut for_older = envelope.clone();
        assert_eq!(fit(&mut for_older, 0), Ok(()));
        assert_eq!(for_older.commands, envelope.commands[1..]);
        let mut for_equals = envelope.clone();
        assert_eq!(fit(&mut for_equals, LEVEL), Ok(()));
        assert_eq!(for_equals, envelope);
    }
}
