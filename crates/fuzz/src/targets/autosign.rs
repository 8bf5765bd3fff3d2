//! `autosign.conf`. The first line of the input is a certname, the rest is the list.

use super::Target;
use ca::autosign::list::{Line, lines, signs};

pub(super) const TARGET: Target = Target {
    name: "autosign",
    run,
    words: &[
        b"*",
        b"*.",
        b"*.example.com\n",
        b"*web.example.com\n",
        b"a.example.com",
        b"EXAMPLE.COM",
        b"\r",
        b"\r\n",
        b"#",
        b" ",
        b".",
        b"\xe2\x84\xaa",
    ],
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Some((name, list)) = text.split_once('\n') else { return };
    // Nothing else ever asks.
    let Ok(certname) = pki::Certname::parse(name) else { return };
    let name = certname.as_str();
    let (lax, strict) = (signs(list, name, false), signs(list, name, true));
    assert_eq!(lax, list.split(['\r', '\n']).any(|line| plainly_signs(line, name)), "{name} by {list:?}");
    // The strict reading never signs more.
    assert!(lax || !strict);
    for line in lines(list) {
        assert!(!line.contains(['\r', '\n']));
        let read = Line::parse(line);
        if line.contains(['#', ' ']) || line.is_empty() {
            assert!(!read.signs(name, false), "{line:?}");
        }
    }
}

/// Puppet Server's rule again, said without labels: a second opinion.
fn plainly_signs(line: &str, name: &str) -> bool {
    if line.contains(['#', ' ']) {
        return false;
    }
    let Some(glob) = line.strip_prefix('*') else { return line == name };
    if glob.is_empty() {
        return true;
    }
    let Some((_, domain)) = glob.trim_end_matches('.').split_once('.') else { return false };
    let (domain, name) = (domain.to_lowercase(), name.trim_end_matches('.'));
    name == domain || name.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}
