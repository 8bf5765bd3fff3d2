//! Who asks. The front end ends the client's TLS and passes on whom it saw in `X-Client-*` headers (the names and
//! forms are Puppet Server's, see its documentation on external SSL termination); workers believe them from the front
//! end alone.

mod distinguished_name;
mod encoded_certificate;
mod headers;
mod requester;

pub(crate) use headers::Introduction;
pub use headers::{
    X_CLIENT_CERT, X_CLIENT_DN, X_CLIENT_VERIFY, X_FORWARDED_FOR, set_client_headers, strip_client_headers,
};
pub use requester::{IdentityFault, Requester, requester};
