//! A kept connection with TLS, read and written by the thread that owns it.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::args::DoorArgs;
use super::message::MessageReader;

/// Where connections are opened, and as whom.
pub struct Door {
    address: SocketAddr,
    name: ServerName<'static>,
    host: String,
    tls: Arc<ClientConfig>,
    patience: Duration,
}

impl Door {
    /// A CA's port on a loopback address. Others are refused: this is no tool to put load on other people's servers.
    pub fn new(server: &str, name: &str, args: &DoorArgs) -> anyhow::Result<Door> {
        let address: SocketAddr = server.parse().with_context(|| format!("{server} is not IP:PORT"))?;
        if !address.ip().is_loopback() {
            bail!("{server} is not a loopback address; only a CA on this machine can be put under load");
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&args.cacert)? {
            roots.add(certificate).with_context(|| args.cacert.display().to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut tls = match (&args.cert, &args.key) {
            (Some(cert), Some(key)) => {
                builder.with_client_auth_cert(certificates(cert)?, private_key(key)?)?
            }
            _ => builder.with_no_client_auth(),
        };
        tls.resumption = Resumption::disabled();
        let patience = Duration::from_secs(args.patience);
        let server_name = ServerName::try_from(name.to_owned())?;
        Ok(Door { address, name: server_name, host: name.to_owned(), tls: Arc::new(tls), patience })
    }

    /// A request's octets.
    pub fn request(&self, method: &str, path: &str, accept: &str, content: Option<(&str, &str)>) -> Vec<u8> {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}:{}\r\nAccept: {accept}\r\n",
            self.host,
            self.address.port()
        );
        if let Some((kind, body)) = content {
            text += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        } else {
            text += "\r\n";
        }
        text.into_bytes()
    }

    /// Opens a connection, with the handshake done.
    pub fn open(&self) -> io::Result<Line> {
        let tcp = TcpStream::connect_timeout(&self.address, Duration::from_secs(10))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(self.patience))?;
        tcp.set_write_timeout(Some(self.patience))?;
        let tls = ClientConnection::new(self.tls.clone(), self.name.clone()).map_err(io::Error::other)?;
        let mut line = Line { tcp, tls };
        while line.tls.is_handshaking() {
            line.tls.complete_io(&mut line.tcp)?;
        }
        Ok(line)
    }
}

/// An answer, of which the body was only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Octets of the body.
    pub body: u64,
    /// The connection is of no more use.
    pub closes: bool,
}

/// An open connection.
pub struct Line {
    tcp: TcpStream,
    tls: ClientConnection,
}

impl Line {
    /// Sends a request and reads its answer to the end.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.tls.writer().write_all(request)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        let mut reader = MessageReader::default();
        loop {
            if self.tls.read_tls(&mut self.tcp)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.tls.process_new_packets().map_err(io::Error::other)?;
            loop {
                let mut plain = self.tls.reader();
                let taken = match plain.fill_buf() {
                    Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(piece) => {
                        if reader.feed(piece).map_err(io::Error::other)? {
                            let taken = piece.len();
                            plain.consume(taken);
                            return Ok(Answer {
                                status: reader.status(),
                                body: reader.body(),
                                closes: reader.closes(),
                            });
                        }
                        piece.len()
                    }
                    Err(none) if none.kind() == io::ErrorKind::WouldBlock => break,
                    Err(fault) => return Err(fault),
                };
                plain.consume(taken);
            }
        }
    }
}

/// What is in a file.
pub fn blocks(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

/// The certificates of a PEM file.
pub fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let blocks = pki::pem::parse_all(&blocks(path)?).with_context(|| path.display().to_string())?;
    Ok(blocks.into_iter().map(|block| CertificateDer::from(block.der)).collect())
}

/// The private key of a PEM file.
pub fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let key = pki::PrivateKey::from_pem(&blocks(path)?).with_context(|| format!("key {}", path.display()))?;
    Ok(PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der())))
}
