//! Disguised paths: what the front end makes of each, and what authority and catalog worker make of the same bytes. There
//! must be no path that is judged as one in front and served as another behind, and no disguise that lets anybody in.

use std::collections::BTreeSet;
use std::sync::Arc;

use access::{Question, Rules, Verdict, seen};
use gateway::route::{CaAccess, Route, classify};
use pki::Certificate;
use server::{CatalogWorker, ServerSettings};
use wire::http::{Method, Uri};
use wire::{Handler, Peer, Request, body};

/// Of an agent, `agent1.example.com`.
const AGENT: &[u8] = include_bytes!("../../../../conformance/x509/signed/agent1.example.com.pem");

/// What is asked for; in each pair a path of the agent's own, or for everybody, and one that is not for it.
const PATHS: [&str; 18] = [
    "/puppet/v3/catalog/agent1.example.com",
    "/puppet/v3/catalog/other.example.com",
    "/puppet/v3/node/agent1.example.com",
    "/puppet/v3/node/other.example.com",
    "/puppet/v3/report/agent1.example.com",
    "/puppet/v3/report/other.example.com",
    "/puppet/v3/file_content/modules/m/hello.txt",
    "/puppet/v3/environments",
    "/puppet/v3/environment_classes",
    "/puppet-admin-api/v1/jruby-pool",
    "/status/v1/simple",
    "/status/v1/services",
    "/puppet-ca/v1/certificate/ca",
    "/puppet-ca/v1/certificate_request/agent1.example.com",
    "/puppet-ca/v1/certificate_status/other.example.com",
    "/puppet-ca/v1/certificate_statuses/all",
    "/production/certificate_status/other.example.com",
    "/puppet-ca/v1/clean",
];

/// What is put in the place of a slash.
const SLASHES: [&str; 16] = [
    "//",
    "/./",
    "/x/../",
    "/%2e/",
    "/x/%2e%2e/",
    "/x/%2E./",
    "/x/..;/",
    "/;/",
    "/;a=b/",
    "%2f",
    "%2F",
    "%252f",
    "%5c",
    "\\",
    "/%00/",
    "%c0%af",
];

/// What is put behind a path, or behind a segment of it.
const ENDS: [&str; 22] = [
    "/", "//", "/.", "/..", "/%2e", "/%2e%2e", ";", ";a=b", ";/", "%3b", "%00", "%00.txt", "%20", "+", "%0a",
    "%0d%0a", "%09", "#x", "%23", "%3f", ".", "%252e",
];

/// What is put before it.
const BEGINNINGS: [&str; 14] = [
    "/",
    "//",
    "/.",
    "/..",
    "/%2e%2e",
    "/puppet/..",
    "/puppet/v3/..;",
    "/x/%2e%2e",
    "/;",
    "/%00",
    "/%2f",
    "/\\",
    "http://h",
    "http://h/",
];

fn disguises(path: &str) -> BTreeSet<String> {
    let mut made = BTreeSet::from([path.to_owned(), path.to_uppercase()]);
    for at in 1..path.len() {
        let (before, letter, after) = (&path[..at], path.as_bytes()[at], &path[at + 1..]);
        if letter == b'/' {
            made.extend(SLASHES.iter().map(|slash| format!("{before}{slash}{after}")));
            made.extend(ENDS.iter().map(|end| format!("{before}{end}/{after}")));
            continue;
        }
        made.insert(format!("{before}%{letter:02x}{after}"));
        made.insert(format!("{before}%{letter:02X}{after}"));
        made.insert(format!("{before}%25{letter:02x}{after}"));
        made.insert(format!("{before}{}{after}", char::from(letter).to_ascii_uppercase()));
        // As a reader of other encodings would have it: two octets for one.
        made.insert(format!("{before}%{:02x}%{:02x}{after}", 0xc0 | letter >> 6, 0x80 | letter & 0x3f));
    }
    let every: String =
        path.bytes().map(|b| if b == b'/' { "/".into() } else { format!("%{b:02x}") }).collect();
    made.insert(every);
    made.extend(ENDS.iter().map(|end| format!("{path}{end}")));
    made.extend(BEGINNINGS.iter().map(|beginning| format!("{beginning}{path}")));
    made.insert(format!("{path}{}", "a".repeat(9000)));
    made.insert(format!("/{}{path}", "a/../".repeat(2000)));
    made.insert(format!("{}{path}", "/".repeat(5000)));
    made
}

/// All requests with all disguises. What is no URI at all is refused by every HTTP parser on the way.
fn requests() -> Vec<(Method, Uri)> {
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    let targets: BTreeSet<String> = PATHS.iter().flat_map(|path| disguises(path)).collect();
    let uris: Vec<Uri> = targets.iter().filter_map(|target| target.parse().ok()).collect();
    methods.iter().flat_map(|method| uris.iter().map(|uri| (method.clone(), uri.clone()))).collect()
}

/// What the front end does with a request: `gateway/path`, steps 4 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InFront {
    Refused,
    Denied,
    Passed(Route),
}

fn allowed(rules: &Rules, method: &Method, path: &str, certificate: Option<&Certificate>) -> bool {
    let certname = certificate.and_then(Certificate::subject_cn);
    let question = Question { method: method.as_str(), path, query: "", certname, certificate };
    matches!(rules.decide(&question), Verdict::Allowed(_))
}

fn in_front(rules: &Rules, method: &Method, uri: &Uri, certificate: Option<&Certificate>) -> InFront {
    match classify(method, uri) {
        Route::Bad(_) => InFront::Refused,
        route @ Route::Own(_) => InFront::Passed(route),
        route => {
            // As in `gateway::rules`: who asks for the status with HEAD learns less than with GET.
            let is_monitoring = *method == Method::HEAD && uri.path().starts_with("/status/");
            let method = if is_monitoring { &Method::GET } else { method };
            let (path, other) = seen(method.as_str(), uri.path());
            let pass = |path: &str| allowed(rules, method, path, certificate);
            if pass(&path) && other.is_none_or(|path| pass(&path)) {
                InFront::Passed(route)
            } else {
                InFront::Denied
            }
        }
    }
}

#[test]
fn what_is_judged_in_front_is_what_the_authority_serves() {
    let (mut refused, mut served, mut wrong) = (0, 0, Vec::new());
    for (method, uri) in requests() {
        let front = classify(&method, &uri);
        let behind = ca::read_target(&method, &uri).filter(|reading| reading.is_endpoint);
        match (front, behind) {
            (Route::Bad(_), _) => refused += 1,
            (_, None) => {}
            (Route::CertificateAuthority(access), Some(reading)) => {
                served += 1;
                // Where there are two readings, both must be allowed.
                let (judged, other) = seen(method.as_str(), uri.path());
                let same = judged == reading.path || other.as_ref() == Some(&reading.path);
                let writes = method != Method::HEAD;
                if !same || writes && reading.changes != (access == CaAccess::Write) {
                    wrong.push(format!("{method} {uri}: judged as {judged}, served as {}", reading.path));
                }
            }
            (elsewhere, Some(reading)) => {
                wrong.push(format!("{method} {uri}: {elsewhere:?} in front, {} behind", reading.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{} paths:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 1000 && served > 100, "{refused} refused, {served} served");
}

/// A worker with a module and an environment.
fn worker(dir: &std::path::Path) -> Arc<CatalogWorker> {
    let production = dir.join("code/environments/production");
    for (path, text) in
        [("manifests/site.pp", "notify { 'hello': }\n"), ("modules/m/files/hello.txt", "hello\n")]
    {
        let path = production.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    CatalogWorker::start(ServerSettings {
        certname: "catalog-1".into(),
        environmentpath: dir.join("code/environments"),
        basemodulepath: Vec::new(),
        reportdir: dir.join("reports"),
        factsdir: dir.join("facts"),
        front_ends: Vec::new(),
        rules: access::LiveRules::packaged(),
        max_body: 1 << 20,
    })
    .unwrap()
}

async fn status(
    worker: &Arc<CatalogWorker>,
    method: &Method,
    uri: &Uri,
    certificate: Option<&Certificate>,
) -> u16 {
    // With a query that each endpoint takes: so that it is the path that decides.
    let target = format!("{}?environment=production", uri.path());
    let mut request = Request::new(body::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = target.parse().unwrap();
    request.headers_mut().insert("accept", "*/*".parse().unwrap());
    let peer = Peer::tls("192.0.2.7:4711".parse().unwrap(), certificate.cloned(), "TLSv1.3");
    worker.handle(request, Arc::new(peer)).await.status().as_u16()
}

#[tokio::test]
async fn what_is_judged_in_front_is_what_a_catalog_worker_serves() {
    let (dir, rules) = (tempfile::tempdir().unwrap(), Rules::packaged());
    let worker = worker(dir.path());
    let agent = Certificate::from_pem(AGENT).unwrap();
    assert_eq!(agent.subject_cn(), Some("agent1.example.com"));
    let (mut served, mut denied, mut wrong) = (0, 0, Vec::new());
    for (method, uri) in requests() {
        for who in [None, Some(&agent)] {
            let front = in_front(&rules, &method, &uri, who);
            let behind = status(&worker, &method, &uri, who).await;
            let ok = match front {
                // Nobody behind is ever asked.
                InFront::Refused => true,
                // The same rules, the same path: if it is an endpoint at all, it is denied there too.
                InFront::Denied => matches!(behind, 400 | 403 | 404),
                InFront::Passed(Route::Catalog(_)) => behind != 403,
                // It goes elsewhere; a worker that got it would not serve it.
                InFront::Passed(Route::CertificateAuthority(_) | Route::Own(_)) => {
                    matches!(behind, 400 | 403 | 404)
                }
                InFront::Passed(_) => true,
            };
            // Whatever the front end does: asked directly, the worker gives no disguise what is not for it.
            let gained = uri.path().contains("other.example.com") && (200..300).contains(&behind);
            if !ok || gained {
                wrong
                    .push(format!("{method} {uri} by {:?}: {front:?}, then {behind}", who.map(|_| "agent1")));
            }
            served += usize::from((200..300).contains(&behind) && front != InFront::Refused);
            denied += usize::from(front == InFront::Denied);
        }
    }
    assert!(wrong.is_empty(), "{} requests:\n{}", wrong.len(), wrong.join("\n"));
    assert!(served > 50 && denied > 1000, "{served} served, {denied} denied");
}
