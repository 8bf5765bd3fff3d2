//! Agents that find their servers by DNS: a deployment on one host, its records in dnsmasq, the real `puppet agent` and
//! ours on another host; each host a network namespace, the names by `/etc/netns/…/resolv.conf`. Needs root.

mod deployment;
mod network;
mod our_agent;
mod real_agent;
mod side_by_side;
