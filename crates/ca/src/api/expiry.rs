//! `GET /bunraku/v1/authority/expiry`: what of the authority ends when, and what is to be warned of.

use super::Call;
use crate::answer::{self, Answer, JSON_UTF8};

pub(super) fn get(call: &Call) -> Answer {
    match call.authority.expiry() {
        Some((report, warnings)) => {
            let text = serde_json::json!({
                "items": report.items, "leaves": report.leaves, "warnings": warnings
            });
            Answer::new(200, JSON_UTF8, text.to_string())
        }
        None => answer::not_ready(0, None),
    }
}
