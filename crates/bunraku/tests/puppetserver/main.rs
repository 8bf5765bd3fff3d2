//! Bunraku's CA beside a running Puppet Server 7.9.5 (Debian's package): the same requests to both, and one CA directory
//! that goes from one to the other and back. Starting Puppet Server takes half a minute of CPU time, so a test starts it
//! as seldom as it can, and the tests take turns.

mod access_rules;
mod behind_front_end;
mod case;
mod compare;
#[allow(dead_code, reason = "the scenarios use all of it")]
#[path = "../scenarios/deployment.rs"]
mod deployment;
mod directory;
mod divergences;
mod generated;
mod hosts;
mod in_step;
mod new_key;
mod ours;
mod pair;
mod real_clients;
mod recorded;
mod same_requests;
mod theirs;
mod there_and_back;
