//! Whether another CA has been at work in a directory: numbers, certificates or revocations are there that the log does
//! not know. What an editor or a backup does is not that.

use super::{Finding, Remedy};
use crate::command::Command;
use crate::inventory::Row;
use crate::state::State;
use pki::Serial;

/// What shows it, for the operator; empty when nothing does.
pub fn acted(state: &State, findings: &[Finding]) -> Vec<String> {
    let shown = findings.iter().filter(|finding| match &finding.remedy {
        Remedy::Adopt(commands) => commands.iter().any(|command| is_new(state, command)),
        Remedy::Revoke { entries, .. } => !entries.is_empty(),
        Remedy::Restore(_) | Remedy::Leave => false,
    });
    shown.map(|finding| format!("{} {}", finding.file, finding.what)).collect()
}

fn is_new(state: &State, command: &Command) -> bool {
    let unknown = |name: &str, serial: Serial| state.issued_to(name).iter().all(|one| one.serial != serial);
    match command {
        Command::SerialsReserved { .. } | Command::RevocationListAdopted { .. } => true,
        Command::CertificateAdopted { certname, serial, .. } => {
            Serial::parse_hex(serial).is_ok_and(|serial| unknown(certname, serial))
        }
        Command::InventoryAdopted { text, .. } => {
            text.lines().filter_map(Row::parse).any(|row| unknown(&row.name, row.serial))
        }
        _ => false,
    }
}
