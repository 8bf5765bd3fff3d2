//! The policy executable: it gets the certname as its argument and the request on standard input, and signs by
//! ending with 0. Its environment is ours, with `GEM_PATH` made longer where the configuration says so.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// How much of what it prints is kept for the log, octets of each stream.
const KEPT: usize = 4096;
/// How long after its end what it printed is waited for: a process that it left behind may hold the pipes open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a policy executable gave no verdict.
#[derive(Debug, Error)]
pub enum PolicyFault {
    /// It could not be started, or waiting for it failed.
    #[error("autosign policy {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// It is there, but what its first line names is not.
    #[error(
        "autosign policy {}: the interpreter that its first line names cannot be found ({interpreter:?})",
        path.display()
    )]
    NoInterpreter { path: PathBuf, interpreter: String },
    /// Whatever may run nothing at all would sign everything.
    #[error("autosign policy {} is empty", path.display())]
    Empty { path: PathBuf },
    /// It took too long and was ended, with all that it had started.
    #[error("autosign policy {} gave no answer within {} s", path.display(), limit.as_secs_f32())]
    TimedOut {
        path: PathBuf,
        limit: Duration,
        /// What it had written to standard error until then (the first 4 KiB).
        stderr: String,
    },
}

/// What a policy executable answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAnswer {
    /// It exited with 0.
    pub sign: bool,
    /// How it ended, in words.
    pub ending: String,
    /// What it wrote to standard output (the first 4 KiB).
    pub stdout: String,
    /// What it wrote to standard error (the first 4 KiB).
    pub stderr: String,
}

/// Runs the policy executable once.
///
/// # Errors
/// [`PolicyFault`]; the caller leaves the request to an operator then.
pub(super) async fn ask(
    path: &Path,
    certname: &str,
    request_pem: &str,
    limit: Duration,
    gem_path: Option<&OsString>,
) -> Result<PolicyAnswer, PolicyFault> {
    let io = |source| PolicyFault::Io { path: path.to_owned(), source };
    let mut child = start(path, certname, gem_path)?;
    let group = Group::of(&child);
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let talk = converse(&mut child, request_pem, &mut said, &mut complained);
    let answered = tokio::time::timeout(limit, talk).await;
    let text = |kept: &[u8]| String::from_utf8_lossy(kept).trim_end().to_owned();
    let Ok(answered) = answered else {
        drop(group);
        // It has been killed; this only takes away what the system keeps of it.
        let _ = child.wait().await;
        return Err(PolicyFault::TimedOut { path: path.to_owned(), limit, stderr: text(&complained) });
    };
    group.spare();
    let status = answered.map_err(io)?;
    let (stdout, stderr) = (text(&said), text(&complained));
    Ok(PolicyAnswer { sign: status.success(), ending: status.to_string(), stdout, stderr })
}

/// Starts it. A text without `#!` is a shell's, as for every shell and for Puppet Server.
fn start(path: &Path, certname: &str, gem_path: Option<&OsString>) -> Result<Child, PolicyFault> {
    let spawn = |mut command: Command| {
        // A group of its own, so that all that it starts can be ended with it.
        command.arg(certname).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(gem_path) = gem_path {
            command.env("GEM_PATH", gem_path);
        }
        command.spawn()
    };
    let started = spawn(Command::new(path)).or_else(|fault| match Beginning::of(path) {
        Beginning::Text if rustix::io::Errno::from_io_error(&fault) == Some(rustix::io::Errno::NOEXEC) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg(path);
            spawn(shell).map_err(|fault| (fault, Beginning::Text))
        }
        beginning => Err((fault, beginning)),
    });
    started.map_err(|(source, beginning)| match beginning {
        Beginning::Empty => PolicyFault::Empty { path: path.to_owned() },
        Beginning::Interpreter(interpreter) if source.kind() == io::ErrorKind::NotFound => {
            PolicyFault::NoInterpreter { path: path.to_owned(), interpreter }
        }
        _ => PolicyFault::Io { path: path.to_owned(), source },
    })
}

/// What a file that could not be started begins with.
enum Beginning {
    Empty,
    /// What follows its `#!`.
    Interpreter(String),
    /// No program of any kind.
    Text,
    Other,
}

impl Beginning {
    fn of(path: &Path) -> Beginning {
        let mut first = [0_u8; 256];
        let Ok(count) = std::fs::File::open(path).and_then(|mut file| io::Read::read(&mut file, &mut first))
        else {
            return Beginning::Other;
        };
        let first = &first[..count];
        let line = first.split(|octet| *octet == b'\n').next().unwrap_or_default();
        match first.strip_prefix(b"#!") {
            _ if first.is_empty() => Beginning::Empty,
            Some(_) => Beginning::Interpreter(String::from_utf8_lossy(&line[2..]).into_owned()),
            None if first.contains(&0) || first.starts_with(b"\x7fELF") => Beginning::Other,
            None => Beginning::Text,
        }
    }
}

async fn converse(
    child: &mut Child,
    request_pem: &str,
    said: &mut Vec<u8>,
    complained: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // An executable that decides by name alone may close its input early: that is no fault.
            let _ = stdin.write_all(request_pem.as_bytes()).await;
        }
    };
    let mut listen = std::pin::pin!(async {
        tokio::join!(keep(stdout, said), keep(stderr, complained), feed);
    });
    tokio::select! {
        status = child.wait() => {
            let _ = tokio::time::timeout(LAST_WORDS, listen).await;
            status
        }
        () = &mut listen => child.wait().await,
    }
}

/// Reads to the end, and keeps the beginning: a pipe that nobody empties would stop the executable.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut chunk = [0_u8; 1024];
    while let Ok(count) = pipe.read(&mut chunk).await {
        if count == 0 {
            return;
        }
        let room = KEPT - kept.len();
        kept.extend_from_slice(&chunk[..count.min(room)]);
    }
}

/// Everything the executable has started; killed when dropped.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(rustix::process::Pid::from_raw))
    }

    /// It has ended by itself: what it left running is its own matter, as with Puppet Server.
    fn spare(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // That it is gone already is no fault.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
