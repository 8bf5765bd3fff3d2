//! Settings by name and section, for `bunraku config print`.

use super::{Autosign, Config, Register, duration};

/// One setting: the section it stands in, Puppet's (or our) name, its value in force as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub value: String,
}

/// All settings of `config`, ordered by name within their section. `cadir` is the preferred CA's.
pub fn all(config: &Config) -> Vec<Setting> {
    let path = |p: &std::path::Path| p.display().to_string();
    let preferred = &config.ca.members[0];
    let port = config.front_end.listen.rsplit_once(':').map_or("", |(_, port)| port).to_string();
    let autosign = match &config.ca.autosign {
        Autosign::Always => "true".to_string(),
        Autosign::Never => "false".to_string(),
        Autosign::File(file) => path(file),
    };
    let basemodulepath: Vec<String> = config.main.basemodulepath.iter().map(|p| path(p)).collect();
    let main: [(&'static str, String); 18] = [
        ("basemodulepath", basemodulepath.join(":")),
        ("ca_port", port.clone()),
        ("ca_server", config.main.server.clone()),
        ("certdir", path(&config.main.ssldir.join("certs"))),
        ("cluster", config.cluster.clone()),
        ("config", path(&config.path)),
        ("confdir", path(config.path.parent().unwrap_or(&config.path))),
        ("environmentpath", path(&config.main.environmentpath)),
        ("hostcrl", path(&config.crl_path())),
        ("hostcert", path(&config.certificate_path(&config.main.operator_certname))),
        ("hostprivkey", path(&config.key_path(&config.main.operator_certname))),
        ("localcacert", path(&config.ca_bundle_path())),
        ("logdir", path(&config.main.logdir)),
        ("operator_certname", config.main.operator_certname.clone()),
        ("reportdir", path(&config.main.reportdir)),
        ("server", config.main.server.clone()),
        ("serverport", port),
        ("ssldir", path(&config.main.ssldir)),
    ];
    let access_format = match config.access_format {
        wire::access_log::Format::Combined => "combined",
        wire::access_log::Format::Json => "json",
    };
    let ca: [(&'static str, String); 26] = [
        ("allow_auto_renewal", config.ca.allow_auto_renewal.to_string()),
        ("allow_authorization_extensions", config.ca.allow_authorization_extensions.to_string()),
        ("allow_duplicate_certs", config.ca.allow_duplicate_certs.to_string()),
        ("allow_subject_alt_names", config.ca.allow_subject_alt_names.to_string()),
        ("auto_renewal_cert_ttl", config.ca.auto_renewal_cert_ttl.as_secs().to_string()),
        ("autosign", autosign),
        ("autosign_at_once", config.ca.autosign_at_once.to_string()),
        ("autosign_gem_path", config.ca.autosign_gem_path.clone()),
        ("autosign_timeout", duration::print(config.ca.autosign_timeout)),
        ("ca_name", config.ca.ca_name.clone()),
        ("ca_ttl", config.ca.ca_ttl.as_secs().to_string()),
        ("cacert", path(&preferred.cadir.join("ca_crt.pem"))),
        ("cacrl", path(&preferred.cadir.join("ca_crl.pem"))),
        ("cadir", path(&preferred.cadir)),
        ("cakey", path(&preferred.cadir.join("ca_key.pem"))),
        ("capub", path(&preferred.cadir.join("ca_pub.pem"))),
        ("cert_inventory", path(&preferred.cadir.join("inventory.txt"))),
        ("csrdir", path(&preferred.cadir.join("requests"))),
        ("enable_infra_crl", config.ca.enable_infra_crl.to_string()),
        ("key", config.ca.key.to_string()),
        ("max_pending", config.ca.max_pending.to_string()),
        ("max_pending_per_source", config.ca.max_pending_per_source.to_string()),
        ("serial", path(&preferred.cadir.join("serial"))),
        ("signeddir", path(&preferred.cadir.join("signed"))),
        ("standby_timeout", duration::print(config.ca.standby_timeout)),
        ("strict_autosign_globs", config.ca.strict_autosign_globs.to_string()),
    ];
    let further = config.further_front_ends.iter();
    let further: Vec<String> = further.map(|one| format!("{}={}", one.name, one.listen)).collect();
    let limits = &config.front_end.limits;
    let front_end: [(&'static str, String); 21] = [
        ("admin", config.front_end.admin.clone().unwrap_or_default()),
        ("answer_timeout", duration::print(limits.answer_timeout)),
        ("ca_hold", duration::print(config.front_end.ca_hold)),
        ("certname", config.front_end.certname.clone()),
        (
            "client_verify",
            match config.front_end.client_verify {
                wire::tls::ClientVerify::Strict => "strict",
                wire::tls::ClientVerify::Report => "report",
            }
            .to_string(),
        ),
        ("compile_retry", config.front_end.compile_retry.to_string()),
        ("failback", if config.front_end.failback_automatic { "auto" } else { "manual" }.to_string()),
        ("failback_after", duration::print(config.front_end.failback_after)),
        ("further", further.join(",")),
        ("handshake_timeout", duration::print(limits.handshake_timeout)),
        ("header_timeout", duration::print(limits.header_timeout)),
        ("idle_timeout", duration::print(limits.idle_timeout)),
        ("listen", config.front_end.listen.clone()),
        ("max_connections", limits.max_connections.to_string()),
        ("max_connections_per_source", limits.max_connections_per_source.to_string()),
        ("max_header_size", limits.max_header_size.to_string()),
        ("name", config.front_end.name.clone()),
        ("probe_interval", duration::print(config.front_end.probe_interval)),
        ("probe_timeout", duration::print(config.front_end.probe_timeout)),
        ("register", path(&config.front_end.register)),
        ("stall_timeout", duration::print(limits.stall_timeout)),
    ];
    let etcd = match &config.register {
        Register::Etcd(etcd) => Some(etcd),
        Register::Embedded => None,
    };
    let identity = etcd.and_then(|etcd| etcd.identity.as_ref());
    let register: [(&'static str, String); 6] = [
        ("ca", etcd.and_then(|etcd| etcd.ca.as_deref()).map(path).unwrap_or_default()),
        ("certificate", identity.map(|(certificate, _)| path(certificate)).unwrap_or_default()),
        ("endpoints", etcd.map(|etcd| etcd.endpoints.join(",")).unwrap_or_default()),
        ("key", identity.map(|(_, key)| path(key)).unwrap_or_default()),
        ("kind", config.register.kind().to_string()),
        ("prefix", etcd.map(|etcd| etcd.prefix.clone()).unwrap_or_default()),
    ];
    let balance = gateway::Balance::ALL.iter().find(|(_, one)| *one == config.spread.balance);
    let workers: Vec<&str> = config.catalog.iter().map(|worker| worker.name.as_str()).collect();
    let catalog: [(&'static str, String); 5] = [
        ("balance", balance.map_or("", |(name, _)| name).to_string()),
        ("queue", config.spread.queue.to_string()),
        ("queue_time", duration::print(config.spread.queue_time)),
        ("slow_start", duration::print(config.spread.slow_start)),
        ("worker", workers.join(",")),
    ];
    let rules: Vec<&str> = config.access.own.iter().map(|rule| rule.name.as_str()).collect();
    let access: [(&'static str, String); 2] =
        [("packaged", config.access.packaged.to_string()), ("rule", rules.join(","))];
    let section = |section: &'static str, pairs: Vec<(&'static str, String)>| {
        pairs.into_iter().map(move |(name, value)| Setting { section, name, value })
    };
    section("main", main.to_vec())
        .chain(section("ca", ca.to_vec()))
        .chain(section("front_end", front_end.to_vec()))
        .chain(section("log", vec![("access_format", access_format.to_string())]))
        .chain(section("register", register.to_vec()))
        .chain(section("catalog", catalog.to_vec()))
        .chain(section("access", access.to_vec()))
        .collect()
}
