//! `bunraku ca sync SRC DST`: what a nightly rsync of a CA directory was for, without what it destroys.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ca::sync::{self, Plan};

use super::progress::Line;
use super::report::Report;
use crate::cli::SyncArgs;

/// So many of each kind are named in the text; JSON has all.
const NAMED: usize = 20;

/// Exit code 0 when DST is what SRC is (or would be, with `--dry-run`); 1 when nothing was done.
pub fn run(args: &SyncArgs, report: &mut Report) -> anyhow::Result<u8> {
    let (source, destination) = places(args)?;
    let mut line = Line::default();
    let mut progress = |what: &str, done: usize, total: usize| line.show(what, done, total);
    let read = |path: &Path, side, progress: &mut ca::fsck::Progress<'_>| {
        sync::read(path, side, progress).with_context(|| path.display().to_string())
    };
    let ours = read(&source, "source", &mut progress)?;
    let theirs =
        if destination.exists() { Some(read(&destination, "destination", &mut progress)?) } else { None };
    let plan = sync::compare(&ours, theirs.as_ref(), args.merge).map_err(anyhow::Error::msg)?;
    line.clear();
    tell(&plan, args, report);
    if !plan.is_clear(args.merge) {
        let merged = plan.findings.iter().all(|finding| finding.merge.is_some());
        let what = match merged {
            true => "--merge would keep it; or it can go: look, and remove it there by hand",
            false => "what contradicts itself takes a person (docs/COMMANDS.md says what to do in each case)",
        };
        report.fail(
            None,
            &format!(
                "{} has something that {} lacks, and nothing was done: {what}.",
                destination.display(),
                source.display()
            ),
        );
        return Ok(1);
    }
    if args.dry_run || plan.is_empty() {
        report.set("done", false);
        report.say(if plan.is_empty() { "The two are the same." } else { "Nothing was done (--dry-run)." });
        return Ok(0);
    }
    let mut line = Line::default();
    let applied =
        sync::apply(&plan, &ours, &destination, &mut |what, done, total| line.show(what, done, total));
    line.clear();
    let applied = applied?;
    report.set("done", true);
    report.set("files", applied.files);
    report.say(&format!(
        "{} is what {} is: {} files, checked ({} new, {} changed, {} dropped).",
        destination.display(),
        source.display(),
        applied.files,
        plan.new.len(),
        plan.changed.len(),
        plan.dropped.len()
    ));
    Ok(0)
}

/// Both directories, links resolved, fit for each other, and nobody's at the moment.
fn places(args: &SyncArgs) -> anyhow::Result<(PathBuf, PathBuf)> {
    let source = std::fs::canonicalize(&args.source)
        .with_context(|| format!("there is no CA directory {}", args.source.display()))?;
    if !source.join("ca_crt.pem").exists() {
        bail!("{} is not a CA directory: it has no ca_crt.pem", source.display());
    }
    let destination = match std::fs::canonicalize(&args.destination) {
        Ok(path) => path,
        Err(_) => {
            let path = std::path::absolute(&args.destination)?;
            let parent = path.parent().context("DST has no parent directory")?;
            let parent =
                std::fs::canonicalize(parent).with_context(|| format!("there is no {}", parent.display()))?;
            parent.join(path.file_name().context("DST has no name")?)
        }
    };
    if destination.starts_with(&source) || source.starts_with(&destination) {
        bail!("SRC and DST are the same directory, or one is inside of the other");
    }
    for path in [&source, &destination] {
        if let Some(why) = sync::owned_by_bunraku(path) {
            bail!("{why}");
        }
    }
    if let Some(pid) = sync::running_puppetserver().filter(|_| !args.puppetserver_elsewhere) {
        bail!(
            "a Puppet Server runs on this machine (pid {pid}), and may be writing to one of the two: stop it first. If it \
             has neither directory, say so with --puppetserver-elsewhere"
        );
    }
    Ok((source, destination))
}

fn tell(plan: &Plan, args: &SyncArgs, report: &mut Report) {
    for (what, files) in [("new", &plan.new), ("changed", &plan.changed), ("dropped", &plan.dropped)] {
        if args.dry_run {
            list(what, files, report);
        }
        report.set(what, files.clone());
    }
    if !plan.ignored.is_empty() {
        report.warn(&format!("not part of a CA, left where it is in SRC: {}", plan.ignored.join(", ")));
    }
    report.set("ignored", plan.ignored.clone());
    report.set("unchanged", plan.unchanged);
    report.set("merge", args.merge);
    report.list("findings");
    for (number, finding) in plan.findings.iter().enumerate() {
        report.push("findings", serde_json::to_value(finding).unwrap_or_default());
        if number < NAMED {
            let merge = match finding.merge.filter(|_| args.merge) {
                Some(merge) => format!(" - {merge}"),
                None => String::new(),
            };
            report.warn(&format!("{} {}: {}{merge}", finding.kind, finding.name, finding.what));
        }
    }
    if plan.findings.len() > NAMED {
        report.warn(&format!("and {} more (--json names all)", plan.findings.len() - NAMED));
    }
}

fn list(what: &str, files: &[String], report: &mut Report) {
    for file in files.iter().take(NAMED) {
        report.say(&format!("{what}: {file}"));
    }
    if files.len() > NAMED {
        report.say(&format!("{what}: and {} more (--json names all)", files.len() - NAMED));
    }
}
