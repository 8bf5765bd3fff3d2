//! Whose requests wait: asked of the active CA in the operator's own name, which decides whether he may know.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use wire::protocol::certificate_status::{self, State, Status};
use wire::{Peer, body, identity};

use super::html::{Html, count};
use crate::front_end::FrontEnd;
use crate::route::CaAccess;

/// A page waits so long for the CA.
const PATIENCE: Duration = Duration::from_secs(1);
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// So many are shown.
const SHOWN: usize = 50;

/// A request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who asks.
    pub name: String,
    /// SHA-256 of the request, as the node's own output shows it.
    pub fingerprint: String,
    /// Further names, and rights, that it asks for.
    pub asks_for: Vec<String>,
}

pub(super) async fn list(front_end: &FrontEnd, peer: &Peer) -> Result<Vec<Waiting>, String> {
    let path = certificate_status::list_path(Some(State::Requested));
    let mut request = Request::new(body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = path.parse().map_err(|_| "the address of the list is none".to_owned())?;
    request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    identity::set_client_headers(request.headers_mut(), peer);
    let asking = async {
        let response = front_end.ca_route().carry(request, CaAccess::Read).await.response;
        let status = response.status();
        let bytes =
            body::collect(response.into_body(), MAX_ANSWER).await.map_err(|fault| fault.to_string())?;
        if status != StatusCode::OK {
            return Err(format!("the CA answered {status}"));
        }
        let all: Vec<Status> = serde_json::from_slice(&bytes).map_err(|fault| fault.to_string())?;
        Ok(all.into_iter().map(of_status).collect())
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err("no CA has answered yet".to_owned()))
}

fn of_status(status: Status) -> Waiting {
    let own = format!("DNS:{}", status.name);
    let names = status.subject_alt_names.into_iter().filter(|name| *name != own);
    let rights = status.authorization_extensions.iter().map(|(name, value)| format!("{name}: {value}"));
    Waiting { asks_for: names.chain(rights).collect(), fingerprint: status.fingerprint, name: status.name }
}

/// The list with its buttons.
pub(super) fn section(html: &mut Html, waiting: &Result<Vec<Waiting>, String>, token: &str) {
    html.raw("<section id=\"waiting\" data-live aria-labelledby=\"waiting-title\"><h2 id=\"waiting-title\">Certificates waiting</h2>");
    match waiting {
        Err(why) => html.paragraph("quiet", &format!("The list cannot be shown: {why}.")),
        Ok(list) if list.is_empty() => html.paragraph("quiet", "Nobody waits for a certificate."),
        Ok(list) => {
            html.raw("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Fingerprint (SHA-256)</th><th scope=\"col\">Deed</th></tr></thead><tbody>");
            for one in list.iter().take(SHOWN) {
                html.raw("<tr><th scope=\"row\">");
                html.text(&one.name);
                if !one.asks_for.is_empty() {
                    html.raw("<br><small>asks for ");
                    html.text(&one.asks_for.join(", "));
                    html.raw("</small>");
                }
                html.raw("</th><td class=\"print\">");
                html.text(&one.fingerprint);
                html.raw("</td><td>");
                html.button(token, "sign", &one.name, "Sign", &format!("Sign the request of {}", one.name));
                html.raw("</td></tr>");
            }
            html.raw("</tbody></table></div>");
            if let Some(more) = list.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                html.paragraph(
                    "quiet",
                    &format!("{} more; \u{2018}bunraku ca list\u{2019} shows them all.", count(more as u64)),
                );
            }
        }
    }
    html.raw("</section>");
}
