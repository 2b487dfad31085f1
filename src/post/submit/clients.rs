//! Who is connected, and who has given wrong passwords: for all listeners of the node together.

use crate::guests::Guests;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a client whose passwords were wrong is not listened to at most.
const GUEST_WAITS: Duration = Duration::from_secs(600);

/// The clients of this node. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Clients {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug)]
struct Table {
    /// Connections of each that has some.
    open: HashMap<IpAddr, usize>,
    all: usize,
    guests: Guests,
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowded {
    Here,
    /// By connections of its own.
    ByItself,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    clients: Clients,
    address: IpAddr,
}

impl Default for Clients {
    fn default() -> Clients {
        let table = Table { open: HashMap::new(), all: 0, guests: Guests::new(GUEST_WAITS) };
        Clients { table: Arc::new(Mutex::new(table)) }
    }
}

impl Clients {
    /// Lets a client in, unless there are `all` already, or `each` of it.
    pub(super) fn admit(&self, address: IpAddr, all: usize, each: usize) -> Result<Seat, Crowded> {
        let address = known_by(address);
        let mut table = self.table();
        if table.all >= all {
            return Err(Crowded::Here);
        }
        let open = table.open.entry(address).or_default();
        if *open >= each {
            return Err(Crowded::ByItself);
        }
        *open += 1;
        table.all += 1;
        Ok(Seat { clients: self.clone(), address })
    }

    /// How long no password of this client is looked at.
    pub(super) fn wait(&self, now: Instant, client: &str) -> Duration {
        self.table().guests.wait(now, client)
    }

    /// A client has logged in, or not.
    pub(super) fn logged_in(&self, now: Instant, client: &str, right: bool) {
        match right {
            true => self.table().guests.admitted(client),
            false => self.table().guests.refused(now, client),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.clients.table();
        table.all = table.all.saturating_sub(1);
        if let Some(open) = table.open.get_mut(&self.address) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                table.open.remove(&self.address);
            }
        }
    }
}

/// What a client is counted by: IPv6 gives everybody a network of 64 bits to choose addresses from.
pub(super) fn known_by(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_for_each_and_for_all_and_given_back() {
        let clients = Clients::default();
        let first = clients.admit(at("192.0.2.1"), 3, 2).unwrap();
        let _second = clients.admit(at("::ffff:192.0.2.1"), 3, 2).unwrap();
        assert_eq!(clients.admit(at("192.0.2.1"), 3, 2).unwrap_err(), Crowded::ByItself);
        let _other = clients.admit(at("2001:db8::1"), 3, 1).unwrap();
        assert_eq!(clients.admit(at("192.0.2.9"), 3, 2).unwrap_err(), Crowded::Here);
        drop(first);
        assert_eq!(clients.admit(at("2001:db8::2"), 3, 1).unwrap_err(), Crowded::ByItself);
        assert!(clients.admit(at("192.0.2.1"), 3, 2).is_ok());
        assert_eq!(clients.table().open.len(), 2, "who has gone is not remembered");
    }

    #[test]
    fn a_client_that_guesses_waits() {
        let (clients, now) = (Clients::default(), crate::clock::now());
        clients.logged_in(now, "192.0.2.1", false);
        assert_eq!(clients.wait(now, "192.0.2.1"), Duration::ZERO);
        clients.logged_in(now, "192.0.2.1", false);
        assert_eq!(clients.wait(now, "192.0.2.1"), Duration::from_secs(5));
        assert_eq!(clients.wait(now, "192.0.2.2"), Duration::ZERO);
        clients.logged_in(now, "192.0.2.1", true);
        assert_eq!(clients.wait(now, "192.0.2.1"), Duration::ZERO);
    }
}
