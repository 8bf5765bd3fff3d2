//! Our own revocation list is kept fresh and short, whether anything is revoked or not.

use super::Authority;
use pki::crl::RevocationList;
use std::sync::Arc;
use tracing::warn;

/// A list with less left than this is replaced, seconds: Puppet Server's 30 days.
const REFRESH_BEFORE: i64 = 30 * 24 * 60 * 60;

impl Authority {
    /// Issues a new list if the current one ends soon, or has entries that it needs no longer. To be called daily and
    /// when a term begins: a list that ends takes every agent of the estate with it.
    pub async fn keep_list(self: &Arc<Self>, epoch: u64) {
        self.foreign_settled().await;
        if let Err(failure) = self.order_list(epoch, true).await {
            warn!(%failure, "the revocation list could not be refreshed; the next attempt is tomorrow");
        }
    }
}

/// Whether a list ends so soon that another must take its place.
pub(super) fn is_due(list: &RevocationList, now: i64) -> bool {
    list.next_update().is_none_or(|end| end < now + REFRESH_BEFORE)
}
