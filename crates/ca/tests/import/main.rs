//! CA directories that others wrote, taken over on the first start: each form is made here, by the tools that write it
//! or by hand; Bunraku starts on it, knows what is in it, and goes on with it. What is refused is not touched.

mod foreigners;
mod forms;
mod objects;
mod refused;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
