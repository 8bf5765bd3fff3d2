//! One catalog worker: who asks, what for, and which endpoint answers.

use std::io;
use std::sync::Arc;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tokio::sync::Semaphore;
use wire::identity::{Requester, requester};
use wire::{Handler, Peer, Request, Response, reply};

use crate::bucket::Bucket;
use crate::environment_cache::{EnvironmentCache, is_environment_name};
use crate::facts_store::FactsStore;
use crate::fault::Fault;
use crate::parameters::Parameters;
use crate::route::{Endpoint, endpoint};
use crate::settings::ServerSettings;
use crate::{api, authorization, compress, path};

/// The Puppet release whose API and language this worker speaks; agents compare it with theirs.
pub const PUPPET_VERSION: &str = "7.23.0";

/// Serves the v3 API.
pub struct CatalogWorker {
    pub(crate) settings: ServerSettings,
    pub(crate) environments: EnvironmentCache,
    pub(crate) facts: FactsStore,
    pub(crate) bucket: Bucket,
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
        let bucket = Bucket::open(&settings.bucketdir())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Arc::new(CatalogWorker {
            environments: EnvironmentCache::new(&settings),
            facts: FactsStore::open(&settings.factsdir)?,
            bucket,
            compilations: Semaphore::new(cores),
            settings,
        }))
    }

    async fn answer(self: &Arc<Self>, request: Request, peer: &Peer) -> Result<Response, Fault> {
        let path = request.uri().path().to_string();
        if let Some(answer) = api::status::answer(&request, &path) {
            return Ok(answer);
        }
        let method = request.method().clone();
        let unknown = || Fault::UnknownEndpoint { path: path.clone(), method: method.clone() };
        let forbidden = || Fault::Forbidden { path: path.clone(), method: method.as_str().to_lowercase() };
        if path::is_withheld(&path) {
            return Err(forbidden());
        }
        // Puppet Server's web server resolves such paths before it looks for an endpoint; none of its own has any.
        if path::has_plain_dots(&path) {
            return Err(unknown());
        }
        let segments = path::segments(&path)?;
        let (endpoint, key) = endpoint(&method, &segments).ok_or_else(unknown)?;
        let requester = requester(peer, request.headers(), &self.settings.front_ends)
            .map_err(|e| Fault::BadIdentity { detail: e.to_string() })?;
        let rules = Arc::clone(&self.settings.rules.now());
        let query = request.uri().query().unwrap_or_default();
        if !authorization::allows(&rules, &requester, method.as_str(), &path, query) {
            return Err(forbidden());
        }
        let query = Parameters::parse(request.uri().query().unwrap_or(""));
        let call = Call { key, query, requester, request };
        match endpoint {
            Endpoint::Catalog => api::catalog::answer(self, call).await,
            Endpoint::Node => api::node::answer(self, call).await,
            Endpoint::Facts => api::facts::answer(self, call).await,
            Endpoint::Report => api::report::answer(self, call).await,
            Endpoint::FileMetadata => api::file_metadata::find(self, call).await,
            Endpoint::FileMetadatas => api::file_metadata::search(self, call).await,
            Endpoint::FileContent => api::file_content::answer(self, call).await,
            Endpoint::FileBucketFile => api::file_bucket_file::answer(self, call).await,
            Endpoint::Environments => api::environments::answer(self),
            // Rules may let somebody in; there is nothing behind the door.
            Endpoint::Withheld => Err(unknown()),
        }
    }
}

impl Handler for CatalogWorker {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        let outside_puppet = !request.uri().path().starts_with("/puppet/");
        let encodings = compress::accepts_gzip(request.headers());
        let (mut response, versioned) = match self.answer(request, &peer).await {
            Ok(response) => (response, true),
            Err(fault) => {
                if let Fault::Internal { detail } = &fault {
                    tracing::error!("{detail}");
                }
                (fault.answer(), !fault.precedes_puppet())
            }
        };
        if versioned && !outside_puppet {
            response.headers_mut().insert("x-puppet-version", HeaderValue::from_static(PUPPET_VERSION));
        }
        compress::compressed(response, encodings).await
    }
}

impl Call {
    /// The environment in the query, which every endpoint but the catalog's wants. Its name is checked, not its being.
    pub(crate) fn environment(&self) -> Result<String, Fault> {
        match self.query.get("environment") {
            None => Err(Fault::MissingEnvironment),
            Some(name) if !is_environment_name(name) => {
                Err(Fault::InvalidEnvironment { name: name.to_string() })
            }
            Some(name) => Ok(name.to_string()),
        }
    }

    /// The MIME type of the request's body, which must be one of `known`.
    pub(crate) fn body_type(&self, known: &[&str]) -> Result<(), Fault> {
        let header = self.request.headers().get(CONTENT_TYPE).ok_or(Fault::MissingContentType)?;
        let mime = header.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
        if known.contains(&mime) {
            return Ok(());
        }
        Err(Fault::UnsupportedMediaType { content_type: mime.to_string() })
    }
}

/// Reads a request's body, at most as long as the settings allow.
pub(crate) async fn body_of(worker: &CatalogWorker, request: Request) -> Result<bytes::Bytes, Fault> {
    let limit = worker.settings.max_body;
    wire::body::collect(request.into_body(), limit).await.map_err(|fault| match fault {
        wire::body::BodyFault::TooLarge { limit } => Fault::BodyTooLarge { limit },
        other => Fault::BrokenBody { detail: other.to_string() },
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
