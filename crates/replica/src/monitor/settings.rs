//! What the monitor is told once.

use crate::flaws::Flaws;
use crate::name::{ClusterId, MemberName};

/// The estate as the front end knows it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name under which the front end sends frames.
    pub name: MemberName,
    /// The estate.
    pub cluster: ClusterId,
    /// CA members, the preferred one first.
    pub members: Vec<MemberName>,
    /// Whether to return to the preferred member.
    pub failback: Failback,
    /// Limits.
    pub timings: Timings,
    /// The register is shared with other front ends: nobody fails over alone, and its loss is survived (see
    /// [`crate::monitor::Sight`]).
    pub shared: bool,
    /// Deliberate bugs for the tests of the tests.
    #[doc(hidden)]
    pub flaws: Flaws,
}

/// Whether the preferred member becomes primary again by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failback {
    /// After it has been in the in-sync set for so long (ms).
    After(u64),
    /// Only when an operator asks.
    Manual,
}

/// Limits of the monitor, times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timings {
    /// Pause between the beginnings of two probes of one member.
    pub probe_interval_ms: u64,
    /// The IO loop gives up a probe after so long (connecting included) and says `TimedOut`.
    pub probe_timeout_ms: u64,
    /// So many probes in a row must be lost (silence, reset) before a member counts as down. Refusals count at once.
    pub missed_probes: u32,
    /// A member of which the network says on an open connection that there is no way to it must answer a new one within
    /// so long. Short: the network has spoken, silence only confirms it.
    pub warned_ms: u64,
    /// So long after a front end has found that it alone does not reach the primary, its requests go through another one:
    /// by then the others would have found it too, were the primary gone.
    pub detour_ms: u64,
    /// A report older than this is no proof of life.
    pub fresh_ms: u64,
    /// So long after the monitor's start a member that has not yet been seen may be silent: everything is starting.
    pub start_grace_ms: u64,
    /// A primary that answers but acknowledges nothing for so long is replaced.
    pub stall_ms: u64,
    /// How long the primary may take to answer a handoff. Less than its `Timings::handoff_ms`.
    pub handoff_ms: u64,
    /// Pause after a switchover that did not come about.
    pub switchover_retry_ms: u64,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            probe_interval_ms: 250,
            probe_timeout_ms: 500,
            missed_probes: 2,
            warned_ms: 150,
            detour_ms: 300,
            fresh_ms: 1_500,
            start_grace_ms: 2_000,
            stall_ms: 3_000,
            handoff_ms: 1_000,
            switchover_retry_ms: 5_000,
        }
    }
}
