//! `bunraku ca rollover --new-key`, `--activate`, `--retire`, `--abort`, `--status`.

use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;
use wire::protocol::internal::{ROLLOVER_PATH, RolloverAction, RolloverRequest};

use crate::cli::RolloverArgs;
use crate::cmd::ca::endpoint::Endpoint;
use crate::cmd::ca::report::Report;

/// So many names are told in the text form; `--json` tells all.
const NAMES_TOLD: usize = 20;

/// What becomes of `--new-key` where the issuer's key is elsewhere.
const WAITS: &str = "A new key is made, and every CA member has it; its certificate has to come from the issuer above. Nothing \
                     trusts it yet.";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Take(RolloverAction),
    Status,
}

/// The step that the command line names, if it is about a new key.
pub fn step(args: &RolloverArgs) -> Option<Step> {
    let named = [
        (args.new_key, Step::Take(RolloverAction::NewKey)),
        (args.activate, Step::Take(RolloverAction::Activate)),
        (args.retire, Step::Take(RolloverAction::Retire)),
        (args.abort, Step::Take(RolloverAction::Abort)),
        (args.status, Step::Status),
    ];
    named.into_iter().find(|(named, _)| *named).map(|(_, step)| step)
}

/// Exit code 1 when a step was refused; nothing has changed then.
pub async fn run(
    endpoint: &Arc<Endpoint>,
    args: &RolloverArgs,
    step: Step,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let read = |path| std::fs::read_to_string(path).with_context(|| format!("could not read {path:?}"));
    let certificate = args.certificate.as_ref().map(read).transpose()?;
    let answer = match step {
        Step::Status => endpoint.request("rollover", "GET", ROLLOVER_PATH, None).await?,
        Step::Take(action) => {
            let asked = RolloverRequest {
                key_type: args.key_type.map(|kind| kind.name().to_owned()),
                ca_name: args.ca_name.clone(),
                force: args.force,
                certificate,
                ..super::request(action, super::life(args)?)
            };
            let asked = serde_json::to_value(asked)?;
            endpoint.request("rollover", "POST", ROLLOVER_PATH, Some(&asked)).await?
        }
    };
    if answer.status != 200 {
        bail!("{}", answer.text());
    }
    let told: Value = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    if let Step::Take(action) = step {
        let waits = action == RolloverAction::NewKey && told["phase"] == "requested";
        report.say(if waits { WAITS } else { done(action) });
    }
    show(&told, report);
    Ok(0)
}

/// Tells that a new key is introduced.
pub fn introduced(told: &Value, report: &mut Report) {
    report.say(done(RolloverAction::NewKey));
    show(told, report);
}

fn show(told: &Value, report: &mut Report) {
    tell(told, report);
    for (member, value) in told.as_object().into_iter().flatten() {
        report.set(member, value.clone());
    }
}

fn done(action: RolloverAction) -> &'static str {
    match action {
        RolloverAction::NewKey => {
            "A new key is introduced: it is trusted from now on, and does not sign yet."
        }
        RolloverAction::Activate => "The new key signs from now on; the former one is trusted still.",
        RolloverAction::Retire => {
            "The former key is not trusted any more. Its file stays in the CA directory of each member: move it to a safe place."
        }
        RolloverAction::Abort => "The new key is given up.",
        RolloverAction::SameKey | RolloverAction::Request => "",
    }
}

fn tell(told: &Value, report: &mut Report) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for key in told["keys"].as_array().into_iter().flatten() {
        let part = match key["part"].as_str().unwrap_or_default() {
            "signs" => "signs",
            "next" => "next",
            "former" => "former",
            _ => "retired",
        };
        let count = key["certificates"].as_u64().unwrap_or_default();
        report.say(&format!(
            "  {part:<8} {}  key {}, until {}, {count} valid certificates",
            text(&key["subject"]),
            text(&key["id"]),
            text(&key["not_after"])
        ));
        if let Some(problem) = key["missing"].as_str() {
            report.warn(&format!("  {part:<8} CANNOT BE USED on the active member: {problem}"));
        }
    }
    if let Some(requested) = told["requested"].as_object() {
        let text = |member: &str| requested.get(member).and_then(Value::as_str).unwrap_or_default();
        report.say(&format!("  waits    {}  key {}, since {}", text("subject"), text("id"), text("since")));
        if !text("missing").is_empty() {
            report.warn(&format!("  waits    NOT HERE on the active member: {}", text("missing")));
        }
        report.say(text("request").trim_end());
    }
    for (field, label) in [("introduced", "Introduced"), ("activated", "Active since")] {
        if let Some(time) = told[field].as_str() {
            report.say(&format!("{label}: {time}"));
        }
    }
    let left = told["left"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !left.is_empty() {
        report.say(&format!("{} names have only certificates of the old key:", left.len()));
        for one in left.iter().take(NAMES_TOLD) {
            let (name, serial) = (text(&one["name"]), text(&one["serial"]));
            report.say(&format!("  {name}  serial {serial}, until {}", text(&one["not_after"])));
        }
        if left.len() > NAMES_TOLD {
            report.say(&format!("  and {} more (--json tells all)", left.len() - NAMES_TOLD));
        }
    }
    if let Some(count) = told["superseded"].as_u64().filter(|count| *count > 0) {
        report.say(&format!(
            "{count} certificates of the former key are valid still, but their names have newer ones."
        ));
    }
    report.say(&format!("Next: {}", text(&told["next_step"])));
}
