//! Addresses of admin endpoints as people write them.

use std::net::IpAddr;

/// Where the admin API listens by default.
pub const ADMIN_PORT: u16 = 50054;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// A name or an IP address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no address: expected host, host:port or [IPv6]:port, e.g. 127.0.0.1:50054")]
pub struct NoAddress {
    given: String,
}

impl std::str::FromStr for Address {
    type Err = NoAddress;

    /// Takes `http://` before and `/` after it, and a missing port as [`ADMIN_PORT`].
    fn from_str(given: &str) -> Result<Self, NoAddress> {
        let refused = || NoAddress {
            given: given.to_owned(),
        };
        let text = given.trim();
        let text = text.strip_prefix("http://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Ok(Self {
                host: text.to_owned(),
                port: ADMIN_PORT,
            });
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(refused)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| refused())?;
                (
                    host,
                    port.strip_prefix(':').or(port.is_empty().then_some("")),
                )
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("")),
            },
        };
        let port = match port.ok_or_else(refused)? {
            "" if !text.ends_with(':') => ADMIN_PORT,
            port => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(refused)?,
        };
        let named = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
        if host.is_empty() || !host.chars().all(named) {
            return Err(refused());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(host)) => write!(f, "[{host}]:{}", self.port),
            Ok(IpAddr::V4(_)) | Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (given, read) in [
            ("10.0.0.1", "10.0.0.1:50054"),
            ("manager:7000", "manager:7000"),
            ("http://manager/", "manager:50054"),
            ("::1", "[::1]:50054"),
            ("[::1]", "[::1]:50054"),
            ("[fe80::1]:99", "[fe80::1]:99"),
        ] {
            assert_eq!(
                given.parse::<Address>().unwrap().to_string(),
                read,
                "{given}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for given in [
            "",
            ":50054",
            "a b",
            "host:",
            "host:0",
            "host:99999",
            "[::1",
            "[x]:1",
            "a:b:c",
        ] {
            let error = given.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("expected host"), "{given}: {error}");
        }
    }
}
