//! The deployment under load, and how an agent gets to trust it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use wire::client::{Answer, Client, Timeouts};
use wire::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use wire::http::{HeaderMap, HeaderValue, Method};
use wire::protocol::{TEXT_PLAIN, certificate, certificate_request};
use wire::tls::{ClientTls, Identity, TrustBundle};

/// Longer than a front end holds a CA request (30 s): a held request that is answered is no failure.
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(10), answer: Duration::from_secs(45) };

/// Whether an address can only mean this machine: loopback, or the network for benchmarks (198.18.0.0/15, RFC 2544) that
/// nobody routes, which `bench/run failover` gives to hosts that are network namespaces.
fn is_here(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || matches!(v4.octets(), [198, 18 | 19, ..]),
        IpAddr::V6(v6) => v6.is_loopback(),
    }
}

/// A front end on a loopback address, with its CA.
#[derive(Debug, Clone)]
pub struct Target {
    base: String,
    name: String,
    trust: TrustBundle,
    tls: ClientTls,
}

impl Target {
    /// Fetches the CA certificate as an agent does that has none, and trusts it from there on. Refuses an address that
    /// is not a loopback address: this is no tool to put load on other people's servers.
    pub async fn reach(server: &str, name: &str) -> anyhow::Result<Target> {
        let address: SocketAddr = server.parse().with_context(|| format!("{server} is not IP:PORT"))?;
        if !is_here(address.ip()) {
            bail!(
                "{server} is not a loopback address; only a deployment on this machine can be put under load"
            );
        }
        let base = format!("https://{address}");
        let first = Client::new(&base, ClientTls::insecure()?, TIMEOUTS)?.expecting(name);
        let answer = first.get(&certificate::path(certificate::CA), TEXT_PLAIN).await?;
        if answer.status != 200 {
            bail!("{server} gives no CA certificate: {} {}", answer.status, answer.text());
        }
        let trust = TrustBundle::from_pem(&answer.body)?;
        let tls = ClientTls::new(None, trust.clone())?;
        Ok(Target { base, name: name.to_owned(), trust, tls })
    }

    /// An agent without a certificate. Its connection is opened with its first request, and kept.
    pub fn stranger(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.base, self.tls.clone(), TIMEOUTS)?.expecting(&self.name))
    }

    /// An agent with a certificate.
    pub fn node(&self, identity: &Identity) -> anyhow::Result<Client> {
        let tls = ClientTls::new(Some(identity), self.trust.clone())?;
        Ok(Client::new(&self.base, tls, TIMEOUTS)?.expecting(&self.name))
    }
}

/// What an agent says of itself with each request.
pub fn agent_headers(accept: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static(accept)),
        (USER_AGENT, HeaderValue::from_static("agentload (Bunraku)")),
    ])
}

/// Hands in a signing request. `Err` is the failure in words, as the figures count it.
pub async fn put_request(client: &Client, certname: &str, pem: String) -> Result<(), String> {
    let mut headers = agent_headers(TEXT_PLAIN);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_PLAIN));
    let path = certificate_request::path(certname);
    let answer = client.request(Method::PUT, &path, headers, pem).await;
    expect_200("PUT certificate_request", certname, answer).map(drop)
}

/// Fetches a certificate (or, by the name `ca`, the CA's).
pub async fn get_certificate(client: &Client, certname: &str) -> Result<Answer, String> {
    let answer = client.get(&certificate::path(certname), TEXT_PLAIN).await;
    expect_200("GET certificate", certname, answer)
}

/// Turns everything but a 200 into words that are the same for all agents, so that they can be counted by kind.
pub fn expect_200(
    what: &str,
    certname: &str,
    answer: Result<Answer, wire::client::ClientFault>,
) -> Result<Answer, String> {
    match answer {
        Ok(answer) if answer.status == 200 => Ok(answer),
        Ok(answer) => {
            let text = answer.text().replace(certname, "NAME");
            let said: String = text.lines().next().unwrap_or_default().chars().take(160).collect();
            Err(format!("{what}: {} {said}", answer.status.as_u16()))
        }
        Err(fault) => Err(format!("{what}: {fault}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_addresses_are_put_under_load() {
        for server in ["192.0.2.1:8140", "[2001:db8::1]:8140", "0.0.0.0:8140"] {
            let refused = Target::reach(server, "localhost").await.unwrap_err().to_string();
            assert!(refused.contains("not a loopback address"), "{refused}");
        }
        for server in ["localhost:8140", "example.com:8140", "127.0.0.1"] {
            let refused = Target::reach(server, "localhost").await.unwrap_err().to_string();
            assert!(refused.contains("is not IP:PORT"), "{refused}");
        }
    }

    #[test]
    fn failures_of_different_nodes_are_of_one_kind() {
        let answer = |certname: &str| Answer {
            status: wire::http::StatusCode::NOT_FOUND,
            headers: HeaderMap::new(),
            body: format!("Could not find certificate {certname}\nmore").into(),
        };
        let said = |certname| expect_200("GET certificate", certname, Ok(answer(certname))).unwrap_err();
        assert_eq!(said("a.example"), "GET certificate: 404 Could not find certificate NAME");
        assert_eq!(said("a.example"), said("b.example"));
    }
}
