//! Ports that were free a moment ago.

use std::net::TcpListener;

/// Below the ports that systems give to outgoing connections: a port must still be
/// free when a stopped server starts again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const ATTEMPTS: usize = 1000;

/// What a server says that lost its port to another one.
const TAKEN: &str = "address already in use";

/// The ports of one cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
    pub(crate) api_server: u16,
}

impl Ports {
    /// Chooses ports nobody listens on.
    pub(crate) fn choose() -> Self {
        // All are held until all are chosen, so they differ.
        let [(etcd, _one), (etcd_peer, _two), (api_server, _three)] = [free(), free(), free()];
        Self {
            etcd,
            etcd_peer,
            api_server,
        }
    }
}

/// Whether a log tells that another program was faster to take the port.
pub(crate) fn lost(log: &str) -> bool {
    log.contains(TAKEN)
}

fn free() -> (u16, TcpListener) {
    (0..ATTEMPTS)
        .find_map(|_| {
            let port = rand::random_range(RANGE);
            let listener = TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, listener))
        })
        .expect("a free port on loopback")
}
