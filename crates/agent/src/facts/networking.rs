//! `networking`, and its old flat names.

use std::net::{IpAddr, UdpSocket};

use serde_json::{Map, Value, json};

use super::read;

/// Adds them.
pub fn add(facts: &mut Map<String, Value>) {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (hostname, own_domain) = match node.split_once('.') {
        Some((host, domain)) => (host.to_string(), Some(domain.to_string())),
        None => (node.clone(), None),
    };
    let domain = own_domain.or_else(|| search_domain(&read("/etc/resolv.conf")));
    let fqdn = domain.as_ref().map_or(hostname.clone(), |domain| format!("{hostname}.{domain}"));
    let primary = primary_address();
    let mut interfaces: Map<String, Value> = Map::new();
    let mut chosen = None;
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let ip = interface.ip();
        let entry = interfaces.entry(interface.name.clone()).or_insert_with(|| {
            let of =
                |what: &str| read(&format!("/sys/class/net/{}/{what}", interface.name)).trim().to_string();
            json!({"mac": of("address"), "mtu": of("mtu").parse::<u32>().ok()})
        });
        let (address, mask) = match &interface.addr {
            if_addrs::IfAddr::V4(v4) => ("ip", Some(v4.netmask.to_string())),
            if_addrs::IfAddr::V6(_) => ("ip6", None),
        };
        if entry.get(address).is_none() {
            entry[address] = json!(ip.to_string());
            if let Some(mask) = mask {
                entry["netmask"] = json!(mask);
            }
        }
        if Some(ip) == primary {
            chosen = Some(interface.name.clone());
        }
    }
    let mut networking = json!({"hostname": hostname, "fqdn": fqdn, "interfaces": interfaces});
    if let Some(domain) = &domain {
        networking["domain"] = json!(domain);
    }
    if let Some(name) = &chosen {
        let interface = networking["interfaces"][name].clone();
        networking["primary"] = json!(name);
        for key in ["ip", "ip6", "netmask", "mac", "mtu"] {
            if let Some(value) = interface.get(key) {
                networking[key] = value.clone();
            }
        }
    }
    let flat = [
        ("hostname", Some(json!(hostname))),
        ("fqdn", Some(json!(fqdn))),
        ("domain", domain.map(|d| json!(d))),
        ("ipaddress", networking.get("ip").cloned()),
        ("macaddress", networking.get("mac").cloned()),
        ("networking", Some(networking)),
    ];
    facts.extend(flat.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
}

/// The address that traffic to elsewhere leaves from. Connecting a UDP socket asks the routing table; nothing is sent.
fn primary_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // 192.0.2.0/24 is for documentation (RFC 5737): no host has it.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

fn search_domain(resolv_conf: &str) -> Option<String> {
    let value =
        |key: &str| resolv_conf.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
    value("domain ")
        .or_else(|| value("search "))
        .map(|d| d.trim_end_matches('.').to_string())
        .filter(|d| !d.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_comes_from_the_resolver() {
        assert_eq!(search_domain("nameserver 1.1.1.1\nsearch example.com b\n"), Some("example.com".into()));
        assert_eq!(search_domain("search a\ndomain b.\n"), Some("b".into()));
        assert_eq!(search_domain("nameserver 1.1.1.1\n"), None);
    }
}
