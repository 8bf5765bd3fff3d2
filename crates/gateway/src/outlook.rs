//! What would happen if the primary died now: one sentence, from what the monitor knows.

use replica::monitor::{Hold, MemberState, MemberView, View};

/// The sentence about an authority that is a Puppet Server.
pub fn of_puppet_server(name: &str, answers: bool, hold_seconds: u64) -> String {
    match answers {
        true => format!(
            "If {name} died now: nobody could take over, because it is a Puppet Server. CA requests would wait for it, and \
             be refused after {hold_seconds} s each."
        ),
        false => format!(
            "{name} does not answer, and nobody takes over from a Puppet Server. CA requests wait for it, and are refused \
             after {hold_seconds} s each."
        ),
    }
}

/// The sentence. `hold_seconds`: how long a CA request waits before it is refused.
pub fn sentence(view: &View, hold_seconds: u64) -> String {
    match (&view.active, &view.successor) {
        (Some(active), _) if !view.through.is_empty() => format!(
            "{active} is not reached from here, but through another front end. If it died now, that one would see it, and \
             this one follow."
        ),
        (None, _) => without_active(view),
        (Some(active), Some(successor)) => format!(
            "If {active} died now: {successor} would take over within two seconds, and nothing would be lost."
        ),
        (Some(active), None) if view.unreadable_since.is_some() => format!(
            "If {active} died now: nobody could take over, because the register does not answer. CA requests would wait \
             for {active} or for the register, and be refused after {hold_seconds} s each; nothing would be lost."
        ),
        (Some(active), None) => {
            let others: Vec<String> =
                view.members.iter().filter(|member| member.name != *active).map(state_of).collect();
            let why = match others.is_empty() {
                true => "it is the only CA member".to_owned(),
                false => others.join(", and "),
            };
            format!(
                "If {active} died now: nobody could take over, because {why}. CA requests would wait for {active}, \
                 and be refused after {hold_seconds} s each; nothing would be lost as long as its disk is not."
            )
        }
    }
}

fn state_of(member: &MemberView) -> String {
    let name = &member.name;
    match (member.state, &member.cause) {
        (MemberState::Down, Some(cause)) => format!("{name} {cause}"),
        (MemberState::Down, None) => format!("{name} has not answered yet"),
        (MemberState::CatchingUp, _) => match member.lag {
            Some(lag) if lag > 0 => format!("{name} is catching up ({lag} entries behind)"),
            _ => format!("{name} is not in the in-sync set yet"),
        },
        _ if !member.in_sync => format!("{name} is not in the in-sync set"),
        _ => format!("{name} has not answered lately"),
    }
}

fn without_active(view: &View) -> String {
    let in_sync: Vec<&str> =
        view.members.iter().filter(|member| member.in_sync).map(|member| member.name.as_str()).collect();
    match &view.hold {
        Some(hold @ Hold::NoSuccessor { .. }) => format!(
            "No CA is active: {hold}. Start {}: it goes on by itself, and nothing is lost.",
            in_sync.join(" or ")
        ),
        Some(hold @ (Hold::Starting(_) | Hold::Switching(_) | Hold::FirstStart(_))) => {
            format!("No CA is active at this moment: {hold}.")
        }
        Some(hold) => format!("No CA is active: {hold}."),
        None => "No CA is active.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replica::monitor::Cause;
    use replica::{Epoch, Fault, MemberName};

    fn member(name: &str, state: MemberState, in_sync: bool) -> MemberView {
        MemberView {
            name: MemberName::new(name),
            state,
            in_sync,
            report: None,
            lag: None,
            lag_ms: None,
            silent_ms: None,
            maintained: false,
            cause: None,
        }
    }

    fn view(second: MemberView, successor: bool) -> View {
        View {
            epoch: Epoch(4),
            version: 9,
            primary: Some(MemberName::new("ca-1")),
            active: Some(MemberName::new("ca-1")),
            hold: None,
            through: Vec::new(),
            members: vec![member("ca-1", MemberState::Active, true), second],
            successor: successor.then(|| MemberName::new("ca-2")),
            last_change: None,
            unreadable_since: None,
            front_ends: Vec::new(),
        }
    }

    #[test]
    fn each_situation_has_its_sentence() {
        let well = view(member("ca-2", MemberState::Standby, true), true);
        assert!(sentence(&well, 30).contains("ca-2 would take over"), "{}", sentence(&well, 30));
        let full = MemberView {
            cause: Some(Cause::Fault(Fault::DiskFull).to_string()),
            ..member("ca-2", MemberState::Down, false)
        };
        let said = sentence(&view(full, false), 30);
        assert!(said.contains("because ca-2 stands aside: its disk is full."), "{said}");
        let mut blind = view(member("ca-2", MemberState::Standby, true), false);
        blind.unreadable_since = Some(1);
        let said = sentence(&blind, 30);
        assert!(said.contains("nobody could take over, because the register does not answer"), "{said}");
        let behind = MemberView { lag: Some(12), ..member("ca-2", MemberState::CatchingUp, false) };
        let said = sentence(&view(behind, false), 30);
        assert!(said.contains("ca-2 is catching up (12 entries behind)"), "{said}");
        let mut none = view(member("ca-2", MemberState::CatchingUp, false), false);
        none.active = None;
        none.hold = Some(Hold::NoSuccessor { primary: MemberName::new("ca-1"), cause: Cause::DiskLost });
        let said = sentence(&none, 30);
        assert!(
            said.starts_with("No CA is active: ca-1 has lost its disk") && said.contains("Start ca-1:"),
            "{said}"
        );
    }
}
