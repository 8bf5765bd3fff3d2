//! How many files and sockets this process may have open, and what follows for its connections.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wire::Limits;

/// For logs, probes, the register, connections that are idle towards workers, and the runtime.
const RESERVE: u64 = 512;
/// Fewer connections than that serve nobody.
const FEWEST: u64 = 64;

/// Raises the soft limit to the hard one (the soft one is 1,024 nearly everywhere, for programs that use `select`), and
/// lowers the number of clients to what that allows, which is then said in a sentence: each can need a second descriptor,
/// towards a worker.
pub fn fit(wanted: Limits) -> anyhow::Result<(Limits, Option<String>)> {
    let now = getrlimit(Resource::Nofile);
    if now.current != now.maximum {
        let raised = Rlimit { current: now.maximum, maximum: now.maximum };
        setrlimit(Resource::Nofile, raised)
            .context("could not raise the limit of open files (RLIMIT_NOFILE)")?;
    }
    let most = connections(now.maximum);
    let max_connections = wanted.max_connections.min(usize::try_from(most).unwrap_or(usize::MAX));
    let fewer = (max_connections < wanted.max_connections).then(|| {
        format!(
            "at most {max_connections} connections of clients, not {}: more need more open files than the {} that are \
             allowed here (LimitNOFILE= of the unit, or 'ulimit -Hn')",
            wanted.max_connections,
            now.maximum.unwrap_or(0)
        )
    });
    Ok((Limits { max_connections, ..wanted }, fewer))
}

/// How many clients may be connected with so many descriptors; none: without a limit.
fn connections(descriptors: Option<u64>) -> u64 {
    descriptors.map_or(u64::MAX, |most| (most.saturating_sub(RESERVE) / 2).max(FEWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_second_descriptor() {
        assert_eq!(connections(None), u64::MAX);
        assert_eq!(connections(Some(1024)), 256);
        assert_eq!(connections(Some(100)), FEWEST);
        assert!(connections(Some(524_288)) > 8192);
    }
}
