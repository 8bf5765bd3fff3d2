//! One catalog worker: who asks, what for, and which endpoint answers.

use std::io;
use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;
use wire::identity::{Requester, requester};
use wire::{Handler, Peer, Request, Response, reply};

use crate::environment_cache::EnvironmentCache;
use crate::facts_store::FactsStore;
use crate::fault::Fault;
use crate::parameters::Parameters;
use crate::settings::ServerSettings;
use crate::{api, authorization, path};

/// The Puppet release whose API and language this worker speaks; agents compare it with theirs.
pub const PUPPET_VERSION: &str = "7.23.0";

/// Serves the v3 API.
pub struct CatalogWorker {
    pub(crate) settings: ServerSettings,
    pub(crate) environments: EnvironmentCache,
    pub(crate) facts: FactsStore,
    /// As many compilations at once as there are cores: more only makes each of them slower.
    pub(crate) compilations: Semaphore,
}

/// One request that may be answered: its client is known and allowed.
pub(crate) struct Call {
    /// What follows the endpoint's name in the path.
    pub key: Vec<String>,
    pub query: Parameters,
    pub requester: Requester,
    pub request: Request,
}

impl CatalogWorker {
    /// A worker; fails when its directories can't be made.
    pub fn start(settings: ServerSettings) -> io::Result<Arc<CatalogWorker>> {
        std::fs::create_dir_all(&settings.reportdir)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Arc::new(CatalogWorker {
            environments: EnvironmentCache::new(&settings),
            facts: FactsStore::open(&settings.factsdir)?,
            compilations: Semaphore::new(cores),
            settings,
        }))
    }

    async fn answer(self: &Arc<Self>, request: Request, peer: &Peer) -> Result<Response, Fault> {
        let path = request.uri().path().to_string();
        if let Some(answer) = api::status::answer(&request, &path) {
            return Ok(answer);
        }
        let segments = path::segments(&path)?;
        let (model, key) = match segments.as_slice() {
            [puppet, v3, model, key @ ..] if puppet == "puppet" && v3 == "v3" => {
                (model.clone(), key.to_vec())
            }
            _ => return Err(Fault::UnknownEndpoint { path }),
        };
        let method = request.method().clone();
        let forbidden = || Fault::Forbidden { path: path.clone(), method: method.as_str().to_lowercase() };
        let requester = requester(peer, request.headers(), &self.settings.front_ends)
            .map_err(|e| Fault::BadRequestBody { detail: e.to_string() })?;
        if !authorization::allows(&requester, &method, &model, &key.join("/")) {
            return Err(forbidden());
        }
        let query = Parameters::parse(request.uri().query().unwrap_or(""));
        let call = Call { key, query, requester, request };
        match (model.as_str(), method.as_str()) {
            ("catalog", "GET" | "POST") => api::catalog::answer(self, call).await,
            ("node", "GET") => api::node::answer(call),
            ("facts", "PUT") => api::facts::answer(self, call).await,
            ("report", "PUT") => api::report::answer(self, call).await,
            ("file_metadata", "GET") => api::file_metadata::find(self, call).await,
            ("file_metadatas", "GET") => api::file_metadata::search(self, call).await,
            ("file_content", "GET") => api::file_content::answer(self, call).await,
            ("environments", "GET") => api::environments::answer(self),
            _ => Err(Fault::UnknownEndpoint { path }),
        }
    }
}

impl Handler for CatalogWorker {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        let outside_puppet = !request.uri().path().starts_with("/puppet/");
        let mut response = match self.answer(request, &peer).await {
            Ok(response) => response,
            Err(fault) => {
                if let Fault::Internal { detail } = &fault {
                    tracing::error!("{detail}");
                }
                fault.answer()
            }
        };
        if !outside_puppet {
            response.headers_mut().insert("x-puppet-version", HeaderValue::from_static(PUPPET_VERSION));
        }
        response
    }
}

/// Reads a request's body, at most as long as the settings allow.
pub(crate) async fn body_of(worker: &CatalogWorker, request: Request) -> Result<bytes::Bytes, Fault> {
    let limit = worker.settings.max_body;
    wire::body::collect(request.into_body(), limit).await.map_err(|fault| match fault {
        wire::body::BodyFault::TooLarge { limit } => Fault::BodyTooLarge { limit },
        other => Fault::BadRequestBody { detail: other.to_string() },
    })
}

/// Runs file work outside the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Fault::Internal { detail: format!("a worker thread failed: {e}") }))
}

/// An answer in the format that the client asked for.
pub(crate) fn formatted(format: crate::accept::Format, bytes: Vec<u8>) -> Response {
    reply::with_type(http::StatusCode::OK, format.content_type(), bytes)
}
