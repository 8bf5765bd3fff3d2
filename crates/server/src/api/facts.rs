//! `PUT /puppet/v3/facts/NAME`: keeps a node's facts without compiling.

use http::StatusCode;
use serde_json::{Map, Value, json};
use wire::{Response, reply};

use crate::fault::Fault;
use crate::worker::{Call, CatalogWorker, blocking, body_of};

/// Stores the facts; answers as Puppet Server.
pub async fn answer(worker: &std::sync::Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    call.body_type(&["application/json", "text/pson"])?;
    let certname = call.key.join("/");
    let body = body_of(worker, call.request).await?;
    let facts = parse(&body, &certname).map_err(|fault| match fault {
        Fault::BadFacts { detail } => Fault::BadRequestBody { detail },
        Fault::WrongNodesFacts { wanted, found } => Fault::WrongInstance { wanted, found },
        other => other,
    })?;
    let worker = worker.clone();
    blocking(move || {
        worker.environments.places(&environment)?;
        worker.facts.save(&certname, &facts).map_err(|e| Fault::Internal { detail: format!("facts: {e}") })
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &json!(0)))
}

/// The `values` of a facts document (`{"name":…,"values":{…}}`) of the node `certname`.
pub fn parse(document: &[u8], certname: &str) -> Result<Map<String, Value>, Fault> {
    let bad = |detail: String| Fault::BadFacts { detail };
    let document: Value = serde_json::from_slice(document).map_err(|e| bad(e.to_string()))?;
    if let Some(found) = document["name"].as_str()
        && found != certname
    {
        return Err(Fault::WrongNodesFacts { wanted: certname.to_string(), found: found.to_string() });
    }
    match document {
        Value::Object(mut document) => match document.remove("values") {
            Some(Value::Object(values)) => Ok(values),
            _ => Err(bad("the facts have no 'values'".to_string())),
        },
        _ => Err(bad("the facts are not an object".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_another_node_are_refused() {
        let document = br#"{"name":"foo.example.com","values":{"os":{"family":"Debian"}}}"#;
        assert_eq!(parse(document, "foo.example.com").unwrap()["os"]["family"], "Debian");
        let fault = parse(document, "agent1.example.com").unwrap_err();
        let (wanted, found) = ("agent1.example.com".to_string(), "foo.example.com".to_string());
        assert_eq!(fault, Fault::WrongNodesFacts { wanted, found });
        assert!(parse(b"{bad", "a").is_err() && parse(b"[]", "a").is_err() && parse(b"{}", "a").is_err());
    }
}
