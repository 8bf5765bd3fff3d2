//! Large CA directories, as Puppet Server leaves them: every certificate is a real one that verifies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use pki::issue::{self, Authority, BACKDATED_SECONDS, LeafLayout, LeafProfile};
use pki::{AltName, Certname, KeyKind, PrivateKey, Serial, Signer as _};
use serde::Serialize;

use super::args::MakeDirectoryArgs;
use super::directory_files::{self as files, Everything, Row};

/// Puppet's `ca_ttl`: five years of 365 days.
const TTL: i64 = 5 * 365 * 24 * 60 * 60;

/// Nodes take their keys in turn from so many; a CA does not compare them.
const KEYS: usize = 32;

#[derive(Debug, Serialize)]
pub struct Made {
    pub signed: u32,
    pub revoked: u32,
    pub seconds: f64,
}

impl crate::Report for Made {
    fn failed(&self) -> u64 {
        0
    }

    fn text(&self) -> String {
        format!("{} certificates, {} revoked, in {:.1} s\n", self.signed, self.revoked, self.seconds)
    }
}

/// Serials: 1 is the CA, then what was cleaned, then the nodes, then the server and the operator.
struct Plan<'a> {
    args: &'a MakeDirectoryArgs,
    now: i64,
}

impl Plan<'_> {
    fn first_node(&self) -> u64 {
        2 + u64::from(self.args.cleaned)
    }

    fn first_identity(&self) -> u64 {
        self.first_node() + u64::from(self.args.signed)
    }

    /// The revoked nodes are the first ones.
    fn revoked_serials(&self) -> std::ops::Range<u64> {
        2..self.first_node() + u64::from(self.args.revoked)
    }
}

/// Makes `DIR/ca`, `DIR/identity` and `DIR/names`. `DIR/identity/node-keys.pem` has the keys of the nodes: number N has
/// block N modulo their number. `DIR/crl_after.pem` is the revocation list with the first node on it that is not yet.
pub fn run(args: &MakeDirectoryArgs) -> anyhow::Result<Made> {
    anyhow::ensure!(args.revoked <= args.signed, "more revoked than signed");
    anyhow::ensure!(!args.dir.exists(), "{} exists", args.dir.display());
    let began = std::time::Instant::now();
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs())?;
    let plan = Plan { args, now };
    let (dir, cadir) = (&args.dir, args.dir.join("ca"));
    files::make_folders(dir)?;

    let ca_name = "Puppet CA: bench.example.com";
    let key = Arc::new(PrivateKey::generate(args.key.kind())?);
    let (from, to) = (now - BACKDATED_SECONDS, now + 3 * TTL);
    let certificate = issue::self_signed_ca(ca_name, &*key, Serial::from_u64(1), from, to)?;
    let authority = Authority { certificate, signer: key.clone() };

    let keys = (0..KEYS).map(|_| PrivateKey::generate(KeyKind::EcP256)).collect::<Result<Vec<_>, _>>()?;
    write_nodes(&plan, &authority, &keys, &cadir)?;
    let pems: String = keys.iter().map(PrivateKey::to_pem).collect();
    files::write_private(&dir.join("identity/node-keys.pem"), pems.as_bytes())?;
    let identities = write_identities(&plan, &authority)?;
    let revoked_until = |end: u64| -> Vec<(Serial, i64)> {
        (plan.revoked_serials().start..end).map(|serial| (Serial::from_u64(serial), now - 60)).collect()
    };
    let end = plan.revoked_serials().end;
    let list = pki::crl::issue(&authority, &pki::crl::CrlDraft::at(now, 1, &revoked_until(end)))?;
    if end < plan.first_identity() {
        let after = pki::crl::issue(&authority, &pki::crl::CrlDraft::at(now, 2, &revoked_until(end + 1)))?;
        files::write(&dir.join("crl_after.pem"), after.to_pem().as_bytes())?;
    }

    let validity = (now - BACKDATED_SECONDS, now + TTL);
    let cleaned = (0..args.cleaned).map(|n| (2 + u64::from(n), format!("gone-{n:07}.example.com")));
    let nodes = (0..args.signed).map(|n| (plan.first_node() + u64::from(n), node(n)));
    let own = identities.iter().map(|(serial, name)| (*serial, name.clone()));
    let rows = std::iter::once(Row { serial: 1, name: ca_name.to_owned(), validity: (from, to) })
        .chain(cleaned.chain(nodes).chain(own).map(|(serial, name)| Row { serial, name, validity }));
    let next = plan.first_identity() + identities.len() as u64;
    let everything =
        Everything { authority: &authority, key: &key, list: &list, next: Serial::from_u64(next) };
    files::write_authority(&cadir, &everything, rows)?;

    let names: Vec<String> = (args.revoked..args.signed).map(node).collect();
    std::fs::write(dir.join("names"), names.join("\n") + "\n").context("names")?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Made { signed: args.signed, revoked: args.revoked + args.cleaned, seconds })
}

fn node(number: u32) -> String {
    format!("node-{number:07}.example.com")
}

/// Signs and writes the nodes' certificates, on all processors.
fn write_nodes(
    plan: &Plan<'_>,
    authority: &Authority,
    keys: &[PrivateKey],
    cadir: &Path,
) -> anyhow::Result<()> {
    let threads = u32::try_from(std::thread::available_parallelism()?.get())?;
    let (count, made) = (plan.args.signed, AtomicUsize::new(0));
    let one = |number: u32| -> anyhow::Result<()> {
        let serial = Serial::from_u64(plan.first_node() + u64::from(number));
        let certname = Certname::parse(&node(number))?;
        let spki = keys[number as usize % keys.len()].spki_der().to_vec();
        let mut profile = LeafProfile::own(certname, spki, serial, plan.now, TTL);
        profile.layout = LeafLayout::Request;
        let pem = issue::sign_leaf(authority, &profile)?.to_pem();
        files::write(&files::signed(cadir, &node(number)), pem.as_bytes())?;
        let made = made.fetch_add(1, Ordering::Relaxed) + 1;
        if made.is_multiple_of(20_000) {
            eprintln!("{made} of {count} certificates");
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|n| {
                let one = &one;
                scope.spawn(move || (n..count).step_by(threads as usize).try_for_each(one))
            })
            .collect();
        for thread in running {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked while signing"))??;
        }
        Ok(())
    })
}

/// A server (whatever serves on localhost or as `puppet`), and an operator of the CA. Returns their serials and names.
fn write_identities(plan: &Plan<'_>, authority: &Authority) -> anyhow::Result<Vec<(u64, String)>> {
    let wanted =
        [("server.example.com", &["puppet", "localhost"][..], false), ("operator.example.com", &[], true)];
    let mut written = Vec::new();
    for (serial, (name, alt_names, cli_auth)) in (plan.first_identity()..).zip(wanted) {
        let key = PrivateKey::generate(KeyKind::EcP256)?;
        let spki = key.spki_der().to_vec();
        let alt_names = alt_names.iter().map(|name| AltName::Dns((*name).to_owned()));
        let mut profile =
            LeafProfile::own(Certname::parse(name)?, spki, Serial::from_u64(serial), plan.now, TTL)
                .with_alt_names(alt_names);
        profile.cli_auth = cli_auth;
        let certificate = issue::sign_leaf(authority, &profile)?;
        let dir = &plan.args.dir;
        files::write_identity(dir, name, &certificate, &key)?;
        written.push((serial, name.to_owned()));
    }
    Ok(written)
}
