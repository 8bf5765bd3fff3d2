//! Mode, owner and group of what exists.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::super::{Event, ProviderFault};
use super::change::failed;
use super::owner;
use super::wanted::Wanted;

/// Compares and changes them; a link's own attributes are not managed.
pub fn converge(
    path: &Path,
    wanted: &Wanted,
    noop: bool,
    events: &mut Vec<Event>,
) -> Result<(), ProviderFault> {
    let now = std::fs::symlink_metadata(path).map_err(failed(path))?;
    if now.file_type().is_symlink() {
        return Ok(());
    }
    if let Some(uid) = wanted.owner.filter(|uid| *uid != now.uid()) {
        if !noop {
            std::os::unix::fs::chown(path, Some(uid), None).map_err(failed(path))?;
        }
        events.push(event("owner", owner::user_name(now.uid()), owner::user_name(uid), noop));
    }
    if let Some(gid) = wanted.group.filter(|gid| *gid != now.gid()) {
        if !noop {
            std::os::unix::fs::chown(path, None, Some(gid)).map_err(failed(path))?;
        }
        events.push(event("group", owner::group_name(now.gid()), owner::group_name(gid), noop));
    }
    // After the owner: chown clears setuid bits.
    let mode = now.mode() & 0o7777;
    if let Some(desired) = wanted.mode.filter(|desired| *desired != mode) {
        if !noop {
            let permissions = std::fs::Permissions::from_mode(desired);
            std::fs::set_permissions(path, permissions).map_err(failed(path))?;
        }
        events.push(event("mode", format!("{mode:04o}"), format!("{desired:04o}"), noop));
    }
    Ok(())
}

fn event(property: &str, previous: String, desired: String, noop: bool) -> Event {
    let message = if noop {
        format!("current_value '{previous}', should be '{desired}' (noop)")
    } else {
        format!("{property} changed '{previous}' to '{desired}'")
    };
    Event { of: None, property: property.to_string(), previous, desired, message, success: true, noop }
}
