//! The files of a CA directory, in Puppet Server's formats. None of them is flushed to the disk: they are made to be
//! measured with, and made again when they are lost.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use pki::crl::RevocationList;
use pki::issue::Authority;
use pki::{Certificate, PrivateKey, Serial};

/// A row of the inventory.
pub struct Row {
    pub serial: u64,
    pub name: String,
    /// First and last second, Unix time.
    pub validity: (i64, i64),
}

/// What the directory is about, beside the certificates.
pub struct Everything<'a> {
    pub authority: &'a Authority,
    pub key: &'a PrivateKey,
    pub list: &'a RevocationList,
    /// The next serial.
    pub next: Serial,
}

/// `DIR/ca` with its folders, `DIR/identity`.
pub fn make_folders(dir: &Path) -> anyhow::Result<()> {
    for folder in ["ca/signed", "ca/requests", "identity"] {
        let path = dir.join(folder);
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Where a certificate is kept.
pub fn signed(cadir: &Path, name: &str) -> PathBuf {
    cadir.join("signed").join(format!("{name}.pem"))
}

pub fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| path.display().to_string())
}

/// As [`write()`], for what only its owner may read.
pub fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).with_context(|| path.display().to_string())
}

/// Everything but the certificates of the nodes.
pub fn write_authority(
    cadir: &Path,
    everything: &Everything<'_>,
    rows: impl Iterator<Item = Row>,
) -> anyhow::Result<()> {
    let Everything { authority, key, list, next } = everything;
    let list = list.to_pem();
    let file = |name: &str| cadir.join(name);
    write(&file("ca_crt.pem"), authority.certificate.to_pem().as_bytes())?;
    write_private(&file("ca_key.pem"), key.to_pem().as_bytes())?;
    write(&file("ca_pub.pem"), key.public_pem().as_bytes())?;
    write(&file("ca_crl.pem"), list.as_bytes())?;
    write(&file("infra_crl.pem"), list.as_bytes())?;
    write_private(&file("infra_inventory.txt"), b"")?;
    write(&file("infra_serials"), b"")?;
    write(&file("serial"), next.to_string().as_bytes())?;
    write_private(&file("inventory.txt"), inventory(rows)?.as_bytes())
}

fn inventory(rows: impl Iterator<Item = Row>) -> anyhow::Result<String> {
    let mut text = String::new();
    // All but the first row have the same times.
    let mut times = ((0, 0), String::new());
    for row in rows {
        if row.validity != times.0 {
            times = (row.validity, format!("{} {}", time(row.validity.0)?, time(row.validity.1)?));
        }
        writeln!(text, "0x{} {} /CN={}", Serial::from_u64(row.serial), times.1, row.name)?;
    }
    Ok(text)
}

fn time(seconds: i64) -> anyhow::Result<String> {
    Ok(Timestamp::from_second(seconds)?.strftime("%Y-%m-%dT%H:%M:%SUTC").to_string())
}

/// A certificate of the server side, in `signed` too, with its key.
pub fn write_identity(
    dir: &Path,
    name: &str,
    certificate: &Certificate,
    key: &PrivateKey,
) -> anyhow::Result<()> {
    let pem = certificate.to_pem();
    write(&signed(&dir.join("ca"), name), pem.as_bytes())?;
    let short = name.split('.').next().unwrap_or(name);
    write(&dir.join("identity").join(format!("{short}.cert.pem")), pem.as_bytes())?;
    write_private(&dir.join("identity").join(format!("{short}.key.pem")), key.to_pem().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_puppets() {
        let rows = [
            Row { serial: 1, name: "Puppet CA: x".to_owned(), validity: (0, 86_400) },
            Row { serial: 0x1a2b3, name: "a.example".to_owned(), validity: (60, 86_400) },
        ];
        assert_eq!(
            inventory(rows.into_iter()).unwrap(),
            "0x0001 1970-01-01T00:00:00UTC 1970-01-02T00:00:00UTC /CN=Puppet CA: x\n\
             0x1A2B3 1970-01-01T00:01:00UTC 1970-01-02T00:00:00UTC /CN=a.example\n"
        );
    }
}
