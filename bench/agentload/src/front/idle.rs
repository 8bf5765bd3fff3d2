//! Connections that do nothing: how much memory does one cost?

use std::io::Read;

use serde::Serialize;

use super::agents::Agents;
use super::args::{FrontIdleArgs, Work};
use super::line::{Line, buffer};
use super::script::Script;

#[derive(Debug, Serialize)]
pub struct Idled {
    /// Opened.
    pub opened: u64,
    /// Of these, still open at the end.
    pub open: u64,
}

impl crate::Report for Idled {
    fn failed(&self) -> u64 {
        self.opened - self.open
    }

    fn text(&self) -> String {
        format!("{} opened, {} of them open at the end\n", self.opened, self.open)
    }
}

/// Opens them, says `ready` on standard output, and holds them until standard input ends. Then each is used once more:
/// one that the other side has closed was not idle.
pub async fn run(agents: Agents, args: &FrontIdleArgs) -> anyhow::Result<Idled> {
    let mut buffer = buffer();
    let host = agents.address.to_string();
    let [script, _] = Script::of(Work::Get, agents.turn(0), &host);
    let mut lines = Vec::new();
    for number in 0..args.connections as usize {
        let mut line =
            Line::open(&agents, agents.turn(number)).await.map_err(|fault| anyhow::anyhow!(fault))?;
        if !args.silent {
            line.work(&agents, &script, &mut buffer).await.map_err(|fault| anyhow::anyhow!(fault))?;
        }
        lines.push(line);
    }
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    let (opened, mut open) = (lines.len() as u64, 0);
    for line in &mut lines {
        open += u64::from(line.work(&agents, &script, &mut buffer).await.is_ok());
    }
    Ok(Idled { opened, open })
}
