//! One process of a front end takes the place of another: the listening sockets pass over, and nobody is refused.
//!
//! | the old one | the new one (`--take-over`) |
//! |---|---|
//! | gives its listening sockets | reads its configuration, prepares everything, decides nothing |
//! | | *ready* |
//! | decides nothing any more, lets go of the register; still serves | |
//! | *yours* | takes up the register, begins to serve |
//! | | *serving* |
//! | takes no new connections, finishes what it has, ends | |
//!
//! Whatever fails before *serving*, the old one goes on.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway::FrontEnd;
use tracing::{info, warn};
use wire::hand_over::{HandOver, Talk};
use wire::{DrainHandle, DrainPlan};

use crate::config::Config;

const READY: u8 = b'r';
const YOURS: u8 = b'y';
const SERVING: u8 = b's';

/// How long the sockets may be waited for.
const GIVEN_WITHIN: Duration = Duration::from_secs(5);
/// How long a new process may prepare itself.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long anything after that may take: all of it is done in moments.
const DONE_WITHIN: Duration = Duration::from_secs(10);

/// Nobody waits for the old process to end: long compilations may finish.
const LEISURE: DrainPlan =
    DrainPlan { idle_grace: Duration::from_secs(5), deadline: Duration::from_secs(20 * 60) };

/// Where processes of the front end `name` meet.
fn meeting_point(config: &Config, name: &str) -> PathBuf {
    config.front_end.register.with_file_name(format!("{name}.take-over"))
}

/// What the old process gives.
pub struct Inheritance {
    talk: Talk,
    pub listener: TcpListener,
    pub admin: Option<TcpListener>,
}

/// Goes to the process that is this front end now; none: there is none.
pub fn inherit(config: &Config, name: &str) -> anyhow::Result<Option<Inheritance>> {
    let path = meeting_point(config, name);
    let Some(mut talk) = Talk::to(&path).with_context(|| path.display().to_string())? else {
        return Ok(None);
    };
    let sockets = talk.take(GIVEN_WITHIN).context("the running front end gives no sockets")?;
    let mut sockets = sockets.into_iter();
    let listener = sockets.next().context("the running front end has no listening socket")?;
    Ok(Some(Inheritance { talk, listener, admin: sockets.next() }))
}

impl Inheritance {
    /// Has the register from now on; the old process goes on serving until [`Heir::serves`].
    pub async fn take_up(self, front_end: &FrontEnd) -> anyhow::Result<Heir> {
        let mut talk = self.talk;
        let talk = tokio::task::spawn_blocking(move || {
            talk.say(READY)?;
            talk.hear(YOURS, DONE_WITHIN)?;
            std::io::Result::Ok(talk)
        });
        let talk = talk.await?.context("the running front end does not let go")?;
        front_end.wake().await.context("the register cannot be taken up")?;
        Ok(Heir { talk })
    }
}

/// A new process that has everything.
pub struct Heir {
    talk: Talk,
}

impl Heir {
    /// Tells the old process that it is no longer needed.
    pub fn serves(mut self) {
        match self.talk.say(SERVING) {
            Ok(()) => info!("taken over; the process before this one finishes what it has"),
            Err(fault) => warn!("the process before this one is gone: {fault}"),
        }
    }
}

/// Waits for a successor, for as long as this process is the front end, and then ends in order.
pub fn offer(
    config: &Config,
    name: &str,
    front_end: Arc<FrontEnd>,
    sockets: Vec<TcpListener>,
    drain: Arc<DrainHandle>,
) {
    let path = meeting_point(config, name);
    let meeting = match HandOver::bind(&path) {
        Ok(meeting) => meeting,
        Err(fault) => {
            return warn!("no other process can take over from this one: {}: {fault}", path.display());
        }
    };
    let runtime = tokio::runtime::Handle::current();
    let waiting = move || {
        while !drain.has_begun() {
            let outcome = meeting.accept().and_then(|heir| pass_on(heir, &front_end, &sockets, &runtime));
            match outcome {
                Ok(()) => {
                    info!("another process has taken over: finishing what is here");
                    return drain.begin(LEISURE);
                }
                Err(fault) => {
                    warn!("another process wanted to take over and did not: {fault}; this one goes on")
                }
            }
        }
    };
    let spawned = std::thread::Builder::new().name("take-over".to_string()).spawn(waiting);
    if let Err(fault) = spawned {
        warn!("no other process can take over from this one: {fault}");
    }
}

fn pass_on(
    mut heir: Talk,
    front_end: &FrontEnd,
    sockets: &[TcpListener],
    runtime: &tokio::runtime::Handle,
) -> std::io::Result<()> {
    heir.give(&sockets.iter().collect::<Vec<_>>())?;
    heir.hear(READY, READY_WITHIN)?;
    runtime.block_on(front_end.rest());
    let taken = heir.say(YOURS).and_then(|()| heir.hear(SERVING, DONE_WITHIN));
    if taken.is_err()
        && let Err(fault) = runtime.block_on(front_end.wake())
    {
        // Without its register it can decide nothing: whoever starts it again gets a whole one.
        tracing::error!("the register cannot be taken up again: {fault}; ending");
        std::process::exit(1);
    }
    taken
}
