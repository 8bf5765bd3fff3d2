//! `bunraku top`: the deployment in the terminal, as it goes on.
//!
//! Drawn with a handful of control sequences: a frame is a text of some twenty lines, written at the top of the screen
//! once a second. A library for windows and widgets would be twenty crates for that.

mod frame;
mod terminal;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use gateway::overview::Overview;
use tokio::signal::unix::{SignalKind, signal};
use wire::client::Client;
use wire::protocol::internal::OVERVIEW_PATH;

use crate::cli::TopArgs;
use crate::config::Config;
use crate::console::outln;
use crate::{console, operator};

use terminal::Terminal;

/// A front end that takes longer is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows until it is told to end; exit code 0, or 1 when the front end did not answer at the start.
pub fn run(config: &Config, args: &TopArgs) -> anyhow::Result<u8> {
    let client = match &args.front_end {
        Some(name) => operator::client_of(config, name)?,
        None => operator::client(config)?,
    };
    super::block_on(show(&client, args))?
}

async fn show(client: &Client, args: &TopArgs) -> anyhow::Result<u8> {
    let first = fetch(client).await?;
    if args.json {
        outln!("{}", serde_json::to_string(&first)?);
        return Ok(0);
    }
    let watched = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || !watched {
        let size = frame::Size { columns: usize::MAX, rows: usize::MAX };
        console::print(&frame::text(&first, None, size, std::io::stdout().is_terminal()));
        return Ok(0);
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut terminal = Terminal::take()?;
    let mut every = tokio::time::interval(args.interval);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first one has been fetched already.
    every.tick().await;
    let (mut shown, mut trouble) = (first, None::<String>);
    loop {
        let coloured = std::env::var_os("NO_COLOR").is_none();
        terminal.draw(&frame::text(&shown, trouble.as_deref(), terminal.size(), coloured))?;
        tokio::select! {
            key = terminal.key() => if matches!(key, None | Some(b'q' | b'Q' | 3 | 4)) { return Ok(0) },
            _ = terminate.recv() => return Ok(0),
            _ = hang_up.recv() => return Ok(0),
            _ = resized.recv() => {}
            _ = every.tick() => match fetch(client).await {
                Ok(overview) => (shown, trouble) = (overview, None),
                Err(fault) => trouble = Some(format!("{fault:#}")),
            },
        }
    }
}

async fn fetch(client: &Client) -> anyhow::Result<Overview> {
    let asking = client.get(OVERVIEW_PATH, "application/json");
    let silent = || format!("the front end at {} does not answer; is it running?", client.server());
    let answer = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| anyhow::anyhow!(silent()))?;
    let answer = answer.with_context(silent)?;
    if answer.status != 200 {
        bail!("the front end answered {}: {}", answer.status, answer.text().trim_end());
    }
    serde_json::from_slice(&answer.body)
        .context("the front end's answer is not what this version understands")
}
