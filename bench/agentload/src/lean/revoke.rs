//! Revocations, one after the other or many at once.

use anyhow::Context;

use super::args::CaRevokeArgs;
use super::crowd::{self, Crowd, Worked, expect};
use super::line::Door;

/// Revokes the next names of the file. Needs the operator's certificate.
pub fn run(door: &Door, args: &CaRevokeArgs) -> anyhow::Result<Worked> {
    let file = &args.names;
    let names = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let requests: Vec<Vec<u8>> = names
        .lines()
        .skip(args.skip)
        .take(args.count)
        .map(|name| {
            let path = format!("/puppet-ca/v1/certificate_status/{name}");
            let content = Some(("application/json", r#"{"desired_state":"revoked"}"#));
            door.request("PUT", &path, "application/json", content)
        })
        .collect();
    anyhow::ensure!(requests.len() == args.count, "{} has too few names", file.display());
    let crowd = Crowd {
        connections: args.connections as usize,
        limit: None,
        count: requests.len(),
        pid: args.door.pid,
    };
    crowd::run(door, crowd, |line, number| {
        expect(line, "PUT certificate_status", &requests[number], 204).map(drop)
    })
}
