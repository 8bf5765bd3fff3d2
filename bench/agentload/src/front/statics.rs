//! A server of fixed answers, to stand behind a front end: what it costs is the same whatever stands before it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::args::StaticArgs;
use super::line::buffer;
use crate::lean::line::{certificates, private_key};
use crate::lean::message::MessageReader;

/// Octets of a small answer.
const SMALL: usize = 1024;
/// Octets of a catalog.
const CATALOG: usize = 60_000;

/// The answers, made once.
struct Answers {
    small: Vec<u8>,
    catalog: Vec<u8>,
    stored: Vec<u8>,
    running: Vec<u8>,
    delay: Duration,
}

impl Answers {
    fn new(delay: Duration) -> Answers {
        let json = |length: usize| answer("application/json", &vec![b'x'; length]);
        Answers {
            small: json(SMALL),
            catalog: json(CATALOG),
            stored: answer("application/json", b"[]"),
            running: answer("text/plain", b"running"),
            delay,
        }
    }

    fn to(&self, head: &[u8]) -> std::borrow::Cow<'_, [u8]> {
        let target = head.split(|octet| *octet == b' ').nth(1).unwrap_or_default();
        if target.starts_with(b"/status/") {
            (&self.running).into()
        } else if target.ends_with(b"/echo") {
            // What arrived here, for whoever wants to see what the front end made of it.
            answer("text/plain", head).into()
        } else if target.starts_with(b"/puppet/v3/catalog/") {
            (&self.catalog).into()
        } else if head.starts_with(b"PUT ") {
            (&self.stored).into()
        } else {
            (&self.small).into()
        }
    }
}

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Serves until it is killed.
pub async fn run(args: &StaticArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.listen.ip().is_loopback(), "{} is not a loopback address", args.listen);
    let tls = tls(args)?;
    let answers = Rc::new(Answers::new(Duration::from_millis(args.delay)));
    let listener = listen(args.listen).with_context(|| args.listen.to_string())?;
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (answers, tls) = (Rc::clone(&answers), tls.clone());
        tokio::task::spawn_local(serve_one(stream, tls, answers));
    }
}

/// Also while the connections of one that was killed linger.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

fn tls(args: &StaticArgs) -> anyhow::Result<Option<TlsAcceptor>> {
    let (Some(cert), Some(key), Some(ca)) = (&args.cert, &args.key, &args.cacert) else { return Ok(None) };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).with_context(|| ca.display().to_string())?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(certificates(cert)?, private_key(key)?)?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// A connection that ends in whatever way is the other side's affair.
async fn serve_one(stream: TcpStream, tls: Option<TlsAcceptor>, answers: Rc<Answers>) {
    let _ = match tls {
        None => converse(stream, &answers).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => converse(stream, &answers).await,
            Err(_) => return,
        },
    };
}

async fn converse<S>(mut stream: S, answers: &Answers) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = buffer();
    loop {
        let mut reader = MessageReader::request();
        loop {
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            if reader.feed(&buffer[..length]).map_err(std::io::Error::other)? {
                break;
            }
        }
        let answer = answers.to(reader.head());
        if !answers.delay.is_zero() && !answer.ends_with(b"running") {
            tokio::time::sleep(answers.delay).await;
        }
        stream.write_all(&answer).await?;
        stream.flush().await?;
        if reader.closes() {
            return stream.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_its_answer() {
        let answers = Answers::new(Duration::ZERO);
        let length = |head: &str| answers.to(head.as_bytes()).len();
        assert!(length("POST /puppet/v3/catalog/x?environment=production HTTP/1.1\r\n\r\n") > CATALOG);
        assert!((SMALL..SMALL + 200).contains(&length("GET /puppet/v3/node/x HTTP/1.1\r\n\r\n")));
        assert!(answers.to(b"PUT /puppet/v3/report/x HTTP/1.1\r\n\r\n").ends_with(b"[]"));
        assert!(answers.to(b"GET /status/v1/simple HTTP/1.1\r\n\r\n").ends_with(b"running"));
        assert!(answers.to(b"GET /x/echo HTTP/1.1\r\nA: b\r\n\r\n").ends_with(b"A: b\r\n\r\n"));
    }
}
