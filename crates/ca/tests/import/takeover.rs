//! What is true of every directory that is taken over.

use crate::forms::Form;
use crate::support::{ask, change, enrol, local, settings};
use ca::fsck::{self, Severity};
use ca::{OpenFault, StartFault, Worker};
use pki::{Certificate, Serial};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a directory says, before Bunraku has it.
pub struct Expected<'a> {
    /// Name and standing of each.
    pub names: &'a [(&'a str, &'a str)],
    /// The serial of the next certificate.
    pub next: Serial,
}

/// A directory of the Ruby maker.
pub const RUBY: &[(&str, &str)] =
    &[("alive.example.com", "signed"), ("revoked.example.com", "revoked"), ("twice.example.com", "signed")];

pub fn ruby() -> Expected<'static> {
    Expected { names: RUBY, next: Serial::from_u64(7) }
}

/// Starts on it and works; gives what fsck says in the end that is a problem: check and file.
pub async fn take_over(form: &Form, expected: &Expected<'_>) -> Vec<(String, String)> {
    let revoked = form.revoked();
    let number = form.list_number();
    let worker = start(form).await;
    assert_eq!(standings(&worker).await, names(expected.names), "right after the start");

    // The next number is used next.
    enrol(&worker, "new.example.com").await;
    let made = form.read_after(&worker, "signed/new.example.com.pem").await;
    let made = Certificate::from_pem(made.as_bytes()).unwrap();
    assert_eq!(made.serial(), expected.next);
    // The list goes on: its number grows, and who was on it still is, for the same reason.
    change(&worker, "new.example.com", "revoked").await;
    worker.authority().ledger().directory_follows().await;
    assert!(form.list_number() > number);
    let now: BTreeMap<Serial, Option<String>> = form.revoked().into_iter().collect();
    assert_eq!(now.get(&expected.next), Some(&Some("Key Compromise".to_owned())));
    for (serial, reason) in revoked {
        assert_eq!(now.get(&serial), Some(&reason), "{serial} was on the list");
    }
    worker.stop().await;

    // Nobody wrote to it: there is nothing to settle at the next start, and the same is known.
    let again = start(form).await;
    let mut more = names(expected.names);
    more.insert("new.example.com".into(), "revoked".into());
    assert_eq!(standings(&again).await, more, "after another start");
    again.stop().await;
    problems(form)
}

/// Starts a CA on it. A program that another test is about to run has a copy of this process' locks for a moment, and
/// the socket of a CA before it ends a moment after that.
pub async fn start(form: &Form) -> Arc<Worker> {
    for _ in 0..500 {
        match Worker::start(settings(&form.cadir)).await {
            Err(StartFault::Open(OpenFault::Locked { .. }) | StartFault::Socket(_)) => {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            other => return other.unwrap(),
        }
    }
    panic!("its lock is not given back");
}

pub fn problems(form: &Form) -> Vec<(String, String)> {
    let report = fsck::check(&form.cadir, &mut |_, _, _| {}).unwrap();
    let problems = report.problems.into_iter().filter(|problem| problem.severity == Severity::Problem);
    problems
        .map(|problem| (problem.check.to_owned(), format!("{}: {}", problem.file, problem.what)))
        .collect()
}

/// The text of the refusal; the directory is as it was.
pub async fn refusal(form: &Form) -> String {
    let before = form.everything();
    let Err(fault) = Worker::start(settings(&form.cadir)).await else {
        panic!("it was taken over");
    };
    assert_eq!(form.everything(), before, "a directory that is refused is not touched");
    fault.to_string()
}

fn names(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

/// What `bunraku ca list --all` lists.
pub async fn standings(worker: &Arc<Worker>) -> BTreeMap<String, String> {
    let all = ask(worker, local(), "GET", "/puppet-ca/v1/certificate_statuses/all", &[], "").await;
    assert_eq!(all.status, 200, "{}", all.text());
    let all: serde_json::Value = serde_json::from_slice(&all.body).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    all.as_array().unwrap().iter().map(|one| (text(&one["name"]), text(&one["state"]))).collect()
}

impl Form {
    /// A file, once everything that was decided is in the directory.
    pub async fn read_after(&self, worker: &Arc<Worker>, file: &str) -> String {
        worker.authority().ledger().directory_follows().await;
        self.read(file)
    }
}
