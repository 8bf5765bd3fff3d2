//! An existing Puppet Server's settings, as far as Bunraku has them: `puppet.conf` and the files of `conf.d` are read,
//! and each line of them is accounted for.
//!
//! [`puppet_conf`], [`hocon`] and [`auth_conf`] are readers of text alone, total and without any dependency on the rest; [`mapping`]
//! decides what becomes of what was read. [`stand_in`] is for commands that read a `puppet.conf` each time.

pub mod auth_conf;
pub mod hocon;
pub mod mapping;
pub mod packaged_rules;
pub mod puppet_conf;
pub mod stand_in;
