//! An estate on hosts of its own: front end, two CAs and the agents, each in a network namespace, joined by a bridge. Real
//! processes, real packets, real disks: links are cut one way or both, hosts lose their power and their disk, processes
//! freeze, disks fill, clocks go wrong. At the end of each story the promises are checked, with `openssl`.
//!
//! Namespaces have ports and firewalls of their own: the stories run side by side, and beside other tests. Needs root.

mod agent;
mod clocks;
mod cut_off;
mod disks;
mod estate;
mod forced;
mod killed;
mod load;
mod network;
mod paused;
mod promises;
mod puppetserver;
mod story;
mod torture;
