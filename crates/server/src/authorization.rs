//! The rules of Puppet Server's packaged `auth.conf` for the v3 API.

use wire::identity::Requester;

use crate::route::Endpoint;

/// Whether `requester` may use `endpoint` for `key` (a node's name, or a file's path).
pub fn allows(requester: &Requester, endpoint: Endpoint, key: &str) -> bool {
    match endpoint {
        Endpoint::Catalog | Endpoint::Node | Endpoint::Facts | Endpoint::Report => {
            requester.authenticated && requester.certname.as_deref() == Some(key)
        }
        Endpoint::FileMetadata
        | Endpoint::FileMetadatas
        | Endpoint::FileContent
        | Endpoint::FileBucketFile
        | Endpoint::Environments => requester.authenticated,
        Endpoint::Withheld => false,
    }
}
