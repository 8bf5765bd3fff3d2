//! Deliberate bugs, all off. The simulation switches them on one at a time to prove that it would notice.

/// Which bugs are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flaws {
    /// A standby takes frames of epochs that are over.
    pub no_epoch_check: bool,
    /// A standby answers before its disk has the entries.
    pub standby_acks_before_flush: bool,
    /// A primary counts its own disk before it has flushed.
    pub primary_acks_before_flush: bool,
    /// A primary goes on without a silent standby before the register has agreed.
    pub drop_without_register: bool,
    /// A primary has a standby registered before that one has everything acknowledged.
    pub admit_unfinished: bool,
    /// A restarted primary goes on in its old epoch.
    pub same_epoch_after_restart: bool,
    /// A new primary serves before the other in-sync members have its log.
    pub act_before_marker: bool,
    /// A member whose disk was lost may become primary by its old name.
    pub trust_lost_disk: bool,
    /// The epoch is not stored before it is acted upon.
    pub forget_epoch: bool,
    /// A member keeps what nobody acknowledged when the primary's log contradicts it, and says that it has the rest.
    pub keep_leftovers: bool,
    /// The front end returns to the preferred member without waiting until that has everything.
    pub fail_back_unsynced: bool,
    /// The front end fails over to whoever answers.
    pub fail_over_to_anyone: bool,
    /// A front end acts on a change of the register whose outcome it does not know.
    pub trust_unconfirmed: bool,
    /// A primary confirms what one standby has, whatever the others have.
    pub confirm_with_any: bool,
    /// The simulated disk says "flushed" and has not.
    pub lying_flush: bool,
    /// The simulated authority, restarted, counts on from the serial number in its file, whatever is in the log.
    pub reuse_serial_after_crash: bool,
    /// The simulated authority carries a request out again that came again.
    pub forget_requests: bool,
    /// The simulated member begins its log after a snapshot that is not on its disk.
    pub lose_snapshot: bool,
}
