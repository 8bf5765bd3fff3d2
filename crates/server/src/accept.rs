//! Which format an answer has: Puppet's choice by the `Accept` header.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::fault::Fault;

/// A format that an endpoint can answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON with Puppet's rich data types.
    RichJson,
    Json,
    Pson,
    Binary,
}

impl Format {
    /// The content type of an answer, to the letter as Puppet Server writes it.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::RichJson => "application/vnd.puppet.rich+json; charset=utf-8",
            Format::Json => "application/json;charset=utf-8",
            Format::Pson => "text/pson",
            Format::Binary => "application/octet-stream",
        }
    }

    fn named(name: &str) -> Option<Format> {
        match name {
            "application/vnd.puppet.rich+json" | "rich_data_json" => Some(Format::RichJson),
            "application/json" | "json" => Some(Format::Json),
            "text/pson" | "pson" => Some(Format::Pson),
            "application/octet-stream" | "binary" => Some(Format::Binary),
            _ => None,
        }
    }
}

/// The first format of the client's list that is `offered`; for `*/*` the first one offered.
pub fn choose(headers: &HeaderMap, offered: &[Format]) -> Result<Format, Fault> {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).ok_or(Fault::MissingAccept)?;
    accept
        .split(',')
        .map(|entry| entry.split(';').next().unwrap_or("").trim())
        .find_map(|name| match name {
            "*/*" => offered.first().copied(),
            name => Format::named(name).filter(|format| offered.contains(format)),
        })
        .ok_or_else(|| Fault::NotAcceptable { accept: accept.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str, offered: &[Format]) -> Result<Format, Fault> {
        choose(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]), offered)
    }

    #[test]
    fn the_clients_order_decides() {
        let catalog = [Format::RichJson, Format::Json, Format::Pson];
        let agent = "application/vnd.puppet.rich+json, application/json, text/pson";
        assert_eq!(chosen(agent, &catalog), Ok(Format::RichJson));
        assert_eq!(chosen("text/pson, application/json", &catalog), Ok(Format::Pson));
        assert_eq!(chosen("*/*", &catalog), Ok(Format::RichJson));
        assert_eq!(chosen("text/html", &catalog), Err(Fault::NotAcceptable { accept: "text/html".into() }));
        assert_eq!(choose(&HeaderMap::new(), &catalog), Err(Fault::MissingAccept));
    }
}
