//! The front end: terminates TLS, says who is asking, chooses who answers, forwards; home of the register that says
//! which CA is active.
//!
//! Start reading at `path.rs`: the way of a request, step by step.
#![forbid(unsafe_code)]

pub mod health;
pub mod pool;
pub mod route;
