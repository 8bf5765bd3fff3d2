//! `/bunraku/v1/register`: the CA members' way to the register, which lives here.
//!
//! Who changes it is known from the certificate of the connection, never from the request.

use http::{Method, StatusCode};
use replica::configuration::Configuration;
use replica::name::MemberName;
use replica::register::{self, Author, RegisterFault};
use wire::protocol::internal::{RegisterAnswer, RegisterRequest};
use wire::{Peer, Request, Response, body, reply};

use super::MAX_BODY;
use crate::answer;
use crate::front_end::FrontEnd;

type Ask = RegisterRequest<Configuration>;
type Answer = RegisterAnswer<Configuration>;

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    let Some(member) = member(front_end, peer) else {
        return answer::forbidden("the register is for the CA members of this estate.");
    };
    let ask = if *request.method() == Method::GET {
        Ask::Read
    } else {
        let bytes = match body::collect(request.into_body(), MAX_BODY).await {
            Ok(bytes) => bytes,
            Err(fault) => return answer::broken_body(&fault.to_string()),
        };
        match serde_json::from_slice(&bytes) {
            Ok(ask) => ask,
            Err(fault) => return answer::broken_body(&fault.to_string()),
        }
    };
    let outcome = match ask {
        Ask::Read => front_end.register().read().await.map(|current| match current {
            Some(configuration) => Answer::Current { configuration },
            None => Answer::Empty,
        }),
        Ask::CompareAndSet { expected_version, configuration } => {
            let request = register::RegisterRequest { expected_version, configuration };
            let made = front_end.register().compare_and_set(Author::Member(member), request).await;
            // The monitor must know before it decides anything else: the in-sync set is what it may promote from.
            front_end.supervisor().register_touched().await;
            made.map(translate)
        }
    };
    match outcome {
        Ok(answer) => reply::json(StatusCode::OK, &answer),
        Err(fault) => unavailable(&fault),
    }
}

fn translate(answer: register::RegisterAnswer) -> Answer {
    match (answer.current, answer.refused) {
        (Some(configuration), None) => Answer::Set { configuration },
        (Some(configuration), Some(why)) => Answer::Refused { configuration, reason: why.to_string() },
        (None, _) => Answer::Empty,
    }
}

fn unavailable(fault: &RegisterFault) -> Response {
    reply::text(StatusCode::SERVICE_UNAVAILABLE, fault.to_string())
}

fn member(front_end: &FrontEnd, peer: &Peer) -> Option<MemberName> {
    let certname = peer.certname()?;
    let members = &front_end.settings().ca_members;
    members
        .iter()
        .find(|member| member.certname == certname)
        .map(|member| MemberName::new(member.name.clone()))
}
