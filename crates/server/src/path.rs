//! A request's path in decoded segments.

use percent_encoding::percent_decode_str;

use crate::fault::Fault;

/// Whether `path`, as sent, holds `.` or `..` segments in plain sight.
pub fn has_plain_dots(path: &str) -> bool {
    path.split('/').any(|segment| segment == "." || segment == "..")
}

/// Whether `path` belongs to an interface of Puppet Server that its packaged `auth.conf` lets nobody use.
pub fn is_withheld(path: &str) -> bool {
    ["/metrics", "/puppet-admin-api"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Decodes `path` (without query) once, segment by segment; refuses what could name another file than it seems to.
pub fn segments(path: &str) -> Result<Vec<String>, Fault> {
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| Fault::MalformedPath)?;
    if decoded.contains('\0') {
        return Err(Fault::MalformedPath);
    }
    let segments: Vec<String> =
        decoded.trim_start_matches('/').split('/').filter(|s| !s.is_empty()).map(str::to_string).collect();
    if segments.iter().any(|s| s == "." || s == "..") {
        return Err(Fault::RelativePath { path: decoded.into_owned() });
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_refused_in_every_disguise() {
        for path in ["/a/../b", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2fb", "/a/..%2f..%2fetc/passwd", "/."] {
            assert!(matches!(segments(path), Err(Fault::RelativePath { .. })), "{path}");
        }
    }

    #[test]
    fn what_is_withheld_is_known_by_its_first_segment() {
        assert!(is_withheld("/metrics/v2/version") && is_withheld("/puppet-admin-api/v1/jruby-pool"));
        assert!(!is_withheld("/metricsx") && !is_withheld("/puppet/v3/metrics"));
        assert!(has_plain_dots("/a/../b") && !has_plain_dots("/a/%2e%2e/...b"));
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(segments("/puppet/v3/file_content/modules/m/a%20b%252e").unwrap()[5], "a b%2e");
        assert_eq!(segments("/a%00b"), Err(Fault::MalformedPath));
        assert_eq!(segments("/a%ff"), Err(Fault::MalformedPath));
    }
}
