//! Which records a deployment needs. Pure: a configuration and wishes in, records out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, bail};
use gateway::Traffic;

use crate::config::{CatalogWorker, Config};

/// What the command line adds to the configuration.
#[derive(Debug, Default)]
pub struct Wish {
    pub domain: Option<String>,
    /// In seconds.
    pub ttl: u32,
    /// Catalogs, files and reports without a front end.
    pub direct: bool,
    /// Where agents reach a role, by its name.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
}

/// The records, and what a person should know of them.
#[derive(Debug)]
pub struct Plan {
    pub cluster: String,
    pub domain: String,
    pub ttl: u32,
    pub direct: bool,
    /// The one name of all front ends.
    pub server: String,
    pub records: Vec<Record>,
    /// Which certificate must be valid for which name.
    pub bearers: Vec<Bearer>,
    pub warnings: Vec<String>,
}

/// One record; names are absolute, without the last dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub data: Data,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    Address(IpAddr),
    /// RFC 2782.
    Service {
        priority: u16,
        weight: u16,
        port: u16,
        target: String,
    },
}

/// A role that agents reach under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub role: String,
    pub certname: String,
    pub name: String,
}

/// A role as agents reach it.
struct Host {
    role: String,
    certname: String,
    /// Its own name.
    target: String,
    port: u16,
    /// Empty when the configuration gives it a name that DNS has already.
    addresses: Vec<IpAddr>,
}

/// Puppet's names of services.
const GENERAL: &str = "_x-puppet._tcp";
const CA: &str = "_x-puppet-ca._tcp";
const FILES: &str = "_x-puppet-fileserver._tcp";
const REPORTS: &str = "_x-puppet-report._tcp";

/// The records of `config`, or why there are none.
pub fn make(config: &Config, wish: &Wish) -> anyhow::Result<Plan> {
    let domain = domain(config, wish)?;
    let front_ends = config.front_ends().into_iter().map(|one| one.name);
    let known: Vec<String> = front_ends.chain(config.catalog.iter().map(|one| one.name.clone())).collect();
    if let Some(stranger) = wish.addresses.keys().find(|role| !known.contains(role)) {
        let known = known.join(", ");
        bail!("--address: no front end and no catalog worker is named '{stranger}'; there are {known}");
    }
    let server = match config.main.server.contains('.') {
        true => config.main.server.to_lowercase(),
        false => format!("puppet.{domain}"),
    };
    let mut plan = Plan {
        cluster: config.cluster.clone(),
        domain,
        ttl: wish.ttl,
        direct: wish.direct,
        server,
        records: Vec::new(),
        bearers: Vec::new(),
        warnings: Vec::new(),
    };
    let front_ends = config
        .front_ends()
        .iter()
        .map(|one| plan.host(&one.name, &one.listen, &one.certname, wish))
        .collect::<anyhow::Result<Vec<Host>>>()?;
    plan.one_name(&front_ends);
    plan.own_names(&front_ends);
    let equal: Vec<(&Host, u16, u16)> = front_ends.iter().map(|host| (host, 0, 1)).collect();
    if !wish.direct {
        for service in [GENERAL, CA, FILES, REPORTS] {
            plan.service(service, &equal);
        }
        return Ok(plan);
    }
    let workers = config
        .catalog
        .iter()
        .map(|one| plan.host(&one.name, &one.address, &one.certname, wish))
        .collect::<anyhow::Result<Vec<Host>>>()?;
    plan.own_names(&workers);
    plan.service(CA, &equal);
    for (service, traffic) in
        [(GENERAL, Traffic::Catalog), (FILES, Traffic::Files), (REPORTS, Traffic::Reports)]
    {
        let serving = places(&config.catalog, &workers, traffic)?;
        plan.service(service, &serving);
    }
    Ok(plan)
}

fn domain(config: &Config, wish: &Wish) -> anyhow::Result<String> {
    let of_server = || config.main.server.split_once('.').map(|(_, domain)| domain.to_string());
    let domain = wish.domain.clone().or_else(of_server).with_context(|| {
        format!("--domain is missing: the name in [main] server ('{}') has none", config.main.server)
    })?;
    let domain = domain.trim_end_matches('.').to_lowercase();
    if !domain.split('.').all(is_label) {
        bail!("'{domain}' is not a domain");
    }
    Ok(domain)
}

/// Letters, digits and hyphens (RFC 1123, 2.1).
fn is_label(label: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&label.len())
        && label.chars().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The workers that take `traffic`, each with its tier as priority and its weight.
fn places<'a>(
    workers: &[CatalogWorker],
    hosts: &'a [Host],
    traffic: Traffic,
) -> anyhow::Result<Vec<(&'a Host, u16, u16)>> {
    let taking: Vec<(&CatalogWorker, &Host)> =
        workers.iter().zip(hosts).filter(|(worker, _)| worker.place.serves.contains(&traffic)).collect();
    if taking.is_empty() {
        let name = Traffic::ALL.iter().find(|(_, one)| *one == traffic).map_or("this", |(name, _)| name);
        bail!("no catalog worker serves \"{name}\": without a front end agents would find nobody for it");
    }
    let heaviest = taking.iter().map(|(worker, _)| u64::from(worker.place.weight)).max().unwrap_or(1);
    let place = |(worker, host): (&CatalogWorker, &'a Host)| {
        // A record has 16 bits for it; their ratio counts, not their size.
        let (weight, most) = (u64::from(worker.place.weight), u64::from(u16::MAX));
        let weight = if heaviest > most { (weight * most / heaviest).max(1) } else { weight };
        (host, u16::from(worker.place.tier), weight as u16)
    };
    Ok(taking.into_iter().map(place).collect())
}

impl Plan {
    /// Where agents find a role that listens on `listen`.
    fn host(&mut self, role: &str, listen: &str, certname: &str, wish: &Wish) -> anyhow::Result<Host> {
        let (at, port) = listen.rsplit_once(':').with_context(|| format!("'{listen}' is not HOST:PORT"))?;
        let port = port.parse().with_context(|| format!("'{listen}' is not HOST:PORT"))?;
        let listens: Option<IpAddr> = at.trim_matches(['[', ']']).parse().ok();
        let addresses = match (wish.addresses.get(role), listens) {
            (Some(said), _) => said.clone(),
            (None, Some(any)) if any.is_unspecified() => bail!(
                "{role} listens on every address of its host ({listen}); say at which agents reach it: \
                 --address {role}=IP"
            ),
            (None, Some(one)) => vec![one],
            (None, None) => Vec::new(),
        };
        if addresses.iter().any(IpAddr::is_loopback) {
            self.warnings
                .push(format!("{role} is reached by agents of its own host only: it listens on {listen}"));
        }
        let target = match listens {
            None => at.to_lowercase(),
            // What its certificate is for in any case.
            Some(_) if certname.contains('.') => certname.to_lowercase(),
            Some(_) if is_label(role) => format!("{}.{}", role.to_lowercase(), self.domain),
            Some(_) => bail!("'{role}' can't be the name of a host: letters, digits and '-' only"),
        };
        self.bearers.push(Bearer {
            role: role.to_string(),
            certname: certname.to_string(),
            name: target.clone(),
        });
        Ok(Host { role: role.to_string(), certname: certname.to_string(), target, port, addresses })
    }

    /// The name that agents without SRV records use: an address record for each front end.
    fn one_name(&mut self, front_ends: &[Host]) {
        let server = self.server.clone();
        for host in front_ends {
            if host.port != 8140 {
                self.warnings.push(format!(
                    "address records have no port: agents that do not use SRV records need serverport = {} for {}",
                    host.port, host.role
                ));
            }
            if host.addresses.is_empty() && host.target != server {
                self.warnings.push(format!(
                    "{server} does not lead to {}, whose address is a name ({}); --address {}=IP makes it",
                    host.role, host.target, host.role
                ));
            }
            self.addresses(&server, host);
            let (role, certname) = (host.role.clone(), host.certname.clone());
            self.bearers.push(Bearer { role, certname, name: server.clone() });
        }
    }

    fn own_names(&mut self, hosts: &[Host]) {
        for host in hosts {
            self.addresses(&host.target, host);
        }
    }

    fn addresses(&mut self, name: &str, host: &Host) {
        for address in &host.addresses {
            let record = Record { name: name.to_string(), data: Data::Address(*address) };
            if !self.records.contains(&record) {
                self.records.push(record);
            }
        }
    }

    fn service(&mut self, service: &str, hosts: &[(&Host, u16, u16)]) {
        let name = format!("{service}.{}", self.domain);
        for (host, priority, weight) in hosts {
            let (priority, weight, port, target) = (*priority, *weight, host.port, host.target.clone());
            let data = Data::Service { priority, weight, port, target };
            self.records.push(Record { name: name.clone(), data });
        }
    }
}

#[cfg(test)]
mod tests;
