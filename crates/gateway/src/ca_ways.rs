//! The ways to the CA members: straight, or through another front end when this one alone is cut off from the primary.
//!
//! The other front end is no more than a wire: what it gets is a request that is complete, with epoch, id and the client's
//! identity, for one member. It sends it there and nowhere else ([`crate::relay`]), so nothing can go in circles, and what
//! may be sent again is decided in one place, here as there ([`crate::ca_route::doubt`]).

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use wire::client::{ConnectFault, SendCause};
use wire::protocol::internal::{NO_ANSWER, RELAY_PREFIX, RELAYED, X_BUNRAKU_RELAY};
use wire::{Request, Response, body};

use crate::hold::Target;
use crate::upstream::{Fault, Upstream};

/// The ways.
pub struct CaWays {
    /// Straight ones, in configured order.
    members: Vec<Arc<Upstream>>,
    /// To the other front ends, in configured order.
    siblings: Vec<Arc<Upstream>>,
}

impl CaWays {
    /// From the ways to the members and to the other front ends.
    pub fn new(members: Vec<Arc<Upstream>>, siblings: Vec<Arc<Upstream>>) -> Arc<CaWays> {
        Arc::new(CaWays { members, siblings })
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Name of the member that is the target.
    pub fn name(&self, target: &Target) -> &Arc<str> {
        self.members[target.member].name()
    }

    /// The straight way to a member, by name.
    pub fn member(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.members.iter().find(|upstream| upstream.worker().name == name)
    }

    /// Sends a request to the target.
    pub async fn send(&self, target: &Target, request: Request, limit: Duration) -> Result<Response, Fault> {
        if target.through.is_empty() {
            return self.members[target.member].send(request, limit).await;
        }
        self.send_through(target, request, limit).await
    }

    /// Closes what is idle on the way to the target.
    pub fn forget_idle(&self, target: &Target) {
        match target.through.is_empty() {
            true => self.members[target.member].forget_idle(),
            false => target.through.iter().for_each(|sibling| self.siblings[*sibling].forget_idle()),
        }
    }

    /// Through the first front end that can be reached.
    async fn send_through(
        &self,
        target: &Target,
        mut request: Request,
        limit: Duration,
    ) -> Result<Response, Fault> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let relay = format!("{RELAY_PREFIX}{}{path}", self.name(target)).parse::<Uri>();
        let Ok(relay) = relay else {
            let cause = ConnectFault::Other("the request cannot be passed on".to_owned());
            return Err(Fault::NotSent { request: Box::new(request), cause });
        };
        *request.uri_mut() = relay;
        let mut last = ConnectFault::Other("no other front end can be reached".to_owned());
        for sibling in &target.through {
            let upstream = &self.siblings[*sibling];
            match upstream.send(request, limit).await {
                Ok(response) => return unwrapped(response, &upstream.worker().name),
                Err(Fault::NotSent { request: back, cause }) => {
                    request = *back;
                    last = cause;
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::NotSent { request: Box::new(request), cause: last })
    }
}

/// The member's answer, or why there is none.
fn unwrapped(mut response: Response, front_end: &str) -> Result<Response, Fault> {
    let said = response.headers_mut().remove(X_BUNRAKU_RELAY);
    match said.as_ref().and_then(|said| said.to_str().ok()) {
        Some(RELAYED) => Ok(response),
        Some(NO_ANSWER) => {
            let cause = SendCause::Other(format!("{front_end} got no answer from it"));
            Err(Fault::Silent { cause })
        }
        // It says that it has sent nothing; or it is a front end of a version that passes nothing on.
        _ => {
            let cause = ConnectFault::Other(format!("{front_end} does not reach it ({})", response.status()));
            Err(Fault::NotSent { request: Box::new(Request::new(body::empty())), cause })
        }
    }
}
