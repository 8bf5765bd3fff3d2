//! One line of the access log.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Version};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::trail::End;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Combined Log Format, then the duration in milliseconds and who answered.
    #[default]
    Combined,
    /// One JSON object a line, with all that is known.
    Json,
}

/// What was found of the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// It showed none.
    #[default]
    None,
    /// Chain, validity and revocation are in order.
    Success,
    /// The front end let it pass and says that they are not.
    Failed,
}

impl Verdict {
    /// As the log writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::None => "none",
            Verdict::Success => "success",
            Verdict::Failed => "failed",
        }
    }
}

/// What is known of a request once it is answered. `Display` is its line in [`Format::Combined`], without the line's
/// end.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where the request came from.
    pub address: IpAddr,
    /// Certname of the requester.
    pub certname: Option<String>,
    /// When the request came.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its target as it came, query included.
    pub target: String,
    /// Its protocol version.
    pub version: Version,
    /// Status of the answer.
    pub status: StatusCode,
    /// Bytes of the answer's body (as sent, compressed or not).
    pub bytes: u64,
    /// `Referer`.
    pub referer: Option<Vec<u8>>,
    /// `User-Agent`.
    pub user_agent: Option<Vec<u8>>,
    /// Bytes of the request's body that came.
    pub received: u64,
    /// From the request's header to the answer's; none: there was no answer.
    pub first_byte: Option<Duration>,
    /// From the request's header to the end of the answer's body.
    pub duration: Duration,
    /// Who answered.
    pub worker: Arc<str>,
    /// How often it was sent to a worker, or tried to be.
    pub attempts: u32,
    /// Its kind, where it was told.
    pub route: Option<&'static str>,
    /// How it ended.
    pub end: End,
    /// Protocol version, "-" without TLS.
    pub tls: &'static str,
    /// What was found of the client's certificate.
    pub verdict: Verdict,
    /// What is wrong with it.
    pub failure: Option<Box<Failure>>,
}

/// What is wrong with a certificate that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `revoked`, `expired` ...
    pub reason: String,
    /// The name in it, which anybody can have written there.
    pub shown: Option<String>,
}

/// A line in [`Format::Json`]. Names and units are a promise: docs/OBSERVING.md.
#[derive(Serialize)]
struct Json<'a> {
    time: String,
    address: IpAddr,
    certname: Option<&'a str>,
    verdict: &'static str,
    failure: Option<&'a str>,
    shown: Option<&'a str>,
    tls: Option<&'static str>,
    method: &'a str,
    target: &'a str,
    version: String,
    route: Option<&'static str>,
    status: u16,
    bytes_in: u64,
    bytes_out: u64,
    first_byte_ms: Option<f64>,
    total_ms: f64,
    worker: &'a str,
    attempts: u32,
    end: &'static str,
    referer: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
}

impl Record {
    /// Appends its line, with the line's end. Done by the thread that writes, not by the one that answers.
    pub(super) fn write(&self, format: Format, out: &mut Vec<u8>) {
        // Writing to memory cannot fail, and neither can making JSON of texts and numbers.
        match format {
            Format::Combined => drop(writeln!(out, "{self}")),
            Format::Json => {
                let _ = serde_json::to_writer(&mut *out, &self.json());
                out.push(b'\n');
            }
        }
    }

    fn json(&self) -> Json<'_> {
        Json {
            time: self.at.to_string(),
            address: self.address,
            certname: self.certname.as_deref(),
            verdict: self.verdict.as_str(),
            failure: self.failure.as_deref().map(|failure| failure.reason.as_str()),
            shown: self.failure.as_deref().and_then(|failure| failure.shown.as_deref()),
            tls: (self.tls != "-").then_some(self.tls),
            method: self.method.as_str(),
            target: &self.target,
            version: format!("{:?}", self.version),
            route: self.route,
            status: self.status.as_u16(),
            bytes_in: self.received,
            bytes_out: self.bytes,
            first_byte_ms: self.first_byte.map(millis),
            total_ms: millis(self.duration),
            worker: &self.worker,
            attempts: self.attempts,
            end: self.end.as_str(),
            referer: self.referer.as_deref().map(String::from_utf8_lossy),
            user_agent: self.user_agent.as_deref().map(String::from_utf8_lossy),
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - ", self.address)?;
        match &self.certname {
            // A blank would shift all fields that follow.
            Some(name) => write!(Escaped { out: f, blank: true }, "{name}")?,
            None => f.write_str("-")?,
        }
        write!(f, " [{}] \"{} ", Stamp(self.at), self.method)?;
        write!(Escaped { out: f, blank: true }, "{}", self.target)?;
        write!(f, " {:?}\" {} ", self.version, self.status.as_u16())?;
        match self.bytes {
            0 => f.write_str("-")?,
            bytes => write!(f, "{bytes}")?,
        }
        for header in [&self.referer, &self.user_agent] {
            f.write_str(" \"")?;
            match header {
                Some(value) => {
                    write!(Escaped { out: f, blank: false }, "{}", String::from_utf8_lossy(value))?;
                }
                None => f.write_str("-")?,
            }
            f.write_str("\"")?;
        }
        write!(f, " {:.3} {}", self.duration.as_secs_f64() * 1000.0, self.worker)
    }
}

/// `22/Nov/2026:15:00:00 +0000`. By hand: reading a format again for each line is a good part of the line's cost.
struct Stamp(Timestamp);

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_zoned(TimeZone::UTC).datetime();
        let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
        let (day, year) = (at.day(), at.year());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        write!(f, "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
    }
}

/// Escapes what would let a client forge lines or fields: quotes, backslashes and control characters, as Apache does.
struct Escaped<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    blank: bool,
}

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let harmless = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
        if text.bytes().all(|byte| harmless(byte) || byte == b' ' && !self.blank) {
            return self.out.write_str(text);
        }
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(self.out, "\\{character}")?,
                ' ' if self.blank => self.out.write_str("\\x20")?,
                control if control.is_control() => write!(self.out, "\\x{:02x}", control as u32)?,
                other => self.out.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            address: "127.0.0.1".parse().unwrap(),
            certname: Some("agent1.example.com".to_owned()),
            at: "2026-11-22T15:00:00Z".parse().unwrap(),
            method: Method::GET,
            target: "/puppet-ca/v1/certificate/ca".to_owned(),
            version: Version::HTTP_11,
            status: StatusCode::OK,
            bytes: 1234,
            referer: None,
            user_agent: Some(b"Puppet/7.23.0 Ruby/3.1.2-p20 (x86_64-linux-gnu)".to_vec()),
            received: 0,
            first_byte: Some(Duration::from_micros(12_001)),
            duration: Duration::from_micros(12_345),
            worker: "ca-1".into(),
            attempts: 1,
            route: Some("ca-read"),
            end: End::Complete,
            tls: "TLSv1.3",
            verdict: Verdict::Success,
            failure: None,
        }
    }

    #[test]
    fn a_line_is_combined_log_format_with_duration_and_worker() {
        assert_eq!(
            record().to_string(),
            "127.0.0.1 - agent1.example.com [22/Nov/2026:15:00:00 +0000] \
             \"GET /puppet-ca/v1/certificate/ca HTTP/1.1\" 200 1234 \
             \"-\" \"Puppet/7.23.0 Ruby/3.1.2-p20 (x86_64-linux-gnu)\" 12.345 ca-1"
        );
    }

    #[test]
    fn a_line_of_json_has_all_that_is_known_and_is_one_line_whatever_a_client_sends() {
        let mut out = Vec::new();
        let record = Record { user_agent: Some(b"x\"\n{\xff".to_vec()), ..record() };
        record.write(Format::Json, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "time": "2026-11-22T15:00:00Z", "address": "127.0.0.1", "certname": "agent1.example.com",
            "verdict": "success", "failure": null, "shown": null, "tls": "TLSv1.3", "method": "GET", "target": "/puppet-ca/v1/certificate/ca",
            "version": "HTTP/1.1", "route": "ca-read", "status": 200, "bytes_in": 0, "bytes_out": 1234,
            "first_byte_ms": 12.001, "total_ms": 12.345, "worker": "ca-1", "attempts": 1, "end": "complete",
            "referer": null, "user_agent": "x\"\n{\u{fffd}",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_known_is_a_hyphen() {
        let line = Record { certname: None, bytes: 0, user_agent: None, ..record() }.to_string();
        assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
        assert!(line.ends_with("200 - \"-\" \"-\" 12.345 ca-1"), "{line}");
    }

    #[test]
    fn a_client_cannot_forge_fields_or_lines() {
        let line = Record {
            user_agent: Some(b"x\" 200 1\n127.0.0.1 - admin \\".to_vec()),
            target: "/a b\"".to_owned(),
            ..record()
        }
        .to_string();
        assert!(line.contains(r#""x\" 200 1\x0a127.0.0.1 - admin \\""#), "{line}");
        assert!(line.contains(r#""GET /a\x20b\" HTTP/1.1""#), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
