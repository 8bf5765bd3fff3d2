//! A role's own certificate and the authorities it trusts are read again when their files change, without a restart:
//! `bunraku ca renew-roles` and the front end write them, or whoever copies them to this machine.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tracing::{info, warn};
use wire::tls::{Identity, TrustBundle};

use crate::config::Config;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// What tells one content of some files from another.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stamps(Vec<Option<(u64, u64, i64, i64)>>);

impl Stamps {
    fn of(paths: &[PathBuf]) -> Stamps {
        let stamp = |file: Metadata| (file.ino(), file.size(), file.ctime(), file.ctime_nsec());
        Stamps(paths.iter().map(|path| std::fs::metadata(path).ok().map(stamp)).collect())
    }
}

/// Presents the certificate of `certname` as its files have it, from now on and for as long as this process lives.
pub fn follow_identity(config: &Config, certname: &str, identity: Identity) {
    let files = [config.certificate_path(certname), config.key_path(certname)];
    let what = format!("certificate of {certname}");
    follow(what, files.to_vec(), move |contents| {
        identity.replace(&contents[0], &contents[1]).map_err(|fault| fault.to_string())
    });
}

/// Trusts the authorities of `ca.pem` as that file has them, with the revocations of `crl.pem`. For roles that do not hear
/// of changes from the CA itself.
pub fn follow_trust(config: &Config, trust: TrustBundle) {
    let bundle = trust.clone();
    follow("the CA's certificates".to_owned(), vec![config.ca_bundle_path()], move |contents| {
        bundle.replace_authorities(&contents[0]).map(|_| ()).map_err(|fault| fault.to_string())
    });
    follow("the revocation lists".to_owned(), vec![config.crl_path()], move |contents| {
        trust.load(&contents[0]).map(|_| ()).map_err(|fault| fault.to_string())
    });
}

fn follow(
    what: String,
    files: Vec<PathBuf>,
    take: impl Fn(&[Vec<u8>]) -> Result<(), String> + Send + Sync + 'static,
) {
    let mut known = Stamps::of(&files);
    tokio::spawn(async move {
        let take = std::sync::Arc::new(take);
        loop {
            tokio::time::sleep(LOOK).await;
            // Before reading: what is written meanwhile is seen the next time.
            let now = Stamps::of(&files);
            if now == known {
                continue;
            }
            known = now;
            let (take, files) = (std::sync::Arc::clone(&take), files.clone());
            // A long list takes a while to verify.
            let work = move || {
                let read = |path: &PathBuf| {
                    std::fs::read(path).map_err(|fault| format!("{}: {fault}", path.display()))
                };
                let contents = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                take(&contents)
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(Ok(())) => info!("{what}: the file has changed, and is in use"),
                Ok(Err(why)) => warn!(
                    "{what}: the file has changed and cannot be used, what was read before stays: {why}"
                ),
                Err(fault) => warn!("{what}: {fault}"),
            }
        }
    });
}
