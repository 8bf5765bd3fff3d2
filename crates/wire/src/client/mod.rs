//! Outgoing requests.

mod addresses;
mod connect_fault;
mod connection;
mod pool;
mod send_fault;
mod simple;

pub use connect_fault::ConnectFault;
pub use connection::Connection;
pub use pool::{Pool, PoolSettings};
pub use send_fault::{SendCause, SendFault};
pub use simple::{Answer, Client, ClientFault, Timeouts};
