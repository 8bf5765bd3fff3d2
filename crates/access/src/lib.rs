//! Who may reach what: the rules of Puppet Server's `auth.conf`, as one engine for everybody who enforces them.
//!
//! Pure: rules and a question in, a verdict out. The meaning is that of trapperkeeper-authorization, with which the tests
//! compare; docs/ACCESS-RULES.md says it in words, and where this engine is stricter.
//!
//! - [`Rule`] is a rule as it is written, [`Rules`] a list of them that is in force.
//! - [`packaged`] are the rules that Puppet Server's packages bring.
//! - [`seen`] is the path that rules look at.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod fault;
mod live;
mod packaged;
mod path;
mod pattern;
mod question;
mod rule;
mod rules;
mod whom;

pub use fault::RuleFault;
pub use live::LiveRules;
pub use packaged::{Origin, packaged};
pub use path::{present_form, seen};
pub use question::Question;
pub use rule::{Place, Rule};
pub use rules::{Denial, Rules, Verdict};
pub use whom::{AltNameKind, Whom};
