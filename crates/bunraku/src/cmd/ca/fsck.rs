//! `bunraku ca fsck`: checks a CA directory, and mends it. Exit codes as fsck(8): 0 clean, 1 mended, 4 problems left,
//! 8 it could not be done.

use std::path::Path;

use anyhow::Context;
use ca::fsck::{self, Problem, Severity};
use serde_json::json;

use super::progress::Line;
use super::report::Report;

/// Everything that was wrong has been mended.
const MENDED: u8 = 1;
/// Something is wrong.
const LEFT: u8 = 4;
/// It could not be checked, or not be mended.
pub const FAILED: u8 = 8;

/// Checks `cadir`; `member` is the name of the CA whose directory it is.
pub fn run(cadir: &Path, member: &str, mend: bool, report: &mut Report) -> anyhow::Result<u8> {
    let place = || cadir.display().to_string();
    let mut line = Line::default();
    let before = fsck::check(cadir, &mut |what, done, total| line.show(what, done, total));
    line.clear();
    let before = before.with_context(place)?;
    let mut after = None;
    if mend && before.running {
        anyhow::bail!("{} is in use by a running CA: stop it, then repair", place());
    }
    if mend && before.problems.iter().any(|problem| problem.repair.is_some()) {
        fsck::repair(cadir, member, &before).with_context(place)?;
        let again = fsck::check(cadir, &mut |what, done, total| line.show(what, done, total));
        line.clear();
        after = Some(again.with_context(place)?);
    }
    let left = after.as_ref().unwrap_or(&before);
    for problem in &before.problems {
        let mended = after.as_ref().is_some_and(|after| !after.problems.contains(problem));
        report.say(&text(problem, mended, mend));
    }
    // What only came to light by mending.
    for problem in left.problems.iter().filter(|problem| !before.problems.contains(problem)) {
        report.say(&text(problem, false, mend));
    }
    let count = |severity| left.problems.iter().filter(|problem| problem.severity == severity).count();
    let (problems, notices) = (count(Severity::Problem), count(Severity::Notice));
    report.say(&format!(
        "{}: {} certificates, {} requests, {} inventory lines, {} revocations; {problems} problems, {notices} notices",
        cadir.display(),
        left.certificates,
        left.requests,
        left.inventory_lines,
        left.revocations,
    ));
    let code = match (left.is_clean(), before.is_clean()) {
        (true, true) => 0,
        (true, false) => MENDED,
        (false, _) => LEFT,
    };
    if code == LEFT && !mend && left.problems.iter().any(|problem| problem.repair.is_some()) {
        report.say("'bunraku ca fsck --repair' mends what says so, with the CA stopped.");
    }
    report.set("cadir", place());
    report.set("clean", left.is_clean());
    report.set("found", json!(before));
    if let Some(after) = &after {
        report.set("left", json!(after.problems));
    }
    Ok(code)
}

fn text(problem: &Problem, mended: bool, mend: bool) -> String {
    let word = match problem.severity {
        Severity::Problem => "problem",
        Severity::Notice => "notice",
    };
    let mut text = format!("{word}: {} {}", problem.file, problem.what);
    match &problem.repair {
        _ if mended => text.push_str("\n    mended"),
        Some(repair) if !mend => text.push_str(&format!("\n    --repair: {}", repair.text())),
        _ => {}
    }
    text
}
