//! Closed loop: so many agents, each beginning the next piece of work as soon as one is done.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::agents::Agents;
use super::args::FrontArgs;
use super::line::{Line, buffer};
use super::script::Script;
use super::sum::Sum;
use crate::lean::crowd::Worked;

/// A front end that refuses everything is not asked for ever.
const MOST_FAILURES: u64 = 10_000;

/// Connections that are kept are open before the clock starts.
pub async fn run(agents: Agents, args: &FrontArgs) -> anyhow::Result<Worked> {
    let opens = Script::opens(args.work);
    let host = agents.address.to_string();
    let mut lines = Vec::new();
    for number in 0..args.connections as usize {
        let line = match opens {
            true => None,
            false => Some(Line::open(&agents, agents.turn(number)).await.map_err(|fault| anyhow!(fault))?),
        };
        lines.push(line);
    }
    let sum = Sum::begin(&args.pid)?;
    let next = Rc::new(Cell::new(0usize));
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let tasks: Vec<_> = (lines.into_iter().enumerate())
        .map(|(own, mut line)| {
            let (agents, sum, next, host, work) =
                (agents.clone(), sum.clone(), next.clone(), host.clone(), args.work);
            tokio::task::spawn_local(async move {
                let mut buffer = buffer();
                let scripts = Script::of(work, agents.turn(own), &host);
                while Instant::now() < end && sum.failed() < MOST_FAILURES {
                    let number = next.replace(next.get() + 1);
                    let began = Instant::now();
                    let outcome = match &mut line {
                        Some(line) => line.work(&agents, &scripts[number % 2], &mut buffer).await,
                        None => {
                            // Each asks for its own catalog: for another's it is refused.
                            let [script, _] = Script::of(work, agents.turn(number), &host);
                            fresh(&agents, number, &script, &mut buffer).await
                        }
                    };
                    sum.count(began, &outcome);
                    if outcome.is_err() && !opens {
                        line = Line::open(&agents, agents.turn(own)).await.ok();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    sum.end()
}

/// A piece of work on a connection of its own.
pub async fn fresh(
    agents: &Agents,
    number: usize,
    script: &Script,
    buffer: &mut Vec<u8>,
) -> Result<(), String> {
    let mut line = Line::open(agents, agents.turn(number)).await?;
    line.work(agents, script, buffer).await?;
    line.close().await;
    Ok(())
}
