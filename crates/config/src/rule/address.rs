//! Where things are on the network: hosts, ports, URLs.
//!
//! Only the form is checked; nothing is resolved or reached here.

use std::net::{IpAddr, Ipv6Addr};

use super::Rule;
use crate::given::{Given, Refused};
use crate::knob::Kind;
use crate::shape::Shape;

/// Longest address, in characters: a name of 253, an id, a port, a scheme.
const MAX_ADDRESS: usize = 600;

macro_rules! text_rule {
    ($Rule:ty, $parse:expr, $expected:expr) => {
        impl Rule for $Rule {
            type Value = String;
            const KIND: Kind = Kind::Text;

            fn parse(&self, given: &Given) -> Result<String, Refused> {
                $parse(self, given.text()?)
            }

            fn expected(&self) -> String {
                $expected.to_owned()
            }

            fn shape(&self) -> Shape {
                let nothing = self.parse(&Given::Text(String::new()));
                Shape::Text {
                    min: usize::from(nothing.is_err()),
                    max: MAX_ADDRESS,
                }
            }

            fn show(&self, value: &String) -> String {
                value.clone()
            }
        }
    };
}

/// A host to listen on.
pub(crate) struct Host;

text_rule!(Host, listen_host, "an IP address or host name");

/// A host with its port.
pub(crate) struct HostPort {
    /// Whether port 0 is taken: when listening.
    pub(crate) zero: bool,
}

text_rule!(
    HostPort,
    host_with_port,
    "host:port such as 10.0.0.7:50051, controller:50051 or [::1]:50051"
);

/// An address that others reach this process at, or nothing.
pub(crate) struct Advertise;

text_rule!(
    Advertise,
    advertised,
    "a host or host:port that others can reach, or nothing for the first non-loopback address"
);

/// An etcd endpoint, kept without its scheme.
pub(crate) struct EtcdEndpoint;

text_rule!(
    EtcdEndpoint,
    etcd_endpoint,
    "host:port such as etcd-0:2379, with or without http:// before it"
);

/// A node named in the configuration: `id=host:port` or `host:port`.
pub(crate) struct StaticNode;

text_rule!(
    StaticNode,
    static_node,
    "id=host:port or host:port such as connect-node-1=10.0.0.7:50052"
);

/// A collector's URL, or nothing.
pub(crate) struct Url;

text_rule!(
    Url,
    url,
    "an http:// URL with host and port such as http://collector:4317, or nothing"
);

fn listen_host(_: &Host, text: &str) -> Result<String, Refused> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| inner.parse::<Ipv6Addr>().is_ok())
        .unwrap_or(text);
    keep_if(is_host(bare), bare)
}

fn host_with_port(rule: &HostPort, text: &str) -> Result<String, Refused> {
    let fits = split(text).is_some_and(|(_, port)| rule.zero || port != 0);
    keep_if(fits, text)
}

fn advertised(_: &Advertise, text: &str) -> Result<String, Refused> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let host = match split(text) {
        Some((_, 0)) => return Err(Refused::default()),
        Some((host, _)) => host,
        None => text,
    };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Err(Refused::hint(
            "localhost leads every caller to itself; use 127.0.0.1 in tests",
        ));
    }
    if host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
        return Err(Refused::hint(
            "this address is for listening, nobody can call it",
        ));
    }
    keep_if(is_host(host), text)
}

fn etcd_endpoint(_: &EtcdEndpoint, text: &str) -> Result<String, Refused> {
    if text.starts_with("https://") {
        return Err(Refused::hint("TLS to etcd is not available"));
    }
    if text.contains('@') {
        return Err(Refused::hint(
            "set etcd.username and etcd.password instead of writing them here",
        ));
    }
    let bare = text.strip_prefix("http://").unwrap_or(text);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    keep_if(split(bare).is_some_and(|(_, port)| port != 0), bare)
}

fn static_node(_: &StaticNode, text: &str) -> Result<String, Refused> {
    let (id, address) = text.rsplit_once('=').unwrap_or(("node", text));
    let named = !id.is_empty()
        && id.len() <= 256
        && !id.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',');
    let reachable = split(address).is_some_and(|(_, port)| port != 0);
    keep_if(named && reachable, text)
}

fn url(_: &Url, text: &str) -> Result<String, Refused> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if text.starts_with("https://") {
        return Err(Refused::hint("TLS to a collector is not available"));
    }
    let Some(rest) = text.strip_prefix("http://") else {
        return Err(Refused::default());
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let clean = path.chars().all(|c| c.is_ascii_graphic());
    keep_if(
        clean && split(authority).is_some_and(|(_, port)| port != 0),
        text,
    )
}

fn keep_if(fits: bool, text: &str) -> Result<String, Refused> {
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refused::default())
    }
}

/// Splits `host:port`, the host of an IPv6 address without its brackets.
fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok()?;
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok()?;
        return Some((inner, port));
    }
    (is_host(host) && !host.contains(':')).then_some((host, port))
}

fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    // Digits and dots alone are a mistyped IPv4 address.
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    !numeric && name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rule: &impl Rule<Value = String>, text: &str) -> Result<String, Refused> {
        rule.parse(&Given::Text(text.to_owned()))
    }

    #[test]
    fn hosts_with_ports_take_names_and_both_kinds_of_addresses() {
        let rule = HostPort { zero: false };
        for good in [
            "localhost:50051",
            "10.0.0.7:1",
            "[::1]:50051",
            "a-b.c_d.svc.:80",
        ] {
            assert_eq!(parse(&rule, good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "localhost",
            ":50051",
            "::1:50051",
            "a b:1",
            "host:65536",
            "host:0",
            "host:+1",
            "http://host:1",
            "999.1.1.1:80",
            "[localhost]:1",
            "host:",
            "a..b:1",
        ] {
            assert!(parse(&rule, bad).is_err(), "{bad}");
        }
        assert!(parse(&HostPort { zero: true }, "127.0.0.1:0").is_ok());
    }

    #[test]
    fn localhost_is_never_advertised() {
        for bad in [
            "localhost",
            "LOCALHOST:50053",
            "localhost.:1",
            "a.localhost",
        ] {
            let hint = parse(&Advertise, bad).unwrap_err().hint.unwrap();
            assert!(hint.contains("127.0.0.1"), "{bad}: {hint}");
        }
        for good in [
            "",
            "127.0.0.1",
            "127.0.0.1:50053",
            "push-0.push",
            "[fd00::1]:1",
            "fd00::1",
        ] {
            assert!(parse(&Advertise, good).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0", "[::]:1", "host:0", "a b", "tcp://host"] {
            assert!(parse(&Advertise, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn etcd_endpoints_lose_their_scheme_and_take_no_credentials() {
        assert_eq!(
            parse(&EtcdEndpoint, "http://etcd-0:2379/"),
            Ok("etcd-0:2379".to_owned())
        );
        assert_eq!(
            parse(&EtcdEndpoint, "etcd:2379"),
            Ok("etcd:2379".to_owned())
        );
        assert!(
            parse(&EtcdEndpoint, "https://etcd:2379")
                .unwrap_err()
                .hint
                .is_some()
        );
        assert!(
            parse(&EtcdEndpoint, "http://u:p@etcd:2379")
                .unwrap_err()
                .hint
                .is_some()
        );
        assert!(parse(&EtcdEndpoint, "etcd").is_err());
    }

    #[test]
    fn static_nodes_may_have_ids_with_colons() {
        for good in ["n1=10.0.0.7:50052", "10.0.0.7:50052", "a:b=[::1]:1"] {
            assert!(parse(&StaticNode, good).is_ok(), "{good}");
        }
        for bad in ["", "n1=", "=host:1", "n1=host", "n 1=host:1", "n1=host:0"] {
            assert!(parse(&StaticNode, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn listening_hosts_and_urls_are_checked() {
        assert_eq!(parse(&Host, "[::]"), Ok("::".to_owned()));
        assert!(parse(&Host, "0.0.0.0").is_ok() && parse(&Host, "").is_err());
        for good in ["", "http://collector:4317", "http://[::1]:4317/v1"] {
            assert!(parse(&Url, good).is_ok(), "{good}");
        }
        for bad in [
            "collector:4317",
            "https://c:1",
            "http://",
            "http://c",
            "http://c:1/a b",
        ] {
            assert!(parse(&Url, bad).is_err(), "{bad}");
        }
    }
}
