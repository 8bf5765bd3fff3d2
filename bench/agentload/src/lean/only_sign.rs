//! A server that makes certificates and keeps none: TLS, the check of the request, the signature, an answer. No CA can be
//! faster on these processors with this library; what one loses beside it is what keeping costs.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use pki::issue::{self, Authority, SigningPolicy};
use pki::{Certificate, Certname, PrivateKey, Request, Serial};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::args::OnlySignArgs;
use super::line::{blocks, certificates, private_key};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n";
/// Longest request that is read.
const LONGEST: usize = 64 * 1024;
/// Puppet's `ca_ttl`.
const TTL: i64 = 5 * 365 * 24 * 60 * 60;

/// Serves until it is killed: a thread for each connection.
pub fn run(args: &OnlySignArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.listen.ip().is_loopback(), "{} is not a loopback address", args.listen);
    let file = |name: &str| args.directory.join(name);
    let certificate = Certificate::from_pem(&blocks(&file("ca/ca_crt.pem"))?).context("ca_crt.pem")?;
    let key = PrivateKey::from_pem(&blocks(&file("ca/ca_key.pem"))?).context("ca_key.pem")?;
    let signer = Arc::new(Signing {
        authority: Authority { certificate, signer: Arc::new(key) },
        policy: SigningPolicy::default(),
        next: AtomicU64::new(1),
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(
            certificates(&file("identity/server.cert.pem"))?,
            private_key(&file("identity/server.key.pem"))?,
        )?;
    let config = Arc::new(config);
    let listener = TcpListener::bind(args.listen).with_context(|| args.listen.to_string())?;
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let (config, signer) = (Arc::clone(&config), Arc::clone(&signer));
        std::thread::spawn(move || {
            // A connection that ends in whatever way is the other side's affair.
            if let Err(fault) = serve(stream, config, &signer) {
                eprintln!("{fault:#}");
            }
        });
    }
    Ok(())
}

struct Signing {
    authority: Authority,
    policy: SigningPolicy,
    next: AtomicU64,
}

impl Signing {
    /// What a CA does with a request before it keeps anything.
    fn sign(&self, pem: &[u8]) -> anyhow::Result<Certificate> {
        let request = Request::from_pem(pem)?;
        request.verify_signature()?;
        let certname = Certname::parse(request.subject_cn().unwrap_or_default())?;
        let serial = Serial::from_u64(self.next.fetch_add(1, Ordering::Relaxed));
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let profile = issue::draft_from_request(&request, &certname, &self.policy, serial, now, TTL)?;
        Ok(issue::sign_leaf(&self.authority, &profile)?)
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, signing: &Signing) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let mut text = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    while text.len() < LONGEST {
        if let Some((head, body)) = message(&text) {
            std::hint::black_box(signing.sign(&text[head..body])?);
            text.drain(..body);
            stream.write_all(ANSWER)?;
            stream.flush()?;
            continue;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => text.extend_from_slice(&piece[..length]),
        }
    }
    anyhow::bail!("a request of more than {LONGEST} octets")
}

/// Where the head of a whole message ends, and where the message does; none of one that is not whole yet.
fn message(text: &[u8]) -> Option<(usize, usize)> {
    let head = text.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let lines = std::str::from_utf8(&text[..head]).ok()?;
    let length = lines.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    let end = head + length.unwrap_or(0);
    (text.len() >= end).then_some((head, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_or_not() {
        let text = b"PUT /x HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\nabcd";
        assert_eq!(message(text), Some((47, 50)));
        assert_eq!(message(&text[..49]), None);
        assert_eq!(message(b"GET / HTTP/1.1\r\n\r\n"), Some((18, 18)));
        assert_eq!(message(b"GET / HTTP/1.1\r\n"), None);
    }
}
