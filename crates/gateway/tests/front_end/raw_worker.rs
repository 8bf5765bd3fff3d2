//! A worker of plain sockets that believes nothing: it keeps every byte it gets, reads requests by the strictest rules,
//! and fails in the way it is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::WorkerAddress;

/// What it does with a request, probes aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Status(u16),
    /// Reads the request, and hangs up.
    Silent,
    /// Answers with this status as soon as it has the header, and reads on.
    Early(u16),
    /// Reads the request, and answers after so long.
    Late(Duration),
    /// Answers with so many bytes.
    Flood(usize),
    /// Reads the header, and nothing more.
    Deaf,
    /// Answers with something that is compressed.
    Gzip,
}

/// What the front end asks in its own name, and how that is answered whatever the manner.
const HOUSEKEEPING: [(&str, u16); 3] = [
    ("GET /status/v1/simple HTTP/1.1", 200),
    ("GET /status/v1/simple/ca HTTP/1.1", 200),
    // It has none, and nothing here is about it.
    ("GET /puppet-ca/v1/certificate_revocation_list/ca HTTP/1.1", 404),
];

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Method, target, version.
    pub line: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

pub struct RawWorker {
    address: String,
    name: String,
    state: Arc<State>,
}

struct State {
    manner: Mutex<Manner>,
    arrived: Mutex<Vec<Arrived>>,
    /// What was no request by the strictest rules.
    nonsense: Mutex<Vec<String>>,
    /// Bytes of floods that the other side has taken.
    written: Arc<AtomicUsize>,
}

impl RawWorker {
    pub fn start(name: &str) -> RawWorker {
        RawWorker::start_on(name, TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn start_on(name: &str, listener: TcpListener) -> RawWorker {
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            manner: Mutex::new(Manner::Status(200)),
            arrived: Mutex::default(),
            nonsense: Mutex::default(),
            written: Arc::default(),
        });
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&serving);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        RawWorker { address, name: name.to_owned(), state }
    }

    /// Where nobody listens.
    pub fn absent(name: &str) -> WorkerAddress {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        place(name, &format!("127.0.0.1:{port}"))
    }

    pub fn place(&self) -> WorkerAddress {
        place(&self.name, &self.address)
    }

    pub fn behave(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
    }

    /// What has arrived since the last question.
    pub fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.state.arrived.lock().unwrap())
    }

    /// Follows how much of a flood has been taken.
    pub fn written(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.state.written)
    }

    pub fn nonsense(&self) -> Vec<String> {
        self.state.nonsense.lock().unwrap().clone()
    }
}

fn place(name: &str, address: &str) -> WorkerAddress {
    WorkerAddress { name: name.into(), address: format!("http://{address}"), certname: String::new() }
}

fn serve(mut stream: TcpStream, state: &State) {
    let mut bytes = Vec::new();
    loop {
        let Some(head_end) = fill(&mut stream, &mut bytes, |bytes| find(bytes, b"\r\n\r\n")) else {
            if !bytes.is_empty() {
                state.nonsense.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
            }
            return;
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        bytes.drain(..head_end + 4);
        let mut lines = head.split("\r\n").map(str::to_owned);
        let line = lines.next().unwrap_or_default();
        let headers: Vec<String> = lines.collect();
        let note = |why: &str| state.nonsense.lock().unwrap().push(format!("{why}: {head:?}"));
        if line.split(' ').count() != 3 || !line.ends_with(" HTTP/1.1") || line.contains(['\r', '\n', '\0']) {
            return note("request line");
        }
        if headers.iter().any(|header| header.starts_with([' ', '\t']) || header.contains(['\r', '\n', '\0']))
        {
            return note("header line");
        }
        let is_probe = HOUSEKEEPING.iter().any(|(housekeeping, _)| *housekeeping == line);
        let manner = match HOUSEKEEPING.iter().find(|(housekeeping, _)| *housekeeping == line) {
            Some((_, status)) => Manner::Status(*status),
            None => state.manner.lock().unwrap().clone(),
        };
        if let Manner::Early(status) = manner {
            state.arrived.lock().unwrap().push(Arrived { line, headers, body: Vec::new() });
            answer(&mut stream, status);
            std::thread::sleep(Duration::from_millis(300));
            return;
        }
        if manner == Manner::Deaf {
            std::thread::sleep(Duration::from_secs(20));
            return;
        }
        let values = |name: &str| -> Vec<String> {
            let named = headers.iter().filter_map(|header| header.split_once(": "));
            named
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
                .collect()
        };
        let body = match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
            ([], []) => Some(Vec::new()),
            ([length], []) => {
                let length = length.parse().unwrap();
                fill(&mut stream, &mut bytes, |bytes| (bytes.len() >= length).then_some(length))
                    .map(|length| bytes.drain(..length).collect())
            }
            ([], [chunked]) if chunked == "chunked" => chunks(&mut stream, &mut bytes),
            _ => return note("framing"),
        };
        let Some(body) = body else { return };
        if !is_probe {
            state.arrived.lock().unwrap().push(Arrived { line, headers, body });
        }
        match manner {
            Manner::Silent => return,
            Manner::Late(time) => {
                std::thread::sleep(time);
                answer(&mut stream, 200);
            }
            Manner::Flood(length) => flood(&mut stream, length, &state.written),
            Manner::Gzip => {
                let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 13\r\n\r\n";
                let _ = stream.write_all(&[&head[..], b"\x1f\x8b not really"].concat());
            }
            Manner::Status(status) | Manner::Early(status) => answer(&mut stream, status),
            Manner::Deaf => return,
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16) {
    let _ =
        stream.write_all(format!("HTTP/1.1 {status} As Told\r\nContent-Length: 4\r\n\r\nraw\n").as_bytes());
}

fn flood(stream: &mut TcpStream, length: usize, written: &AtomicUsize) {
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes());
    let chunk = vec![b'x'; 1 << 16];
    let mut left = length;
    while left > 0 {
        match stream.write(&chunk[..left.min(chunk.len())]) {
            Ok(taken) => {
                left -= taken;
                written.fetch_add(taken, Ordering::Relaxed);
            }
            Err(_) => return,
        }
    }
}

/// Reads until `whole` is satisfied.
fn fill(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    whole: impl Fn(&[u8]) -> Option<usize>,
) -> Option<usize> {
    loop {
        if let Some(end) = whole(bytes) {
            return Some(end);
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn chunks(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = fill(stream, bytes, |bytes| find(bytes, b"\r\n"))?;
        let line: Vec<u8> = bytes.drain(..end + 2).collect();
        let size = usize::from_str_radix(std::str::from_utf8(&line[..end]).ok()?, 16).ok()?;
        fill(stream, bytes, |bytes| (bytes.len() >= size + 2).then_some(0))?;
        let mut chunk: Vec<u8> = bytes.drain(..size + 2).collect();
        // Trailers would stand here.
        assert!(chunk.ends_with(b"\r\n"), "something between a body and its end: {chunk:?}");
        chunk.truncate(size);
        if size == 0 {
            return Some(body);
        }
        body.extend(chunk);
    }
}
