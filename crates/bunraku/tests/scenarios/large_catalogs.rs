//! Catalogs of 50 MB, several at one time, to clients that read slowly: they pass whole, and the front end holds no more of
//! them than sockets and a buffer each.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::deployment::{Deployment, text, wait_until};

const CATALOG: usize = 50 << 20;
const AT_ONE_TIME: usize = 6;
/// For each: what is read of an answer before it is passed on, and what TLS and sockets hold in both directions.
const EACH: u64 = 10 << 10;

/// Answers everything but probes with a catalog, in chunks: its length is not known before its end.
fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(length) => head.extend_from_slice(&piece[..length]),
            }
        }
        let probe = head.starts_with(b"GET /status/");
        // What follows the header, a body of one octet, is of no interest; neither is what comes after it.
        head.clear();
        let answered = if probe {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrunning")
        } else {
            catalog(&mut stream)
        };
        if answered.is_err() {
            return;
        }
    }
}

fn catalog(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend(vec![b'x'; 1 << 20]);
    chunk.extend(b"\r\n");
    for _ in 0..CATALOG >> 20 {
        stream.write_all(&chunk)?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Proportional set size, kB.
fn pss(pid: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn large_catalogs_pass_whole_and_take_no_memory() {
    let deployment = Deployment::start(21_140, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    deployment.configure(|text| {
        let (before, _) = text.split_once("[[catalog.worker]]").unwrap();
        format!(
            "{before}[[catalog.worker]]\nname = \"large\"\naddress = \"http://127.0.0.1:{port}\"\n\
             kind = \"puppetserver\"\n\n[[access.rule]]\nname = \"catalogs for all\"\norder = 1\n\
             path = \"/puppet/v3/catalog\"\nallow_unauthenticated = true\n"
        )
    });
    deployment.bunraku_ok(&["front-end", "reload"]);
    wait_until("the worker is used", Duration::from_secs(20), || {
        let status = deployment.status();
        status["workers"].as_array().unwrap().iter().any(|one| one["name"] == "large" && one["state"] == "up")
    });

    let pid = deployment.pid_of("front-end");
    let before = pss(pid);
    let url = format!("https://127.0.0.1:{}/puppet/v3/catalog/n", deployment.port);
    let mut clients: Vec<_> = (0..AT_ONE_TIME)
        .map(|_| {
            Command::new("curl")
                .args([
                    "-sSk",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code} %{size_download}",
                    "--limit-rate",
                    "10M",
                ])
                .args(["-d", "f", &url])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut most = before;
    while clients.iter_mut().any(|client| client.try_wait().unwrap().is_none()) {
        most = most.max(pss(pid));
        std::thread::sleep(Duration::from_millis(50));
    }
    for client in clients {
        let output = client.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), format!("200 {CATALOG}"));
    }
    let grown = most.saturating_sub(before);
    println!("{AT_ONE_TIME} catalogs of 50 MB at one time: {before} kB before, {most} kB at most");
    assert!(grown < EACH * AT_ONE_TIME as u64, "{before} kB before, {most} kB at most");
}
