//! Are the addresses of all roles free?

use std::net::TcpListener;

use anyhow::bail;

use crate::config::{Config, Kind};

/// Role and address of every process of the deployment (Puppet Servers are somebody else's), in the order of the table that `up` prints.
pub fn of_roles(config: &Config) -> Vec<(String, String)> {
    std::iter::once((config.front_end.name.clone(), config.front_end.listen.clone()))
        .chain(
            config
                .catalog
                .iter()
                .filter(|w| w.kind == Kind::Bunraku)
                .map(|w| (w.name.clone(), w.address.clone())),
        )
        .chain(config.ca.members.iter().map(|m| (m.name.clone(), m.address.clone())))
        .collect()
}

/// Refuses to start when any address can't be listened on; names them all.
pub fn check_free(config: &Config) -> anyhow::Result<()> {
    let admin = config.front_end.admin.iter().map(|admin| ("the metrics".to_string(), admin.clone()));
    let wanted: Vec<(String, String)> = of_roles(config).into_iter().chain(admin).collect();
    let taken: Vec<String> = wanted
        .iter()
        .filter_map(|(name, address)| {
            let fault = TcpListener::bind(address).err()?;
            Some(match fault.kind() {
                std::io::ErrorKind::AddrInUse => format!("{address}, wanted by {name}, is in use"),
                _ => format!("{address}, wanted by {name}: {fault}"),
            })
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\nEnd the program that listens there ('ss -ltnp' shows it), or choose other ports with --port or in {}",
        taken.join("\n"),
        config.path.display()
    )
}
