//! The real Puppet Server, started as the suite beside this one starts it.

#[path = "../puppetserver/case.rs"]
#[allow(dead_code, reason = "the suite beside this one uses all of it")]
mod case;
#[path = "../puppetserver/hosts.rs"]
#[allow(dead_code, reason = "the suite beside this one uses all of it")]
mod hosts;
#[path = "../puppetserver/theirs.rs"]
#[allow(dead_code, reason = "the suite beside this one uses all of it")]
mod theirs;

pub use hosts::Host;
pub use theirs::PuppetServer;
