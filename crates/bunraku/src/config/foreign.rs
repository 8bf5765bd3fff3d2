//! Members that are Puppet Servers as they are: `kind = "puppetserver"`, and what may be said of one.

/// Whose program answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// This one; `bunraku up` starts it.
    #[default]
    Bunraku,
    /// A Puppet Server that somebody else runs.
    PuppetServer,
}

/// What a member says of itself, checked.
pub struct Said<'a> {
    /// `[[ca.member]]` or `[[catalog.worker]]`.
    pub section: &'a str,
    pub name: &'a str,
    pub address: &'a str,
    pub certname: Option<&'a str>,
    pub kind: Option<&'a str>,
}

/// The kind of a member, and its certname (empty when it is reached without TLS: there, nobody proves anything).
pub fn kind(said: &Said<'_>, faults: &mut Vec<String>) -> (Kind, String) {
    let mut wrong = |what: &str| faults.push(format!("{} {}: {what}", said.section, said.name));
    let kind = match said.kind {
        None | Some("bunraku") => Kind::Bunraku,
        Some("puppetserver") => Kind::PuppetServer,
        Some(other) => {
            wrong(&format!("kind: '{other}' is neither \"bunraku\" nor \"puppetserver\""));
            Kind::Bunraku
        }
    };
    let plain = said.address.starts_with("http://");
    if plain && kind == Kind::Bunraku {
        wrong("http:// is for kind = \"puppetserver\"; Bunraku's own roles are reached over TLS only");
    }
    if said.certname.is_none() && !plain {
        wrong("certname is missing: the name in its certificate, which proves that it is who answers there");
    }
    (kind, said.certname.unwrap_or_default().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str, certname: Option<&str>, of_kind: Option<&str>) -> (Kind, usize) {
        let mut faults = Vec::new();
        let said = Said { section: "[[catalog.worker]]", name: "w", address, certname, kind: of_kind };
        (kind(&said, &mut faults).0, faults.len())
    }

    #[test]
    fn without_tls_only_puppet_server_and_with_it_only_by_name() {
        assert_eq!(judged("a:1", Some("w"), None), (Kind::Bunraku, 0));
        assert_eq!(judged("a:1", Some("w"), Some("puppetserver")), (Kind::PuppetServer, 0));
        assert_eq!(judged("http://a:1", None, Some("puppetserver")), (Kind::PuppetServer, 0));
        assert_eq!(judged("http://a:1", None, None).1, 1);
        assert_eq!(judged("a:1", None, Some("puppetserver")).1, 1);
        assert_eq!(judged("a:1", Some("w"), Some("openvox")).1, 1);
    }
}
