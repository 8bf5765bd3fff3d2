//! The names Puppet accepts for certificates.

use std::fmt;

/// A certificate name that Puppet Server would accept and that is safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certname(String);

/// Why a name is not a certname.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertnameFault {
    /// It has upper-case letters.
    #[error("certname {0:?} has upper-case letters")]
    UpperCase(String),
    /// It has a `*`.
    #[error("certname {0:?} has a wildcard")]
    Wildcard(String),
    /// It is not a host name as Puppet understands it.
    #[error("certname {0:?} is not a valid host name")]
    Format(String),
    /// `NAME.pem` would be no possible file name.
    #[error("certname is longer than {MAX_LENGTH} octets")]
    TooLong,
}

/// The longest name whose `NAME.pem` common file systems (255 octets) can hold.
const MAX_LENGTH: usize = 251;

impl CertnameFault {
    /// What Puppet Server answers to such a name.
    pub fn puppet_text(&self) -> &'static str {
        match self {
            CertnameFault::UpperCase(_) => "Certificate names must be lower case.",
            CertnameFault::Wildcard(_) | CertnameFault::Format(_) | CertnameFault::TooLong => {
                "Subject hostname format is invalid"
            }
        }
    }
}

impl Certname {
    /// Judges a name by Puppet Server's rules: segments between dots consist of letters, digits, `-` and `_`, are
    /// not empty and do not end in `-`; the first starts with a letter, digit or `_`; trailing dots are allowed.
    ///
    /// # Errors
    /// The first rule that is broken, in the order in which Puppet Server looks.
    pub fn parse(name: &str) -> Result<Certname, CertnameFault> {
        if name.chars().any(char::is_uppercase) {
            return Err(CertnameFault::UpperCase(name.to_owned()));
        }
        if name.contains('*') {
            return Err(CertnameFault::Wildcard(name.to_owned()));
        }
        let body = name.trim_end_matches('.');
        let well_formed = body.split('.').all(segment_is_valid) && !body.starts_with('-');
        if !well_formed {
            return Err(CertnameFault::Format(name.to_owned()));
        }
        if name.len() > MAX_LENGTH {
            return Err(CertnameFault::TooLong);
        }
        Ok(Certname(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn segment_is_valid(segment: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    !segment.is_empty() && segment.bytes().all(allowed) && !segment.ends_with('-')
}

impl fmt::Display for Certname {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl AsRef<str> for Certname {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Certname {
    type Err = CertnameFault;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Certname::parse(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_verdicts() {
        for good in
            ["agent1.example.com", "under_score.example.com", "ca", "x", "_a", "a.-b", "a.", "a..", "0"]
        {
            assert_eq!(Certname::parse(good).unwrap().as_str(), good);
        }
        let text = |name| Certname::parse(name).unwrap_err().puppet_text();
        assert_eq!(text("UPPER.example.com"), "Certificate names must be lower case.");
        for bad in
            ["-dash", "a..b", ".hidden", "..", ".", "", "a-", "a-.b", "sp ace", "a/b", "a+b", "café", "wild*"]
        {
            assert_eq!(text(bad), "Subject hostname format is invalid", "{bad}");
        }
    }

    #[test]
    fn names_fit_a_file_name() {
        assert!(Certname::parse(&"x".repeat(251)).is_ok());
        assert_eq!(Certname::parse(&"x".repeat(252)), Err(CertnameFault::TooLong));
    }

    proptest! {
        #[test]
        fn accepted_names_are_plain_file_names(name in "\\PC{0,12}") {
            if let Ok(certname) = Certname::parse(&name) {
                let name = certname.as_str();
                prop_assert!(name.is_ascii() && !name.is_empty());
                prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0', ' ', '\n']));
            }
        }
    }
}
