//! The address that others are told: where the node can be reached, not where it listens.

use std::net::{IpAddr, SocketAddr};

use crate::StartError;

/// `host:port` for others, from what was configured and what was bound.
pub(crate) fn advertised(
    configured: Option<&str>,
    bound: SocketAddr,
) -> Result<String, StartError> {
    match configured.map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => with_port(given, bound.port()).ok_or_else(|| StartError::Setting {
            setting: "advertise",
            given: given.to_owned(),
            expected: "host or host:port",
        }),
        None if bound.ip().is_unspecified() => {
            let own = own_address().unwrap_or(bound.ip());
            Ok(SocketAddr::new(own, bound.port()).to_string())
        }
        None => Ok(bound.to_string()),
    }
}

fn with_port(given: &str, port: u16) -> Option<String> {
    if let Ok(ip) = given.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port).to_string());
    }
    let (host, given_port) = match given.rsplit_once(':') {
        Some((host, given_port)) => (host, given_port.parse().ok()?),
        None => (given, port),
    };
    let bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '/';
    // A port of 0 means the bound one, as it does when listening.
    let port = if given_port == 0 { port } else { given_port };
    (!host.is_empty() && !host.contains(bad)).then(|| format!("{host}:{port}"))
}

/// The machine's first address that others may reach.
fn own_address() -> Option<IpAddr> {
    let mut all: Vec<IpAddr> = if_addrs::get_if_addrs()
        .ok()?
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    all.sort_by_key(IpAddr::is_ipv6);
    all.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_the_bound_port() {
        let bound: SocketAddr = "0.0.0.0:50052".parse().unwrap();
        let told = |given: &str| advertised(Some(given), bound).ok();
        assert_eq!(told("node-1"), Some("node-1:50052".to_owned()));
        assert_eq!(told("node-1:7"), Some("node-1:7".to_owned()));
        assert_eq!(told("fd00::1"), Some("[fd00::1]:50052".to_owned()));
        assert_eq!(told("[fd00::1]:7"), Some("[fd00::1]:7".to_owned()));
        assert_eq!(told("node-1:port"), None);
        assert_eq!(told("http://node-1"), None);
    }

    #[test]
    fn a_bound_address_speaks_for_itself() {
        let bound: SocketAddr = "127.0.0.1:9".parse().unwrap();
        assert_eq!(advertised(None, bound).unwrap(), "127.0.0.1:9");
    }
}
