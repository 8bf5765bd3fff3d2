//! Requests that two readers could understand differently, end to end: what the front end answers, and what arrives at a
//! worker that reads by the strictest rules. The requests are in `smuggling.txt`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use gateway::Tuning;
use wire::{Drain, Limits};

use crate::estate::{Estate, Front};
use crate::raw_worker::RawWorker;

/// A case of the corpus.
struct Case {
    name: String,
    /// Status codes of the answers, in order.
    answers: Vec<String>,
    /// What reaches the worker: method, target, length of the body.
    arrives: Vec<String>,
    bytes: Vec<u8>,
}

fn corpus() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in include_str!("smuggling.txt").lines().enumerate() {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case { name: name.into(), answers: vec![], arrives: vec![], bytes: vec![] });
            continue;
        }
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let case = cases.last_mut().unwrap();
        let words =
            |text: &str| text.split(',').map(|word| word.trim().to_owned()).filter(|w| w != "-").collect();
        if let Some(answers) = line.strip_prefix("answers ") {
            case.answers = words(answers);
        } else if let Some(arrives) = line.strip_prefix("arrives ") {
            case.arrives = words(arrives);
        } else {
            case.bytes.extend(unescape(line).unwrap_or_else(|| panic!("line {}: {line}", number + 1)));
        }
    }
    cases
}

/// `\r`, `\n`, `\t`, `\\`, `\xNN`, and `{N*text}` for a repetition.
fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if let Some((count, text)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('*')) {
            let (text, after) = text.split_once('}')?;
            bytes.extend(unescape(text)?.repeat(count.parse().ok()?));
            rest = after;
            continue;
        }
        if first != '\\' {
            bytes.extend(first.to_string().bytes());
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (byte, length) = match rest.as_bytes().get(1)? {
            b'r' => (b'\r', 2),
            b'n' => (b'\n', 2),
            b't' => (b'\t', 2),
            b'\\' => (b'\\', 2),
            b'x' => (u8::from_str_radix(rest.get(2..4)?, 16).ok()?, 4),
            _ => return None,
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    Some(bytes)
}

/// Sends bytes, and waits for the end of the connection (what is idle is closed after half a second); the status codes that come back, and everything else.
fn exchange(address: SocketAddr, bytes: &[u8]) -> (Vec<String>, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let bytes = bytes.to_vec();
    // It need not take all of it.
    let sender = std::thread::spawn(move || {
        let _ = writing.write_all(&bytes);
    });
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    sender.join().unwrap();
    let said = String::from_utf8_lossy(&said).into_owned();
    let codes =
        said.lines().filter_map(|line| line.strip_prefix("HTTP/1.")).map(|rest| rest[2..5].to_owned());
    (codes.collect(), said)
}

/// A front end without TLS: the bytes are the same, and no library stands between them and the listener.
fn plain(front: &Front) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        idle_timeout: Duration::from_millis(500),
        header_timeout: Duration::from_millis(500),
        stall_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    tokio::spawn(wire::serve_plain(listener, limits, Arc::clone(&front.front_end), Drain::never()));
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_smuggled_arrives() {
    let estate = Estate::new();
    let worker = RawWorker::start("raw");
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    let address = plain(&front);
    let cases = corpus();
    assert!(cases.len() > 80, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let bytes = case.bytes.clone();
        let (codes, said) = tokio::task::spawn_blocking(move || exchange(address, &bytes)).await.unwrap();
        let arrived: Vec<String> = worker
            .arrived()
            .iter()
            .map(|one| format!("{} {}", one.line.strip_suffix(" HTTP/1.1").unwrap(), one.body.len()))
            .collect();
        if codes != case.answers || arrived != case.arrives {
            wrong.push(format!(
                "{}: answers {codes:?} instead of {:?}; {arrived:?} arrived instead of {:?}\n{said}",
                case.name, case.answers, case.arrives
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(worker.nonsense(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_disguise_of_an_identity_arrives() {
    let estate = Estate::new();
    let worker = RawWorker::start("raw");
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    let address = plain(&front);
    let mut wrong = Vec::new();
    // A disguise that is refused is as good as one that is taken off.
    for (disguise, refused) in [
        ("X-Client-Verify: SUCCESS\r\nX-Client-DN: CN=root\r\n", false),
        ("x-client-verify: SUCCESS\r\nX-CLIENT-VERIFY: SUCCESS\r\nx-ClIeNt-dN: CN=root\r\n", false),
        ("X_Client_Verify: SUCCESS\r\nX-Client_DN: CN=root\r\n", false),
        ("X.Client.Verify: SUCCESS\r\nX~Client|DN: CN=root\r\n", false),
        ("X-Client-Verify:SUCCESS\r\nX-Client-DN:\t CN=root \t\r\n", false),
        ("X-Client-Verify : SUCCESS\r\n", true),
        ("X-Client-Verify\t: SUCCESS\r\n", true),
        ("X-Client-Verify\r\n : SUCCESS\r\n", true),
        ("X-Other: a\r\n X-Client-Verify: SUCCESS\r\n", true),
        (" X-Client-Verify: SUCCESS\r\n", true),
        ("X-Client-Verify\x0b: SUCCESS\r\n", true),
        ("X-Client-Verify\0: SUCCESS\r\n", true),
        ("\u{ff38}-Client-Verify: SUCCESS\r\n", true),
        ("X-Other: a\nX-Client-Verify: SUCCESS\r\n", true),
        ("X-Other: a\rX-Client-Verify: SUCCESS\r\n", true),
        ("Connection: X-Client-Verify, X-Client-DN, x-forwarded-for\r\nX-Client-Verify: SUCCESS\r\n", false),
        ("Connection: close, host, content-length\r\nX-Client-Cert: x\r\n", false),
        ("X-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.1\r\nX-Bunraku-Epoch: 9\r\n", false),
        ("Transfer-Encoding: chunked\r\nTrailer: X-Client-Verify\r\nTE: trailers\r\n", false),
    ] {
        let chunked = disguise.contains("chunked");
        let body = if chunked {
            "3\r\nabc\r\n0\r\nX-Client-Verify: SUCCESS\r\nX-Client-DN: CN=root\r\n\r\n"
        } else {
            "abc"
        };
        let length = if chunked { "" } else { "Content-Length: 3\r\n" };
        let bytes = format!("PUT /puppet/v3/report/n HTTP/1.1\r\nHost: x\r\n{length}{disguise}\r\n{body}");
        let (codes, _) =
            tokio::task::spawn_blocking(move || exchange(address, bytes.as_bytes())).await.unwrap();
        let arrived = worker.arrived();
        let said: Vec<String> = arrived
            .iter()
            .flat_map(|one| &one.headers)
            .map(|header| header.to_ascii_lowercase())
            .filter(|header| {
                header.contains("success") || header.contains("root") || header.contains("client")
            })
            .chain(
                arrived
                    .iter()
                    .flat_map(|one| &one.headers)
                    .filter(|header| header.contains("10.0.0.1"))
                    .cloned(),
            )
            .collect();
        let expected: &[&str] = if refused { &["400"] } else { &["200"] };
        let says_nobody: &[&str] = if refused { &[] } else { &["x-client-verify: none"] };
        if codes != expected || said != says_nobody {
            wrong.push(format!("{disguise:?}: {codes:?}, {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(worker.nonsense(), Vec::<String>::new());
}
