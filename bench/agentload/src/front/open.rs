//! Open loop: work begins at its time, whatever has become of what began before; its latency counts from there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::sync::{Semaphore, mpsc};

use super::agents::Agents;
use super::args::FrontArgs;
use super::closed::fresh;
use super::line::{Line, buffer};
use super::script::Script;
use super::sum::Sum;
use crate::lean::crowd::Worked;

/// More than this are not begun: a front end that stopped answering must not exhaust this machine.
const MOST_UNDER_WAY: usize = 4096;

/// Kept connections are used by whatever is due; work that finds none free waits for one.
pub async fn run(agents: Agents, args: &FrontArgs, rate: u32) -> anyhow::Result<Worked> {
    let opens = Script::opens(args.work);
    let host = agents.address.to_string();
    let mut lines = VecDeque::new();
    if !opens {
        for number in 0..args.connections as usize {
            let line = Line::open(&agents, agents.turn(number)).await.map_err(|fault| anyhow!(fault))?;
            lines.push_back((number, line));
        }
    }
    let free = Rc::new(Semaphore::new(if opens { MOST_UNDER_WAY } else { lines.len() }));
    let lines = Rc::new(RefCell::new(lines));
    let buffers = Rc::new(RefCell::new(Vec::new()));
    // Each asks for its own catalog: for another's it is refused.
    let scripts: Vec<_> =
        (0..lines.borrow().len()).map(|own| Script::of(args.work, agents.turn(own), &host)).collect();
    let (scripts, host, work) = (Rc::new(scripts), Rc::new(host), args.work);
    let sum = Sum::begin(&args.pid)?;
    let mut due = clock(rate, args.seconds);
    let mut tasks = tokio::task::JoinSet::new();
    let mut number = 0;
    while let Some(at) = due.recv().await {
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= MOST_UNDER_WAY {
            sum.fail("not begun: too many are under way");
            continue;
        }
        let (agents, sum, free, lines) = (agents.clone(), sum.clone(), free.clone(), lines.clone());
        let (buffers, scripts, host) = (buffers.clone(), scripts.clone(), host.clone());
        tasks.spawn_local(async move {
            let Ok(_turn) = free.acquire().await else { return };
            let mut room = buffers.borrow_mut().pop().unwrap_or_else(buffer);
            let kept = lines.borrow_mut().pop_front();
            let outcome = match kept {
                None => match opens {
                    true => {
                        let [script, _] = Script::of(work, agents.turn(number), &host);
                        fresh(&agents, number, &script, &mut room).await
                    }
                    false => Err("no connection could be opened again".to_owned()),
                },
                Some((own, mut line)) => {
                    let outcome = line.work(&agents, &scripts[own][number % 2], &mut room).await;
                    let line = match outcome {
                        Ok(()) => Ok(line),
                        Err(_) => Line::open(&agents, agents.turn(own)).await,
                    };
                    lines.borrow_mut().extend(line.map(|line| (own, line)));
                    outcome
                }
            };
            sum.count(at, &outcome);
            buffers.borrow_mut().push(room);
        });
        number += 1;
    }
    while tasks.join_next().await.is_some() {}
    sum.end()
}

/// Says when something is due. A thread of its own: the runtime's clock ticks in milliseconds.
fn clock(rate: u32, seconds: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, due) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let began = Instant::now();
        for number in 0..u64::from(rate) * seconds {
            let at = began + Duration::from_secs_f64(number as f64 / f64::from(rate));
            if let Some(early) = at.checked_duration_since(Instant::now()) {
                std::thread::sleep(early);
            }
            if tell.send(at).is_err() {
                return;
            }
        }
    });
    due
}
