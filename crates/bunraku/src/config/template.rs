//! The `bunraku.toml` that `bunraku up` writes: the annotated example, with this deployment's values in it.

use std::path::Path;

use super::{CaMember, CatalogWorker, Kind};

const TEMPLATE: &str = include_str!("../../../../docs/bunraku.example.toml");

/// Where a deployment of one machine listens, and what is chosen when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Address of every role, without a port.
    pub listen: String,
    /// The front end's port; the workers' lie 10,000 above it.
    pub port: u16,
    pub autosign: String,
    pub cluster: String,
    pub ca_name: String,
    /// Where metrics are shown; none: nowhere.
    pub admin: Option<String>,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            listen: "127.0.0.1".to_string(),
            port: 8140,
            autosign: "false".to_string(),
            cluster: "unnamed".to_string(),
            ca_name: "Puppet CA: localhost".to_string(),
            admin: None,
        }
    }
}

impl Layout {
    /// `HOST:PORT` of slot `n`: 0 is the front end, 1.. are workers.
    pub fn address(&self, slot: u16) -> String {
        let port = if slot == 0 { self.port } else { self.port + 10_000 + slot - 1 };
        if self.listen.contains(':') {
            format!("[{}]:{port}", self.listen)
        } else {
            format!("{}:{port}", self.listen)
        }
    }

    pub(super) fn catalog_workers(&self) -> Vec<CatalogWorker> {
        [1, 2]
            .map(|n| CatalogWorker {
                name: format!("catalog-{n}"),
                address: self.address(n),
                certname: format!("bunraku-catalog-{n}"),
                kind: Kind::Bunraku,
                place: gateway::Place::default(),
            })
            .to_vec()
    }

    pub(super) fn ca_members(&self, base: &Path) -> Vec<CaMember> {
        [(1, "ssl/ca"), (2, "ssl/ca.standby")]
            .map(|(n, cadir)| CaMember {
                name: format!("ca-{n}"),
                address: self.address(n + 2),
                certname: format!("bunraku-ca-{n}"),
                cadir: base.join(cadir),
                kind: Kind::Bunraku,
            })
            .to_vec()
    }
}

/// The text of `bunraku.toml` for `layout`.
pub fn render(layout: &Layout) -> String {
    let default = Layout::default();
    let quoted = |text: &str| toml::Value::String(text.to_string()).to_string();
    let mut text = TEMPLATE
        .replace("cluster = \"unnamed\"", &format!("cluster = {}", quoted(&layout.cluster)))
        .replace("ca_name = \"Puppet CA: localhost\"", &format!("ca_name = {}", quoted(&layout.ca_name)));
    let autosign = match layout.autosign.as_str() {
        word @ ("true" | "false") => word.to_string(),
        file => quoted(file),
    };
    text = text.replace("autosign = false", &format!("autosign = {autosign}"));
    if let Some(admin) = &layout.admin {
        text = text.replace("admin = \"\"", &format!("admin = {}", quoted(admin)));
    }
    for slot in 0..5 {
        text = text.replace(&quoted(&default.address(slot)), &quoted(&layout.address(slot)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Autosign, Config};
    use super::*;

    #[test]
    fn a_rendered_file_reads_back_as_asked() {
        let layout = Layout {
            listen: "127.0.0.3".to_string(),
            port: 9140,
            autosign: "policy \"x\"".to_string(),
            cluster: "c1".to_string(),
            ca_name: "Puppet CA: \"odd\" name".to_string(),
            admin: Some("127.0.0.1:10140".to_string()),
        };
        let config = Config::parse(Path::new("/srv/b/bunraku.toml"), &render(&layout)).unwrap();
        assert_eq!(config.cluster, "c1");
        assert_eq!(config.ca.ca_name, "Puppet CA: \"odd\" name");
        assert_eq!(config.ca.autosign, Autosign::File("/srv/b/policy \"x\"".into()));
        assert_eq!(config.front_end.listen, "127.0.0.3:9140");
        assert_eq!(config.front_end.admin.as_deref(), Some("127.0.0.1:10140"));
        assert_eq!(config.ca.members, layout.ca_members(Path::new("/srv/b")));
        assert_eq!(config.catalog, layout.catalog_workers());
    }

    #[test]
    fn the_default_layout_renders_the_example_itself() {
        assert_eq!(render(&Layout::default()), TEMPLATE);
    }
}
