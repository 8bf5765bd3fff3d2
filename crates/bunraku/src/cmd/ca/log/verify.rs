//! `bunraku ca log --verify`: whether the record is whole, by what the running CA knows of it, or the stopped one's log.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use ca::audit::{Expected, Findings, Gap, Head};
use ca::directory::Layout;
use serde_json::json;
use wire::client::{Client, Timeouts};
use wire::protocol::internal::{AUDIT_PATH, AuditHead};

use super::super::progress::Line;
use super::super::report::Report;
use crate::cli::LogArgs;

/// It has the answer at hand: one that takes longer stands still, and whoever asks shall hear of that.
const PATIENCE: Timeouts = Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(15) };

/// Exit code 0 when the record is whole, and has the noted head if there is one; else 1.
pub async fn run(cadir: &Path, args: &LogArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    let noted: Option<Head> = args.head.as_deref().map(str::parse).transpose().context("--head")?;
    let layout = Layout::new(cadir);
    let (expected, by) = if super::is_served(cadir) {
        (Some(of_running(cadir).await?), "the running CA")
    } else {
        let running = ca::fsck::is_running(&layout);
        let expected = ca::audit::expected(&layout, running).with_context(|| cadir.display().to_string())?;
        (expected, "the CA's snapshot and log")
    };
    let expected = expected.context("no Bunraku has ever had this directory: there is no record")?;
    let place = layout.audit();
    let mut line = Line::default();
    let mebibytes = |octets: u64| usize::try_from(octets >> 20).unwrap_or(usize::MAX);
    let found = ca::audit::verify_watched(&layout, Some(&expected), noted, &mut |read, total| {
        line.show("checking the record, MiB", mebibytes(read), mebibytes(total));
    });
    line.clear();
    let found = found.with_context(|| place.display().to_string())?;
    let whole = found.is_whole();
    tell(&mut report, &place, &found, by);
    let has_noted = noted.map(|_| found.has_noted);
    match has_noted {
        None => {}
        Some(Some(true)) => report.say("It has the line of the head that was given."),
        Some(Some(false)) => report.say(
            "It does NOT have the line of the head that was given: it is another record, or was written anew since.",
        ),
        Some(None) => report.say(
            "This member does not hold the line of the head that was given; ask one that does.",
        ),
    }
    report.finish(u8::from(!whole || has_noted.is_some_and(|has| has != Some(true))))
}

async fn of_running(cadir: &Path) -> anyhow::Result<Expected> {
    let client = Client::local(ca::socket_path(cadir), PATIENCE);
    let answer = client.get(AUDIT_PATH, "application/json").await.context(
        "the running CA does not say what it knows of its record; once it is stopped, its log does",
    )?;
    if answer.status.as_u16() != 200 {
        bail!("the running CA does not say what it knows of its record: {} {}", answer.status, answer.text());
    }
    let known: AuditHead = serde_json::from_slice(&answer.body).context("the CA's answer is not JSON")?;
    let head = |text: &str| text.parse::<Head>().map_err(|fault| anyhow!("the CA's answer: {fault}"));
    let gaps = known.gaps.iter().map(|(after, until)| Ok(Gap { after: head(after)?, until: head(until)? }));
    Ok(Expected::of_running(head(&known.head)?, gaps.collect::<anyhow::Result<_>>()?))
}

fn tell(report: &mut Report, place: &Path, found: &Findings, by: &str) {
    let head = found.head.unwrap_or(Head::NONE);
    let times =
        found.times.as_ref().map_or(String::new(), |(first, last)| format!(", from {first} to {last}"));
    report.say(&format!("{}: {} lines in {} files{times}", place.display(), found.lines, found.files));
    for damage in &found.damages {
        let ca::audit::Place { file, line, octet } = &damage.place;
        report.say(&format!("damaged: {file} line {line} (octet {octet}) {}", damage.what));
    }
    let more = found.damage_count - found.damages.len();
    if more > 0 {
        report.say(&format!("damaged: {more} more lines"));
    }
    for missing in &found.missing {
        let lines = range(missing.from, missing.to);
        let remedy = if missing.in_log {
            "; the log still has it: the next start of the CA writes it again"
        } else {
            ""
        };
        report.say(&format!("missing: {lines}{remedy}"));
    }
    for (from, to) in &found.not_held {
        let lines = range(*from, *to);
        report.say(&format!(
            "not held here: {lines}: this member was fed by a snapshot; the record of another member has it"
        ));
    }
    if found.unwritten {
        report.say(
            "The last lines are in the log and not in the files yet: the next start of the CA writes them.",
        );
    }
    report.say(&format!("head {head}"));
    let verdict = if found.is_whole() { "The record is whole" } else { "The record is NOT whole" };
    report.say(&format!("{verdict}, compared with {by}."));
    report.set("whole", found.is_whole());
    report.set("compared_with", by);
    report.set("lines", found.lines);
    report.set("files", found.files);
    report.set("head", head.to_string());
    report.set("damages", json!(found.damages));
    report.set("damage_count", found.damage_count);
    report.set("missing", json!(found.missing));
    report.set("not_held", json!(found.not_held));
    report.set("unwritten", found.unwritten);
    report.set("has_head", json!(found.has_noted));
}

fn range(from: u64, to: u64) -> String {
    if from == to { format!("line {from}") } else { format!("lines {from} to {to}") }
}
