//! The shape of `bunraku dns-records`.

use std::net::IpAddr;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct DnsRecordsArgs {
    /// Domain of the records [default: that of [main] server]
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// How long resolvers and agents may keep a record
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = ttl)]
    pub ttl: u32,
    /// Catalogs, files and reports go to the workers themselves; only the CA is reached through the front ends
    #[arg(long)]
    pub direct: bool,
    /// Address at which agents reach a role, where the configuration does not say it; may be repeated
    #[arg(long, value_name = "ROLE=IP", value_parser = role_address)]
    pub address: Vec<(String, IpAddr)>,
    /// Text for a zone file, or lines for dnsmasq.conf
    #[arg(long, value_enum, default_value = "zone", value_name = "zone|dnsmasq")]
    pub format: RecordFormat,
    /// Print one JSON object
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    Zone,
    Dnsmasq,
}

fn ttl(text: &str) -> Result<u32, String> {
    let seconds = crate::config::duration::parse(text).map_err(|fault| fault.to_string())?.as_secs();
    // RFC 2181, 8: 31 bits.
    u32::try_from(seconds).ok().filter(|ttl| *ttl < 1 << 31).ok_or_else(|| "at most 68 years".to_string())
}

fn role_address(text: &str) -> Result<(String, IpAddr), String> {
    let (role, address) = text.split_once('=').ok_or("write ROLE=IP, as in front-end=192.0.2.1")?;
    let address = address.trim_matches(['[', ']']).parse();
    Ok((role.to_string(), address.map_err(|_| format!("'{text}' ends in no IP address"))?))
}
