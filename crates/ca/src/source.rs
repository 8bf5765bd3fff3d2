//! Where requests come from, as far as it is counted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the 64 leading bits of an IPv6 address: whoever has one address of such a network has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to.
    pub fn of(address: IpAddr) -> Source {
        Source(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            v4 => v4,
        })
    }

    /// From an address as the log has it.
    pub fn parse(address: &str) -> Option<Source> {
        address.parse().ok().map(Source::of)
    }

    /// As the snapshot has it: an address of the source.
    pub(crate) fn to_address(self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(out),
            IpAddr::V6(network) => write!(out, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_site_are_one_source() {
        for (address, source) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ] {
            let read = Source::parse(address).unwrap();
            assert_eq!(read.to_string(), source);
            assert_eq!(Source::parse(&read.to_address()), Some(read));
        }
        assert_eq!(Source::parse("example.com"), None);
    }
}
