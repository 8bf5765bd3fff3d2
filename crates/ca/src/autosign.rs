//! Whether a request is signed without an operator: `true`, `false`, a file of names, or a policy executable.
//!
//! The semantics of the file are Puppet Server's, odd as they are: a line either equals the certname, or starts
//! with `*`, and then its first label is dropped and the rest must be a suffix of the certname, label by label.
//! So `*.example.com` also signs `example.com` itself, and `*partial.example.com` signs all of `example.com`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The `autosign` setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Autosign {
    /// Sign every request that the rules allow.
    True,
    /// Sign nothing without an operator.
    False,
    /// A file: a policy executable when it may be executed, else a list of names. Read at every request.
    File(PathBuf),
}

/// What the setting says about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sign it.
    Sign,
    /// Leave it to an operator.
    Leave,
    /// Only the policy executable knows; [`ask_policy`] must be called, outside every lock.
    AskPolicy(PathBuf),
}

/// Why a policy executable gave no verdict.
#[derive(Debug, Error)]
pub enum PolicyFault {
    /// It could not be started, or its pipes broke.
    #[error("autosign policy {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// It took too long and was ended.
    #[error("autosign policy {path} gave no answer within {} s", limit.as_secs())]
    TimedOut { path: PathBuf, limit: Duration },
}

/// What a policy executable answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAnswer {
    /// It exited with 0.
    pub sign: bool,
    /// What it wrote to standard error (the first 4 KiB), for the log.
    pub stderr: String,
}

/// The setting's verdict on `certname`, without running anything.
///
/// # Errors
/// When the list exists but cannot be read. A list that does not exist signs nothing.
pub fn verdict(setting: &Autosign, certname: &str) -> io::Result<Verdict> {
    let path = match setting {
        Autosign::True => return Ok(Verdict::Sign),
        Autosign::False => return Ok(Verdict::Leave),
        Autosign::File(path) => path,
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Verdict::Leave),
        Err(fault) => return Err(fault),
    };
    if metadata.permissions().mode() & 0o111 != 0 {
        return Ok(Verdict::AskPolicy(path.clone()));
    }
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    Ok(if text.lines().any(|line| line_matches(line, certname)) { Verdict::Sign } else { Verdict::Leave })
}

/// Whether one line of the list signs `certname`.
pub fn line_matches(line: &str, certname: &str) -> bool {
    if line.contains('#') || line.contains(char::is_whitespace) {
        return false;
    }
    if !line.starts_with('*') {
        return line == certname;
    }
    let pattern = labels_from_the_end(line);
    let name = labels_from_the_end(certname);
    // The last one is the label with the star.
    let suffix = &pattern[..pattern.len() - 1];
    name.len() >= suffix.len() && suffix.iter().zip(&name).all(|(a, b)| a == b)
}

fn labels_from_the_end(name: &str) -> Vec<String> {
    name.trim_end_matches('.').rsplit('.').map(str::to_ascii_lowercase).collect()
}

/// Runs the policy executable: the certname as its argument, the request as PEM on standard input.
///
/// # Errors
/// [`PolicyFault`]; the caller leaves the request to an operator then.
pub async fn ask_policy(
    path: &Path,
    certname: &str,
    request_pem: &str,
    limit: Duration,
) -> Result<PolicyAnswer, PolicyFault> {
    let io = |source| PolicyFault::Io { path: path.to_owned(), source };
    let mut child = tokio::process::Command::new(OsStr::new(path))
        .arg(certname)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io)?;
    let stdin = child.stdin.take();
    let stderr = child.stderr.take();
    let conversation = async {
        let feed = async {
            if let Some(mut stdin) = stdin {
                // An executable that decides by name alone may close its input early: that is no fault.
                let _ = stdin.write_all(request_pem.as_bytes()).await;
            }
        };
        let listen = async {
            let mut kept = Vec::new();
            if let Some(mut stderr) = stderr {
                let mut chunk = [0_u8; 1024];
                while let Ok(count) = stderr.read(&mut chunk).await {
                    if count == 0 {
                        break;
                    }
                    // Read on past the limit: a full pipe would block the executable.
                    let room = 4096_usize.saturating_sub(kept.len());
                    kept.extend_from_slice(&chunk[..count.min(room)]);
                }
            }
            kept
        };
        let ((), kept, status) = tokio::join!(feed, listen, child.wait());
        Ok(PolicyAnswer {
            sign: status.map_err(io)?.success(),
            stderr: String::from_utf8_lossy(&kept).trim_end().to_owned(),
        })
    };
    match tokio::time::timeout(limit, conversation).await {
        Ok(answer) => answer,
        Err(_) => Err(PolicyFault::TimedOut { path: path.to_owned(), limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_match_as_recorded_from_puppet_server() {
        for (line, name, signed) in [
            ("*.glob.test1", "a.glob.test1", true),
            ("*.glob.test1", "a.b.glob.test1", true),
            ("*.glob.test1", "glob.test1", true),
            ("*.glob.test1", "xglob.test1", false),
            ("*.glob.test1", "test1", false),
            ("exact.test2", "exact.test2", true),
            ("exact.test2", "sub.exact.test2", false),
            ("exact.test2", "xexact.test2", false),
            ("*partial.test3", "foopartial.test3", true),
            ("*partial.test3", "other.test3", true),
            ("*partial.test3", "a.other.test3", true),
            ("UPPER.test4", "upper.test4", false),
            ("mid.*.test5", "mid.a.test5", false),
            ("mid.*.test5", "b.a.test5", false),
            ("foo*.test6", "foobar.test6", false),
            ("foo*.test6", "foo.test6", false),
            ("  lead.test7  ", "lead.test7", false),
            ("in.test8 # inline", "in.test8", false),
            ("*", "anything.star", true),
            ("*", "x", true),
            ("", "empty.star", false),
        ] {
            assert_eq!(line_matches(line, name), signed, "{line:?} against {name}");
        }
    }

    fn executable(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("policy");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_policy_executable_sees_name_and_request_and_its_exit_code_decides() {
        let directory = tempfile::tempdir().unwrap();
        let path =
            executable(directory.path(), "#!/bin/sh\nread l\necho \"saw $l\" >&2\n[ \"$1\" = yes.test ]\n");
        let limit = Duration::from_secs(10);
        let setting = Autosign::File(path.clone());
        assert_eq!(verdict(&setting, "yes.test").unwrap(), Verdict::AskPolicy(path.clone()));
        let answer = ask_policy(&path, "yes.test", "PEM\n", limit).await.unwrap();
        assert_eq!(answer, PolicyAnswer { sign: true, stderr: "saw PEM".into() });
        assert!(!ask_policy(&path, "no.test", "PEM\n", limit).await.unwrap().sign);
    }

    #[tokio::test]
    async fn a_policy_executable_that_hangs_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let path = executable(directory.path(), "#!/bin/sh\nexec sleep 60\n");
        let fault = ask_policy(&path, "x", "", Duration::from_millis(100)).await.unwrap_err();
        assert!(matches!(fault, PolicyFault::TimedOut { .. }));
    }

    #[test]
    fn a_list_that_is_missing_signs_nothing() {
        let setting = Autosign::File("/nonexistent/autosign.conf".into());
        assert_eq!(verdict(&setting, "x").unwrap(), Verdict::Leave);
    }
}
