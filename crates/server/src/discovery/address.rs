//! A node's address, checked once where it enters.
//!
//! Resolving its name and connecting to it are left to the pool.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

/// The longest address: a name of 253 bytes, two brackets, a colon and five digits.
pub const MAX_ADDRESS_BYTES: usize = 261;

/// `host:port`, with a host that isn't empty and a port from 1 to 65535.
///
/// An IPv6 host stands in brackets. There is no scheme, no path, no whitespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

/// Why a text is no [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// More than [`MAX_ADDRESS_BYTES`].
    #[error("address is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
    /// No `:port` at the end.
    #[error("address has no port: expected host:port")]
    NoPort,
    /// The port isn't a number from 1 to 65535.
    #[error("port is not a number from 1 to 65535")]
    BadPort,
    /// Nothing before the port.
    #[error("address has no host: expected host:port")]
    NoHost,
    /// The host has a character that names and addresses don't have, or a broken IPv6 form.
    #[error(
        "host is neither a name nor an IP address (IPv6 needs brackets, a scheme is not taken)"
    )]
    BadHost,
}

impl Address {
    /// The text, `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without the brackets of IPv6.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let port = self.0.rsplit_once(':').map_or("", |(_, port)| port);
        port.parse().unwrap_or_default()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        check_host(host)?;
        // `u16` alone would take a plus sign.
        let digits = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(1..) if digits => Ok(Self(text.into())),
            Ok(_) | Err(_) if port.is_empty() => Err(AddressError::NoPort),
            Ok(_) | Err(_) => Err(AddressError::BadPort),
        }
    }
}

fn check_host(host: &str) -> Result<(), AddressError> {
    if host.is_empty() {
        return Err(AddressError::NoHost);
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(AddressError::BadHost)?;
        return match inner.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(AddressError::BadHost),
        };
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.bytes().all(named) {
        Ok(())
    } else {
        Err(AddressError::BadHost)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<String, AddressError> {
        text.parse::<Address>().map(|address| address.to_string())
    }

    #[test]
    fn names_and_addresses_with_a_port_are_taken_as_they_are() {
        for text in [
            "10.0.0.1:50052",
            "connect-node-1:1",
            "node_1.ns.svc.cluster.local:65535",
            "[::1]:50052",
            "[2001:db8::7]:80",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_its_reason() {
        for (text, why) in [
            ("", AddressError::NoPort),
            ("host", AddressError::NoPort),
            ("host:", AddressError::NoPort),
            (":50052", AddressError::NoHost),
            ("host:0", AddressError::BadPort),
            ("host:65536", AddressError::BadPort),
            ("host:+80", AddressError::BadPort),
            ("host:000080", AddressError::BadPort),
            ("host:http", AddressError::BadPort),
            ("::1:50052", AddressError::BadHost),
            ("[::1:50052", AddressError::BadHost),
            ("[host]:50052", AddressError::BadHost),
            ("[fe80::1%eth0]:50052", AddressError::BadHost),
            ("http://host:50052", AddressError::BadHost),
            ("user@host:50052", AddressError::BadHost),
            ("ho st:50052", AddressError::BadHost),
            ("host\n:50052", AddressError::BadHost),
            ("knoten-ü:50052", AddressError::BadHost),
        ] {
            assert_eq!(parse(text), Err(why), "{text:?}");
        }
        let long = format!("{}:50052", "a".repeat(256));
        assert_eq!(parse(&long), Err(AddressError::TooLong));
    }

    #[test]
    fn host_and_port_are_told_apart() {
        let address: Address = "[::1]:50052".parse().unwrap();
        assert_eq!((address.host(), address.port()), ("::1", 50052));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_whole_or_refused(text in ".{0,300}") {
            if let Ok(taken) = parse(&text) {
                prop_assert_eq!(taken, text);
            }
        }
    }
}
