//! `POST certificate_renewal`: whoever has a certificate gets one that lasts longer.

use super::Call;
use crate::answer::{self, Answer};
use crate::authority::{Caller, Failure};

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let Call { authority, requester, .. } = call;
    if !authority.renews() {
        return answer::renewal_is_off();
    }
    // The certificate of the connection, or the one that a front end has verified; the body says nothing.
    match authority.renew(&caller, requester.certificate.as_ref()).await {
        Ok(pem) => answer::renewed(&pem),
        Err(Failure::Fault(fault)) => answer::renewal_refused(&fault),
        Err(failure) => answer::failure(&failure),
    }
}
