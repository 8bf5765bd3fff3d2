//! Alternative names as the command line takes them: `a.example.com,DNS:b.example.com,IP:10.0.0.1`.

use anyhow::Context;
use pki::AltName;

/// The names, each with its prefix, sorted and each once: the order in which `puppetserver ca` puts them.
pub fn tidy<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut tidied: Vec<String> = names
        .into_iter()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            _ if name.starts_with("IP:") || name.starts_with("DNS:") => name.to_string(),
            _ => format!("DNS:{name}"),
        })
        .collect();
    tidied.sort();
    tidied.dedup();
    tidied
}

/// Reads tidied names.
pub fn read(names: &[String]) -> anyhow::Result<Vec<AltName>> {
    let read = |name: &String| {
        AltName::parse(name).with_context(|| {
            format!("'{name}' is not an alternative name; write DNS:host.example.com or IP:192.0.2.1")
        })
    };
    names.iter().map(read).collect()
}

/// The names of a certificate for `certname` with these others: its own among them, as RFC 2818 asks.
pub fn of_host(certname: &str, others: Option<&str>) -> anyhow::Result<Vec<AltName>> {
    let own = format!("DNS:{certname}");
    read(&tidy(others.unwrap_or_default().split(',').chain([own.as_str()])))
}

/// The names of the server's certificate: `puppet` and its own, or its own and the others in their order.
pub fn of_server(certname: &str, others: Option<&str>) -> anyhow::Result<Vec<AltName>> {
    let own = AltName::Dns(certname.to_string());
    Ok(match others {
        None => vec![AltName::Dns("puppet".to_string()), own],
        Some(others) => std::iter::once(own).chain(read(&tidy(others.split(',')))?).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(names: anyhow::Result<Vec<AltName>>) -> Vec<String> {
        names.unwrap().iter().map(AltName::to_string).collect()
    }

    #[test]
    fn names_are_put_in_puppets_order() {
        let names = of_host("ca3.example.com", Some("foo.example.com, IP:10.1.1.1,DNS:foo.example.com"));
        assert_eq!(printed(names), ["DNS:ca3.example.com", "DNS:foo.example.com", "IP:10.1.1.1"]);
        assert_eq!(printed(of_host("a", None)), ["DNS:a"]);
        assert_eq!(printed(of_server("a", None)), ["DNS:puppet", "DNS:a"]);
        assert_eq!(printed(of_server("a", Some("puppet,b"))), ["DNS:a", "DNS:b", "DNS:puppet"]);
    }

    #[test]
    fn what_is_no_name_is_named() {
        let fault = of_host("a", Some("IP:nowhere")).unwrap_err().to_string();
        assert!(fault.contains("'IP:nowhere' is not an alternative name"), "{fault}");
    }
}
