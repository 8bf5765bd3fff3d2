//! What a real Puppet Server answered is answered alike here, and more that it would be asked.

mod bucket;
mod compression;
mod estate;
mod files;
mod real_agent;
mod replay;
mod same;
