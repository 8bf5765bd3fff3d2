//! Requests that nobody recorded: every method at every endpoint by everybody, odd names, odd bodies, odd headers, odd
//! paths. Where chance chooses, it has a seed.

use std::process::Command;

use pki::{AltName, Extension, KeyKind, Oid, PrivateKey, RequestContent};

use super::case::{Case, Who};
use super::hosts::{csr, csr_with, run};

const EVERYBODY: [Who; 3] = [Who::Nobody, Who::Node, Who::Operator];
const SEED: u64 = 0x0062_756e_7261_6b75;

/// All of them. None changes the state of a name that another one uses.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(matrix());
    cases.extend(status());
    cases.extend(odd_names());
    cases.extend(odd_bodies());
    cases.extend(content_types());
    cases.extend(odd_paths());
    cases.extend(legacy());
    cases.extend(conditional());
    cases.extend(odd_requests());
    cases
}

/// Each method at each endpoint by everybody.
fn matrix() -> Vec<Case> {
    let endpoints = [
        "certificate/ca",
        "certificate/agent1.example.com",
        "certificate/nobody.example.com",
        "certificate",
        "certificate_request/gen2.example.com",
        "certificate_request/nobody.example.com",
        "certificate_request",
        "certificate_status/agent1.example.com",
        "certificate_status/nobody.example.com",
        "certificate_status",
        "certificate_statuses/any",
        "certificate_statuses",
        "certificate_statuses/any/more",
        "certificate_revocation_list/ca",
        "certificate_revocation_list/other",
        "certificate_revocation_list",
        "certificate_renewal",
        "certificate_renewal/ca",
        "clean",
        "clean/all",
        "sign",
        "sign/all",
        "sign/some",
        "expirations",
        "expirations/all",
        "nosuch",
        "",
    ];
    let methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"];
    let mut cases = Vec::new();
    for endpoint in endpoints {
        for method in methods {
            // It deletes what others look at.
            if method == "DELETE" && endpoint == "certificate_status/agent1.example.com" {
                continue;
            }
            // It signs whatever waits; see [`of_one_side`].
            if method == "POST" && endpoint == "sign/all" {
                continue;
            }
            for who in EVERYBODY {
                let target = format!("/puppet-ca/v1/{endpoint}");
                let case = Case::new("matrix", method, target, who).header("accept", "text/plain, */*");
                cases.push(match method {
                    "PUT" | "POST" | "PATCH" => {
                        case.header("content-type", "text/plain").body("nothing useful")
                    }
                    _ => case,
                });
            }
        }
    }
    cases
}

/// Each method at the status service.
fn status() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in ["simple", "simple/ca", "services", "services/ca", "nosuch"] {
        for method in ["HEAD", "PUT", "POST", "DELETE", "OPTIONS"] {
            for who in EVERYBODY {
                cases.push(Case::new("status", method, format!("/status/v1/{path}"), who));
            }
        }
    }
    cases
}

/// What only one of the two signs.
pub fn of_one_side() -> Vec<Case> {
    let mut cases: Vec<Case> =
        EVERYBODY.map(|who| Case::new("sign-all", "POST", "/puppet-ca/v1/sign/all", who)).into();
    for name in ["n".repeat(251), "n".repeat(252), format!("{}.example.com", "m".repeat(256))] {
        cases.extend(life("long", &name));
    }
    for name in ["gone.example.com", "comes-again.example.com"] {
        cases.extend(revoked_when_deleted(name));
    }
    for (number, curve) in ["secp256k1", "brainpoolP256r1"].iter().enumerate() {
        let name = format!("curve-{number}.example.com");
        let kind = ["-newkey", "ec", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")];
        cases.extend(course("unsupported", &name, made_by_openssl(&name, &kind)));
    }
    let names = vec![AltName::Email("a@example.com".into())];
    cases.extend(course(
        "other-names",
        "mail.example.com",
        asking_for("mail.example.com", names, Vec::new()),
    ));
    cases
}

/// Requests of other writers, and for names that somebody else has.
fn odd_requests() -> Vec<Case> {
    let mut cases = Vec::new();
    // Agents of Puppet 2.6 to 3.0 sign with MD5.
    for digest in ["-md5", "-sha1", "-sha384"] {
        let name = format!("by{digest}.example.com");
        cases.extend(course("odd", &name, made_by_openssl(&name, &["-newkey", "rsa:1024", digest])));
    }
    // Those of Puppet 3 write bare text into an extension.
    let bare =
        Extension { oid: Oid::from_name("pp_role").unwrap(), critical: false, value: b"web server".to_vec() };
    cases.extend(course("odd", "bare.example.com", asking_for("bare.example.com", Vec::new(), vec![bare])));
    let address = AltName::Ip("2001:db8::1:0:0:1".parse().unwrap());
    let names = vec![address, AltName::Dns("six.example.com".into())];
    cases.extend(course("odd", "six.example.com", asking_for("six.example.com", names, Vec::new())));
    let text = |name: &str| csr(name);
    let relabelled = text("keytool.example.com").replace(" CERTIFICATE REQUEST", " NEW CERTIFICATE REQUEST");
    cases.extend(course("odd", "keytool.example.com", relabelled));
    for (number, end) in ["\r\n", "\r"].iter().enumerate() {
        let name = format!("lines-{number}.example.com");
        cases.extend(course("odd", &name, text(&name).replace('\n', end)));
    }
    let around = format!("Certificate Request:\n    Data:\n{}bye\n", text("around.example.com"));
    cases.extend(course("odd", "around.example.com", around));
    // Under another name than its own.
    for (own, other) in [
        ("agent1.example.com", "free.example.com"),
        ("free.example.com", "agent1.example.com"),
        ("gen2.example.com", "agent1.example.com"),
        ("agent3.example.com", "gen2.example.com"),
    ] {
        let target = format!("/puppet-ca/v1/certificate_request/{other}");
        cases.push(Case::new(format!("odd-{own}"), "PUT", target, Who::Nobody).body(csr(own)));
    }
    cases
}

/// A request goes through its life.
fn course(id: &str, name: &str, request: String) -> Vec<Case> {
    let case = |step: &str, method: &str, endpoint: &str, who: Who| {
        Case::new(format!("{id}-{step}"), method, format!("/puppet-ca/v1/{endpoint}/{name}"), who)
    };
    vec![
        case("submit", "PUT", "certificate_request", Who::Nobody).body(request),
        case("submitted", "GET", "certificate_request", Who::Nobody),
        case("status", "GET", "certificate_status", Who::Operator),
        case("sign", "PUT", "certificate_status", Who::Operator).body("{\"desired_state\":\"signed\"}"),
        case("signed", "GET", "certificate", Who::Nobody),
        case("delete", "DELETE", "certificate_status", Who::Operator),
    ]
}

fn asking_for(name: &str, alt_names: Vec<AltName>, extensions: Vec<Extension>) -> String {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    csr_with(name, &key, &RequestContent { alt_names, extensions, ..RequestContent::default() })
}

/// `openssl req` with a new key.
fn made_by_openssl(name: &str, key: &[&str]) -> String {
    let subject = format!("/CN={name}");
    run(Command::new("openssl")
        .args(["req", "-new", "-batch", "-nodes", "-keyout", "/dev/null", "-subj", &subject])
        .args(key))
}

/// A certificate is deleted, and then revoked; meanwhile a request of that name may wait.
fn revoked_when_deleted(name: &str) -> Vec<Case> {
    let case = |step: &str, method: &str, endpoint: &str, who: Who| {
        Case::new(format!("{step}-{name}"), method, format!("/puppet-ca/v1/{endpoint}/{name}"), who)
    };
    let change = |step: &str, state: &str| {
        let body = format!("{{\"desired_state\":\"{state}\"}}");
        case(step, "PUT", "certificate_status", Who::Operator).body(body)
    };
    let submit = |step: &str| case(step, "PUT", "certificate_request", Who::Nobody).body(csr(name));
    let mut cases = vec![submit("submit"), change("sign", "signed")];
    cases.push(case("delete", "DELETE", "certificate_status", Who::Operator));
    if name.starts_with("comes-again") {
        cases.push(submit("submit-again"));
    }
    cases.push(change("deleted-revoke", "revoked"));
    cases
}

/// Names of all kinds go through the life of a certificate.
fn odd_names() -> Vec<Case> {
    let chosen = [
        "a",
        "0",
        "_",
        "-",
        ".",
        "...",
        "a.",
        ".a",
        "a-",
        "a_",
        "a-.b",
        "a_.b",
        "a.-b",
        "a._b",
        "a--b",
        "a__b",
        "_a",
        "-a",
        "a.b.",
        "a..",
        "0.0",
        "127.0.0.1",
        "xn--bcher-kva.example.com",
        "Mixed.example.com",
        "a.Mixed",
        "ca.example.com",
        "ca.",
        "CA",
        "con",
        "all",
        "any_key",
        "a%2eb",
        "a%2Eb",
        "%61bc",
        "a%20b",
        "a%09b",
        "a%0ab",
        "a%7eb",
        "a~b",
        "a:b",
        "a%3ab",
        "a;b",
        "a%3bb",
        "a,b",
        "a=b",
        "a&b",
        "a$b",
        "a'b",
        "(a)",
        "a%22b",
        "a%5cb",
        "a%c3%a4",
        "a%ff",
        "a%",
        "a%2",
        "a%zz",
        "a%2fb",
        "a%252fb",
        "a%25",
        "a%00b",
        "a%7fb",
        "%e2%80%ae",
        "a%2e%2e%2fb",
        "..%2fserial",
        "%2e",
        "%2e%2e",
        "%252e%252e",
        "a//b",
        "a/b",
        "a/",
        "./a",
        "../a",
        "a?b",
        "a%3fb",
        "a%23b",
        "*",
        "*.example.com",
    ];
    let mut names: Vec<String> = chosen.map(str::to_owned).to_vec();
    for length in [63, 64, 65, 200] {
        names.push("n".repeat(length));
        names.push(format!("{}.example.com", "m".repeat(length)));
    }
    let mut chance = Chance(SEED);
    for _ in 0..60 {
        let length = 1 + chance.below(12);
        names.push((0..length).map(|_| chance.of("abcxyz019._-_-..AZ")).collect());
    }
    names.iter().enumerate().flat_map(|(number, name)| life(&format!("name-{number}"), name)).collect()
}

/// All that can become of a name, from its request to its end.
fn life(id: &str, name: &str) -> Vec<Case> {
    let at = |endpoint: &str| format!("/puppet-ca/v1/{endpoint}/{name}");
    let case = |step: &str, method: &str, endpoint: &str, who: Who| {
        Case::new(format!("{id}-{step}"), method, at(endpoint), who)
    };
    let mut cases = vec![
        case("get", "GET", "certificate", Who::Nobody),
        case("get-request", "GET", "certificate_request", Who::Nobody),
    ];
    if let Some(plain) = decoded(name).filter(|plain| !plain.is_empty()) {
        cases.push(case("submit", "PUT", "certificate_request", Who::Nobody).body(csr(&plain)));
        cases.push(case("submitted", "GET", "certificate_request", Who::Nobody));
    }
    let change = |state: &str| format!("{{\"desired_state\":\"{state}\"}}");
    cases.push(case("status", "GET", "certificate_status", Who::Operator));
    cases.push(case("sign", "PUT", "certificate_status", Who::Operator).body(change("signed")));
    cases.push(case("signed", "GET", "certificate", Who::Nobody));
    cases.push(case("revoke", "PUT", "certificate_status", Who::Operator).body(change("revoked")));
    cases.push(case("revoked", "GET", "certificate_status", Who::Operator));
    cases.push(case("delete", "DELETE", "certificate_status", Who::Operator));
    cases.push(case("revoke-deleted", "PUT", "certificate_status", Who::Operator).body(change("revoked")));
    cases
}

/// The name that a server reads in a path, if it reads one.
fn decoded(name: &str) -> Option<String> {
    let name = name.split('?').next().unwrap_or_default();
    let mut octets = Vec::new();
    let mut rest = name.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// Bodies that are not what the endpoint wants.
fn odd_bodies() -> Vec<Case> {
    let bodies = [
        "",
        " ",
        "null",
        "true",
        "1",
        "1.5",
        "\"signed\"",
        "[]",
        "[1]",
        "[null]",
        "{}",
        "{",
        "}",
        "{\"a\":",
        "{}{}",
        "{} x",
        "\u{feff}{}",
        "{'desired_state':'signed'}",
        "{\"desired_state\":null}",
        "{\"desired_state\":true}",
        "{\"desired_state\":1}",
        "{\"desired_state\":[]}",
        "{\"desired_state\":{}}",
        "{\"desired_state\":\"\"}",
        "{\"desired_state\":\"SIGNED\"}",
        "{\"desired_state\":\" signed\"}",
        "{\"desired_state\":\"requested\"}",
        "{\"Desired_state\":\"signed\"}",
        "{\"desired_state\":\"signed\",\"desired_state\":\"revoked\"}",
        "{\"desired_state\":\"revoked\",\"cert_ttl\":\"x\"}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":null}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":1.5}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":\"60\"}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":true}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":[]}",
        "{\"desired_state\":\"signed\",\"cert_ttl\":{}}",
        "{\"desired_state\":\"bogus\",\"cert_ttl\":\"x\"}",
        "{\"certnames\":null}",
        "{\"certnames\":\"a\"}",
        "{\"certnames\":1}",
        "{\"certnames\":{}}",
        "{\"certnames\":[1]}",
        "{\"certnames\":[null]}",
        "{\"certnames\":[\"nobody.example.com\",\"nowhere.example.com\"]}",
        "{\"certnames\":[\"UPPER\"]}",
        "{\"certnames\":[\"../serial\"]}",
        "{\"certnames\":[\"\"]}",
        "{\"certnames\":[],\"async\":true}",
        "{\"certnames\":[],\"async\":false}",
        "{\"certnames\":[],\"async\":\"x\"}",
        "{\"certnames\":[],\"async\":null}",
        "{\"certnames\":[[]]}",
        "{\"certnames\":[],\"more\":1}",
        "{\"certnames\":[\"a \\\"quoted\\\" one\"]}",
        "{\"certnames\":[\"nobody.example.com\",\"nowhere.example.com\",\"nobody.example.com\"]}",
    ];
    let mut cases = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        for (endpoint, kind) in [
            ("certificate_status/gen2.example.com", "status"),
            ("certificate_status/nobody.example.com", "status-of-nobody"),
            ("clean", "clean"),
        ] {
            let target = format!("/puppet-ca/v1/{endpoint}");
            let case = Case::new(format!("body-{number}-{kind}"), "PUT", target, Who::Operator);
            cases.push(case.header("content-type", "application/json").body(*body));
        }
        let target = "/puppet-ca/v1/certificate_revocation_list";
        cases.push(Case::new(format!("body-{number}-lists"), "PUT", target, Who::Operator).body(*body));
    }
    cases
}

/// `Accept` and `Content-Type` of all kinds.
fn content_types() -> Vec<Case> {
    let types = [
        "application/json",
        "application/json;charset=utf-8",
        "application/json; q=0.1",
        "application/*",
        "text/*",
        "*/*",
        "text/plain",
        "text/pson",
        "pson",
        "json",
        "s",
        "raw",
        "binary",
        "yaml",
        "b64_zlib_yaml",
        "application/octet-stream",
        "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
        "text/plain, application/json",
        "text/plain;q=0.5, text/pson",
        "application/json;q=0",
        "APPLICATION/JSON",
        "",
        ",",
        ";",
        "application/json,",
        "garbage",
        "application/vnd.puppet+json",
        "application/json, text/pson",
        "text/pson, application/json",
        "application/json;q=0.5, text/pson;q=0.9",
        "text/pson;q=0.9, application/json",
        "application/json;q=2, text/pson;q=0.5",
        "application/json, text/javascript, */*; q=0.01",
        "*/*, application/json",
        "pson, application/json",
        "application/json, yaml",
        "application/json;level=1, text/pson;q=x",
        "text/*;q=0.3, application/*;q=0.7",
    ];
    let mut cases = Vec::new();
    for (number, one) in types.iter().enumerate() {
        for target in [
            "/puppet-ca/v1/certificate/agent1.example.com",
            "/puppet-ca/v1/certificate_request/gen2.example.com",
            "/puppet-ca/v1/certificate_revocation_list/ca",
            "/puppet-ca/v1/certificate_status/agent1.example.com",
            "/puppet-ca/v1/certificate_status/nobody.example.com",
            "/puppet-ca/v1/certificate_statuses/all",
            "/puppet-ca/v1/expirations",
            "/production/certificate/agent1.example.com",
        ] {
            cases.push(
                Case::new(format!("accept-{number}"), "GET", target, Who::Operator).header("accept", one),
            );
        }
        let status = "/puppet-ca/v1/certificate_status/nobody.example.com";
        let body = "{\"desired_state\":\"signed\"}";
        let change = |id: &str| Case::new(format!("{id}-{number}"), "PUT", status, Who::Operator).body(body);
        if number < 2 {
            let refused = [("accept-charset", "utf-16"), ("accept-encoding", "identity;q=0")][number];
            for target in ["/puppet-ca/v1/certificate_status/agent1.example.com", status] {
                let case = Case::new(format!("charset-{number}"), "GET", target, Who::Operator);
                cases.push(case.header(refused.0, refused.1));
            }
        }
        cases.push(change("content-type").header("content-type", one));
        cases.push(change("accept-put").header("accept", one));
        let delete = Case::new(format!("accept-delete-{number}"), "DELETE", status, Who::Operator);
        cases.push(delete.header("accept", one));
        let clean = Case::new(format!("clean-{number}"), "PUT", "/puppet-ca/v1/clean", Who::Operator);
        let clean = clean.body("{\"certnames\":[\"nobody.example.com\"]}");
        cases.push(clean.header("content-type", one).header("accept", one));
    }
    cases
}

/// Paths that are written in odd ways.
fn odd_paths() -> Vec<Case> {
    let paths = [
        "//puppet-ca/v1/certificate/ca",
        "/puppet-ca//v1/certificate/ca",
        "/puppet-ca/v1//certificate/ca",
        "/puppet-ca/v1/certificate//ca",
        "/puppet-ca/v1/certificate/ca/",
        "/puppet-ca/v1/certificate/ca//",
        "/puppet-ca/v1/certificate/./ca",
        "/puppet-ca/v1/./certificate/ca",
        "/puppet-ca/v1/x/../certificate/ca",
        "/puppet-ca/v1/certificate/%63a",
        "/puppet-ca/v1/%63ertificate/ca",
        "/puppet%2dca/v1/certificate/ca",
        "/puppet-ca%2fv1%2fcertificate%2fca",
        "/puppet-ca/v1/certificate%2fca",
        "/puppet-ca/v1/certificate/%2563a",
        "/puppet-ca/v1/%2563ertificate/ca",
        "/%2570uppet-ca/v1/certificate/ca",
        "/puppet-ca/v1/certificate/ca;x",
        "/puppet-ca/v1/certificate;x/ca",
        "/puppet-ca;x=y/v1/certificate/ca",
        "/puppet-ca/v1/certificate/ca;jsessionid=1",
        "/puppet-ca/v1/certificate/ca%3bx",
        "/puppet-ca/v1/certificate/ca?",
        "/puppet-ca/v1/certificate/ca?a",
        "/puppet-ca/v1/certificate/ca?environment=production&environment=b",
        "/puppet-ca/v1/certificate/ca?%zz",
        "/puppet-ca/v1/certificate/ca?a=%2e%2e",
        "/puppet-ca/v1/Certificate/ca",
        "/Puppet-CA/v1/certificate/ca",
        "/puppet-ca/V1/certificate/ca",
        "/puppet-ca/v3/certificate/ca",
        "/puppet-ca/v1",
        "/puppet-ca/",
        "/puppet-ca",
        "/puppet-ca/v1/certificate_status/agent1.example.com/more",
        "/puppet-ca/v1/certificate_statuses/",
        "/puppet-ca/v1/certificate_statuses/%20",
        "/puppet-ca/v1/certificate_statuses/a!b",
        "/puppet-ca/v1/certificate_statuses/all?state=",
        "/puppet-ca/v1/certificate_statuses/all?state=signed&state=revoked",
        "/puppet-ca/v1/certificate_statuses/all?state=SIGNED",
        "/puppet-ca/v1/certificate_statuses/all?State=signed",
        "/puppet-ca/v1/certificate_statuses/all?state=signed%20",
        "/puppet-ca/v1/certificate_revocation_list/ca.example.com",
        "/puppet-ca/v1/certificate_revocation_list/ca/",
        "/puppet-ca/v1/certificate_revocation_list/cab",
        "/puppet-ca/v1/expirations/",
        "/puppet-ca/v1/clean/",
        "/puppet-ca/v1/certificate_request/gen2.example.com/",
        "/puppet-ca/v1/certificate_request/%67en2.example.com",
        "/puppet-ca/v1/certificate_requestgen2.example.com",
        "/puppet-ca/v1/certificatexyz/ca",
        "/puppet-ca/v1/certificate_request/..%2f..%2fserial",
        "/puppet-ca/v1/certificate_request/%2e%2e/serial",
        "/status/v1/simple/ca",
        "/status/v1/services/nosuch",
        "/status/v1/simple/nosuch",
        "/status/v1",
        "/status/v2/simple",
        "/status/v1/services/ca?level=info",
        "/status/v1/services/ca?level=critical",
        "/status",
        "/status/v1/services/ca?level=debug",
        "/status/v1/services/ca?level=bogus",
    ];
    let mut cases = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        for who in [Who::Nobody, Who::Operator] {
            cases.push(Case::new(format!("path-{number}"), "GET", *path, who));
        }
    }
    cases
}

/// The URLs of Puppet 2.6 to 3.
fn legacy() -> Vec<Case> {
    let mut cases = Vec::new();
    let endpoints = [
        "certificate/ca",
        "certificate/agent1.example.com",
        "certificate/nobody.example.com",
        "certificate_request/gen2.example.com",
        "certificate_request/nobody.example.com",
        "certificate_requests/all",
        "certificate_revocation_list/ca",
        "certificate_revocation_list/other",
        "certificate_status/agent1.example.com",
        "certificate_status/nobody.example.com",
        "certificate_statuses/all",
        "certificate_statuses/all?state=signed",
        "certificate_statuses/no_key",
        "expirations",
        "clean",
        "certificate",
        "certificate_request",
        "nosuch/x",
    ];
    for (number, endpoint) in endpoints.iter().enumerate() {
        for environment in ["production", "no_such_env", "bad-env", "puppet-ca", "v3"] {
            for who in EVERYBODY {
                let target = format!("/{environment}/{endpoint}");
                cases.push(Case::new(format!("legacy-{number}"), "GET", target, who).header("accept", "s"));
            }
        }
        for method in ["HEAD", "PUT", "POST", "DELETE"] {
            if method == "DELETE" && endpoint.contains("agent1") {
                continue;
            }
            let case = Case::new(
                format!("legacy-{number}"),
                method,
                format!("/production/{endpoint}"),
                Who::Operator,
            );
            let body = if method == "PUT" || method == "POST" { "{}" } else { "" };
            cases.push(case.header("accept", "pson, yaml").body(body));
        }
    }
    for (number, name) in ["legacy1.example.com", "legacy2.example.com"].iter().enumerate() {
        let at = |endpoint: &str| format!("/production/{endpoint}/{name}");
        let step = |method: &str, endpoint: &str, who: Who| {
            Case::new(format!("legacy-life-{number}"), method, at(endpoint), who)
        };
        cases.push(
            step("PUT", "certificate_request", Who::Nobody)
                .header("content-type", "text/plain")
                .body(csr(name)),
        );
        cases.push(step("GET", "certificate_request", Who::Nobody).header("accept", "s"));
        cases.push(
            step("PUT", "certificate_status", Who::Operator)
                .header("content-type", "text/pson")
                .body("{\"desired_state\":\"signed\"}"),
        );
        cases.push(step("GET", "certificate", Who::Nobody).header("accept", "s"));
        cases.push(step("DELETE", "certificate_status", Who::Operator).header("accept", "pson"));
    }
    cases
}

/// `If-Modified-Since`, far from any file's time of change.
fn conditional() -> Vec<Case> {
    let dates = [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "Fri, 1 Jan 2100 00:00:00 GMT",
        "Mon, 01 Jan 2100 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 UTC",
        "Fri, 01 Jan 2100 00:00:00 +0000",
        "Fri, 01 Jan 2100 00:00:00",
        "fri, 01 jan 2100 00:00:00 gmt",
        "01 Jan 2100 00:00:00 GMT",
        "Fri Jan  1 00:00:00 2100",
        "2100-01-01T00:00:00Z",
        "4102444800",
        "",
        "Fri, 01 Jan 2100 24:00:00 GMT",
        "Fri, 32 Jan 2100 00:00:00 GMT",
    ];
    let mut cases = Vec::new();
    for (number, date) in dates.iter().enumerate() {
        for target in [
            "/puppet-ca/v1/certificate_revocation_list/ca",
            "/puppet-ca/v1/certificate/ca",
            "/puppet-ca/v1/certificate/agent1.example.com",
            "/puppet-ca/v1/certificate_request/gen2.example.com",
        ] {
            let case = Case::new(format!("since-{number}"), "GET", target, Who::Nobody);
            cases.push(case.header("if-modified-since", date));
        }
    }
    cases
}

/// Xorshift: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn of(&mut self, alphabet: &str) -> char {
        let letters: Vec<char> = alphabet.chars().collect();
        letters[self.below(letters.len() as u64) as usize]
    }
}
