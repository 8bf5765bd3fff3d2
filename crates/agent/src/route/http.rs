//! Requests that find their way: to the first place that answers, and in the middle of a run on to the next one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use wire::Bytes;
use wire::client::{Answer, Client, ClientFault, Timeouts};
use wire::dns::{self, SrvRecord};
use wire::tls::ClientTls;

use super::candidates::{self, Candidate, Service};
use super::{order, retry_after};
use crate::console::{Console, Level};
use crate::settings::Settings;

/// Where there is another place to ask, a silent one is waited for no longer (connection and TLS together).
const PATIENCE: Duration = Duration::from_secs(10);

/// A request, and whether it may be sent twice.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Sending it again changes nothing: it may go to another server although the first one may have got it.
    pub repeatable: bool,
}

impl Outgoing {
    /// A `GET` with an `Accept` header; may be repeated.
    pub fn get(path: impl Into<String>, accept: &'static str) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, http::HeaderValue::from_static(accept));
        Outgoing { method: Method::GET, path: path.into(), headers, body: Bytes::new(), repeatable: true }
    }
}

/// Nobody answered: each place with its reason.
#[derive(Debug, thiserror::Error)]
#[error("No more routes to {}: {}", .service.name(), .faults.join("; "))]
pub struct RouteFault {
    pub service: Service,
    pub faults: Vec<String>,
}

/// What a run knows of the places, whoever asks and with which certificate.
pub struct Routes {
    settings: Settings,
    console: Mutex<Console>,
    /// Looked up once a run.
    places: tokio::sync::Mutex<HashMap<Service, Vec<Candidate>>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Did not answer when they were last asked: tried after the others.
    dead: HashSet<Candidate>,
    /// Said that they are well.
    well: HashSet<Candidate>,
}

impl Routes {
    pub fn new(settings: &Settings, console: &Console) -> Arc<Routes> {
        Arc::new(Routes {
            settings: settings.clone(),
            console: Mutex::new(console.clone()),
            places: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
        })
    }

    fn say(&self, level: Level, text: String) {
        self.console.lock().unwrap_or_else(PoisonError::into_inner).say(level, text);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All places of a service; those that did not answer before come last.
    async fn places(&self, service: Service) -> Vec<Candidate> {
        let mut known = self.places.lock().await;
        let mut all = match known.get(&service) {
            Some(all) => all.clone(),
            None => {
                let records = order::of(self.srv(service).await, random_below);
                let found = candidates::of(&self.settings, service, records);
                known.insert(service, found.clone());
                found
            }
        };
        let seen = self.seen();
        all.sort_by_key(|place| seen.dead.contains(place));
        all
    }

    /// The SRV records of a service, or the general ones where it has none of its own.
    async fn srv(&self, service: Service) -> Vec<SrvRecord> {
        if !self.settings.use_srv_records {
            return Vec::new();
        }
        if self.settings.srv_domain.is_empty() {
            self.say(Level::Warning, "No SRV records are looked for: srv_domain is empty".to_string());
            return Vec::new();
        }
        for name in service.srv_names(&self.settings.srv_domain) {
            match dns::srv(&name).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => return found,
                Err(fault) => {
                    self.say(Level::Warning, format!("Could not look up the SRV records {name}: {fault}"))
                }
            }
        }
        Vec::new()
    }
}

/// Chance: a UUID of version 4 has 62 random bits in its second half.
fn random_below(most: u64) -> u64 {
    (uuid::Uuid::new_v4().as_u64_pair().1 & (u64::MAX >> 2)) % most.max(1)
}

/// Sends requests with one identity.
pub struct Http {
    routes: Arc<Routes>,
    tls: ClientTls,
    clients: Mutex<HashMap<(String, u16), Arc<Client>>>,
}

/// Why one place gave no answer.
enum Unanswered {
    /// Nothing, or nothing of consequence, was sent.
    Unsent(String),
    /// It may have been executed.
    Sent(String),
    /// It answered that it can't; nobody else may be able to either.
    Unable(Answer),
}

impl Http {
    pub fn new(routes: &Arc<Routes>, tls: ClientTls) -> Http {
        Http { routes: Arc::clone(routes), tls, clients: Mutex::default() }
    }

    /// Sends a request to the first place of the service that answers; says which it was. What may have been executed is
    /// sent again only if it is repeatable.
    pub async fn send(
        &self,
        service: Service,
        request: &Outgoing,
    ) -> Result<(Answer, Candidate), RouteFault> {
        let places = self.routes.places(service).await;
        let patience = if places.len() > 1 { PATIENCE } else { Duration::MAX };
        let mut queue: VecDeque<Candidate> = places.into();
        let mut faults = Vec::new();
        // A place whose connection broke may have another address, or be there again.
        let mut once_more = request.repeatable;
        while let Some(place) = queue.pop_front() {
            let fault = match self.ask(&place, request, patience).await {
                Ok(answer) => {
                    self.routes.seen().dead.remove(&place);
                    return Ok((answer, place));
                }
                Err(Unanswered::Unable(answer)) if !request.repeatable || queue.is_empty() => {
                    return Ok((answer, place));
                }
                Err(Unanswered::Unable(answer)) => format!("{place}: {}", answer.status),
                Err(Unanswered::Unsent(fault)) => fault,
                Err(Unanswered::Sent(fault)) if !request.repeatable => {
                    self.dead(&place);
                    return Err(RouteFault { service, faults: vec![fault] });
                }
                Err(Unanswered::Sent(fault)) => {
                    if std::mem::take(&mut once_more) {
                        queue.push_back(place.clone());
                    }
                    fault
                }
            };
            self.dead(&place);
            if let Some(next) = queue.front() {
                self.routes.say(Level::Warning, format!("Unable to use {fault}; trying {next}"));
            }
            faults.push(fault);
        }
        Err(RouteFault { service, faults })
    }

    fn dead(&self, place: &Candidate) {
        let mut seen = self.routes.seen();
        seen.dead.insert(place.clone());
        seen.well.remove(place);
    }

    async fn ask(
        &self,
        place: &Candidate,
        request: &Outgoing,
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let client = self.client(place, patience).map_err(|fault| Unanswered::Unsent(fault.to_string()))?;
        if place.listed && !self.routes.seen().well.contains(place) {
            self.check(&client, place).await?;
        }
        let mut repeated = 0;
        loop {
            let headers = request.headers.clone();
            let sent = client.request(request.method.clone(), &request.path, headers, request.body.clone());
            let answer = match sent.await {
                Ok(answer) => answer,
                Err(fault @ (ClientFault::Connect { .. } | ClientFault::Unusable(_))) => {
                    return Err(Unanswered::Unsent(fault.to_string()));
                }
                Err(fault) => return Err(Unanswered::Sent(fault.to_string())),
            };
            let (status, now) = (answer.status.as_u16(), jiff::Timestamp::now());
            let longest = self.routes.settings.runinterval;
            match retry_after::pause(status, &answer.headers, now, longest) {
                Some(pause) if repeated < retry_after::MOST => {
                    repeated += 1;
                    let seconds = pause.as_secs();
                    self.routes.say(
                        Level::Warning,
                        format!("Sleeping for {seconds} seconds before retrying the request"),
                    );
                    tokio::time::sleep(pause).await;
                }
                _ if matches!(status, 502..=504) => return Err(Unanswered::Unable(answer)),
                _ => return Ok(answer),
            }
        }
    }

    /// Asks a server of `server_list` whether it is well. Not being so sends nobody to sleep: there are others.
    async fn check(&self, client: &Client, place: &Candidate) -> Result<(), Unanswered> {
        let unsent = |fault: String| Unanswered::Unsent(fault);
        for path in ["/status/v1/simple/server", "/status/v1/simple/master"] {
            let answer = client.get(path, "*/*").await.map_err(|fault| unsent(fault.to_string()))?;
            match answer.status.as_u16() {
                200..=299 => {
                    self.routes.seen().well.insert(place.clone());
                    return Ok(());
                }
                // Servers before 7 know the other word only.
                404 => {}
                _ => return Err(unsent(format!("{place}: {}", answer.status))),
            }
        }
        Err(unsent(format!("{place}: it has no status")))
    }

    fn client(&self, place: &Candidate, patience: Duration) -> Result<Arc<Client>, ClientFault> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (place.host.clone(), place.port);
        if let Some(client) = clients.get(&key) {
            return Ok(Arc::clone(client));
        }
        let settings = &self.routes.settings;
        let timeouts = Timeouts {
            connect: settings.http_connect_timeout.min(patience),
            answer: settings.http_read_timeout,
        };
        let client = Arc::new(Client::new(&format!("https://{place}"), self.tls.clone(), timeouts)?);
        clients.insert(key, Arc::clone(&client));
        Ok(client)
    }
}
