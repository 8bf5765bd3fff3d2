//! `GET /bunraku/v1/authority/audit`: the head of this member's audit record, once its files have that line.

use super::Call;
use crate::answer::{self, Answer, JSON_UTF8};
use wire::protocol::internal::AuditHead;

pub(super) async fn get(call: &Call) -> Answer {
    let ledger = call.authority.ledger();
    let found = ledger.read(|state| {
        let gaps = state.audit().gaps().iter();
        let gaps = gaps.map(|gap| (gap.after.to_string(), gap.until.to_string())).collect();
        AuditHead { head: state.audit().head().to_string(), gaps }
    });
    let Some(found) = found else { return answer::not_ready(0, None) };
    // Whoever asks reads the files next.
    if !ledger.directory_follows().await {
        return answer::not_ready(0, None);
    }
    Answer::new(200, JSON_UTF8, serde_json::json!(found).to_string())
}
