//! The rules of Puppet Server's packaged `auth.conf` for the v3 API.

use http::Method;
use wire::identity::Requester;

/// Whether `requester` may do `method` on the endpoint `model` for `key` (a node's name, or a file's path).
pub fn allows(requester: &Requester, method: &Method, model: &str, key: &str) -> bool {
    let itself = requester.authenticated && requester.certname.as_deref() == Some(key);
    match model {
        "catalog" => itself && (method == Method::GET || method == Method::POST || method == Method::DELETE),
        "node" => itself && method == Method::GET,
        "facts" => itself && (method == Method::PUT || method == Method::GET),
        "report" => itself && method == Method::PUT,
        "file_metadata" | "file_metadatas" | "file_content" | "environments" => {
            requester.authenticated && method == Method::GET
        }
        _ => requester.authenticated,
    }
}
