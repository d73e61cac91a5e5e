//! The address under which other machines reach this instance.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::discovery::{Address, AddressError};

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum AdvertiseError {
    /// Only loopback interfaces are up.
    #[error("no interface has an address that other machines can reach; set ADVERTISE_ADDRESS")]
    OnlyLoopback,
    /// The interfaces can't be listed.
    #[error("the interfaces can't be listed; set ADVERTISE_ADDRESS")]
    Interfaces(#[source] std::io::Error),
    /// The configured one is malformed.
    #[error("advertise.address {given:?} is not host or host:port")]
    Malformed {
        /// As configured.
        given: String,
        /// What is wrong with it.
        source: AddressError,
    },
}

/// `configured` (host or host:port), or else the first address that isn't
/// loopback, IPv4 before IPv6; with `port` where none is given.
pub fn address(configured: &str, port: u16) -> Result<Address, AdvertiseError> {
    let text = if configured.is_empty() {
        SocketAddr::new(first_reachable()?, port).to_string()
    } else if configured.parse::<Address>().is_ok() {
        configured.to_owned()
    } else if configured.parse::<Ipv6Addr>().is_ok() {
        format!("[{configured}]:{port}")
    } else {
        format!("{configured}:{port}")
    };
    text.parse().map_err(|source| AdvertiseError::Malformed {
        given: configured.to_owned(),
        source,
    })
}

/// Where others reach what listens at `listening`, on the host that is
/// advertised for another port.
pub fn beside(advertised: &Address, listening: SocketAddr) -> String {
    let text = advertised.to_string();
    let host = text
        .rsplit_once(':')
        .map_or(text.as_str(), |(host, _)| host);
    if listening.ip().is_unspecified() {
        format!("{host}:{}", listening.port())
    } else {
        listening.to_string()
    }
}

fn first_reachable() -> Result<IpAddr, AdvertiseError> {
    let interfaces = if_addrs::get_if_addrs().map_err(AdvertiseError::Interfaces)?;
    let mut addresses: Vec<IpAddr> = interfaces
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
        .into_iter()
        .next()
        .ok_or(AdvertiseError::OnlyLoopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_port_gets_the_servers_own() {
        let text = |given| address(given, 50053).unwrap().to_string();
        assert_eq!(text("10.1.2.3"), "10.1.2.3:50053");
        assert_eq!(text("manager.example:6000"), "manager.example:6000");
        assert_eq!(text("[fd00::1]:6000"), "[fd00::1]:6000");
        assert_eq!(text("fd00::1"), "[fd00::1]:50053");
    }

    #[test]
    fn a_malformed_address_is_refused() {
        assert!(address("http://10.1.2.3", 1).is_err());
        assert!(address("10.1.2.3:0", 1).is_err());
    }
}
