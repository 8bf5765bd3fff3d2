//! What can go wrong with a v3 request, and how Puppet says it: the only place that knows statuses and texts.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use wire::{Response, reply};

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The rules of `auth.conf` do not let this client do this.
    Forbidden {
        path: String,
        method: String,
    },
    /// No such endpoint.
    UnknownEndpoint {
        path: String,
        method: Method,
    },
    /// What a front end says of the client can't be used.
    BadIdentity {
        detail: String,
    },
    /// The path holds `.` or `..` segments.
    RelativePath {
        path: String,
    },
    /// The path can't be decoded.
    MalformedPath,
    MissingAccept,
    NotAcceptable {
        accept: String,
    },
    UnsupportedMediaType {
        content_type: String,
    },
    MissingContentType,
    /// `environment` is missing where every endpoint but the catalog's wants it.
    MissingEnvironment,
    /// Not `\w+`, at those endpoints.
    InvalidEnvironment {
        name: String,
    },
    /// Not `\w+`: the older text of the catalog endpoint.
    EnvironmentNotAlphanumeric {
        name: Option<String>,
    },
    UnknownEnvironment {
        name: String,
    },
    NoSuchFile {
        model: &'static str,
        key: String,
    },
    NoSuchFiles {
        key: String,
    },
    UnknownMount {
        search: bool,
        model: &'static str,
        key: String,
    },
    /// A mount whose files belong to modules or tasks, and the path names none.
    NothingSpecified {
        what: &'static str,
    },
    UnsupportedChecksum {
        name: String,
    },
    /// A parameter whose value makes no sense; the text is Puppet's.
    BadParameter {
        message: String,
    },
    /// More files than `max_files` allows.
    TooManyFiles {
        root: String,
        found: usize,
        limit: usize,
    },
    /// The file is none that can be sent: a fifo, a socket, a device.
    NotRegular {
        key: String,
    },
    NotInBucket {
        key: String,
    },
    /// A backup whose content is not what its digest says.
    WrongDigest {
        named: String,
        found: String,
    },
    BadRequestBody {
        detail: String,
    },
    BodyTooLarge {
        limit: usize,
    },
    /// The body did not arrive whole.
    BrokenBody {
        detail: String,
    },
    /// Facts that can't be read.
    BadFacts {
        detail: String,
    },
    FactsWithoutFormat {
        certname: String,
    },
    UnknownFactsFormat {
        format: String,
    },
    /// A document of another node than the path names.
    WrongInstance {
        wanted: String,
        found: String,
    },
    WrongNodesFacts {
        wanted: String,
        found: String,
    },
    /// The manifest can't be compiled: Puppet's text.
    Compilation {
        message: String,
    },
    /// Something of this server: the text is for the operator.
    Internal {
        detail: String,
    },
}

impl Fault {
    /// Puppet's status, text and content type.
    pub fn answer(&self) -> Response {
        use Fault::*;
        match self {
            Forbidden { path, method } => reply::untyped(
                StatusCode::FORBIDDEN,
                format!(
                    "Forbidden request: {path} (method :{method}). Please see the server logs for details."
                ),
            ),
            UnknownEndpoint { path, method } => unknown_endpoint(path, method),
            BadIdentity { detail } => reply::untyped(StatusCode::BAD_REQUEST, detail.clone()),
            RelativePath { path } => {
                reply::untyped(StatusCode::BAD_REQUEST, format!("Invalid relative path (.. or .) in: {path}"))
            }
            MalformedPath => reply::untyped(StatusCode::BAD_REQUEST, "The path of the request is malformed."),
            EnvironmentNotAlphanumeric { name } => reply::with_type(
                StatusCode::BAD_REQUEST,
                "text/plain;charset=utf-8",
                format!(
                    "The environment must be purely alphanumeric, not '{}'",
                    name.as_deref().unwrap_or("null")
                ),
            ),
            other => {
                let (status, kind, message) = other.document();
                reply::json(status, &json!({"message": message, "issue_kind": kind}))
            }
        }
    }

    /// Whether Puppet Server's web server or router would say this, before Puppet itself is asked: such an answer
    /// does not carry Puppet's version.
    pub fn precedes_puppet(&self) -> bool {
        matches!(self, Fault::UnknownEndpoint { .. } | Fault::RelativePath { .. } | Fault::MalformedPath)
    }

    /// Status, `issue_kind` and `message` of the faults that Puppet answers as JSON.
    fn document(&self) -> (StatusCode, &'static str, String) {
        use Fault::*;
        let bad = StatusCode::BAD_REQUEST;
        let not_found = StatusCode::NOT_FOUND;
        let server = StatusCode::INTERNAL_SERVER_ERROR;
        match self {
            MissingAccept => {
                (bad, "MISSING_HEADER_FIELD", "Bad Request: Missing required Accept header".to_string())
            }
            NotAcceptable { accept } => (
                StatusCode::NOT_ACCEPTABLE,
                "UNSUPPORTED_FORMAT",
                format!("Not Acceptable: No supported formats are acceptable (Accept: {accept})"),
            ),
            UnsupportedMediaType { content_type } => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                format!(
                    "Unsupported Media Type: Client sent a mime-type ({content_type}) that doesn't correspond to a format we support"
                ),
            ),
            MissingContentType => (
                bad,
                "MISSING_HEADER_FIELD",
                "Bad Request: No Content-Type header was received, it isn't possible to unserialize the request"
                    .to_string(),
            ),
            InvalidEnvironment { name } => (
                bad,
                "RUNTIME_ERROR",
                format!("Bad Request: The environment must be purely alphanumeric, not '{name}'"),
            ),
            MissingEnvironment => {
                (bad, "RUNTIME_ERROR", "Bad Request: An environment parameter must be specified".to_string())
            }
            UnknownEnvironment { name } => {
                (not_found, "RUNTIME_ERROR", format!("Not Found: Could not find environment '{name}'"))
            }
            NoSuchFile { model, key } => {
                (not_found, "RESOURCE_NOT_FOUND", format!("Not Found: Could not find {model} {key}"))
            }
            NoSuchFiles { key } => (
                not_found,
                "RESOURCE_NOT_FOUND",
                format!("Not Found: Could not find instances in file_metadata with '{key}'"),
            ),
            UnknownMount { search, model, key } => {
                let method = if *search { "search" } else { "find" };
                let text = format!("Not authorized to call {method} on /{model}/{key} with {{:rest=>\"{key}\"}}");
                (server, "RUNTIME_ERROR", format!("Server Error: {text}"))
            }
            NothingSpecified { what } => {
                (server, "RUNTIME_ERROR", format!("Server Error: No {what} specified"))
            }
            BadParameter { message } => (server, "RUNTIME_ERROR", format!("Server Error: {message}")),
            TooManyFiles { root, found, limit } => (
                server,
                "RUNTIME_ERROR",
                format!(
                    "Server Error: The directory '{root}' holds {found} entries, more than the {limit} that max_files allows"
                ),
            ),
            NotRegular { key } => {
                (server, "RUNTIME_ERROR", format!("Server Error: {key} is neither a file nor a directory"))
            }
            NotInBucket { key } => (
                not_found,
                "RESOURCE_NOT_FOUND",
                format!("Not Found: Could not find file_bucket_file {key}"),
            ),
            WrongDigest { named, found } => (
                bad,
                "RUNTIME_ERROR",
                format!("Bad Request: the content's digest is {found}, not {named}: it was damaged on its way"),
            ),
            UnsupportedChecksum { name } => {
                (server, "RUNTIME_ERROR", format!("Server Error: Unsupported checksum type {name}"))
            }
            BadRequestBody { detail } => (
                bad,
                "RUNTIME_ERROR",
                format!("Bad Request: The request body is invalid: Could not intern from json: {detail}"),
            ),
            BodyTooLarge { limit } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RUNTIME_ERROR",
                format!("Payload Too Large: the request body is longer than {limit} bytes"),
            ),
            BrokenBody { detail } => (bad, "RUNTIME_ERROR", format!("Bad Request: {detail}")),
            FactsWithoutFormat { certname } => (
                server,
                "RUNTIME_ERROR",
                format!("Server Error: Facts but no fact format provided for {certname}"),
            ),
            UnknownFactsFormat { format } => {
                (server, "RUNTIME_ERROR", format!("Server Error: Unsupported facts format {format}"))
            }
            WrongInstance { wanted, found } => (
                server,
                "RUNTIME_ERROR",
                format!(
                    "Server Error: Instance name \"{found}\" does not match requested key \"{wanted}\""
                ),
            ),
            BadFacts { detail } => {
                (server, "RUNTIME_ERROR", format!("Server Error: Could not intern from json: {detail}"))
            }
            WrongNodesFacts { wanted, found } => (
                server,
                "RUNTIME_ERROR",
                format!(
                    "Server Error: Catalog for \"{wanted}\" was requested with fact definition for the wrong node (\"{found}\")."
                ),
            ),
            Compilation { message } => (server, "RUNTIME_ERROR", format!("Server Error: {message}")),
            Internal { detail } => (server, "RUNTIME_ERROR", format!("Server Error: {detail}")),
            Forbidden { .. }
            | UnknownEndpoint { .. }
            | RelativePath { .. }
            | MalformedPath
            | BadIdentity { .. }
            | EnvironmentNotAlphanumeric { .. } => (server, "RUNTIME_ERROR", "Server Error".to_string()),
        }
    }
}

/// The web server's own 404; only these methods get a page.
fn unknown_endpoint(path: &str, method: &Method) -> Response {
    if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
        return reply::empty(StatusCode::NOT_FOUND);
    }
    let page = format!("{{\n\"message\":\"Not Found\",\n\"url\":{},\n\"status\":\"404\"\n}}", json!(path));
    let mut response = reply::with_type(StatusCode::NOT_FOUND, "application/json", page);
    let value = HeaderValue::from_static("must-revalidate,no-cache,no-store");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn texts_are_puppets() {
        let cases = [
            (
                Fault::NoSuchFile { model: "file_metadata", key: "modules/demo/nosuch".into() },
                404,
                r#"{"message":"Not Found: Could not find file_metadata modules/demo/nosuch","issue_kind":"RESOURCE_NOT_FOUND"}"#,
            ),
            (
                Fault::MissingAccept,
                400,
                r#"{"message":"Bad Request: Missing required Accept header","issue_kind":"MISSING_HEADER_FIELD"}"#,
            ),
            (
                Fault::UnknownMount { search: false, model: "file_metadata", key: "nosuchmount/x".into() },
                500,
                r#"{"message":"Server Error: Not authorized to call find on /file_metadata/nosuchmount/x with {:rest=>\"nosuchmount/x\"}","issue_kind":"RUNTIME_ERROR"}"#,
            ),
            (
                Fault::UnknownEndpoint { path: "/puppet/v3/nosuch/x".into(), method: Method::GET },
                404,
                "{\n\"message\":\"Not Found\",\n\"url\":\"/puppet/v3/nosuch/x\",\n\"status\":\"404\"\n}",
            ),
            (
                Fault::EnvironmentNotAlphanumeric { name: None },
                400,
                "The environment must be purely alphanumeric, not 'null'",
            ),
        ];
        for (fault, status, text) in cases {
            let answer = fault.answer();
            assert_eq!(answer.status(), status);
            assert_eq!(wire::body::collect(answer.into_body(), 10_000).await.unwrap(), text);
        }
    }
}
