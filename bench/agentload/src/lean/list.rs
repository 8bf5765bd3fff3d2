//! The list of all certificates.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::args::CaListArgs;
use super::crowd::{self, Crowd, Worked, expect};
use super::line::Door;

/// Fetches of the list; their latency is from the request to the last octet.
#[derive(Debug, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    worked: Worked,
    /// Octets of the last list.
    bytes: u64,
}

impl crate::Report for Listed {
    fn failed(&self) -> u64 {
        self.worked.failed()
    }

    fn text(&self) -> String {
        format!("{}{} bytes\n", self.worked.text(), self.bytes)
    }
}

/// Fetches the list one time after the other. Needs the operator's certificate.
pub fn run(door: &Door, args: &CaListArgs) -> anyhow::Result<Listed> {
    let request = door.request("GET", "/puppet-ca/v1/certificate_statuses/all", "application/json", None);
    let bytes = AtomicU64::new(0);
    let crowd = Crowd { connections: 1, limit: None, count: args.count as usize, pid: args.door.pid };
    let worked = crowd::run(door, crowd, |line, _| {
        let answer = expect(line, "GET certificate_statuses", &request, 200)?;
        bytes.store(answer.body, Ordering::Relaxed);
        Ok(())
    })?;
    Ok(Listed { worked, bytes: bytes.into_inner() })
}
