//! One node's connections. A node that changes its address or instance is a
//! new [`Node`]; this one closes.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use prometheus::IntGauge;
use tokio::{
    sync::{Notify, futures::Notified},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Error};

use super::{Figures, Hold, NodeSpec, PoolSettings, Reading, StripeReading, figures::as_u32};
use crate::{
    channel::{self, Audience, ChannelSettings, LinkState, LiveConnections},
    clock::Epoch,
    discovery::Address,
    events::EventLog,
    ids::NodeId,
    metrics::NodeMetrics,
};

/// After so many deadlines missed in a row a node's connections are made anew.
const UNHEARD_BEFORE_RECONNECT: u32 = 3;
/// Nor more often than this.
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);

static SERIAL: AtomicU64 = AtomicU64::new(1);

const FREE: u8 = 0;
const DRAINED: u8 = 1;
const EJECTED: u8 = 2;

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

/// The bounds of a node's queue, for those who show it. The queue itself is the
/// lane's.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Most calls that may wait.
    pub items: usize,
    /// Most bytes that may wait.
    pub bytes: usize,
}

/// A Connect-Node in use, and the stripes of connections to it.
pub struct Node {
    id: NodeId,
    address: Address,
    instance: String,
    registration: String,
    revision: i64,
    found_at: SystemTime,
    epoch: Epoch,
    serial: u64,
    lingering: AtomicBool,
    hold: AtomicU8,
    hold_until_ns: AtomicU64,
    ejections: AtomicU64,
    /// Wakes the lane for what happens seldom.
    attention: Notify,
    settings: ChannelSettings,
    live: Arc<LiveConnections>,
    queued: IntGauge,
    queue: QueueLimits,
    figures: Figures,
    stripes: Box<[Stripe]>,
    next: AtomicUsize,
    left: CancellationToken,
}

impl Node {
    /// A node with its stripes, none of them connected yet.
    pub(super) fn new(
        spec: &NodeSpec,
        settings: &PoolSettings,
        metrics: &NodeMetrics,
        changed: Arc<Notify>,
        events: &EventLog,
    ) -> Self {
        let (gauge, queued) = metrics.add(&spec.id);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let audience = Audience {
            gauge,
            changed,
            node: spec.id.clone(),
            events: events.clone(),
        };
        let stripes = 0..settings.connections_per_node.max(1);
        Self {
            id: spec.id.clone(),
            address: spec.address.clone(),
            instance: spec
                .instance
                .clone()
                .unwrap_or_else(|| format!("n{serial}")),
            registration: spec.registration.clone(),
            revision: spec.revision,
            found_at: SystemTime::now(),
            epoch: events.epoch(),
            serial,
            lingering: AtomicBool::new(false),
            hold: AtomicU8::new(FREE),
            hold_until_ns: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            attention: Notify::new(),
            settings: settings.channel,
            live: Arc::new(LiveConnections::of(audience)),
            queued,
            queue: settings.queue,
            figures: Figures::new(),
            stripes: stripes.map(|_| Stripe::default()).collect(),
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

    /// Tells it from the one that had its id before: the instance that its
    /// registration named when it was found, else one made up here. A node
    /// that registers with another one, or another address, is a new [`Node`].
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The key and revision of the registration by which it was found.
    pub fn registration(&self) -> (&str, i64) {
        (&self.registration, self.revision)
    }

    /// When it was found, by the wall clock.
    pub fn found_at(&self) -> SystemTime {
        self.found_at
    }

    /// The start of this instance, whose stamps its figures bear.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Tells this incarnation from any other node that ever was. Never 0.
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

    /// The state of its connections, and since when.
    pub fn link(&self) -> (LinkState, Instant) {
        self.live.state()
    }

    /// Its counters.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// All its numbers now.
    pub fn reading(&self) -> Reading {
        let (state, since) = self.live.state();
        let mut reading = Reading {
            state,
            state_since_ns: self.epoch.ns(since),
            hold: self.hold(),
            hold_until_ns: self.hold_until_ns.load(Ordering::Relaxed),
            lingering: self.is_lingering(),
            connections: as_u32(self.live()),
            queue_capacity: as_u32(self.queue.items),
            queue_bytes_capacity: self.queue.bytes as u64,
            connects: self.live.made(),
            connect_failures: self.live.failed(),
            last_error: self.live.last_error(),
            in_flight: 0,
            oldest_in_flight_ns: 0,
            queued: 0,
            queued_bytes: 0,
            oldest_queued_ns: 0,
            calls: 0,
            delivered: 0,
            offline: 0,
            failed: Default::default(),
        };
        self.figures.read_into(&mut reading);
        reading
    }

    /// The places for its connections, by their number.
    pub fn stripes(&self) -> impl Iterator<Item = StripeReading> {
        self.stripes.iter().map(|stripe| StripeReading {
            open: stripe.channel.load().is_some(),
            unheard: stripe.unheard.load(Ordering::Relaxed),
        })
    }

    /// What an operator did to it.
    pub fn hold(&self) -> Hold {
        match self.hold.load(Ordering::Acquire) {
            DRAINED => Hold::Drained,
            EJECTED => Hold::Ejected,
            _ => Hold::None,
        }
    }

    /// How often it was ejected. Whoever has calls for it ends them when this grows.
    pub fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Acquire)
    }

    /// Ends after a [`Node::nudge`] or an ejection. For the node's lane alone.
    pub fn attention(&self) -> Notified<'_> {
        self.attention.notified()
    }

    /// Has the lane look at its queue.
    pub fn nudge(&self) {
        self.attention.notify_one();
    }

    /// Drains, ejects or frees it.
    pub(super) fn set_hold(&self, hold: Hold, until: Option<Instant>) {
        let until = until.map_or(0, |until| self.epoch.ns(until));
        self.hold_until_ns.store(until, Ordering::Relaxed);
        let state = match hold {
            Hold::None => FREE,
            Hold::Drained => DRAINED,
            Hold::Ejected => EJECTED,
        };
        self.hold.store(state, Ordering::Release);
        if hold == Hold::Ejected {
            self.ejections.fetch_add(1, Ordering::AcqRel);
            self.nudge();
            self.reconnect();
        }
    }

    /// The next call of each stripe makes a new connection; the old ones close
    /// with their last call in flight.
    pub fn reconnect(&self) {
        for stripe in &self.stripes {
            stripe.unheard.store(0, Ordering::Relaxed);
            stripe.channel.store(None);
        }
    }

    /// A call failed there, for this reason.
    pub fn call_failed(&self, why: &str) {
        self.live.call_failed(why);
    }

    /// The node gave its word on a call.
    pub fn call_succeeded(&self) {
        self.live.call_succeeded();
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
    /// As the pool's task does it.
    pub(crate) fn eject(&self) {
        self.set_hold(Hold::Ejected, Some(Instant::now()));
    }

    /// A node that nobody has called yet, without series in any registry.
    pub(super) fn unconnected(spec: &NodeSpec) -> Self {
        let second = Duration::from_secs(1);
        let settings = PoolSettings {
            connections_per_node: 1,
            channel: ChannelSettings {
                connect_timeout: second,
                tcp_keepalive: second,
            },
            grace: second,
            queue: QueueLimits {
                items: 1000,
                bytes: 1 << 20,
            },
        };
        let metrics = NodeMetrics::new(&prometheus::Registry::new()).unwrap();
        let events = EventLog::new(Epoch::begin());
        Self::new(spec, &settings, &metrics, Arc::default(), &events)
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
