//! How many signatures the processors can make with the library that the CA uses, when they do nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pki::{PrivateKey, Signer as _};
use serde::Serialize;

use super::args::SignRateArgs;

/// As long as the signed part of a Puppet certificate.
const TBS_OCTETS: usize = 800;

#[derive(Debug, Serialize)]
pub struct Rate {
    pub threads: usize,
    pub signatures: u64,
    pub per_second: f64,
}

impl crate::Report for Rate {
    fn failed(&self) -> u64 {
        0
    }

    fn text(&self) -> String {
        format!("{:.1} signatures/s with {} threads\n", self.per_second, self.threads)
    }
}

/// Signs on all threads for as long as `args` say.
pub fn run(args: &SignRateArgs) -> anyhow::Result<Rate> {
    let threads = match args.threads {
        Some(threads) => threads as usize,
        None => std::thread::available_parallelism()?.get(),
    };
    let key = PrivateKey::generate(args.key.kind())?;
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let counts = std::thread::scope(|scope| {
        let sign = || -> anyhow::Result<u64> {
            let (mut tbs, mut count) = ([0; TBS_OCTETS], 0_u64);
            while !over.load(Ordering::Relaxed) {
                tbs[..8].copy_from_slice(&count.to_le_bytes());
                std::hint::black_box(key.sign(&tbs)?);
                count += 1;
            }
            Ok(count)
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(sign)).collect();
        std::thread::sleep(Duration::from_secs(args.seconds));
        over.store(true, Ordering::Relaxed);
        running.into_iter().map(|thread| thread.join()).collect::<Result<Vec<_>, _>>()
    });
    let seconds = began.elapsed().as_secs_f64();
    let counts = counts.map_err(|_| anyhow::anyhow!("a thread panicked while signing"))?;
    let signatures = counts.into_iter().sum::<anyhow::Result<u64>>()?;
    let per_second = (signatures as f64 / seconds * 10.0).round() / 10.0;
    Ok(Rate { threads, signatures, per_second })
}
