//! `bunraku dns-records`: what a zone needs so that agents find a deployment by DNS.

mod certificate;
mod plan;
mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cli::{DnsRecordsArgs, RecordFormat};
use crate::config::Config;
use crate::console;
use plan::Wish;

/// Records on stdout, what is wrong with them on stderr (with `--json` in the object, too).
pub fn run(config: &Config, args: &DnsRecordsArgs) -> anyhow::Result<u8> {
    let mut addresses: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (role, address) in &args.address {
        addresses.entry(role.clone()).or_default().push(*address);
    }
    let wish = Wish { domain: args.domain.clone(), ttl: args.ttl, direct: args.direct, addresses };
    let mut plan = plan::make(config, &wish)?;
    plan.warnings.extend(certificate::unfit(config, &plan));
    if args.json {
        console::print(&format!("{:#}\n", text::json(&plan)));
        return Ok(0);
    }
    console::print(&match args.format {
        RecordFormat::Zone => text::zone(&plan),
        RecordFormat::Dnsmasq => text::dnsmasq(&plan),
    });
    for warning in &plan.warnings {
        crate::console::errln!("Warning: {warning}");
    }
    Ok(0)
}
