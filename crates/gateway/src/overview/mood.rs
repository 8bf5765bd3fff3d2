//! How things are, in one sentence and one colour: what a person looks for first.

use serde::{Deserialize, Serialize};
use wire::protocol::internal::{CaSummary, MemberState, WorkerState};

use crate::status::Status;

/// How things are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    /// Nothing has to be done.
    #[default]
    Good,
    /// Agents notice nothing, and somebody should look.
    Look,
    /// Agents notice.
    Bad,
}

impl Mood {
    /// As a word.
    pub fn class(self) -> &'static str {
        match self {
            Mood::Good => "good",
            Mood::Look => "look",
            Mood::Bad => "bad",
        }
    }
}

/// The sentence, and how bad it is.
pub(super) fn of(status: &Status, told: Option<&CaSummary>) -> (Mood, String) {
    let found = findings(status, told);
    match found.iter().max_by_key(|(mood, _)| *mood).map(|(mood, _)| *mood) {
        None => (Mood::Good, "All is well.".to_owned()),
        Some(worst) => {
            let of_worst: Vec<&str> =
                found.iter().filter(|(mood, _)| *mood == worst).map(|(_, text)| text.as_str()).collect();
            (worst, of_worst.join(" "))
        }
    }
}

fn findings(status: &Status, told: Option<&CaSummary>) -> Vec<(Mood, String)> {
    let (ca, workers) = (&status.ca, &status.workers);
    let mut found = Vec::new();
    match (&ca.active, &ca.successor) {
        (None, _) => found.push((Mood::Bad, "No CA is active; requests to it wait.".to_owned())),
        (Some(active), None) if ca.members.len() > 1 => {
            found.push((Mood::Look, format!("Nobody could take over from {active}.")));
        }
        _ => {}
    }
    for member in ca.members.iter().map(|member| &member.member) {
        if member.state == MemberState::Down {
            found.push((Mood::Look, format!("{} is down.", member.name)));
        }
    }
    let up = workers.iter().filter(|worker| worker.state == WorkerState::Up).count();
    if up == 0 && !workers.is_empty() {
        found.push((Mood::Bad, "No catalog worker takes requests.".to_owned()));
    }
    for worker in workers {
        let text = match worker.state {
            WorkerState::Down => "is down",
            WorkerState::Ejected => "fails requests",
            WorkerState::Draining => "is drained",
            WorkerState::Maintenance => "is in maintenance",
            WorkerState::Up => continue,
        };
        found.push((Mood::Look, format!("{} {text}.", worker.name)));
    }
    if !status.register.answers {
        found.push((Mood::Look, "The register does not answer.".to_owned()));
    }
    let pressing = |urgency: &str| matches!(urgency, "urgent" | "expired");
    if told.iter().flat_map(|ca| &ca.warnings).any(|warning| pressing(&warning.urgency)) {
        found.push((Mood::Look, "A certificate or list ends soon.".to_owned()));
    }
    found
}
