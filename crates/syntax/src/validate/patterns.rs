//! Rules for names.

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

fn starts_and_continues(segment: &str, first: fn(u8) -> bool) -> bool {
    let bytes = segment.as_bytes();
    bytes.first().is_some_and(|&b| first(b)) && bytes.iter().all(|&b| is_word(b))
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase()
}

fn lower_or_underscore(b: u8) -> bool {
    b.is_ascii_lowercase() || b == b'_'
}

/// `a::b`, without leading `::`.
pub(super) fn is_definition_name(name: &str) -> bool {
    name.split("::").all(|segment| starts_and_continues(segment, lower))
}

/// `A::B`, without leading `::`.
pub(super) fn is_alias_name(name: &str) -> bool {
    name.split("::").all(|segment| starts_and_continues(segment, |b| b.is_ascii_uppercase()))
}

/// `a::b`; only the last segment may start with an underscore.
pub(super) fn is_variable(name: &str) -> bool {
    let relative = name.strip_prefix("::").unwrap_or(name);
    let (scope, last) = match relative.rsplit_once("::") {
        Some((scope, last)) => (Some(scope), last),
        None => (None, relative),
    };
    starts_and_continues(last, lower_or_underscore)
        && scope.is_none_or(|scope| scope.split("::").all(|segment| starts_and_continues(segment, lower)))
}

/// A name without scope.
pub(super) fn is_parameter(name: &str) -> bool {
    starts_and_continues(name, lower_or_underscore)
}

/// `0`, or a number that doesn't start with it.
pub(super) fn is_numeric_variable(name: &str) -> bool {
    name == "0" || (!name.is_empty() && !name.starts_with('0') && name.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_segment_may_start_with_an_underscore() {
        assert!(is_variable("::a::_b"));
        assert!(!is_variable("_a::b"));
        assert!(!is_variable(""));
        assert!(!is_variable("A"));
    }

    #[test]
    fn definitions_are_relative() {
        assert!(is_definition_name("a::b1_"));
        assert!(!is_definition_name("::a"));
        assert!(!is_definition_name("a::::b"));
        assert!(is_alias_name("A::B"));
        assert!(!is_alias_name("A::b"));
    }
}
