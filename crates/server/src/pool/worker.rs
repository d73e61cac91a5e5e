//! The task that owns the nodes: takes in discovery's events, makes and closes
//! nodes, and publishes a [`Snapshot`] after each change.

mod holding;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{
        Notify,
        mpsc::{self, Receiver, error::TrySendError},
        oneshot,
    },
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use super::{
    Change, Node, NodeSpec, Order, OrderError, Plan, QueueLimits, Registry, Snapshot,
    hold::Holds,
    order::{self, Command},
};
use crate::{
    channel::ChannelSettings,
    discovery::Event,
    events::{EventLog, Kind, Level, News},
    ids::NodeId,
    metrics::Metrics,
    readiness::Readiness,
};

/// Most unreadable keys remembered, so that each is counted once.
const MOST_SKIPPED: usize = 10_000;

/// Most events taken in before the set is brought in line.
const MOST_AT_ONCE: usize = 1024;

/// The pool's limits.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    /// Connections to each node.
    pub connections_per_node: usize,
    /// How they are made.
    pub channel: ChannelSettings,
    /// How long a node without a registration stays while its connection lives.
    pub grace: Duration,
    /// The bounds of each node's queue.
    pub queue: QueueLimits,
}

/// A cheap handle to the latest snapshot, and to the task that makes it.
#[derive(Clone, Debug)]
pub struct Pool {
    snapshot: Arc<ArcSwap<Snapshot>>,
    commands: mpsc::Sender<Command>,
}

impl Pool {
    /// Starts the owning task; it ends with `stop`, when all nodes close.
    pub fn start(
        settings: PoolSettings,
        events: Receiver<Event>,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        log: EventLog,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let worker = Worker {
            settings,
            registry: Registry::new(settings.grace),
            nodes: BTreeMap::new(),
            holds: Holds::default(),
            log,
            skipped: HashSet::new(),
            connections_changed: Arc::new(Notify::new()),
            metrics,
            readiness,
            snapshot: snapshot.clone(),
        };
        let (commands, orders) = mpsc::channel(order::MOST_WAITING);
        tracker.spawn(worker.run(events, orders, stop));
        Self { snapshot, commands }
    }

    /// The nodes now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What an order would do now; nothing is done.
    pub fn plan(&self, order: &Order) -> Result<Plan, OrderError> {
        order::plan(self.snapshot().nodes().iter(), order)
    }

    /// Carries an order out, unless its plan is refused.
    pub async fn act(&self, order: Order) -> Result<Plan, OrderError> {
        let (done, answer) = oneshot::channel();
        let sent = self.commands.try_send(Command { order, done });
        sent.map_err(|error| match error {
            TrySendError::Full(_) => OrderError::Busy,
            TrySendError::Closed(_) => OrderError::Stopped,
        })?;
        answer.await.unwrap_or(Err(OrderError::Stopped))
    }
}

struct Worker {
    settings: PoolSettings,
    registry: Registry,
    nodes: BTreeMap<NodeId, Arc<Node>>,
    holds: Holds,
    log: EventLog,
    skipped: HashSet<(String, i64)>,
    connections_changed: Arc<Notify>,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Worker {
    async fn run(
        mut self,
        mut events: Receiver<Event>,
        mut orders: Receiver<Command>,
        stop: CancellationToken,
    ) {
        let changed = self.connections_changed.clone();
        let mut found = Vec::with_capacity(MOST_AT_ONCE);
        loop {
            let expiry = self.registry.next_expiry();
            let hold_end = self.holds.next_end();
            let changes = tokio::select! {
                () = stop.cancelled() => break,
                // A source that ended leaves the last set as it is.
                count = events.recv_many(&mut found, MOST_AT_ONCE), if !events.is_closed() || !events.is_empty() => {
                    (count > 0).then(|| self.take_in(found.drain(..)))
                }
                () = changed.notified() => self.expire(),
                () = sleep_until(expiry) => self.expire(),
                () = sleep_until(hold_end) => {
                    self.end_holds();
                    None
                }
                Some(Command { order, done }) = orders.recv() => {
                    // Nobody may be waiting any more.
                    drop(done.send(self.obey(&order)));
                    None
                }
            };
            if let Some(changes) = changes {
                let gone = self.carry_out(changes);
                self.publish();
                // Only now, so that no new push picks a node that is closing.
                for node in gone {
                    node.left().cancel();
                }
            }
        }
        for (id, node) in std::mem::take(&mut self.nodes) {
            self.metrics.nodes.remove(&id);
            node.left().cancel();
        }
        self.snapshot.store(Arc::default());
    }

    /// Many events cost one reconciliation, so that a fleet that restarts at
    /// once is as cheap as a list.
    fn take_in(&mut self, events: impl Iterator<Item = Event>) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut pending = false;
        for event in events {
            self.show(&event);
            if pending && matches!(event, Event::Away { .. }) {
                changes.extend(self.reconcile());
                pending = false;
            }
            pending |= self.registry.note(event);
        }
        if pending {
            changes.extend(self.reconcile());
        }
        changes
    }

    fn reconcile(&mut self) -> Vec<Change> {
        let nodes = &self.nodes;
        self.registry
            .reconcile(Instant::now(), |id| is_live(nodes, id))
    }

    fn tell(&self, level: Level, kind: Kind, node: &NodeId, message: impl Into<String>) {
        self.log.record(News::new(level, kind, message).of(node));
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Skipped {
                key,
                revision,
                reason,
            } => {
                if self.skipped.len() >= MOST_SKIPPED {
                    self.skipped.clear();
                }
                if self.skipped.insert((key.clone(), *revision)) {
                    let labels = [reason.as_label()];
                    let skipped = &self.metrics.discovery_skipped;
                    skipped.with_label_values(&labels).inc();
                    let message = format!("{key}: {}", reason.as_label());
                    let news = News::new(Level::Warn, Kind::DiscoverySkipped, message);
                    self.log.record(news);
                }
            }
            Event::Away { why } => {
                self.metrics.discovery_up.set(0);
                self.readiness
                    .still_waiting(format!("waiting for discovery: {why}"));
                let news = News::new(Level::Error, Kind::DiscoveryAway, why.as_str());
                self.log.record(news);
            }
            Event::Listed { .. } => {
                self.metrics.discovery_up.set(1);
                if self.registry.away().is_some() {
                    let message = "discovery answers again";
                    let news = News::new(Level::Info, Kind::DiscoveryBack, message);
                    self.log.record(news);
                }
            }
            Event::Put { .. } | Event::Removed { .. } => {}
        }
    }

    /// Nothing, where no node's time is up: connections open and close often.
    fn expire(&mut self) -> Option<Vec<Change>> {
        let nodes = &self.nodes;
        let changes = self
            .registry
            .expire(Instant::now(), |id| is_live(nodes, id));
        (!changes.is_empty()).then_some(changes)
    }

    /// Gives the nodes to close.
    fn carry_out(&mut self, changes: Vec<Change>) -> Vec<Arc<Node>> {
        let mut gone = Vec::new();
        for change in changes {
            match change {
                Change::Added(spec) => gone.extend(self.add(&spec)),
                Change::Removed(id) => {
                    info!(node.id = %id, "node left");
                    self.tell(Level::Info, Kind::NodeLeft, &id, "node left");
                    gone.extend(self.take_out(&id));
                }
                Change::Lingering(id) => {
                    info!(node.id = %id, "registration gone, connection alive: kept for now");
                    let message = "registration gone, connection alive: kept for now";
                    self.tell(Level::Warn, Kind::NodeLingering, &id, message);
                    self.linger(&id, true);
                }
                Change::Returned(id) => {
                    info!(node.id = %id, "registration is back");
                    self.tell(Level::Info, Kind::NodeReturned, &id, "registration is back");
                    self.linger(&id, false);
                }
                Change::Renamed(spec) => {
                    debug!(node.id = %spec.id, "node goes by other names");
                    self.meet(&spec);
                }
                Change::Duplicate { key, revision, id } => {
                    warn!(key, revision, node.id = %id, "skipped: a newer registration has this id");
                    self.metrics
                        .discovery_skipped
                        .with_label_values(&["duplicate_id"])
                        .inc();
                    let message = format!("{key}: a newer registration has this id");
                    self.tell(Level::Warn, Kind::DiscoverySkipped, &id, message);
                }
            }
        }
        gone
    }

    /// Gives the node whose place it takes.
    fn add(&mut self, spec: &NodeSpec) -> Option<Arc<Node>> {
        let before = self.take_out(&spec.id);
        info!(node.id = %spec.id, node.address = %spec.address, "node found");
        let node = Node::new(
            spec,
            &self.settings,
            &self.metrics.nodes,
            self.connections_changed.clone(),
            &self.log,
        );
        let mut message = format!("found at {}, instance {}", spec.address, node.instance());
        self.nodes.insert(spec.id.clone(), Arc::new(node));
        if let Some(hold) = self.meet(spec) {
            message.push_str(", still ");
            message.push_str(hold.as_label());
        }
        self.tell(Level::Info, Kind::NodeFound, &spec.id, message);
        before
    }

    fn take_out(&mut self, id: &NodeId) -> Option<Arc<Node>> {
        let node = self.nodes.remove(id)?;
        self.metrics.nodes.remove(id);
        if let Some((other, hold)) = self.holds.leave(id) {
            let why = "too many held nodes are away";
            self.tell_hold_ended(&other, hold, holding::BY_DISCOVERY, why);
        }
        Some(node)
    }

    fn linger(&self, id: &NodeId, lingering: bool) {
        if let Some(node) = self.nodes.get(id) {
            node.linger(lingering);
        }
    }

    fn publish(&self) {
        let members = self.registry.members();
        let found = members.filter_map(|(spec, _)| Some((spec, self.nodes.get(&spec.id)?)));
        let away = self.registry.away().map(str::to_owned);
        let snapshot = Snapshot::new(found, self.registry.is_synced(), away);
        let snapshot = snapshot.at(self.registry.revision());
        let lingering = self
            .registry
            .members()
            .filter(|(_, lingers)| *lingers)
            .count();
        self.metrics
            .discovery_nodes
            .set(as_i64(snapshot.nodes().len()));
        self.metrics.discovery_lingering.set(as_i64(lingering));
        self.snapshot.store(Arc::new(snapshot));
        // Whoever is told that we are ready finds the set there.
        if self.registry.is_synced() {
            self.readiness.ready();
        }
    }
}

fn is_live(nodes: &BTreeMap<NodeId, Arc<Node>>, id: &NodeId) -> bool {
    nodes.get(id).is_some_and(|node| node.live() > 0)
}

async fn sleep_until(expiry: Option<Instant>) {
    match expiry {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
