//! A plan in the forms that name servers and programs read.

use serde_json::{Value, json};

use super::plan::{Data, Plan, Record};

/// Lines for a zone file (RFC 1035, 5), all names absolute: they fit into any zone.
pub fn zone(plan: &Plan) -> String {
    let mut text = heading(plan, ";");
    let width = plan.records.iter().map(|record| record.name.len() + 1).max().unwrap_or(0);
    for record in &plan.records {
        let name = format!("{}.", record.name);
        let data = match &record.data {
            Data::Address(address) => format!("{:<4} {address}", kind(record)),
            Data::Service { priority, weight, port, target } => {
                format!("SRV  {priority} {weight} {port} {target}.")
            }
        };
        text.push_str(&format!("{name:<width$}  {}  IN  {data}\n", plan.ttl));
    }
    text + &settings(plan, ";")
}

/// Lines for dnsmasq.conf. Its TTL of such records is `local-ttl`, of all that it knows by itself.
pub fn dnsmasq(plan: &Plan) -> String {
    let mut text = heading(plan, "#");
    text.push_str(&format!("local-ttl={}\n", plan.ttl));
    for record in &plan.records {
        let name = &record.name;
        text.push_str(&match &record.data {
            Data::Address(address) => format!("host-record={name},{address}\n"),
            Data::Service { priority, weight, port, target } => {
                format!("srv-host={name},{target},{port},{priority},{weight}\n")
            }
        });
    }
    text + &settings(plan, "#")
}

/// One object for programs.
pub fn json(plan: &Plan) -> Value {
    let record = |record: &Record| {
        let mut object = json!({ "name": record.name, "type": kind(record), "ttl": plan.ttl });
        match &record.data {
            Data::Address(address) => object["address"] = json!(address),
            Data::Service { priority, weight, port, target } => {
                object["priority"] = json!(priority);
                object["weight"] = json!(weight);
                object["port"] = json!(port);
                object["target"] = json!(target);
            }
        }
        object
    };
    json!({
        "cluster": plan.cluster,
        "domain": plan.domain,
        "server": plan.server,
        "shape": if plan.direct { "direct" } else { "front-ends" },
        "records": plan.records.iter().map(record).collect::<Vec<_>>(),
        "warnings": plan.warnings,
    })
}

fn kind(record: &Record) -> &'static str {
    match &record.data {
        Data::Address(address) if address.is_ipv4() => "A",
        Data::Address(_) => "AAAA",
        Data::Service { .. } => "SRV",
    }
}

fn heading(plan: &Plan, comment: &str) -> String {
    let shape = match plan.direct {
        true => "catalogs, files and reports straight from the workers, the CA through the front ends",
        false => "everything through the front ends",
    };
    format!("{comment} Bunraku, cluster {}: {shape}\n", plan.cluster)
}

/// What agents need to be told, in Puppet's words.
fn settings(plan: &Plan, comment: &str) -> String {
    let Plan { domain, server, .. } = plan;
    let by_address = match plan.direct {
        true => String::new(),
        false => format!("\n{comment} ... or by address:  server = {server}"),
    };
    format!("{comment} Agents, by SRV records:  use_srv_records = true, srv_domain = {domain}{by_address}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let address = |text: &str| Record {
            name: "puppet.example.com".to_string(),
            data: Data::Address(text.parse().unwrap()),
        };
        let target = "front-end.example.com".to_string();
        let data = Data::Service { priority: 0, weight: 1, port: 8140, target };
        Plan {
            cluster: "c1".to_string(),
            domain: "example.com".to_string(),
            ttl: 60,
            direct: false,
            server: "puppet.example.com".to_string(),
            records: vec![
                address("192.0.2.1"),
                address("2001:db8::2"),
                Record { name: "_x-puppet._tcp.example.com".to_string(), data },
            ],
            bearers: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_zone_file_has_absolute_names() {
        let text = zone(&plan());
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(';')).collect();
        let expected = [
            "puppet.example.com.          60  IN  A    192.0.2.1",
            "puppet.example.com.          60  IN  AAAA 2001:db8::2",
            "_x-puppet._tcp.example.com.  60  IN  SRV  0 1 8140 front-end.example.com.",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn dnsmasq_has_its_own_order() {
        let text = dnsmasq(&plan());
        assert!(text.contains("\nhost-record=puppet.example.com,2001:db8::2\n"), "{text}");
        assert!(
            text.contains("\nsrv-host=_x-puppet._tcp.example.com,front-end.example.com,8140,0,1\n"),
            "{text}"
        );
    }
}
