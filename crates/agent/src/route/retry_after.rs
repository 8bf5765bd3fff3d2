//! What a busy server asks for: come back later. As Puppet's agent, which obeys it for 429 and 503. Pure.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

/// How often one request is repeated for it.
pub const MOST: u32 = 100;

/// The pause that an answer asks for, at most `longest`; none when it asks for none.
pub fn pause(status: u16, headers: &HeaderMap, now: Timestamp, longest: Duration) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Duration::try_from(then.duration_since(now)).unwrap_or_default()
        }
    };
    Some(asked.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, value: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        pause(status, &headers, now, Duration::from_secs(1800)).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood_up_to_the_run_interval() {
        assert_eq!(asked(503, Some("7")), Some(7));
        assert_eq!(asked(429, Some("0")), Some(0));
        assert_eq!(asked(503, Some("Sun, 29 Nov 2026 12:00:30 GMT")), Some(30));
        assert_eq!(asked(503, Some("Sun, 29 Nov 2026 11:00:00 GMT")), Some(0));
        assert_eq!(asked(503, Some("86400")), Some(1800));
    }

    #[test]
    fn other_answers_and_other_texts_ask_for_nothing() {
        assert_eq!(asked(500, Some("7")), None);
        assert_eq!(asked(503, None), None);
        assert_eq!(asked(503, Some("soon")), None);
        assert_eq!(asked(503, Some("-5")), None);
    }
}
