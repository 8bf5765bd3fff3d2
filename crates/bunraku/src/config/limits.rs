//! What the front end allows its clients, and its workers in time. Each setting has a range: what lies beyond would lock
//! agents out, or not be a limit.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration;
use super::raw::{NumberOrText, RawFrontEnd};

/// The limits of the front end that an operator can choose.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientLimits {
    /// Most connections.
    pub max_connections: usize,
    /// Most of them from one address; 0: no limit of its own.
    pub max_connections_per_source: usize,
    /// Largest header of a request, in bytes.
    pub max_header_size: usize,
    pub handshake_timeout: Duration,
    pub header_timeout: Duration,
    /// For the next byte of a body, or of an answer to be taken.
    pub stall_timeout: Duration,
    /// Until a connection without a request is closed.
    pub idle_timeout: Duration,
    /// Until a worker's answer begins.
    pub answer_timeout: Duration,
}

impl ClientLimits {
    /// As a listener takes them.
    pub fn of_listener(&self) -> wire::Limits {
        wire::Limits {
            max_connections: self.max_connections,
            max_per_source: Some(self.max_connections_per_source).filter(|most| *most > 0),
            max_header_bytes: self.max_header_size,
            handshake_timeout: self.handshake_timeout,
            header_timeout: self.header_timeout,
            stall_timeout: self.stall_timeout,
            idle_timeout: self.idle_timeout,
            ..wire::Limits::default()
        }
    }

    /// As the listener of a CA or a worker takes them: what the front end lets pass, and what it says of the client
    /// beside that, must not be too much for the role behind it.
    pub fn of_role(&self) -> wire::Limits {
        let usual = wire::Limits::default();
        wire::Limits {
            max_header_bytes: self.max_header_size + FRONT_END_BYTES,
            max_headers: usual.max_headers + FRONT_END_LINES,
            ..usual
        }
    }
}

/// What a front end may add to a request's header: the client's certificate, escaped, is most of it.
const FRONT_END_BYTES: usize = 32 * 1024;
const FRONT_END_LINES: usize = 16;

/// Reads them; what is out of range is a fault.
pub fn resolve(raw: &RawFrontEnd, faults: &mut Vec<String>) -> ClientLimits {
    let mut number = |name: &str, value: Option<u64>, default: u64, range: RangeInclusive<u64>| {
        let value = value.unwrap_or(default);
        if !range.contains(&value) {
            faults.push(format!(
                "[front_end] {name}: {value} is out of range: at least {}, at most {}",
                range.start(),
                range.end()
            ));
        }
        usize::try_from(value).unwrap_or(usize::MAX)
    };
    let max_connections = number("max_connections", raw.max_connections, 8192, 64..=1_000_000);
    // An agent has one or two at a time; 0 is none of that range, and means something else.
    let per_source = raw.max_connections_per_source.filter(|most| *most > 0);
    let max_connections_per_source = match per_source {
        None => 0,
        most => number("max_connections_per_source", most, 0, 8..=1_000_000),
    };
    let max_header_size = number("max_header_size", raw.max_header_size, 65_536, 16_384..=1_048_576);
    let mut time = |name: &str, value: &Option<NumberOrText>, default: u64, range: RangeInclusive<u64>| {
        let value = match value {
            None => Ok(Duration::from_secs(default)),
            Some(NumberOrText::Number(seconds)) => Ok(Duration::from_secs(*seconds)),
            Some(NumberOrText::Text(text)) => duration::parse(text),
        };
        let [least, most] = [*range.start(), *range.end()].map(Duration::from_secs);
        match value {
            Ok(value) => {
                if !(least..=most).contains(&value) {
                    let [value, least, most] = [value, least, most].map(duration::print);
                    faults.push(format!(
                        "[front_end] {name}: {value} is out of range: at least {least}, at most {most}"
                    ));
                }
                value
            }
            Err(fault) => {
                faults.push(format!("[front_end] {name}: {fault}"));
                least
            }
        }
    };
    ClientLimits {
        max_connections,
        max_connections_per_source,
        max_header_size,
        handshake_timeout: time("handshake_timeout", &raw.handshake_timeout, 10, 1..=300),
        header_timeout: time("header_timeout", &raw.header_timeout, 10, 1..=300),
        stall_timeout: time("stall_timeout", &raw.stall_timeout, 60, 5..=3600),
        // Agents use an idle connection again for up to 4 s, and never repeat a request.
        idle_timeout: time("idle_timeout", &raw.idle_timeout, 30, 15..=3600),
        answer_timeout: time("answer_timeout", &raw.answer_timeout, 20 * 60, 1..=86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<ClientLimits, Vec<String>> {
        let mut faults = Vec::new();
        let limits = resolve(&toml::from_str(text).unwrap(), &mut faults);
        if faults.is_empty() { Ok(limits) } else { Err(faults) }
    }

    #[test]
    fn the_defaults_are_those_of_listener_and_worker() {
        let limits = resolved("").unwrap();
        assert_eq!(
            format!("{:?}", limits.of_listener()).split("hits").next(),
            format!("{:?}", wire::Limits::default()).split("hits").next()
        );
        assert_eq!(limits.answer_timeout, gateway::Tuning::default().answer_timeout);
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_the_range_all_at_once() {
        let faults = resolved(
            "max_connections = 3\nmax_connections_per_source = 2\nmax_header_size = 2000000\n\
             handshake_timeout = \"6m\"\nheader_timeout = 0\nstall_timeout = \"500ms\"\nidle_timeout = \"4s\"\n\
             answer_timeout = \"2d\"\n",
        )
        .unwrap_err();
        assert_eq!(faults.len(), 8, "{faults:#?}");
        assert_eq!(faults[0], "[front_end] max_connections: 3 is out of range: at least 64, at most 1000000");
        assert_eq!(faults[6], "[front_end] idle_timeout: 4s is out of range: at least 15s, at most 1h");
        assert!(resolved("idle_timeout = \"soon\"").unwrap_err()[0].contains("'soon' is not a duration"));
    }

    #[test]
    fn nought_connections_from_one_source_is_no_limit() {
        assert_eq!(resolved("max_connections_per_source = 0").unwrap().of_listener().max_per_source, None);
        assert_eq!(resolved("max_connections_per_source = 8").unwrap().of_listener().max_per_source, Some(8));
    }
}
