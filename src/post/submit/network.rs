//! Networks of IP addresses, as `192.0.2.0/24` or a single address. Pure.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits count.
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write it as 192.0.2.0/24, 2001:db8::/32, or a single address")]
pub struct NetworkError(String);

impl Network {
    /// Whether an address lies in it. IPv4 written inside IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (mine, length) = bits(self.address);
        let (other, other_length) = bits(address);
        let unused = u32::from(length.saturating_sub(self.prefix));
        length == other_length && mine.checked_shr(unused) == other.checked_shr(unused)
    }

    /// Whether every address of a kind lies in it.
    pub fn is_everybody(&self) -> bool {
        self.prefix == 0
    }

    /// This machine itself: 127.0.0.0/8 and ::1.
    pub fn loopback() -> Vec<Network> {
        use std::net::{Ipv4Addr, Ipv6Addr};
        vec![
            Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
            Network { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
        ]
    }
}

/// The address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let bad = || NetworkError(text.chars().take(80).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| bad())?.to_canonical();
        let (_, length) = bits(address);
        let prefix = prefix.unwrap_or(length);
        if prefix > length { Err(bad()) } else { Ok(Network { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_lies_in_a_network_if_its_first_bits_agree() {
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(holds("0.0.0.0/0", "10.1.2.3"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::/0", "2001:db8::1"));
        for bad in ["", "localhost", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/-1", "/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
