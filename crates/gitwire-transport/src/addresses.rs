//! Which addresses may be connected to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::KnownHost;

/// Which addresses may be connected to, for programs that connect to what a stranger names.
///
/// It is asked after a name was resolved, for each address, at every connection: where a name leads at another moment, or where a
/// redirect leads, makes no difference. Addresses that are refused are passed over. Programs that are started (`ssh`, a local
/// path) connect where they like: [`Protocols`](crate::Protocols) keeps them away.
pub trait AddressRule: fmt::Debug + Send + Sync {
    /// Whether a connection to `address` may be opened, which `host` of a URL has led to.
    fn allows(&self, host: &str, address: SocketAddr) -> bool;
}

/// Addresses of one kind (`-4`, `-6`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// Of IPv4.
    V4,
    /// Of IPv6.
    V6,
}

impl AddressRule for AddressFamily {
    fn allows(&self, _: &str, address: SocketAddr) -> bool {
        address.is_ipv4() == (*self == Self::V4)
    }
}

/// How a connection to a host is opened.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub(crate) timeout: Duration,
    pub(crate) rule: Option<Arc<dyn AddressRule>>,
    /// Hosts that no name service is asked for.
    pub(crate) hosts: Vec<KnownHost>,
}

impl Dial {
    /// The addresses of a host that is known.
    pub(crate) fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let is = |known: &&KnownHost| {
            known.port == port && (known.host == "*" || known.host.eq_ignore_ascii_case(host))
        };
        let known = self.hosts.iter().find(is)?;
        Some(known.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }

    /// The addresses that may be connected to.
    ///
    /// # Errors
    /// None of them may.
    pub(crate) fn allowed(
        &self,
        host: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> io::Result<Vec<SocketAddr>> {
        let mut none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut allowed = Vec::new();
        for address in addresses {
            if self.rule.as_ref().is_none_or(|rule| rule.allows(host, address)) {
                allowed.push(address);
            } else {
                none = io::Error::new(io::ErrorKind::PermissionDenied, "the address is not allowed");
            }
        }
        if allowed.is_empty() { Err(none) } else { Ok(allowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Public;

    impl AddressRule for Public {
        fn allows(&self, host: &str, address: SocketAddr) -> bool {
            host == "h" && !address.ip().is_loopback()
        }
    }

    #[test]
    fn what_is_not_allowed_is_passed_over() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (public, own) = (address("192.0.2.1:9418"), address("127.0.0.1:9418"));
        let dial = |rule| Dial { timeout: Duration::ZERO, rule, hosts: Vec::new() };
        let strict = dial(Some(Arc::new(Public)));
        let check = |dial: &Dial, host: &str, addresses: &[SocketAddr]| {
            dial.allowed(host, addresses.iter().copied()).map_err(|error| error.kind())
        };
        assert_eq!(check(&strict, "h", &[own, public]), Ok(vec![public]));
        assert_eq!(check(&strict, "h", &[own]), Err(io::ErrorKind::PermissionDenied));
        assert_eq!(check(&strict, "other", &[public]), Err(io::ErrorKind::PermissionDenied));
        assert_eq!(check(&strict, "h", &[]), Err(io::ErrorKind::NotFound));
        assert_eq!(check(&dial(None), "h", &[own, public]), Ok(vec![own, public]));
        let six = address("[::1]:9418");
        let family = |family: AddressFamily| dial(Some(Arc::new(family)));
        assert_eq!(check(&family(AddressFamily::V4), "h", &[six, own]), Ok(vec![own]));
        assert_eq!(check(&family(AddressFamily::V6), "h", &[six, own]), Ok(vec![six]));
    }

    #[test]
    fn known_hosts() {
        let known =
            |host: &str, port| KnownHost { host: host.into(), port, addresses: vec![[127, 0, 0, 1].into()] };
        let hosts = vec![known("a", 1), known("*", 2)];
        let dial = Dial { timeout: Duration::ZERO, rule: None, hosts };
        let own = |port: u16| Some(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
        assert_eq!(dial.known("A", 1), own(1));
        assert_eq!(dial.known("a", 2), own(2));
        assert_eq!(dial.known("b", 1), None);
    }
}
