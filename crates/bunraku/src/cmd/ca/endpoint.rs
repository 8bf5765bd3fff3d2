//! Where a CA verb goes: the front end, the CA that owns a directory, or the directory itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use wire::client::{Client, ClientFault, ConnectFault, Timeouts};

use crate::cli::CaTarget;
use crate::config::Config;
use crate::console;
use crate::operator;
use crate::roles::certificate_authority;

/// As logs of Puppet Server name its command line.
const USER_AGENT: HeaderValue = HeaderValue::from_static("PuppetserverCaCli");

/// Requests at a time: the CA makes one revocation list for all that come in together.
const AT_A_TIME: usize = 32;

/// The status of a CA member that is not the active one.
const MISDIRECTED: u16 = 421;

/// An answer of the CA.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text for a terminal: it may quote what a stranger has sent.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.trim_end().lines().map(console::plain).collect::<Vec<_>>().join("\n")
    }
}

/// The CA that a command works on. All three speak the same requests.
pub enum Endpoint {
    /// The front end, or the socket of a live CA.
    Served(Box<Client>),
    /// A directory that no CA owns, under its lock.
    Directory(Box<ca::Offline>),
}

impl Endpoint {
    /// Opens what `target` and the configuration say.
    pub async fn open(config_file: Option<PathBuf>, target: &CaTarget) -> anyhow::Result<Endpoint> {
        match &target.cadir {
            None => Ok(Endpoint::Served(Box::new(operator::client(&crate::cmd::load_for_ca(config_file)?)?))),
            Some(cadir) => Endpoint::of_directory(config_file, cadir).await,
        }
    }

    /// Opens a directory: through the CA that owns it, else under its lock.
    pub async fn of_directory(config_file: Option<PathBuf>, cadir: &Path) -> anyhow::Result<Endpoint> {
        if !cadir.is_dir() {
            bail!("there is no CA directory {}", cadir.display());
        }
        let cadir = &std::path::absolute(cadir)?;
        let socket = ca::socket_path(cadir);
        // A socket file outlives a killed CA: only one that answers tells that the directory is owned.
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Ok(Endpoint::Served(Box::new(Client::local(&socket, Timeouts::default()))));
        }
        let named = config_file.is_some();
        let settings = match crate::cmd::load_for_ca(config_file) {
            Ok(config) => certificate_authority::offline_settings(&config, cadir)?,
            Err(fault) if named => return Err(fault),
            // A directory copied to another machine has no configuration there: the defaults then.
            Err(_) => certificate_authority::offline_settings(&standalone(cadir)?, cadir)?,
        };
        let offline = ca::Offline::open(settings).await.map_err(|fault| match fault {
            // These say themselves which directory it is.
            ca::OpenFault::NoAuthority { .. } | ca::OpenFault::Locked { .. } => anyhow!(fault),
            other => anyhow!(other).context(cadir.display().to_string()),
        })?;
        Ok(Endpoint::Directory(Box::new(offline)))
    }

    /// One request with a JSON body, or none; `verb` is named in the message when there is no answer.
    pub async fn request(
        &self,
        verb: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let body = body.map(|json| ("application/json", json.to_string().into_bytes()));
        self.send(verb, method, path, body).await
    }

    /// Whether it is the socket of one CA member.
    fn is_local(&self) -> bool {
        matches!(self, Endpoint::Served(client) if client.server().starts_with('/'))
    }

    /// Where requests go, for `--verbose`.
    fn place(&self) -> String {
        match self {
            Endpoint::Served(client) if self.is_local() => {
                format!("unix:{} ", client.server())
            }
            Endpoint::Served(client) => format!("https://{}", client.server()),
            Endpoint::Directory(_) => "the CA directory itself: ".to_string(),
        }
    }

    /// One request; the body comes with its content type.
    ///
    /// # Errors
    /// Nobody answers; or a CA member does that decides nothing: whatever else it would be asked, it says the same.
    pub async fn send(
        &self,
        verb: &str,
        method: &str,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> anyhow::Result<Answer> {
        let answer = self.ask(verb, method, path, body).await?;
        if answer.status == MISDIRECTED && self.is_local() {
            bail!(
                "    {}\n    Leave --cadir out, to go through the front end; or run this on the machine of the active CA, \
                 with its directory. 'bunraku status' says which one that is.",
                answer.text()
            );
        }
        Ok(answer)
    }

    /// The same, whatever the answer is.
    pub async fn ask(
        &self,
        verb: &str,
        method: &str,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> anyhow::Result<Answer> {
        let method = Method::from_bytes(method.as_bytes())?;
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("application/json"));
        headers.insert("user-agent", USER_AGENT);
        if let Some((content_type, _)) = &body {
            headers.insert("content-type", HeaderValue::from_static(content_type));
        }
        let bytes = body.map(|(_, bytes)| bytes).unwrap_or_default();
        console::detail(|| format!("Making a {method} request at {}{path}", self.place()));
        match self {
            Endpoint::Served(client) => {
                let changes = method != Method::GET;
                let answer = client.request(method, path, headers, bytes).await;
                let answer = answer.map_err(|fault| unanswered(verb, changes, fault))?;
                Ok(Answer { status: answer.status.as_u16(), body: answer.body.to_vec() })
            }
            Endpoint::Directory(offline) => {
                let mut request = wire::Request::new(wire::body::full(bytes));
                *request.method_mut() = method;
                *request.uri_mut() = path.parse()?;
                *request.headers_mut() = headers;
                let answer = offline.handle(request).await;
                let status = answer.status().as_u16();
                let body = wire::body::collect(answer.into_body(), 1 << 30).await?.to_vec();
                Ok(Answer { status, body })
            }
        }
    }
}

/// What an operator can do about it.
fn unanswered(verb: &str, changes: bool, fault: ClientFault) -> anyhow::Error {
    let advice = match &fault {
        ClientFault::Connect { fault: ConnectFault::Refused, .. } => {
            "Is it running? On the CA's machine --cadir DIR works on the CA's directory, without a front end."
        }
        ClientFault::Lost { .. } | ClientFault::TimedOut { .. } | ClientFault::Body { .. } if changes => {
            "It may have been carried out: 'bunraku ca list' and 'bunraku ca log' show it."
        }
        _ => "'bunraku status' may show why.",
    };
    anyhow!("'{verb}' got no answer: {fault}\n{advice}")
}

/// Asks for each of `names`, many at a time, and hands on the results in the order of the names. One that could not be
/// had does not hide the others: the first such fault is told at the end of its round.
pub async fn for_each<T, F>(
    endpoint: &Arc<Endpoint>,
    names: &[String],
    ask: impl Fn(Arc<Endpoint>, String) -> F,
    mut tell: impl FnMut(&str, T),
) -> anyhow::Result<()>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    for round in names.chunks(AT_A_TIME) {
        let tasks: Vec<_> =
            round.iter().map(|name| tokio::spawn(ask(Arc::clone(endpoint), name.clone()))).collect();
        let mut fault = None;
        for (name, task) in round.iter().zip(tasks) {
            match task.await? {
                Ok(result) => tell(name, result),
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
    Ok(())
}

fn standalone(cadir: &Path) -> anyhow::Result<Config> {
    let path = std::path::absolute(cadir)?.join("bunraku.toml");
    Ok(Config::parse(&path, "version = 1")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gets_no_answer_is_told_what_to_do() {
        let server = || "front:8140".to_string();
        let refused = || ClientFault::Connect { server: server(), fault: ConnectFault::Refused };
        let late = || ClientFault::TimedOut { server: server(), limit: std::time::Duration::from_secs(90) };
        let said = |changes, fault| unanswered("revoke", changes, fault).to_string();
        assert_eq!(
            said(true, refused()),
            "'revoke' got no answer: front:8140: connection refused\nIs it running? On the CA's machine --cadir DIR works \
             on the CA's directory, without a front end."
        );
        assert!(said(true, late()).contains("It may have been carried out"));
        assert!(!said(false, late()).contains("It may have been carried out"));
    }
}
