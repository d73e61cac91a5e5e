//! One node's connections. A node that changes its address or instance is a
//! new [`Node`]; this one closes.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use prometheus::IntGauge;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Error};

use crate::{
    channel::{self, ChannelSettings, LiveConnections},
    discovery::Address,
    ids::NodeId,
    metrics::NodeMetrics,
};

/// After so many deadlines missed in a row a node's connections are made anew.
const UNHEARD_BEFORE_RECONNECT: u32 = 3;
/// Nor more often than this.
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// One connection's place.
#[derive(Default)]
struct Stripe {
    channel: ArcSwapOption<Channel>,
    unheard: AtomicU32,
    reconnected: Mutex<Option<Instant>>,
}

impl Stripe {
    /// Seldom enough that callers in a hurry can't wear the node's connections out.
    fn may_reconnect(&self) -> bool {
        let reconnected = self.reconnected.lock();
        let mut last = reconnected.unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|at| at.elapsed() > RECONNECT_PAUSE);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}

/// A Connect-Node in use, and the stripes of connections to it.
pub struct Node {
    id: NodeId,
    address: Address,
    serial: u64,
    lingering: AtomicBool,
    settings: ChannelSettings,
    live: Arc<LiveConnections>,
    queued: IntGauge,
    stripes: Box<[Stripe]>,
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
            stripes: (0..connections.max(1)).map(|_| Stripe::default()).collect(),
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
    /// The number is for [`Node::heard`] and [`Node::unheard`].
    pub fn channel(&self) -> Result<(usize, Channel), Error> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.stripes.len();
        let stripe = &self.stripes[turn].channel;
        if let Some(channel) = &*stripe.load() {
            return Ok((turn, Channel::clone(channel)));
        }
        let made = channel::lazy(self.address.as_str(), self.settings, &self.live)?;
        let made = Arc::new(made);
        // Of two who make one at once the first one's is kept: it may be in use.
        let before = stripe.compare_and_swap(&None::<Arc<Channel>>, Some(made.clone()));
        Ok((turn, Channel::clone(before.as_ref().unwrap_or(&made))))
    }

    /// The node answered a call on that stripe.
    pub fn heard(&self, stripe: usize) {
        let unheard = &self.stripes[stripe].unheard;
        if unheard.load(Ordering::Relaxed) > 0 {
            unheard.store(0, Ordering::Relaxed);
        }
    }

    /// The node let the deadline of a call on that stripe pass. A connection can
    /// be silent for ever while something in between keeps it open, so after a
    /// few in a row a new one is made; calls in flight keep theirs.
    pub fn unheard(&self, stripe: usize) {
        let stripe = &self.stripes[stripe];
        if stripe.unheard.fetch_add(1, Ordering::Relaxed) + 1 >= UNHEARD_BEFORE_RECONNECT {
            stripe.unheard.store(0, Ordering::Relaxed);
            if stripe.may_reconnect() {
                stripe.channel.store(None);
            }
        }
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
