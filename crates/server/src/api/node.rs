//! `GET /puppet/v3/node/NAME`: which environment the node is in. There is no classifier: it is the one it asks for.

use serde_json::json;
use wire::Response;

use crate::accept::{Format, choose};
use crate::environment_cache::is_environment_name;
use crate::fault::Fault;
use crate::worker::{Call, formatted};

/// The node's name and environment.
pub fn answer(call: Call) -> Result<Response, Fault> {
    let format = choose(call.request.headers(), &[Format::Json, Format::Pson])?;
    let environment = call.query.get("environment").ok_or(Fault::MissingEnvironment)?;
    if !is_environment_name(environment) {
        return Err(Fault::EnvironmentNotAlphanumeric { name: Some(environment.to_string()) });
    }
    let node = json!({"name": call.key.join("/"), "environment": environment});
    Ok(formatted(format, node.to_string().into_bytes()))
}
