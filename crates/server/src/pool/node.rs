//! One node's connections. A node that changes its address or instance is a
//! new [`Node`]; this one closes.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use prometheus::IntGauge;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Error};

use crate::{
    channel::{self, ChannelSettings, LiveConnections},
    discovery::Address,
    ids::NodeId,
    metrics::NodeMetrics,
};

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// A Connect-Node in use, and the stripes of connections to it.
pub struct Node {
    id: NodeId,
    address: Address,
    serial: u64,
    lingering: AtomicBool,
    settings: ChannelSettings,
    live: Arc<LiveConnections>,
    queued: IntGauge,
    stripes: Box<[OnceLock<Channel>]>,
    next: AtomicUsize,
    left: CancellationToken,
}

impl Node {
    /// A node with `connections` stripes, none of them connected yet.
    pub(super) fn new(
        id: NodeId,
        address: Address,
        connections: usize,
        settings: ChannelSettings,
        metrics: &NodeMetrics,
        changed: Arc<Notify>,
    ) -> Self {
        let (gauge, queued) = metrics.add(&id);
        Self {
            id,
            address,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            lingering: AtomicBool::new(false),
            settings,
            live: Arc::new(LiveConnections::new(gauge, changed)),
            queued,
            stripes: (0..connections.max(1)).map(|_| OnceLock::new()).collect(),
            next: AtomicUsize::new(0),
            left: CancellationToken::new(),
        }
    }

    /// Its name.
    pub fn id(&self) -> &NodeId {
        &self.id
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Tells this incarnation from any other node that ever was.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Connections open now.
    pub fn live(&self) -> usize {
        self.live.open()
    }

    /// Registration gone, connection alive.
    pub fn is_lingering(&self) -> bool {
        self.lingering.load(Ordering::Relaxed)
    }

    /// The gauge of calls that wait for it.
    pub fn queued(&self) -> &IntGauge {
        &self.queued
    }

    /// Fires when the node is no longer in use.
    pub fn left(&self) -> &CancellationToken {
        &self.left
    }

    /// A shared connection, the stripes in turn; it connects when first called.
    pub fn channel(&self) -> Result<Channel, Error> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.stripes.len();
        let stripe = &self.stripes[turn];
        if let Some(channel) = stripe.get() {
            return Ok(channel.clone());
        }
        let made = channel::lazy(self.address.as_str(), self.settings, &self.live)?;
        Ok(stripe.get_or_init(|| made).clone())
    }

    pub(super) fn linger(&self, lingering: bool) {
        self.lingering.store(lingering, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Node {
    /// A node that nobody has called yet, without series in any registry.
    pub(super) fn unconnected(spec: &super::NodeSpec) -> Self {
        let second = std::time::Duration::from_secs(1);
        let settings = ChannelSettings {
            connect_timeout: second,
            tcp_keepalive: second,
        };
        let metrics = NodeMetrics::new(&prometheus::Registry::new()).unwrap();
        let (id, address) = (spec.id.clone(), spec.address.clone());
        Self::new(id, address, 1, settings, &metrics, Arc::default())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("address", &self.address)
            .field("serial", &self.serial)
            .field("lingering", &self.is_lingering())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
