//! `bunraku front-end reload`: configuration and certificates are read again, by every front end.

use anyhow::{Context, bail};
use serde_json::json;
use wire::client::Client;
use wire::protocol::internal::{RELOAD_PATH, ReloadAnswer};

use super::super::ca::{Report, ask};
use crate::cli::ReloadArgs;
use crate::config::Config;
use crate::operator;

/// Exit code 0 when all front ends go by the file; 1 when one refuses it or cannot be asked.
pub fn run(config: &Config, args: &ReloadArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    let code = super::super::block_on(everywhere(config, &mut report))??;
    report.finish(code)
}

async fn everywhere(config: &Config, report: &mut Report) -> anyhow::Result<u8> {
    let mut code = 0;
    let front_ends = config.front_ends();
    for front_end in &front_ends {
        let at = if front_ends.len() > 1 { format!("{}: ", front_end.name) } else { String::new() };
        let told = match operator::client_of(config, &front_end.name) {
            Ok(client) => tell(&client).await,
            Err(fault) => Err(fault),
        };
        match told {
            Ok(answer) => {
                say(report, &at, &answer);
                code |= u8::from(!answer.refused.is_empty());
                let ReloadAnswer { changes, notes, refused } = answer;
                let entry = json!({"front_end": front_end.name, "changes": changes, "notes": notes, "refused": refused});
                report.push("front_ends", entry);
            }
            Err(fault) => {
                code = 1;
                report.fail(None, &format!("{at}{fault:#}"));
            }
        }
    }
    Ok(code)
}

async fn tell(client: &Client) -> anyhow::Result<ReloadAnswer> {
    let answer = ask(client, RELOAD_PATH, &json!({})).await?;
    if answer.status != 200 && answer.status != 422 {
        bail!("{}", answer.text().trim_end());
    }
    serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")
}

fn say(report: &mut Report, at: &str, answer: &ReloadAnswer) {
    if !answer.refused.is_empty() {
        let lines: Vec<String> = answer.refused.iter().map(|fault| format!("  {fault}")).collect();
        report.warn(&format!("{at}refused, the old configuration goes on:\n{}", lines.join("\n")));
        return;
    }
    match answer.changes.as_slice() {
        [] => report.say(&format!("{at}read again; nothing has changed")),
        changes => {
            report.say(&format!("{at}read again:"));
            changes.iter().for_each(|change| report.say(&format!("  {change}")));
        }
    }
    answer.notes.iter().for_each(|note| report.say(&format!("  {note}")));
}
