//! What may be sent a second time: the table, and nothing but the table.
//!
//! | request | nothing written | written, no answer | 502/503/504 |
//! |---|---|---|---|
//! | reads (file content, metadata, environments, node) | next worker | next worker, once | next worker, once |
//! | catalogs | next worker | no (unless `compile_retry`) | 503: next worker |
//! | reports, facts, buckets | next worker | no | no |
//!
//! CA requests have their own rule: `ca_route::doubt`.

use http::StatusCode;

use crate::route::Class;

/// Whether a request that was written and got no answer may go to another worker.
pub fn after_silence(class: Class, compile_retry: bool) -> bool {
    match class {
        Class::Status | Class::Read => true,
        Class::Catalog => compile_retry,
        Class::Write => false,
    }
}

/// Whether an answer means "not me": then another worker is asked, and this answer is kept in case there is none.
pub fn after_status(class: Class, status: StatusCode) -> bool {
    match class {
        Class::Status | Class::Read => matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        Class::Catalog => status == StatusCode::SERVICE_UNAVAILABLE,
        Class::Write => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_never_repeated() {
        for status in [500u16, 502, 503, 504] {
            assert!(!after_status(Class::Write, StatusCode::from_u16(status).unwrap()));
        }
        assert!(!after_silence(Class::Write, true));
        assert!(!after_silence(Class::Catalog, false));
        assert!(after_silence(Class::Catalog, true));
    }

    #[test]
    fn an_error_in_a_manifest_is_not_taken_elsewhere() {
        for class in [Class::Catalog, Class::Read, Class::Write, Class::Status] {
            assert!(!after_status(class, StatusCode::INTERNAL_SERVER_ERROR));
            assert!(!after_status(class, StatusCode::NOT_FOUND));
        }
        assert!(after_status(Class::Catalog, StatusCode::SERVICE_UNAVAILABLE));
        assert!(!after_status(Class::Catalog, StatusCode::GATEWAY_TIMEOUT));
    }
}
