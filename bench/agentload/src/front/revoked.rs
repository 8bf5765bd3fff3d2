//! When is a node refused that has been revoked, on the connection that it has and on new ones, and who else is cut?

use std::time::{Duration, Instant};

use serde::Serialize;

use super::agents::Agents;
use super::args::{FrontRevokedArgs, Work};
use super::closed::fresh;
use super::line::{Line, buffer};
use super::script::Script;
use crate::clock::Clock;

/// Time between two requests of each kind.
const BREATH: Duration = Duration::from_millis(2);

/// A kind of connection; moments are Unix microseconds.
#[derive(Debug, Default, Serialize)]
pub struct Seen {
    /// When the last request began that was answered.
    pub last_accepted_us: Option<u64>,
    /// When the first refusal was there.
    pub first_refused_us: Option<u64>,
    /// Its form.
    pub refusal: Option<String>,
    /// Requests that were answered.
    pub accepted: u64,
}

#[derive(Debug, Serialize)]
pub struct Watched {
    /// The connection that the node had.
    pub open: Seen,
    /// New connections of the node.
    pub new: Seen,
    /// The connection of another node: refused means that it was cut.
    pub other: Seen,
}

impl crate::Report for Watched {
    fn failed(&self) -> u64 {
        0
    }

    fn text(&self) -> String {
        format!("open: {:?}\nnew: {:?}\nother: {:?}\n", self.open, self.new, self.other)
    }
}

/// The first agent is the node, the second the other one. Says `watching` once it has had answers, and ends half a second
/// after the node is refused in both ways.
pub async fn run(agents: Agents, args: &FrontRevokedArgs) -> anyhow::Result<Watched> {
    let host = agents.address.to_string();
    let [script, _] = Script::of(Work::Get, agents.turn(0), &host);
    let clock = Clock::new();
    let mut room = buffer();
    let mut seen = [Seen::default(), Seen::default(), Seen::default()];
    let mut lines = Vec::new();
    for number in 0..2 {
        let line = Line::open(&agents, agents.turn(number)).await.map_err(|fault| anyhow::anyhow!(fault))?;
        lines.push(line);
    }
    let mut end = Instant::now() + Duration::from_secs(args.seconds);
    let mut round = 0;
    while Instant::now() < end {
        for (at, seen) in seen.iter_mut().enumerate().filter(|(_, seen)| seen.first_refused_us.is_none()) {
            let began = clock.now();
            let outcome = match at {
                0 => lines[0].work(&agents, &script, &mut room).await,
                1 => fresh(&agents, 0, &script, &mut room).await,
                _ => lines[1].work(&agents, &script, &mut room).await,
            };
            match outcome {
                Ok(()) => {
                    seen.last_accepted_us = Some(began);
                    seen.accepted += 1;
                }
                // A server that is reloaded closes what it had: that is not about the node.
                Err(how) if at == 1 && how.contains("close") => {}
                Err(how) => {
                    seen.first_refused_us = Some(clock.now());
                    seen.refusal = Some(how);
                }
            }
        }
        round += 1;
        if round == 20 {
            println!("watching");
        }
        if seen[..2].iter().all(|seen| seen.first_refused_us.is_some()) {
            end = end.min(Instant::now() + Duration::from_millis(500));
        }
        tokio::time::sleep(BREATH).await;
    }
    let [open, new, other] = seen;
    Ok(Watched { open, new, other })
}
