//! Settings of `puppet.conf` that are not taken, and why.

use super::Verdict;

/// What there is to say of a setting of the server that has no place in `bunraku.toml`.
pub(super) fn of_puppet_conf(name: &str, value: &str) -> Verdict {
    let built_in = |why: &str| Verdict::BuiltIn(why.to_string());
    let without = |why: &str| Verdict::NoEquivalent(why.to_string());
    match (name, value) {
        ("reports", "store") => built_in("reports are stored"),
        ("reports", _) => without("reports are stored, and go nowhere else"),
        ("node_terminus", "plain") => built_in("nodes are known by the manifests alone"),
        ("node_terminus" | "external_nodes", _) => without("external node classifiers are not asked"),
        ("storeconfigs", "false") => built_in("nothing is exported"),
        ("storeconfigs" | "storeconfigs_backend", _) => {
            without("resources are not exported, facts not sent on")
        }
        ("environment_timeout", _) => {
            built_in("what was parsed is kept, and every file looked at again before each catalog")
        }
        ("digest_algorithm", "sha256") => built_in("SHA-256"),
        ("digest_algorithm", _) => without("file buckets use SHA-256"),
        ("certificate_revocation", "true" | "chain") => {
            built_in("revocation lists of the whole chain are looked at")
        }
        ("certificate_revocation", _) => without("revocation lists of the whole chain are looked at, always"),
        ("dns_alt_names", _) => without(
            "names go into the server's certificate when it is made: 'bunraku ca setup --subject-alt-names', or by \
             'bunraku up' when there is none",
        ),
        ("keylength", _) => without("the kind of a key is chosen when it is made: --key"),
        ("csr_attributes", _) => without("attributes are an agent's"),
        ("hiera_config", _) => without("Hiera is not supported"),
        ("server" | "ca_server" | "ca_port" | "server_list" | "report_server", _) => {
            Verdict::Ignored("for agents and other commands, not for the server".into())
        }
        ("user" | "group", _) => without("a role runs as whoever starts it"),
        ("rundir" | "pidfile" | "statedir", _) => without("no such files are written"),
        ("manifest" | "default_manifest" | "disable_per_environment_manifest", _) => {
            without("each environment has its own manifests")
        }
        ("ca", "true") => built_in("there is a CA"),
        ("ca", _) => without("a deployment has its own CA: leave out the [[ca.member]] that is not to run"),
        (
            "cacert" | "cakey" | "cacrl" | "capub" | "serial" | "cert_inventory" | "signeddir" | "csrdir",
            _,
        ) => without("files of the CA have their usual names in cadir"),
        (
            "certdir" | "privatekeydir" | "publickeydir" | "hostcert" | "hostprivkey" | "localcacert"
            | "hostcrl",
            _,
        ) => without("files of hosts have their usual names in ssldir"),
        _ => without("no setting of Bunraku has this effect"),
    }
}
