//! A Puppet Server that is the authority: it is asked whether it answers, and requests are held while it does not.
//!
//! Nothing is decided here but "it is there": there is no standby, no epoch and no register.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::mpsc;
use wire::{Request, body};

use crate::ca_route::Sighting;
use crate::error_log::ErrorLog;
use crate::hold::{Helm, Target};
use crate::upstream::Upstream;

/// What is asked.
const PATH: &str = "/status/v1/simple/ca";
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;
/// Failures in a row after which requests are held: one connection may be lost.
const FALL: u32 = 2;
/// How long an answer may take. One that signs with all its cores is slow, not dead.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks for ever, and steers `helm`. `sightings`: what requests met, which brings the next question forward.
pub async fn watch(
    upstream: Arc<Upstream>,
    helm: Arc<Helm>,
    mut sightings: mpsc::Receiver<Sighting>,
    interval: Duration,
    error_log: Arc<ErrorLog>,
) {
    let (mut bad, mut up) = (0, None);
    loop {
        let answered = match tokio::time::timeout(TIMEOUT, ask(&upstream)).await {
            Ok(answered) => answered,
            Err(_) => Err("no answer in time".to_owned()),
        };
        bad = if answered.is_ok() { 0 } else { bad + 1 };
        let is_up = match (&answered, up) {
            (Ok(()), _) => true,
            (Err(_), Some(true)) => bad < FALL,
            (Err(_), _) => false,
        };
        if up != Some(is_up) {
            let place = format!("CA {} ({})", upstream.worker().name, upstream.worker().address);
            error_log.say(match &answered {
                Ok(()) => format!("{place} answers: its requests are passed on"),
                Err(why) => format!("{place} does not answer: {why}; its requests are held"),
            });
            up = Some(is_up);
        }
        if !is_up {
            upstream.forget_idle();
        }
        helm.steer(is_up.then_some(Target { member: 0, epoch: 1, through: Vec::new() }));
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            seen = sightings.recv() => if seen.is_none() { return },
        }
    }
}

async fn ask(upstream: &Upstream) -> Result<(), String> {
    let mut connection = upstream.open(TIMEOUT).await.map_err(|fault| fault.to_string())?;
    let mut request = Request::new(body::empty());
    *request.uri_mut() = http::Uri::from_static(PATH);
    let response = connection.send(request).await.map_err(|fault| fault.to_string())?;
    let status = response.status();
    body::collect(response.into_body(), MAX_ANSWER).await.map_err(|fault| fault.to_string())?;
    if status == StatusCode::OK { Ok(()) } else { Err(format!("it answers {PATH} with {status}")) }
}
