//! Two JSON documents without what may differ between two runs on two hosts.

use serde_json::Value;

/// Where the recordings' code was.
const RECORDED: &str = "/srv/puppet-lab/main/code";
/// The second place for modules there, and what stands for it here: this machine's own may have modules.
const ELSEWHERE: [&str; 2] = ["/usr/share/puppet/modules", "/srv/puppet-lab/main/code/elsewhere"];

/// `text` in a form that is equal for equal answers; what is no JSON stays as it is. `code` is this host's directory
/// of code.
pub fn comparable(text: &str, code: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            clean(&mut value, code);
            value.to_string()
        }
        Err(_) => text.to_string(),
    }
}

fn clean(value: &mut Value, code: &str) {
    match value {
        Value::Object(members) => {
            for volatile in ["version", "catalog_uuid", "service_version"] {
                if let Some(member) = members.get_mut(volatile) {
                    *member = Value::from("(any)");
                }
            }
            // Of the process that serves, when the client does not ask for the files' own.
            for number in ["owner", "group"] {
                if let Some(member) = members.get_mut(number).filter(|member| member.is_u64()) {
                    *member = Value::from("(any)");
                }
            }
            if let Some(Value::Array(tags)) = members.get_mut("tags") {
                tags.sort_by_key(Value::to_string);
            }
            for member in members.values_mut() {
                clean(member, code);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| clean(element, code)),
        Value::String(text) if text.starts_with("{ctime}") => *text = "{ctime}(any)".to_string(),
        Value::String(text) => *text = text.replace(code, RECORDED).replace(ELSEWHERE[1], ELSEWHERE[0]),
        _ => {}
    }
}

/// Whether a comparison would notice: it must tell different answers apart.
#[test]
fn what_differs_is_still_seen() {
    let code = "/tmp/x/code";
    let same = |a: &str, b: &str| comparable(a, code) == comparable(b, code);
    assert!(same(
        r#"{"path":"/tmp/x/code/a","version":1}"#,
        r#"{"path":"/srv/puppet-lab/main/code/a","version":2}"#
    ));
    assert!(same(r#"{"tags":["a","b"]}"#, r#"{"tags":["b","a"]}"#));
    assert!(!same(r#"{"tags":["a","b"]}"#, r#"{"tags":["a"]}"#));
    assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
    assert!(!same(r#"{"owner":1}"#, r#"{"owner":"root"}"#));
    assert!(!same("x", "y"));
}
