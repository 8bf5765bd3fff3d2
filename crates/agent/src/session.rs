//! The v3 API from the agent's side.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use wire::Bytes;
use wire::client::Answer;

use crate::route::{Http, Outgoing, RouteFault, Service};
use crate::settings::Settings;

/// The Puppet release whose protocol this agent speaks.
pub const PUPPET_VERSION: &str = "7.23.0";

/// Why a request to the server failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    #[error("{0}")]
    Route(#[from] RouteFault),
    /// The server said no; Puppet's form of telling so.
    #[error("Error {status} on SERVER: {text}")]
    Refused { status: u16, text: String },
    #[error("the answer of the server is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

/// Kept-alive, verified connections with the servers of the run.
pub struct Session {
    http: Http,
    certname: String,
    environment: String,
    transaction_uuid: String,
}

impl Session {
    /// A session for one run.
    pub fn new(settings: &Settings, http: Http, transaction_uuid: &str) -> Session {
        Session {
            http,
            certname: settings.certname.clone(),
            environment: settings.environment.clone(),
            transaction_uuid: transaction_uuid.to_string(),
        }
    }

    /// The environment that the server wants this node in.
    pub async fn node_environment(&self) -> Result<String, SessionFault> {
        let path = format!(
            "/puppet/v3/node/{}?environment={e}&configured_environment={e}&transaction_uuid={}",
            self.certname,
            self.transaction_uuid,
            e = self.environment
        );
        let answer = self.get(Service::Puppet, &path, "application/json, text/pson").await?;
        let node: Value = serde_json::from_slice(&answer.body)?;
        Ok(node["environment"].as_str().unwrap_or(&self.environment).to_string())
    }

    /// Works in another environment from now on.
    pub fn move_to(&mut self, environment: String) {
        self.environment = environment;
    }

    /// Sends the facts, receives the catalog.
    pub async fn catalog(&self, facts: &Map<String, Value>) -> Result<Value, SessionFault> {
        let now = jiff::Timestamp::now();
        let document = json!({
            "name": self.certname, "values": facts, "timestamp": now.to_string(),
            "expiration": (now + jiff::SignedDuration::from_mins(30)).to_string(),
        });
        // Doubly encoded: once as a text inside the form's field, once as the form's field.
        let facts = encode(&encode(&document.to_string()));
        let body = format!(
            "facts_format=application%2Fjson&facts={facts}&environment={e}&configured_environment={e}\
             &transaction_uuid={}&static_catalog=false&checksum_type=sha256",
            self.transaction_uuid,
            e = self.environment
        );
        let path = format!("/puppet/v3/catalog/{}?environment={}", self.certname, self.environment);
        let headers = [
            ("accept", "application/vnd.puppet.rich+json, application/json, text/pson"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        // A catalog may be asked for twice: the second server compiles what the first was about to.
        let answer = self.send(Service::Puppet, Method::POST, &path, &headers, body, true).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Metadata of one file of the server (`key` = mount and path); `None` when it has none.
    pub async fn file_metadata(&self, key: &str) -> Result<Option<Value>, SessionFault> {
        let query = "links=manage&checksum_type=sha256&source_permissions=ignore";
        self.metadata(&format!("file_metadata/{}?{query}", path_of(key))).await
    }

    /// Metadata of a directory of the server with all that is in it.
    pub async fn file_metadatas(&self, key: &str) -> Result<Vec<Value>, SessionFault> {
        let query = "recurse=true&links=manage&checksum_type=sha256&source_permissions=ignore";
        match self.metadata(&format!("file_metadatas/{}?{query}", path_of(key))).await? {
            Some(Value::Array(list)) => Ok(list),
            _ => Ok(Vec::new()),
        }
    }

    /// Content of one file of the server.
    pub async fn file_content(&self, key: &str) -> Result<Bytes, SessionFault> {
        let path = format!("/puppet/v3/file_content/{}?environment={}", path_of(key), self.environment);
        Ok(self.get(Service::FileServer, &path, "application/octet-stream").await?.body)
    }

    /// Sends the report of this run.
    pub async fn report(&self, report: &Value) -> Result<(), SessionFault> {
        let path = format!("/puppet/v3/report/{}?environment={}", self.certname, self.environment);
        let headers = [("accept", "application/json, text/pson"), ("content-type", "application/json")];
        // What a server does with a report that it has had already is its processors' affair: never twice.
        self.send(Service::Report, Method::PUT, &path, &headers, report.to_string(), false).await.map(|_| ())
    }

    async fn metadata(&self, key_and_query: &str) -> Result<Option<Value>, SessionFault> {
        let path = format!("/puppet/v3/{key_and_query}&environment={}", self.environment);
        match self.get(Service::FileServer, &path, "application/json, text/pson").await {
            Ok(answer) => Ok(Some(serde_json::from_slice(&answer.body)?)),
            Err(SessionFault::Refused { status: 404, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn get(&self, service: Service, path: &str, accept: &'static str) -> Result<Answer, SessionFault> {
        self.send(service, Method::GET, path, &[("accept", accept)], "", true).await
    }

    async fn send(
        &self,
        service: Service,
        method: Method,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: impl Into<Bytes>,
        repeatable: bool,
    ) -> Result<Answer, SessionFault> {
        let mut map = HeaderMap::new();
        map.insert("x-puppet-version", HeaderValue::from_static(PUPPET_VERSION));
        map.insert("user-agent", HeaderValue::from_static(concat!("Bunraku/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let (path, body) = (path.to_string(), body.into());
        let request = Outgoing { method, path, headers: map, body, repeatable };
        let (answer, _) = self.http.send(service, &request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let text = serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .and_then(|document| document["message"].as_str().map(str::to_string))
            .unwrap_or_else(|| answer.text());
        Err(SessionFault::Refused { status: answer.status.as_u16(), text })
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A key (`modules/m/a file`) as a URL path.
fn path_of(key: &str) -> String {
    key.split('/').map(encode).collect::<Vec<_>>().join("/")
}
