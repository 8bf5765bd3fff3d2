//! Outgoing requests.

mod addresses;
mod connect_fault;
mod connection;
mod nerve;
mod pool;
mod send_fault;
mod simple;

pub use connect_fault::ConnectFault;
pub use connection::Connection;
pub use nerve::Nerve;
pub use pool::{Pool, PoolSettings};
pub use send_fault::{SendCause, SendFault};
pub use simple::{Answer, Client, ClientFault, Timeouts};
