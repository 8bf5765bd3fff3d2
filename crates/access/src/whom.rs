//! Whom a rule means.

/// One entry of `allow` or `deny`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// By name: `*`, `node.example.com`, `*.example.com`, `/expression/`, or a name with `$1` in it for what the rule's
    /// expression found.
    Name(String),
    /// By the certificate's extensions: all of these must be there, each with one of the values.
    Extensions(Vec<(String, Vec<String>)>),
    /// By the certificate's alternative names: one of these must be there.
    AltNames(Vec<(AltNameKind, Vec<String>)>),
    /// Both of the above.
    ExtensionsAndAltNames(Vec<(String, Vec<String>)>, Vec<(AltNameKind, Vec<String>)>),
}

/// Kinds of alternative names that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AltNameKind {
    /// `dns-name`.
    Dns,
    /// `ip`.
    Ip,
}
