//! Users and groups by name or number, from the system's own files.

use serde_json::Value;

use super::super::ProviderFault;

/// The uid that `owner` means.
pub fn user(value: &Value) -> Result<u32, ProviderFault> {
    id("owner", value, "/etc/passwd", "is no user of this system")
}

/// The gid that `group` means.
pub fn group(value: &Value) -> Result<u32, ProviderFault> {
    id("group", value, "/etc/group", "is no group of this system")
}

/// The name of a uid, or its number when it has none.
pub fn user_name(uid: u32) -> String {
    name(uid, "/etc/passwd")
}

/// The name of a gid, or its number when it has none.
pub fn group_name(gid: u32) -> String {
    name(gid, "/etc/group")
}

fn id(
    attribute: &'static str,
    value: &Value,
    database: &str,
    problem: &'static str,
) -> Result<u32, ProviderFault> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let entries = std::fs::read_to_string(database).unwrap_or_default();
    entries
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == text)
        .and_then(|(_, rest)| rest.split(':').nth(1)?.parse().ok())
        .ok_or(ProviderFault::Invalid { attribute, value: text, problem })
}

fn name(id: u32, database: &str) -> String {
    let entries = std::fs::read_to_string(database).unwrap_or_default();
    let wanted = id.to_string();
    let found = entries.lines().find(|line| line.split(':').nth(2) == Some(wanted.as_str()));
    found.and_then(|line| line.split(':').next()).map_or(wanted.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_by_name_and_number() {
        assert_eq!(user(&Value::from("root")), Ok(0));
        assert_eq!(group(&Value::from(0)), Ok(0));
        assert_eq!(user_name(0), "root");
        assert_eq!(group_name(4_000_000_000), "4000000000");
    }
}
