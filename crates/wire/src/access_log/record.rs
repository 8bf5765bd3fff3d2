//! One line of the access log.

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Version};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is known of a request once it is answered. `Display` is its line, without the line's end.
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
    /// From the request's header to the end of the answer's body.
    pub duration: Duration,
    /// Who answered.
    pub worker: Arc<str>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - ", self.address)?;
        match &self.certname {
            // A blank would shift all fields that follow.
            Some(name) => write!(Escaped { out: f, blank: true }, "{name}")?,
            None => f.write_str("-")?,
        }
        let at = self.at.to_zoned(TimeZone::UTC);
        write!(f, " [{}] \"{} ", at.strftime("%d/%b/%Y:%H:%M:%S %z"), self.method)?;
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

/// Escapes what would let a client forge lines or fields: quotes, backslashes and control characters, as Apache does.
struct Escaped<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    blank: bool,
}

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
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
            duration: Duration::from_micros(12_345),
            worker: "ca-1".into(),
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
