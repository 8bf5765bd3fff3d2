//! New agents on kept connections: PUT a request, and when asked for, GET the certificate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pki::{KeyKind, PrivateKey, Request, RequestContent};

use super::args::CaEnrolArgs;
use super::crowd::{self, Crowd, Worked, expect};
use super::line::Door;

/// Agents take their keys in turn from so many: a CA does not compare keys of different names.
const KEYS: usize = 16;

struct Agent {
    put: Vec<u8>,
    get: Vec<u8>,
}

/// Enrols agents as `args` say. A request of the figures is an enrolment.
pub fn run(door: &Door, args: &CaEnrolArgs) -> anyhow::Result<Worked> {
    let agents = prepare(door, args.count as usize, args.fetch)?;
    let crowd = Crowd {
        connections: args.connections as usize,
        limit: Some(Duration::from_secs(args.seconds)),
        count: agents.len(),
        pid: args.door.pid,
    };
    crowd::run(door, crowd, |line, number| {
        let agent = &agents[number];
        expect(line, "PUT certificate_request", &agent.put, 200)?;
        if args.fetch {
            expect(line, "GET certificate", &agent.get, 200)?;
        }
        Ok(())
    })
}

/// Makes the requests, on all processors.
fn prepare(door: &Door, count: usize, fetch: bool) -> anyhow::Result<Vec<Agent>> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let keys: Vec<PrivateKey> =
        (0..KEYS).map(|_| PrivateKey::generate(KeyKind::EcP256)).collect::<Result<_, _>>()?;
    let threads = std::thread::available_parallelism()?.get();
    let made = AtomicUsize::new(0);
    let agent = |number: usize| -> anyhow::Result<Agent> {
        // Two runs against one CA never use a name twice.
        let certname = format!("load-{started:x}-{number}.example.com");
        let pem = Request::build(&certname, &keys[number % KEYS], &RequestContent::default())?.to_pem();
        let path = format!("/puppet-ca/v1/certificate_request/{certname}");
        let put = door.request("PUT", &path, "text/plain", Some(("text/plain", &pem)));
        let get = match fetch {
            true => door.request("GET", &format!("/puppet-ca/v1/certificate/{certname}"), "text/plain", None),
            false => Vec::new(),
        };
        let made = made.fetch_add(1, Ordering::Relaxed) + 1;
        if made.is_multiple_of(50_000) {
            eprintln!("{made} of {count} requests made");
        }
        Ok(Agent { put, get })
    };
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|n| {
                let agent = &agent;
                scope
                    .spawn(move || (n..count).step_by(threads).map(agent).collect::<anyhow::Result<Vec<_>>>())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Result<Vec<_>, _>>()
    });
    let parts = parts.map_err(|_| anyhow::anyhow!("a thread panicked while making requests"))?;
    let mut agents = Vec::with_capacity(count);
    for part in parts {
        agents.extend(part?);
    }
    Ok(agents)
}
