//! What durability costs on a disk: a record appended to a file and flushed, one after the other. No CA that flushes
//! before it answers is faster than this for a client that waits for each answer.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use super::args::SyncRateArgs;
use crate::latency::{Latencies, Summary};

/// About a certificate.
const RECORD: [u8; 1024] = [7; 1024];

#[derive(Debug, Serialize)]
pub struct Syncs {
    pub per_second: f64,
    #[serde(flatten)]
    pub latency: Option<Summary>,
}

impl crate::Report for Syncs {
    fn failed(&self) -> u64 {
        0
    }

    fn text(&self) -> String {
        format!("{:.1} appends with fdatasync/s; {}\n", self.per_second, Summary::text(self.latency.as_ref()))
    }
}

/// Appends to a file in the folder, which is removed at the end.
pub fn run(args: &SyncRateArgs) -> anyhow::Result<Syncs> {
    let path = args.dir.join(format!("sync-rate-{}", std::process::id()));
    let measured = append(&path, Duration::from_secs(args.seconds));
    std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
    measured.with_context(|| path.display().to_string())
}

fn append(path: &std::path::Path, limit: Duration) -> std::io::Result<Syncs> {
    let mut file = std::fs::File::create_new(path)?;
    let (mut latencies, mut count) = (Latencies::new(), 0_u64);
    let began = Instant::now();
    while began.elapsed() < limit {
        let at = Instant::now();
        file.write_all(&RECORD)?;
        file.sync_data()?;
        latencies.record(u64::try_from(at.elapsed().as_micros()).unwrap_or(u64::MAX));
        count += 1;
    }
    let per_second = (count as f64 / began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    Ok(Syncs { per_second, latency: latencies.summary() })
}
