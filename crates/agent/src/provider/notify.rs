//! `notify`: says its message each time.

use serde_json::Value;

use super::{Event, ProviderFault, check_attributes};
use crate::catalog::Resource;

/// One event, always: a message is never "in sync".
pub fn apply(resource: &Resource, noop: bool) -> Result<Vec<Event>, ProviderFault> {
    check_attributes(resource, &["message", "withpath"])?;
    let message = match resource.parameters.get("message") {
        None | Some(Value::Null) => resource.title.clone(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let shown = if resource.sensitive.iter().any(|name| name == "message") {
        "[redacted]".to_string()
    } else {
        message.clone()
    };
    Ok(vec![Event {
        of: None,
        property: "message".to_string(),
        previous: "absent".to_string(),
        message: if noop {
            format!("current_value 'absent', should be '{shown}' (noop)")
        } else {
            format!("defined 'message' as '{shown}'")
        },
        desired: message,
        success: true,
        noop,
    }])
}
