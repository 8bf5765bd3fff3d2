//! Reads on kept connections.

use std::time::Duration;

use anyhow::Context;

use super::args::CaGetArgs;
use super::crowd::{self, Crowd, Worked, expect};
use super::line::Door;

/// Fetches the paths in turn.
pub fn run(door: &Door, args: &CaGetArgs) -> anyhow::Result<Worked> {
    let mut paths = args.paths.clone();
    if let Some(file) = &args.names {
        let names = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        paths.extend(names.lines().map(|name| format!("/puppet-ca/v1/certificate/{name}")));
    }
    anyhow::ensure!(!paths.is_empty(), "there is nothing to fetch");
    let requests: Vec<Vec<u8>> =
        paths.iter().map(|path| door.request("GET", path, "text/plain", None)).collect();
    let crowd = Crowd {
        connections: args.connections as usize,
        limit: Some(Duration::from_secs(args.seconds)),
        count: usize::MAX,
        pid: args.door.pid,
    };
    crowd::run(door, crowd, |line, number| {
        expect(line, "GET", &requests[number % requests.len()], 200).map(drop)
    })
}
