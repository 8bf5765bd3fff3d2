//! `[register]`: who is primary is written in a file of the only front end, or in etcd for several.

use std::path::{Path, PathBuf};

use super::raw::{RawFurtherFrontEnd, RawRegister};

/// Where the register is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Register {
    /// In the file that `[front_end] register` names.
    Embedded,
    /// In etcd.
    Etcd(EtcdRegister),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdRegister {
    /// Client addresses of etcd's members, with their scheme.
    pub endpoints: Vec<String>,
    /// What the names of all keys begin with.
    pub prefix: String,
    /// The certificate of the CA that issued etcd's.
    pub ca: Option<PathBuf>,
    /// What the front ends show etcd: certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A front end as the others know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontEndAddress {
    pub name: String,
    pub listen: String,
    pub certname: String,
}

impl Register {
    /// `embedded` or `etcd`.
    pub fn kind(&self) -> &'static str {
        match self {
            Register::Embedded => "embedded",
            Register::Etcd(_) => "etcd",
        }
    }
}

pub(super) fn resolve(base: &Path, raw: RawRegister, further: usize, faults: &mut Vec<String>) -> Register {
    let in_base = |text: String| base.join(text);
    let kind = raw.kind.as_deref().unwrap_or("embedded");
    let endpoints = raw.endpoints.unwrap_or_default();
    let prefix = raw.prefix.unwrap_or_else(|| "/bunraku".to_string());
    if kind == "embedded" {
        if further > 0 {
            faults.push(
                "[register] kind: several front ends share a register in etcd; set kind = \"etcd\" and its endpoints"
                    .to_string(),
            );
        }
        if !endpoints.is_empty() {
            faults.push("[register] endpoints: they are for kind = \"etcd\"".to_string());
        }
        return Register::Embedded;
    }
    if kind != "etcd" {
        faults.push(format!("[register] kind: '{kind}' is neither \"embedded\" nor \"etcd\""));
        return Register::Embedded;
    }
    if endpoints.is_empty() {
        faults.push(
            "[register] endpoints: name etcd's members, as in [\"https://etcd-1.example.com:2379\"]"
                .to_string(),
        );
    }
    for endpoint in &endpoints {
        if let Err(fault) = gateway::check_endpoint(endpoint) {
            faults.push(format!("[register] endpoints: {fault}"));
        }
    }
    if !prefix.starts_with('/') {
        faults.push(format!("[register] prefix: '{prefix}' does not begin with '/'"));
    }
    if raw.ca.is_none() && endpoints.iter().any(|endpoint| endpoint.starts_with("https:")) {
        faults.push("[register] ca: the certificate of the CA that issued etcd's is missing".to_string());
    }
    let identity = match (raw.certificate, raw.key) {
        (Some(certificate), Some(key)) => Some((in_base(certificate), in_base(key))),
        (None, None) => None,
        _ => {
            faults.push("[register] certificate and key: one is of no use without the other".to_string());
            None
        }
    };
    Register::Etcd(EtcdRegister { endpoints, prefix, ca: raw.ca.map(in_base), identity })
}

pub(super) fn further(raw: Option<Vec<RawFurtherFrontEnd>>) -> Vec<FrontEndAddress> {
    let address = |one: RawFurtherFrontEnd| FrontEndAddress {
        name: one.name,
        listen: one.listen,
        certname: one.certname,
    };
    raw.unwrap_or_default().into_iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigFault};
    use super::*;

    const TWO: &str = "[[front_end.further]]\nname = \"front-end-2\"\nlisten = \"10.0.0.2:8140\"\n\
                       certname = \"bunraku-front-end-2\"\n";

    fn parse(text: &str) -> Result<Config, ConfigFault> {
        Config::parse(Path::new("/srv/b/bunraku.toml"), text)
    }

    #[test]
    fn two_front_ends_share_etcd() {
        let etcd = "[register]\nkind = \"etcd\"\nendpoints = [\"https://e1:2379\"]\nca = \"etcd/ca.pem\"\n\
                    certificate = \"etcd/c.pem\"\nkey = \"/k.pem\"\n";
        let config = parse(&format!("{TWO}{etcd}")).unwrap();
        let names: Vec<String> = config.front_ends().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["front-end", "front-end-2"]);
        assert_eq!(config.front_end_named("front-end-2").unwrap().listen, "10.0.0.2:8140");
        let Register::Etcd(etcd) = config.register else { panic!("{:?}", config.register) };
        assert_eq!(etcd.ca, Some("/srv/b/etcd/ca.pem".into()));
        assert_eq!(etcd.identity, Some(("/srv/b/etcd/c.pem".into(), "/k.pem".into())));
        assert_eq!(etcd.prefix, "/bunraku");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (text, said) in [
            (TWO.to_string(), "several front ends share a register in etcd"),
            ("[register]\nkind = \"consul\"\n".to_string(), "neither"),
            ("[register]\nkind = \"etcd\"\n".to_string(), "name etcd's members"),
            (
                "[register]\nkind = \"etcd\"\nendpoints = [\"e1:2379\"]\n".to_string(),
                "is not http://HOST:PORT",
            ),
            (
                "[register]\nkind = \"etcd\"\nendpoints = [\"https://e1:2379\"]\n".to_string(),
                "ca: the certificate",
            ),
            (
                "[register]\nkind = \"etcd\"\nendpoints = [\"http://e1:2379\"]\nkey = \"k\"\n".to_string(),
                "without the other",
            ),
        ] {
            let fault = parse(&text).unwrap_err().to_string();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }
}
