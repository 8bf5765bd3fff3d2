//! Ways to the servers: which there are ([`candidates`]), in which order, and requests that go on to the next one when
//! one does not answer ([`http`]).

mod candidates;
mod http;
mod order;
mod retry_after;

pub use candidates::Service;
pub use http::{Http, Outgoing, RouteFault, Routes};
