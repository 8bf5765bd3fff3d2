//! The command line's way to the deployment: the front end, with the operator's certificate.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use wire::client::{Client, Timeouts};
use wire::tls::{ClientTls, Identity, TrustBundle};

use crate::config::{Config, FrontEndAddress};

/// Longer than the front end holds a CA request, so that its 503 arrives here as an answer.
const ANSWER: Duration = Duration::from_secs(90);

/// How long a front end may take to be found there, when there is another one.
const LOOK: Duration = Duration::from_secs(1);

/// A client of the first front end that answers; it acts as the operator.
pub fn client(config: &Config) -> anyhow::Result<Client> {
    let front_ends = config.front_ends();
    let reached = front_ends.iter().find(|one| front_ends.len() == 1 || answers(&one.listen));
    client_at(config, reached.unwrap_or(&front_ends[0]))
}

/// The same of the front end that the configuration calls `name`.
pub fn client_of(config: &Config, name: &str) -> anyhow::Result<Client> {
    let front_end = config
        .front_end_named(name)
        .with_context(|| format!("{} has no front end named '{name}'", config.path.display()))?;
    client_at(config, &front_end)
}

/// Whether somebody listens there: of several front ends, one that is down must not cost a long wait.
fn answers(address: &str) -> bool {
    let Ok(addresses) = address.to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, LOOK).is_ok())
}

fn client_at(config: &Config, front_end: &FrontEndAddress) -> anyhow::Result<Client> {
    let certname = &config.main.operator_certname;
    let identity = identity(config, certname)?;
    let trust = trust(config)?;
    let tls = ClientTls::new(Some(&identity), trust)?;
    let timeouts = Timeouts { connect: Duration::from_secs(5), answer: ANSWER };
    let base = format!("https://{}", front_end.listen);
    Ok(Client::new(&base, tls, timeouts)?.expecting(&front_end.certname))
}

/// The certificate and key of `certname` below `ssldir`.
pub fn identity(config: &Config, certname: &str) -> anyhow::Result<Identity> {
    let certificate = read(&config.certificate_path(certname))?;
    let key = read(&config.key_path(certname))?;
    Identity::from_pem(&certificate, &key).with_context(|| format!("certificate of {certname}"))
}

/// The CA bundle of `ssldir`, with the revocations of its last known CRL.
pub fn trust(config: &Config) -> anyhow::Result<TrustBundle> {
    let trust = TrustBundle::from_pem(&read(&config.ca_bundle_path())?)?;
    let crl = config.crl_path();
    if crl.exists() {
        trust.load(&read(&crl)?).with_context(|| crl.display().to_string())?;
    }
    Ok(trust)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("could not read {}", path.display()))
}
