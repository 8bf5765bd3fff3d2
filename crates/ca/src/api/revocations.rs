//! `revocations`, for front ends: tells what is new on our own list, and waits until there is something to tell. Also
//! the number that goes with the answer to a write, so that the front end can wait for it.

use crate::authority::Authority;
use crate::ledger::{Ledger, ListsVersion, Role};
use crate::state::{Side, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wire::http::{HeaderValue, Method, StatusCode};
use wire::protocol::internal::{Stale, X_BUNRAKU_EPOCH, X_BUNRAKU_STALE};
use wire::protocol::revocations::{Known, Revocations, SecondList, X_BUNRAKU_REVOCATIONS};
use wire::tls::key_name;
use wire::{Peer, Request, Response, reply};

/// How long an answer waits for news. Longer than anybody minds, shorter than a connection that is gone unnoticed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers one question; `ending` turns true when this member stops.
pub(crate) async fn answer(
    authority: &Authority,
    front_ends: &[String],
    request: &Request,
    peer: &Peer,
    mut ending: watch::Receiver<bool>,
) -> Response {
    if !peer.certname().is_some_and(|name| front_ends.iter().any(|front_end| front_end == name)) {
        return reply::text(StatusCode::FORBIDDEN, "revocations are told to the front ends of this estate");
    }
    if *request.method() != Method::GET {
        return reply::text(StatusCode::METHOD_NOT_ALLOWED, "GET");
    }
    let asked = request.headers().get(X_BUNRAKU_EPOCH);
    let asked: Option<u64> = asked.and_then(|value| value.to_str().ok()?.parse().ok());
    let known = Known::from_query(request.uri().query().unwrap_or_default());
    let ledger = authority.ledger();
    let (mut lists, mut roles) = (ledger.watch_lists(), ledger.watch_role());
    let enough = tokio::time::sleep(PATIENCE);
    tokio::pin!(enough);
    let mut waited_enough = false;
    loop {
        lists.borrow_and_update();
        let role: Arc<Role> = Arc::clone(&roles.borrow_and_update());
        if !role.reads || asked.is_some_and(|epoch| epoch != role.epoch) {
            return stale(&role);
        }
        let Some(told) = ledger.read(|state| told(state, &known)) else { return stale(&role) };
        let is_news = known.version.as_ref() != Some(&told.version);
        if is_news || waited_enough || *ending.borrow() {
            return reply::json(StatusCode::OK, &told);
        }
        tokio::select! {
            changed = lists.changed() => waited_enough = changed.is_err(),
            changed = roles.changed() => waited_enough = changed.is_err(),
            _ = ending.wait_for(|ending| *ending) => waited_enough = true,
            () = &mut enough => waited_enough = true,
        }
    }
}

fn stale(role: &Role) -> Response {
    let mut response = reply::text(StatusCode::MISDIRECTED_REQUEST, "this member does not answer now");
    let stale = Stale { epoch: role.epoch, primary: role.primary.clone() };
    response.headers_mut().insert(X_BUNRAKU_STALE, stale.to_header());
    response
}

fn told(state: &State, known: &Known) -> Revocations {
    let lists = state.lists();
    let number = lists.own.number().unwrap_or(0);
    let serials = |side: Side| {
        let list = state.list_of(side);
        move |first| list.into_iter().flat_map(move |list| list.entries_from(first)).map(|(serial, _)| serial)
    };
    let second = state.authority_of(Side::Second).zip(lists.second.as_ref());
    let of_second = second.map(|(authority, _)| {
        let serials_from = serials(Side::Second);
        let first = known.prefix_of_second(|at| serials_from(at).next());
        SecondList { issuer: key_name(authority), first, serials: Revocations::write(serials_from(first)) }
    });
    // Another second key is as good a reason to fetch the signed lists as another list of the chain.
    let issuer = of_second.as_ref().map_or("", |second| second.issuer.as_str());
    let chain = crc32c::crc32c_append(crc32c::crc32c(lists.chain_pem.as_bytes()), issuer.as_bytes());
    let chain = format!("{chain:08x}");
    let bundle = format!("{:08x}", crc32c::crc32c(state.bundle_pem().as_bytes()));
    let number_of_second = second.and_then(|(_, list)| list.number()).unwrap_or(0);
    let serials_from = serials(Side::Own);
    let first = known.prefix_of(|at| serials_from(at).next());
    Revocations {
        version: format!("{number}-{number_of_second}-{chain}-{bundle}"),
        chain,
        number,
        issuer: key_name(state.issuer()),
        first,
        serials: Revocations::write(serials_from(first)),
        second: of_second,
        bundle,
    }
}

/// Puts the number of the list in force on the answer to a front end's write that may have changed it.
pub(super) fn note(response: &mut Response, ledger: &Ledger) {
    let number = ledger.read(|state| state.lists().own.number()).flatten();
    if let Some(number) = number {
        response.headers_mut().insert(X_BUNRAKU_REVOCATIONS, HeaderValue::from(number));
    }
}

/// Whether a request of this kind may change the list.
pub(super) fn may_revoke(method: &Method, path: &str) -> bool {
    let may = ["certificate_status/", "certificate_revocation_list", "clean"];
    let rest = path.strip_prefix("/puppet-ca/v1/").unwrap_or_default();
    *method != Method::GET && may.iter().any(|kind| rest.starts_with(kind))
}

/// Keeps what this process' own listener enforces up to date: the whole lists when it must, else what is new.
pub(crate) async fn follow(trust: wire::tls::TrustBundle, ledger: Ledger) {
    let mut lists: watch::Receiver<ListsVersion> = ledger.watch_lists();
    let (mut known, mut chain) = (Known::default(), None);
    loop {
        lists.borrow_and_update();
        let news = ledger.read(|state| {
            let told = told(state, &known);
            let whole = chain.as_ref() != Some(&told.chain) || told.first < known.entries;
            let second = state.authority_of(Side::Second).cloned();
            (
                told,
                (state.issuer().clone(), second),
                whole.then(|| state.lists().clone()),
                state.bundle_pem().clone(),
            )
        });
        if let Some((told, (issuer, second), whole, bundle)) = news {
            // The roles' certificates may be another estate's: whom this CA is no authority for, it does not change.
            if trust.has_authority_of(bundle.as_bytes()).unwrap_or_default() {
                match trust.replace_authorities(bundle.as_bytes()) {
                    Ok(true) => {
                        tracing::info!("the CA's certificates have changed; they are trusted as they are now")
                    }
                    Ok(false) => {}
                    Err(fault) => {
                        tracing::warn!(%fault, "the CA's new certificates are not trusted on this member's own listener")
                    }
                }
            }
            let new = told.parsed().unwrap_or_default();
            trust.add_revocations(&issuer, &new);
            if let Some((issuer, told)) = second.zip(told.second.as_ref()) {
                trust.add_revocations(&issuer, &told.parsed().unwrap_or_default());
            }
            if let Some(whole) = whole {
                let trust = trust.clone();
                let load = move || trust.load(whole.to_pem().as_bytes()).map(|_| ());
                if let Ok(Err(fault)) = tokio::task::spawn_blocking(load).await {
                    tracing::warn!(%fault, "the new revocation lists are not enforced whole on this member's own listener");
                }
            }
            known = known.after(&told, &new);
            chain = Some(told.chain);
        }
        if lists.changed().await.is_err() {
            return;
        }
    }
}
