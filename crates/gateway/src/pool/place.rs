//! What an operator says of a worker's place in the pool.

/// Kinds of traffic that can have workers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Traffic {
    /// Catalogs, and all that is not one of the others: facts, environments, node, status.
    Catalog,
    /// File content and metadata: much data, little work.
    Files,
    /// Reports.
    Reports,
}

impl Traffic {
    /// All kinds, with their names in the configuration.
    pub const ALL: [(&'static str, Traffic); 3] =
        [("catalog", Traffic::Catalog), ("files", Traffic::Files), ("reports", Traffic::Reports)];

    /// The kind of a path whose route is decided; Puppet's `/puppet/v3/…` only.
    pub fn of(path: &str) -> Traffic {
        let mut segments = path.split('/').skip(1);
        let (api, _version, endpoint) = (segments.next(), segments.next(), segments.next());
        match (api, endpoint) {
            (
                Some("puppet"),
                Some("file_content" | "file_metadata" | "file_metadatas" | "static_file_content"),
            ) => Traffic::Files,
            (Some("puppet"), Some("report")) => Traffic::Reports,
            _ => Traffic::Catalog,
        }
    }
}

/// The place of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its share, relative to the others of its tier; at least 1.
    pub weight: u32,
    /// Workers of a higher tier are used while none of a lower one is: hot standbys.
    pub tier: u8,
    /// So many requests at most at one time; further ones wait.
    pub most: Option<u64>,
    /// What it takes; nothing else is sent to it.
    pub serves: Vec<Traffic>,
}

impl Default for Place {
    fn default() -> Self {
        let serves = Traffic::ALL.map(|(_, traffic)| traffic).to_vec();
        Self { weight: 1, tier: 0, most: None, serves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_decides_the_kind_of_traffic() {
        for (path, traffic) in [
            ("/puppet/v3/catalog/a", Traffic::Catalog),
            ("/puppet/v4/catalog", Traffic::Catalog),
            ("/puppet/v3/file_content/modules/a/b", Traffic::Files),
            ("/puppet/v3/file_metadatas/plugins", Traffic::Files),
            ("/puppet/v3/static_file_content/x", Traffic::Files),
            ("/puppet/v3/report/a", Traffic::Reports),
            ("/puppet/v3/facts/a", Traffic::Catalog),
            ("/status/v1/simple", Traffic::Catalog),
            ("/elsewhere/v3/report/a", Traffic::Catalog),
            ("/", Traffic::Catalog),
        ] {
            assert_eq!(Traffic::of(path), traffic, "{path}");
        }
    }
}
