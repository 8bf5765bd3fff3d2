//! The crate against what it must agree with: certificates and lists recorded from Puppet Server and its command
//! line (`conformance/x509`), and the `openssl` command.

mod first_start;
mod fixtures;
mod foreign;
mod issued;
mod recorded;
mod renewed;
