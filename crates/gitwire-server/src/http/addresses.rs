//! What each address takes of a server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections each address has.
#[derive(Default)]
pub(super) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One connection of an address; given back when it is dropped.
pub(super) struct Place {
    addresses: Arc<Addresses>,
    network: IpAddr,
}

impl Addresses {
    /// A place for one connection more, unless the address has `max` already.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<Place> {
        let network = network(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&network).copied().unwrap_or_default();
        if count >= max {
            return None;
        }
        taken.insert(network, count.saturating_add(1));
        Some(Place { addresses: Arc::clone(self), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.network) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => drop(taken.remove(&self.network)),
        }
    }
}

/// An address of version 4, or the network of one of version 6 that a household gets.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_places_of_its_own() {
        let addresses = Arc::new(Addresses::default());
        let take = |address: &str| addresses.take(address.parse().unwrap(), 2);
        let (one, two) = (take("10.0.0.1"), take("10.0.0.1"));
        assert!(one.is_some() && two.is_some() && take("10.0.0.1").is_none());
        assert!(take("10.0.0.2").is_some());
        drop(one);
        let again = take("10.0.0.1");
        assert!(again.is_some() && take("10.0.0.1").is_none());
        drop((two, again));
        assert!(addresses.0.lock().unwrap().is_empty());
        assert!(addresses.take("10.0.0.1".parse().unwrap(), 0).is_none());
    }

    #[test]
    fn a_household_is_one_address() {
        let one = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(one("10.1.2.3"), "10.1.2.3");
        assert_eq!(one("::ffff:10.1.2.3"), "10.1.2.3");
        assert_eq!(one("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
