//! Which addresses the server may connect to when a document names them.
//!
//! A document can name an address of the server's own network, such as the metadata service of a
//! cloud. So a URL is parsed strictly, and each address that its name leads to is checked before a
//! connection is made to exactly that address. Everything here is pure: the caller resolves names.

mod destination;
mod network;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use destination::{AddressRefused, Destination, Host};
pub use network::{Network, NetworkError};

/// The networks that are refused unless the settings allow them (IPv4): this network, private,
/// shared, loopback, link-local, protocol assignments, documentation, relays of 6to4, benchmarks,
/// multicast, and what is reserved with the broadcast address.
const REFUSED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only network of IPv6 from which addresses are given out for the internet.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The networks within it that are refused unless the settings allow them: protocol assignments
/// with Teredo, documentation, 6to4, and documentation again.
const REFUSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Decides which addresses the server may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressFilter {
    allowed: Vec<Network>,
}

impl AddressFilter {
    /// A filter that permits addresses of the internet, and those in these networks.
    #[must_use]
    pub const fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Parses a URL, and checks its address if it names one instead of a host.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn check_url(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.check_parsed(Destination::parse(url)?)
    }

    /// The same for the URL of a WebSocket.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn check_websocket_url(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.check_parsed(Destination::parse_websocket(url)?)
    }

    /// The same for the URL of a NATS server.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn check_nats_url(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.check_parsed(Destination::parse_nats(url)?)
    }

    /// The same for each broker in the URL of a Kafka cluster.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn check_kafka_url(&self, url: &str) -> Result<Vec<Destination>, AddressRefused> {
        let brokers = Destination::parse_kafka(url)?;
        brokers.into_iter().map(|broker| self.check_parsed(broker)).collect()
    }

    /// The same for a host and a port that another server names.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn check_host(
        &self,
        host: &str,
        port: i32,
        is_encrypted: bool,
    ) -> Result<Destination, AddressRefused> {
        self.check_parsed(Destination::of_host(host, port, is_encrypted)?)
    }

    fn check_parsed(&self, destination: Destination) -> Result<Destination, AddressRefused> {
        if !destination.is_encrypted && self.allowed.is_empty() {
            return Err(AddressRefused::ClearText);
        }
        if let Host::Address(address) = destination.host {
            self.check(&destination, address)?;
        }
        Ok(destination)
    }

    /// Checks one of the addresses that a destination's name leads to. The connection must go to
    /// this address, because the name may lead to another one a moment later.
    ///
    /// # Errors
    /// The address is refused, or refused without TLS.
    pub fn check(&self, destination: &Destination, address: IpAddr) -> Result<(), AddressRefused> {
        self.check_address(address, destination.is_encrypted)
    }

    /// Checks an address to which a connection would go, with TLS or without.
    ///
    /// # Errors
    /// The address is refused, or refused without TLS.
    pub fn check_address(&self, address: IpAddr, is_encrypted: bool) -> Result<(), AddressRefused> {
        match (self.permits(address), is_encrypted || self.is_allowed(address)) {
            (false, _) => Err(AddressRefused::Network),
            (true, false) => Err(AddressRefused::ClearText),
            (true, true) => Ok(()),
        }
    }

    /// Whether the server may connect to an address, within TLS.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        self.is_allowed(address) || !is_refused(unwrapped(address))
    }

    /// Whether the settings allow an address.
    fn is_allowed(&self, address: IpAddr) -> bool {
        let inner = unwrapped(address);
        self.allowed.iter().any(|network| network.holds(inner) || network.holds(address))
    }
}

/// The IPv4 address in an address of IPv6 that only wraps it (`::ffff:a.b.c.d` and `::a.b.c.d`);
/// any other address is returned as it is. Addresses of translators are refused with their networks.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return IpAddr::V4(four);
    }
    let is_compatible = six.octets()[..12] == [0; 12] && u128::from(six) > 1;
    six.to_ipv4().filter(|_| is_compatible).map_or(address, IpAddr::V4)
}

fn is_refused(address: IpAddr) -> bool {
    let within = |(network, prefix)| Network::of(network, prefix).holds(address);
    match address {
        IpAddr::V4(_) => {
            REFUSED_V4.iter().any(|(network, prefix)| within((IpAddr::V4(*network), *prefix)))
        }
        IpAddr::V6(_) => {
            !within((IpAddr::V6(GLOBAL_V6.0), GLOBAL_V6.1))
                || REFUSED_V6
                    .iter()
                    .any(|(network, prefix)| within((IpAddr::V6(*network), *prefix)))
        }
    }
}

#[cfg(test)]
mod tests;
