//! `GET /status/v1/simple[/{service}]`: one word, for load balancers and the agent's `server_list`. Needs no
//! certificate. Never with `Retry-After`: an agent that looks for a living server would wait on it instead.

use http::StatusCode;

use crate::{Response, reply};

/// The path for the whole process.
pub const PATH: &str = "/status/v1/simple";
/// The path for the CA.
pub const PATH_CA: &str = "/status/v1/simple/ca";
/// The path for catalogs, which agents probe.
pub const PATH_SERVER: &str = "/status/v1/simple/server";
/// The same, as older agents call it.
pub const PATH_MASTER: &str = "/status/v1/simple/master";

/// Its content type.
pub const CONTENT_TYPE: &str = "text/plain;charset=utf-8";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// The process as a whole.
    Whole,
    /// The CA.
    Ca,
    /// Catalogs and files.
    Server,
    /// A name that we know nothing of: the answer is 404.
    Other(String),
}

/// Reads a path of this endpoint.
pub fn service_in(path: &str) -> Option<Service> {
    let rest = path.strip_prefix(PATH)?;
    Some(match rest {
        "" | "/" => Service::Whole,
        "/ca" => Service::Ca,
        "/server" | "/master" => Service::Server,
        _ => Service::Other(rest.strip_prefix('/')?.to_owned()),
    })
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Running,
    /// Not yet.
    Starting,
    /// No longer: drain.
    Stopping,
    /// Not well.
    Error,
    /// Not known.
    Unknown,
}

impl State {
    /// The body.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Starting => "starting",
            State::Stopping => "stopping",
            State::Error => "error",
            State::Unknown => "unknown",
        }
    }

    /// The answer: 200 when it runs, else 503.
    pub fn answer(self) -> Response {
        let status = match self {
            State::Running => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        reply::with_type(status, CONTENT_TYPE, self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_services() {
        assert_eq!(service_in(PATH), Some(Service::Whole));
        assert_eq!(service_in(PATH_CA), Some(Service::Ca));
        assert_eq!(service_in(PATH_MASTER), Some(Service::Server));
        assert_eq!(service_in("/status/v1/simple/x"), Some(Service::Other("x".to_owned())));
        assert_eq!(service_in("/status/v1/simplex"), None);
        assert_eq!(service_in("/status/v1/services"), None);
    }

    #[test]
    fn only_running_is_a_success_and_nothing_makes_an_agent_wait() {
        assert_eq!(State::Running.answer().status(), 200);
        let answer = State::Stopping.answer();
        assert_eq!(answer.status(), 503);
        assert!(!answer.headers().contains_key("retry-after"));
    }
}
