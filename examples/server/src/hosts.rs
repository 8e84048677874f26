//! From where the control channel may clone.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use gitwire_transport::AddressRule;
use serde::Deserialize;

/// A host that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum HostRule {
    /// A name, in lower case.
    Name(String),
    /// All names that end so: `.example.org`.
    Below(String),
    /// All addresses that begin with so many bits of this one.
    Block { address: IpAddr, bits: u8 },
}

/// Which hosts may be reached: what a stranger names must not lead to what only this machine reaches.
///
/// A name may be reached if it is listed, or if the address that it leads to is. A listed name leads to public addresses alone: an
/// address of a private network, of this machine or of a link must be listed itself, whatever name leads there.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Vec<HostRule>);

impl Hosts {
    /// These hosts; without any, this machine alone.
    pub(crate) fn new(rules: &[HostRule]) -> Self {
        if rules.is_empty() { Self(HostRule::loopback()) } else { Self(rules.to_vec()) }
    }

    /// Whether `host` may be reached at all, so that a refusal can say so; each connection asks again.
    pub(crate) fn check(&self, host: &str, port: u16) -> Result<(), String> {
        if self.names(host) {
            return Ok(());
        }
        let refused = || format!("host '{}' is not among those that may be reached", host.escape_debug());
        match host.parse::<IpAddr>() {
            Ok(address) => self.holds(address).then_some(()).ok_or_else(refused),
            Err(_) => {
                let mut addresses = (host, port).to_socket_addrs().map_err(|_| refused())?;
                addresses.any(|address| self.holds(address.ip())).then_some(()).ok_or_else(refused)
            }
        }
    }

    fn names(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.0.iter().any(|rule| match rule {
            HostRule::Name(name) => *name == host,
            HostRule::Below(end) => host.len() > end.len() && host.ends_with(end),
            HostRule::Block { .. } => false,
        })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.0.iter().any(|rule| match rule {
            HostRule::Block { address: block, bits } => begins(address, *block, *bits),
            HostRule::Name(_) | HostRule::Below(_) => false,
        })
    }
}

impl AddressRule for Hosts {
    fn allows(&self, host: &str, address: SocketAddr) -> bool {
        self.holds(address.ip()) || self.names(host) && is_public(plain(address.ip()))
    }
}

impl HostRule {
    fn loopback() -> Vec<Self> {
        let four = Self::Block { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), bits: 8 };
        let six = Self::Block { address: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 };
        vec![four, six]
    }
}

impl FromStr for HostRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{}' is no host: a name, *.NAME, ADDRESS or ADDRESS/BITS", text.escape_debug());
        let width = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
        if let Ok(address) = text.parse::<IpAddr>() {
            let address = plain(address);
            return Ok(Self::Block { address, bits: width(&address) });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address = address.parse::<IpAddr>().map_err(|_| wrong())?;
            let bits = bits.parse::<u8>().ok().filter(|bits| *bits <= width(&address)).ok_or_else(wrong)?;
            return Ok(Self::Block { address, bits });
        }
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        let label = |label: &str| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && label.bytes().all(good)
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(wrong());
        }
        Ok(if name.len() == lower.len() { Self::Name(lower) } else { Self::Below(format!(".{name}")) })
    }
}

impl TryFrom<String> for HostRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(end) => write!(f, "*{end}"),
            Self::Block { address, bits } => write!(f, "{address}/{bits}"),
        }
    }
}

/// The IPv4 address that an IPv6 one may stand for.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn begins(address: IpAddr, block: IpAddr, bits: u8) -> bool {
    let differs = match (address, block) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return false,
    };
    differs >= u32::from(bits)
}

/// Whether everybody reaches the same under this address. What IANA's registries of special addresses list is not.
fn is_public(address: IpAddr) -> bool {
    let special: &[&str] = match address {
        IpAddr::V4(_) => &[
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ],
        // Of what is not global unicast, nothing is public; of that, tunnels and documentation are not.
        IpAddr::V6(_) => &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
    };
    let is_global = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(_) => begins(address, IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), 3),
    };
    is_global
        && !special.iter().any(|block| {
            matches!(block.parse(), Ok(HostRule::Block { address: block, bits }) if begins(address, block, bits))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &[&str], host: &str, address: &str, expected: bool) {
        let rules: Vec<HostRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let address = SocketAddr::new(address.parse().unwrap(), 9418);
        assert_eq!(Hosts::new(&rules).allows(host, address), expected, "{rules:?} {host} {address}");
    }

    #[test]
    fn only_what_is_listed_is_reached() {
        check(&[], "127.0.0.1", "127.0.0.1", true);
        check(&[], "localhost", "::1", true);
        check(&[], "x", "::ffff:127.0.0.1", true);
        check(&[], "x", "192.0.43.8", false);
        check(&[], "x", "10.0.0.1", false);
        check(&[], "0.0.0.0", "0.0.0.0", false);
        let example = &["git.example.org", "*.example.com"];
        check(example, "git.example.org", "93.184.215.14", true);
        check(example, "GIT.example.org.", "93.184.215.14", true);
        check(example, "a.git.example.org", "93.184.215.14", false);
        check(example, "a.b.example.com", "2606:2800::1", true);
        check(example, "example.com", "93.184.215.14", false);
        check(example, "badexample.com", "93.184.215.14", false);
        // A list without this machine leaves it out.
        check(example, "localhost", "127.0.0.1", false);
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "ff02::1",
            "2001:db8::1",
        ] {
            check(example, "git.example.org", private, false);
        }
        check(&["git.example.org", "10.0.0.0/8"], "git.example.org", "10.9.9.9", true);
        check(&["10.0.0.0/8"], "anything", "10.9.9.9", true);
        check(&["10.0.0.0/8"], "anything", "11.9.9.9", false);
        check(&["10.0.0.7"], "10.0.0.7", "10.0.0.7", true);
        check(&["10.0.0.7"], "10.0.0.7", "10.0.0.8", false);
        check(&["fd00::/8"], "x", "fd12::1", true);
        check(&["0.0.0.0/0"], "x", "8.8.8.8", true);
    }

    #[test]
    fn a_refusal_comes_before_a_connection() {
        let own = Hosts::new(&[]);
        assert_eq!(own.check("127.0.0.1", 1), Ok(()));
        assert_eq!(own.check("localhost", 1), Ok(()));
        let refused = |host: &str| own.check(host, 1).unwrap_err();
        assert_eq!(refused("10.0.0.1"), "host '10.0.0.1' is not among those that may be reached");
        assert_eq!(refused("0x7f.1.invalid"), "host '0x7f.1.invalid' is not among those that may be reached");
    }

    #[test]
    fn rules() {
        for text in ["git.example.org", "*.example.org", "10.0.0.0/8", "::1/128", "1.2.3.4/32", "localhost"] {
            assert_eq!(text.parse::<HostRule>().unwrap().to_string(), text);
        }
        assert_eq!("Example.ORG".parse::<HostRule>().unwrap().to_string(), "example.org");
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "-a",
            "a b",
            "10.0.0.0/33",
            "::/129",
            "x/8",
            "10.0.0.0/",
            "a.*.b",
            "http://x",
            "x:1",
        ] {
            assert!(text.parse::<HostRule>().is_err(), "{text}");
        }
    }
}
