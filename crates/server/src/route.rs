//! Which endpoint a method and path name. Like Puppet Server's router this comes before the question who asks:
//! what it doesn't know is 404 for everybody.

use http::Method;

/// The v3 API's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Catalog,
    Node,
    Facts,
    Report,
    FileMetadata,
    FileMetadatas,
    FileContent,
    FileBucketFile,
    Environments,
    /// Known to Puppet Server, whose packaged `auth.conf` lets nobody use it; not served here.
    Withheld,
}

/// The endpoint and its key: the path segments that follow its name.
pub fn endpoint(method: &Method, segments: &[String]) -> Option<(Endpoint, Vec<String>)> {
    use Endpoint::*;
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (version, model, key) = match names.as_slice() {
        ["puppet", version, model, key @ ..] => (*version, *model, key),
        _ => return None,
    };
    let found = match (version, model, method.as_str(), key.is_empty()) {
        ("v3", "catalog", "GET" | "POST", false) => Catalog,
        ("v3", "node", "GET", false) => Node,
        ("v3", "facts", "PUT", false) => Facts,
        ("v3", "report", "PUT", false) => Report,
        ("v3", "file_metadata", "GET", false) => FileMetadata,
        ("v3", "file_metadatas", "GET", false) => FileMetadatas,
        ("v3", "file_content", "GET", false) => FileContent,
        ("v3", "file_bucket_file", "GET" | "HEAD" | "PUT", false) => FileBucketFile,
        ("v3", "environments", "GET", true) => Environments,
        ("v3", "environment_classes" | "environment_modules" | "environment_transports", "GET", true) => {
            Withheld
        }
        ("v4", "catalog", "POST", true) => Withheld,
        _ => return None,
    };
    Some((found, segments[3..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Option<Endpoint> {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_string).collect();
        endpoint(&method.parse().unwrap(), &segments).map(|(endpoint, _)| endpoint)
    }

    #[test]
    fn a_wrong_method_is_no_endpoint() {
        assert_eq!(found("POST", "/puppet/v3/catalog/a"), Some(Endpoint::Catalog));
        assert_eq!(found("DELETE", "/puppet/v3/catalog/a"), None);
        assert_eq!(found("GET", "/puppet/v3/facts/a"), None);
        assert_eq!(found("HEAD", "/puppet/v3/file_content/modules/a/b"), None);
        assert_eq!(found("HEAD", "/puppet/v3/file_bucket_file/sha256/a"), Some(Endpoint::FileBucketFile));
        assert_eq!(found("GET", "/puppet/v3/catalog"), None);
        assert_eq!(found("POST", "/puppet/v4/catalog"), Some(Endpoint::Withheld));
    }
}
