//! A deployment started by `bunraku up` in a temporary directory, ended when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const BUNRAKU: &str = env!("CARGO_BIN_EXE_bunraku");

static TURN: Mutex<()> = Mutex::new(());

/// Whose turn it is: scenarios measure time and cut connections.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A running deployment; only one exists at a time.
pub struct Deployment {
    pub port: u16,
    pub announced: Value,
    root: tempfile::TempDir,
    up: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Deployment {
    /// Starts one on `port` with a P-256 CA (an RSA-4096 key takes seconds to make).
    pub fn start(port: u16, flags: &[&str]) -> Deployment {
        Deployment::start_with(port, &[&["--ca-key", "ec"], flags].concat())
    }

    /// Starts one with just these flags.
    pub fn start_with(port: u16, flags: &[&str]) -> Deployment {
        Deployment::start_prepared(port, flags, |_| {})
    }

    /// Starts one after `prepare` has had its way with the folder in which its directory, `data`, will be.
    pub fn start_prepared(port: u16, flags: &[&str], prepare: impl FnOnce(&Path)) -> Deployment {
        let turn = turn();
        let root = tempfile::tempdir().unwrap();
        prepare(root.path());
        let (up, announced) = start_up(&root.path().join("data"), port, flags);
        Deployment { port, announced, root, up, _turn: turn }
    }

    /// Ends `up` as Ctrl-C does, and starts it again on the same directory.
    pub fn restart(&mut self) {
        self.end();
        let (up, announced) = start_up(&self.dir(), self.port, &[]);
        self.up = up;
        self.announced = announced;
    }

    /// `kill -9` of every process at once.
    pub fn crash(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let up = Pid::from_raw(self.up.id() as i32).unwrap();
        // Held, so that it neither ends nor replaces what dies first.
        kill_process(up, Signal::STOP).unwrap();
        let names = ["front-end", "ca-1", "ca-2", "catalog-1", "catalog-2"];
        let pids: Vec<Pid> =
            names.iter().filter_map(|name| Pid::from_raw(find_process(&self.dir(), name)?)).collect();
        for pid in pids.iter().chain([&up]) {
            kill_process(*pid, Signal::KILL).unwrap();
        }
        self.up.wait().unwrap();
        // A process in the middle of a flush lets go of its sockets a moment after it has been killed.
        wait_until("all of them are gone", Duration::from_secs(10), || {
            (0..5).all(|slot| std::net::TcpListener::bind(("127.0.0.1", self.port_of(slot))).is_ok())
        });
    }

    /// Starts `up` again on the same directory after [`Deployment::crash`].
    pub fn start_again(&mut self) {
        (self.up, self.announced) = start_up(&self.dir(), self.port, &[]);
    }

    /// Ends everything, as Ctrl-C does.
    pub fn end(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.up.id() as i32).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        self.up.wait().unwrap();
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A folder for an agent's own files.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// The folder that `prepare` was given.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn primary_dir(&self) -> PathBuf {
        self.dir().join("ssl/ca")
    }

    pub fn standby_dir(&self) -> PathBuf {
        self.dir().join("ssl/ca.standby")
    }

    /// Port of the role in that slot: 0 front end, 1 and 2 catalog workers, 3 primary CA, 4 standby.
    pub fn port_of(&self, slot: u16) -> u16 {
        if slot == 0 { self.port } else { self.port + 10_000 + slot - 1 }
    }

    /// Runs `bunraku` with this deployment's configuration.
    pub fn bunraku(&self, arguments: &[&str]) -> Output {
        let output = Command::new(BUNRAKU)
            .args(arguments)
            .arg("--config")
            .arg(self.dir().join("bunraku.toml"))
            .output()
            .unwrap();
        eprintln!(
            "$ bunraku {}\n{}{}[exit {:?}]",
            arguments.join(" "),
            text(&output.stdout),
            text(&output.stderr),
            output.status.code()
        );
        output
    }

    /// The same; it must exit 0. What it printed.
    pub fn bunraku_ok(&self, arguments: &[&str]) -> String {
        let output = self.bunraku(arguments);
        assert!(output.status.success(), "bunraku {}: {}", arguments.join(" "), text(&output.stderr));
        text(&output.stdout)
    }

    pub fn status(&self) -> Value {
        // Exit code 1 says that no CA is active, which for milliseconds is right.
        let printed = text(&self.bunraku(&["status", "--json"]).stdout);
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("status printed {printed:?}: {e}"))
    }

    /// The process id of the role `name`, as the kernel sees it now.
    pub fn pid_of(&self, name: &str) -> i32 {
        find_process(&self.dir(), name).unwrap_or_else(|| panic!("{name} is not running"))
    }

    /// Tells `up` something.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let up = rustix::process::Pid::from_raw(self.up.id() as i32).unwrap();
        rustix::process::kill_process(up, signal).unwrap();
    }

    /// Writes `bunraku.toml` anew.
    pub fn configure(&self, change: impl FnOnce(String) -> String) {
        let path = self.dir().join("bunraku.toml");
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&self, name: &str) {
        let pid = rustix::process::Pid::from_raw(self.pid_of(name)).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// What the log file `name` of the deployment holds.
    pub fn log(&self, name: &str) -> String {
        // Access logs are written in batches, some milliseconds after the answer.
        std::thread::sleep(Duration::from_millis(100));
        std::fs::read_to_string(self.dir().join("log").join(name)).unwrap_or_default()
    }

    /// The access log of the worker in `slot`.
    pub fn worker_log(&self, slot: u16) -> String {
        self.log(&format!("worker_access_{}.log", self.port_of(slot)))
    }

    /// Waits until `ca-1` is primary and both members are in sync.
    pub fn wait_until_home(&self) {
        wait_until("ca-1 is primary again and both CAs are in sync", Duration::from_secs(30), || {
            let status = self.status();
            let members = status["ca"]["members"].as_array().unwrap().clone();
            status["ca"]["active"] == "ca-1" && members.iter().all(|m| m["in_sync"] == true)
        });
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if self.up.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.end();
        }
        if std::thread::panicking() {
            for name in ["front_end_error.log", "front-end.log", "ca-1.log", "ca-2.log", "catalog-1.log"] {
                let log = self.log(name);
                let tail: Vec<&str> = log.lines().rev().take(40).collect();
                eprintln!("--- {name}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}

fn start_up(dir: &Path, port: u16, flags: &[&str]) -> (Child, Value) {
    // A prepared configuration says itself where it listens.
    let port: &[&str] = if dir.join("bunraku.toml").exists() { &[] } else { &["--port", &port.to_string()] };
    let mut up = Command::new(BUNRAKU)
        .args(["up", "--json"])
        .args(port)
        .arg("--dir")
        .arg(dir)
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(up.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let announced = serde_json::from_str(&line).unwrap_or_else(|e| panic!("up printed {line:?}: {e}"));
    (up, announced)
}

/// The process of role `name` that serves the deployment in `dir`.
fn find_process(dir: &Path, name: &str) -> Option<i32> {
    let wanted = [dir.join("bunraku.toml").display().to_string(), name.to_string()];
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()).find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<&str> = line.split(|b| *b == 0).filter_map(|w| std::str::from_utf8(w).ok()).collect();
        let serves = words.contains(&"serve") && wanted.iter().all(|w| words.contains(&w.as_str()));
        serves.then_some(pid)
    })
}

/// Waits until `condition` holds; a condition that never does fails the test with its name.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
