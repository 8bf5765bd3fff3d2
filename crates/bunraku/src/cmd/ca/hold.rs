//! `bunraku ca hold MEMBER`: a member under maintenance is not made active again by itself.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::protocol::internal::{HOLD_PATH, HoldRequest};

use super::front_end::ask;
use super::report::Report;
use crate::cli::HoldArgs;
use crate::operator;

/// Exit code 0 when it is as wanted.
pub async fn run(file: Option<PathBuf>, args: &HoldArgs, report: &mut Report) -> anyhow::Result<u8> {
    let client = operator::client(&crate::cmd::load_for_ca(file)?)?;
    let asked = HoldRequest { member: args.member.clone(), hold: !args.release };
    let answer = ask(&client, HOLD_PATH, &serde_json::to_value(asked)?).await?;
    if answer.status != 200 {
        bail!("{}", answer.text());
    }
    let said: Value = serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")?;
    let member = &args.member;
    report.say(&match args.release {
        true => format!("{member} may become active again by itself"),
        false => format!(
            "{member} is held back: no fail-back goes to it until 'bunraku ca hold {member} --release'. It still \
             follows, counts as a copy, and takes over when nobody else can. If it is active now, 'bunraku ca \
             switchover' makes another one active"
        ),
    });
    report.set("held_back", said["held_back"].clone());
    Ok(0)
}
