//! The common name out of `X-Client-DN`.

/// Finds the common name in a subject: `CN=host,O=…` (RFC 2253, most specific first) or the legacy form
/// `/O=…/CN=host`. None if there is no common name, or one that is empty.
pub(super) fn common_name(subject: &str) -> Option<String> {
    let parts = match subject.strip_prefix('/') {
        Some(legacy) => legacy.split('/').map(str::to_owned).collect(),
        None => split_rdns(subject),
    };
    parts.iter().find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_common_name = name.trim().eq_ignore_ascii_case("CN");
        (is_common_name && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

/// Splits at unescaped `,`, `;` and `+`, and undoes the escapes of RFC 2253, 2.4: `\` before the character itself or
/// before two hexadecimal digits.
fn split_rdns(subject: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    let bytes = subject.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
                match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                    Some(octet) => {
                        last(&mut parts).push(octet);
                        at += 2;
                    }
                    None => {
                        last(&mut parts).extend(bytes.get(at + 1));
                        at += 1;
                    }
                }
            }
            b',' | b';' | b'+' => parts.push(Vec::new()),
            byte => last(&mut parts).push(byte),
        }
        at += 1;
    }
    parts.into_iter().map(|part| String::from_utf8_lossy(&part).into_owned()).collect()
}

fn last(parts: &mut [Vec<u8>]) -> &mut Vec<u8> {
    parts.last_mut().expect("made with one part, and parts are only added")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (subject, name) in [
            ("CN=agent1.example.com", Some("agent1.example.com")),
            ("/CN=agent1.example.com", Some("agent1.example.com")),
            ("/O=Acme/CN=a.b", Some("a.b")),
            ("CN=a.b,O=Acme", Some("a.b")),
            ("O=Acme\\, Inc., cn = a.b", Some("a.b")),
            ("O=x\\,CN=evil,CN=good", Some("good")),
            ("CN=\\61b", Some("ab")),
            ("O=Acme", None),
            ("CN=", None),
            ("", None),
            ("\\", None),
        ] {
            assert_eq!(common_name(subject).as_deref(), name, "{subject}");
        }
    }
}
