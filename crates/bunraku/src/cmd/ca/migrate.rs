//! `bunraku ca migrate`: the CA's directory leaves `ssldir`, so that who tidies up an agent's files does not take the CA
//! with them; a link stays where it was.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::report::Report;

/// Where Puppet's packages had the directory, and where they have it now.
const USUAL: [(&str, &str); 2] = [
    ("/etc/puppetlabs/puppet/ssl/ca", "/etc/puppetlabs/puppetserver/ca"),
    ("/var/lib/puppet/ssl/ca", "/etc/puppet/puppetserver/ca"),
];

/// Moves `cadir` to `to`, or to where Puppet's packages have it.
pub fn run(cadir: &Path, to: Option<&Path>, report: &mut Report) -> anyhow::Result<u8> {
    let to = destination(cadir, to)?;
    if to.symlink_metadata().is_ok() {
        bail!(
            "Existing file at '{0}'\nMigration will not overwrite the directory at {0}. Have you already\nrun this \
             migration tool? It is likely that you have\nalready successfully run the migration or do not need to run it.",
            to.display()
        );
    }
    let found = cadir.symlink_metadata().ok();
    if found.is_none() {
        bail!(
            "No CA dir found at {}. Please check the configured cadir setting and verify its contents.",
            cadir.display()
        );
    }
    if found.is_some_and(|about| about.is_symlink()) {
        bail!("{} is a link already: there is nothing to migrate.", cadir.display());
    }
    if !cadir.join("ca_crt.pem").exists() {
        bail!("{} is not a CA directory: it has no ca_crt.pem", cadir.display());
    }
    // Held while the directory moves: the lock goes with it.
    let lock = ca::lock_directory(cadir)?;
    move_directory(cadir, &to)
        .with_context(|| format!("could not move {} to {}", cadir.display(), to.display()))?;
    link(&to, cadir).with_context(|| format!("could not put a link at {}", cadir.display()))?;
    drop(lock);
    report.say(&format!(
        "CA dir successfully migrated to {}. Symlink placed at {}\nfor backwards compatibility. The CA can be safely \
         restarted now.",
        to.display(),
        cadir.display()
    ));
    report.set("cadir", to.display().to_string());
    report.set("link", cadir.display().to_string());
    Ok(0)
}

fn destination(cadir: &Path, to: Option<&Path>) -> anyhow::Result<PathBuf> {
    let usual = USUAL.iter().find(|(old, _)| Path::new(old) == cadir).map(|(_, new)| Path::new(new));
    let chosen = to.or(usual).context("where to? --to DIR")?;
    Ok(std::path::absolute(chosen)?)
}

fn move_directory(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::rename(from, to) {
        // Another file system: a copy first, whole and durable, then the original goes.
        Err(fault) if fault.kind() == io::ErrorKind::CrossesDevices => {
            let copied = copy(from, to);
            if copied.is_err() {
                // Best effort: the first fault is the one to be told.
                let _ = fs::remove_dir_all(to);
            }
            copied.and_then(|()| fs::remove_dir_all(from))
        }
        other => other,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let about = from.symlink_metadata()?;
    if about.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
        return lchown(to, Some(about.uid()), Some(about.gid()));
    }
    if about.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            // A socket is made anew by the CA that listens on it.
            if entry.file_type()?.is_dir() || entry.file_type()?.is_file() || entry.file_type()?.is_symlink()
            {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
    } else {
        fs::copy(from, to)?;
    }
    chown(to, Some(about.uid()), Some(about.gid()))?;
    fs::set_permissions(to, about.permissions())?;
    fs::File::open(to)?.sync_all()
}

fn link(target: &Path, place: &Path) -> io::Result<()> {
    symlink(target, place)?;
    let about = fs::metadata(target)?;
    lchown(place, Some(about.uid()), Some(about.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("a"), root.path().join("b"));
        fs::create_dir_all(from.join("signed")).unwrap();
        fs::write(from.join("signed/x.pem"), "x").unwrap();
        symlink("x.pem", from.join("signed/y.pem")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("signed/y.pem")).unwrap(), "x");
        assert!(!to.join("socket").exists());
    }

    #[test]
    fn a_folder_without_a_ca_stays_where_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (folder, to) = (root.path().join("etc"), root.path().join("to"));
        fs::create_dir(&folder).unwrap();
        let output = crate::cli::Output { format: "text".into(), json: false };
        let mut report = Report::new(&output).unwrap();
        let refused = run(&folder, Some(&to), &mut report).unwrap_err().to_string();
        assert!(refused.ends_with("is not a CA directory: it has no ca_crt.pem"), "{refused}");
        assert!(folder.symlink_metadata().unwrap().is_dir() && !to.exists());
    }

    #[test]
    fn the_usual_places_are_known() {
        let old = Path::new("/etc/puppetlabs/puppet/ssl/ca");
        assert_eq!(destination(old, None).unwrap(), Path::new("/etc/puppetlabs/puppetserver/ca"));
        assert!(destination(Path::new("/srv/ca"), None).is_err());
        assert_eq!(destination(old, Some(Path::new("/x"))).unwrap(), Path::new("/x"));
    }
}
