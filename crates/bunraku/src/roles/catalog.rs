//! The catalog worker's process.

use anyhow::Context;
use server::{CatalogWorker, ServerSettings};
use wire::access_log::Logged;
use wire::serve_tls;
use wire::tls::{ClientCertificates, ServerTls};

use super::reload::WorkerSource;
use super::{credentials, end_worker_on_signal, listen, open_access_log};
use crate::config::Config;
use crate::config::changes::Role;
use crate::operator;

/// Agents' reports and facts are far below; a body beyond is refused.
const MAX_BODY: usize = 64 << 20;

/// Serves the v3 API as the catalog worker `name` until it is told to end.
pub async fn serve(config: &Config, name: &str) -> anyhow::Result<()> {
    let worker = config
        .catalog
        .iter()
        .find(|w| w.name == name)
        .with_context(|| format!("{} has no [[catalog.worker]] named '{name}'", config.path.display()))?;
    let front_ends = config.front_end_certnames();
    let rules = config.live_rules()?;
    let settings = ServerSettings {
        certname: worker.certname.clone(),
        environmentpath: config.main.environmentpath.clone(),
        basemodulepath: config.main.basemodulepath.clone(),
        reportdir: config.main.reportdir.clone(),
        factsdir: config.factsdir(),
        front_ends: front_ends.clone(),
        rules: rules.clone(),
        max_body: MAX_BODY,
    };
    let handler = CatalogWorker::start(settings)?;
    let log = open_access_log(config, "catalog", &worker.address)?;
    let identity = operator::identity(config, &worker.certname)?;
    let trust = operator::trust(config)?;
    credentials::follow_identity(config, &worker.certname, identity.clone());
    credentials::follow_trust(config, trust.clone());
    let tls = ServerTls::new(&identity, trust, ClientCertificates::Optional)?.with_kept_connections();
    let listener = listen(&worker.address)?;
    let source = WorkerSource::new(config, Role::Catalog, rules, log.clone());
    let drain = end_worker_on_signal(source, log.clone())?;
    let logged = Logged::new(handler, log, name, front_ends);
    serve_tls(listener, tls, config.front_end.limits.of_role(), logged, drain).await;
    Ok(())
}
