//! `file`: content, source, ensure, mode, owner, group, links, directories.

mod attributes;
mod change;
mod owner;
mod source;
mod wanted;

use std::path::Path;

use super::{Event, ProviderFault};
use crate::catalog::Resource;
use crate::session::Session;
use change::{Found, found};
use wanted::{Kind, Wanted};

/// Looks at the file, and changes what differs.
pub async fn apply(resource: &Resource, noop: bool, session: &Session) -> Result<Vec<Event>, ProviderFault> {
    let wanted = Wanted::parse(resource)?;
    let mut events = Vec::new();
    let Some(remote) = source::fetch(&wanted, session).await? else {
        converge(&wanted.path, &wanted, noop, "", &mut events)?;
        return Ok(events);
    };
    let mut own = wanted.clone();
    own.kind = Some(remote.kind.clone());
    own.content = remote.content(session, &own.path).await?;
    converge(&own.path, &own, noop, "", &mut events)?;
    if wanted.recurse {
        for below in &remote.below {
            let path = wanted.path.join(&below.relative);
            let mut each = wanted.clone();
            each.kind = Some(below.kind.clone());
            each.content = below.content(session, &path).await?;
            each.mode = wanted.mode_below(&below.kind);
            converge(&path, &each, noop, &below.relative, &mut events)?;
        }
    }
    Ok(events)
}

/// Brings one path into its wanted state. `below` names it in the events when it isn't the resource's own path.
fn converge(
    path: &Path,
    wanted: &Wanted,
    noop: bool,
    below: &str,
    events: &mut Vec<Event>,
) -> Result<(), ProviderFault> {
    let now = found(path)?;
    let first = events.len();
    match (&wanted.kind, &now) {
        (None, _) | (Some(Kind::Absent), Found::Nothing) => {}
        (Some(Kind::Absent), _) => {
            let event = ensure(&now, "absent", "removed".to_string(), noop);
            if !noop {
                change::remove(path, &now, wanted.force)?;
            }
            events.push(event);
        }
        (Some(Kind::Present), Found::File { .. } | Found::Directory | Found::Link(_)) => {}
        (Some(Kind::File | Kind::Present), _) => file(path, wanted, &now, noop, events)?,
        (Some(Kind::Directory), Found::Directory) => {}
        (Some(Kind::Directory), _) => {
            let event = ensure(&now, "directory", "created".to_string(), noop);
            if !noop {
                change::make_room(path, &now, wanted.force)?;
                change::make_directory(path, wanted.mode.unwrap_or(0o755))?;
            }
            events.push(event);
        }
        (Some(Kind::Link(target)), Found::Link(there)) if there == target => {}
        (Some(Kind::Link(target)), _) => link(path, target, wanted, &now, noop, events)?,
    }
    // What does not exist, and will not after a noop run, has no mode to compare.
    if !matches!(wanted.kind, Some(Kind::Absent | Kind::Link(_))) && path.symlink_metadata().is_ok() {
        attributes::converge(path, wanted, noop, events)?;
    }
    if !below.is_empty() {
        for event in &mut events[first..] {
            event.of = Some(format!("File[{}]", path.display()));
        }
    }
    Ok(())
}

fn file(
    path: &Path,
    wanted: &Wanted,
    now: &Found,
    noop: bool,
    events: &mut Vec<Event>,
) -> Result<(), ProviderFault> {
    let content = wanted.content.as_deref();
    match (now, content) {
        (Found::File { .. }, None) => {}
        (Found::File { .. }, Some(_)) if !wanted.replace => {}
        (Found::File { digest }, Some(content)) => {
            let desired = change::digest(content);
            if *digest == desired {
                return Ok(());
            }
            if !noop {
                change::write(path, content, wanted.mode)?;
            }
            let message = if noop {
                format!("current_value '{digest}', should be '{desired}' (noop)")
            } else {
                format!("content changed '{digest}' to '{desired}'")
            };
            events.push(Event {
                of: None,
                property: "content".to_string(),
                previous: digest.clone(),
                desired,
                message,
                success: true,
                noop,
            });
        }
        (other, content) => {
            let message = match content {
                Some(content) => format!("defined content as '{}'", change::digest(content)),
                None => "created".to_string(),
            };
            let event = ensure(other, "file", message, noop);
            if !noop {
                change::make_room(path, other, wanted.force)?;
                change::write(path, content.unwrap_or(b""), Some(wanted.mode.unwrap_or(0o644)))?;
            }
            events.push(event);
        }
    }
    Ok(())
}

fn link(
    path: &Path,
    target: &Path,
    wanted: &Wanted,
    now: &Found,
    noop: bool,
    events: &mut Vec<Event>,
) -> Result<(), ProviderFault> {
    let event = match now {
        Found::Link(there) => {
            let (previous, desired) = (there.display().to_string(), target.display().to_string());
            let message = if noop {
                format!("current_value '{previous}', should be '{desired}' (noop)")
            } else {
                format!("target changed '{previous}' to '{desired}'")
            };
            Event {
                of: None,
                property: "target".to_string(),
                previous,
                desired,
                message,
                success: true,
                noop,
            }
        }
        other => ensure(other, "link", "created".to_string(), noop),
    };
    if !noop {
        change::make_room(path, now, wanted.force)?;
        change::make_link(path, target)?;
    }
    events.push(event);
    Ok(())
}

fn ensure(now: &Found, desired: &str, message: String, noop: bool) -> Event {
    let previous = now.name().to_string();
    Event {
        of: None,
        property: "ensure".to_string(),
        message: if noop {
            format!("current_value '{previous}', should be '{desired}' (noop)")
        } else {
            message
        },
        previous,
        desired: desired.to_string(),
        success: true,
        noop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(path: &Path, kind: Kind, content: Option<&str>) -> Wanted {
        Wanted { content: content.map(|c| c.as_bytes().to_vec()), ..Wanted::of(path, Some(kind)) }
    }

    fn messages(path: &Path, wanted: &Wanted, noop: bool) -> Vec<String> {
        let mut events = Vec::new();
        converge(path, wanted, noop, "", &mut events).unwrap();
        events.into_iter().map(|e| format!("{}: {}", e.property, e.message)).collect()
    }

    #[test]
    fn a_file_is_made_then_left_alone_then_changed_then_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("managed.txt");
        let mut want = wanted(&path, Kind::File, Some("hello file\n"));
        let digest = "{sha256}702b7d2e4b28c4f3ef1434bd2333a83427796a9007fb2a23248becd4d51a3e7f";
        let noop = ["ensure: current_value 'absent', should be 'file' (noop)"];
        assert_eq!(messages(&path, &want, true), noop);
        assert!(!path.exists());
        assert_eq!(messages(&path, &want, false), [format!("ensure: defined content as '{digest}'")]);
        assert_eq!(messages(&path, &want, false), Vec::<String>::new());
        want.content = Some(b"x".to_vec());
        let changed = messages(&path, &want, false);
        assert!(changed[0].starts_with(&format!("content: content changed '{digest}' to ")), "{changed:?}");
        want.mode = Some(0o600);
        assert_eq!(messages(&path, &want, false), ["mode: mode changed '0644' to '0600'"]);
        want.kind = Some(Kind::Absent);
        assert_eq!(messages(&path, &want, false), ["ensure: removed"]);
        assert!(!path.exists());
    }

    #[test]
    fn a_full_directory_gives_way_only_to_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("keep"), "x").unwrap();
        let mut want = wanted(&path, Kind::File, Some("x"));
        assert!(converge(&path, &want, false, "", &mut Vec::new()).is_err());
        assert!(path.join("keep").exists());
        want.force = true;
        assert_eq!(messages(&path, &want, false).len(), 1);
        assert!(path.is_file());
    }

    #[test]
    fn a_link_is_made_and_moved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l");
        let want = wanted(&path, Kind::Link("/a".into()), None);
        assert_eq!(messages(&path, &want, false), ["ensure: created"]);
        let want = wanted(&path, Kind::Link("/b".into()), None);
        assert_eq!(messages(&path, &want, false), ["target: target changed '/a' to '/b'"]);
        assert_eq!(std::fs::read_link(&path).unwrap(), Path::new("/b"));
    }
}
