//! The set of nodes as a pure state machine: events of discovery in, changes out.
//!
//! The set equals the source's registrations, one node an address and an id,
//! plus the nodes that linger: registration gone, connection alive. While the
//! source is away the set stands still.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    discovery::{Address, Event, Registration},
    ids::NodeId,
};

/// Most departed keys remembered, so that older news of them is known for stale.
const MOST_DEPARTED: usize = 10_000;

/// A node as the registrations describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// `Metadata.node_id`, else the key's last segment.
    pub id: NodeId,
    /// Where it is.
    pub address: Address,
    /// Tells two processes at one address apart, when the node says so.
    pub instance: Option<String>,
    /// The key of the registration by which it was found; a later one of the
    /// same node doesn't change it.
    pub registration: String,
    /// That registration's revision.
    pub revision: i64,
    /// Ids given in metadata of any registration with this address.
    pub named: BTreeSet<NodeId>,
    /// Last key segments of those registrations.
    pub segments: BTreeSet<NodeId>,
}

/// What changed in the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node came, or came back as another: any earlier one of this id closes.
    Added(NodeSpec),
    /// Only what it is called changed.
    Renamed(NodeSpec),
    /// Its registration is gone; it stays while its connection lives.
    Lingering(NodeId),
    /// Its registration is back.
    Returned(NodeId),
    /// It is gone.
    Removed(NodeId),
    /// A registration is not used, since a newer one has its id.
    Duplicate {
        /// The older registration's key.
        key: String,
        /// Its revision.
        revision: i64,
        /// The id that both claim.
        id: NodeId,
    },
}

#[derive(Debug)]
struct Member {
    spec: NodeSpec,
    lingers_until: Option<Instant>,
}

/// The set of nodes. See the module's documentation.
#[derive(Debug)]
pub struct Registry {
    grace: Duration,
    registrations: BTreeMap<String, Registration>,
    /// Keys that went since the last list, and when.
    departed: HashMap<String, i64>,
    /// The last list's revision: it shows whatever happened up to it.
    listed: i64,
    members: BTreeMap<NodeId, Member>,
    duplicates: HashSet<(String, i64)>,
    revision: i64,
    synced: bool,
    away: Option<String>,
}

impl Registry {
    /// An empty set that was never synced; nodes linger for `grace`.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            registrations: BTreeMap::new(),
            departed: HashMap::new(),
            listed: 0,
            members: BTreeMap::new(),
            duplicates: HashSet::new(),
            revision: 0,
            synced: false,
            away: None,
        }
    }

    /// True once a whole list was seen.
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// Why the source can't be reached, while it can't.
    pub fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// The newest revision seen.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The nodes in use, by id; true for those that linger.
    pub fn members(&self) -> impl Iterator<Item = (&NodeSpec, bool)> {
        self.members
            .values()
            .map(|member| (&member.spec, member.lingers_until.is_some()))
    }

    /// A node in use.
    pub fn spec(&self, id: &NodeId) -> Option<&NodeSpec> {
        self.members.get(id).map(|member| &member.spec)
    }

    /// Takes in an event; `live` tells whether a node has an open connection.
    pub fn apply(
        &mut self,
        event: Event,
        now: Instant,
        live: impl Fn(&NodeId) -> bool,
    ) -> Vec<Change> {
        if self.note(event) {
            self.reconcile(now, live)
        } else {
            Vec::new()
        }
    }

    /// Takes in an event; true when [`Registry::reconcile`] should follow, which
    /// may be once for many events.
    pub fn note(&mut self, event: Event) -> bool {
        match event {
            Event::Listed {
                revision,
                registrations,
            } => {
                self.synced = true;
                self.away = None;
                self.revision = revision;
                self.listed = revision;
                self.departed.clear();
                self.registrations = registrations
                    .into_iter()
                    .map(|found| (found.key.clone(), found))
                    .collect();
            }
            Event::Put { registration } => {
                if self.is_stale(&registration.key, registration.revision) {
                    return false;
                }
                self.revision = self.revision.max(registration.revision);
                self.departed.remove(&registration.key);
                self.registrations
                    .insert(registration.key.clone(), registration);
            }
            Event::Removed { key, revision } | Event::Skipped { key, revision, .. } => {
                if self.is_stale(&key, revision) {
                    return false;
                }
                self.revision = self.revision.max(revision);
                self.registrations.remove(&key);
                self.remember_departed(key, revision);
            }
            Event::Away { why } => {
                self.away = Some(why);
            }
        }
        self.away.is_none()
    }

    /// When [`Registry::expire`] has something to do next.
    pub fn next_expiry(&self) -> Option<Instant> {
        if self.away.is_some() {
            return None;
        }
        self.members
            .values()
            .filter_map(|member| member.lingers_until)
            .min()
    }

    /// Removes lingering nodes whose time is up or whose last connection closed.
    pub fn expire(&mut self, now: Instant, live: impl Fn(&NodeId) -> bool) -> Vec<Change> {
        if self.away.is_some() {
            return Vec::new();
        }
        let over = self.members.iter().filter(|(id, member)| {
            member
                .lingers_until
                .is_some_and(|until| until <= now || !live(id))
        });
        let over: Vec<NodeId> = over.map(|(id, _)| id.clone()).collect();
        for id in &over {
            self.members.remove(id);
        }
        over.into_iter().map(Change::Removed).collect()
    }

    fn is_stale(&self, key: &str, revision: i64) -> bool {
        let known = self.registrations.get(key).map(|known| known.revision);
        let known = known.or_else(|| self.departed.get(key).copied());
        revision <= self.listed || known.is_some_and(|known| known > revision)
    }

    fn remember_departed(&mut self, key: String, revision: i64) {
        if self.departed.len() >= MOST_DEPARTED {
            self.departed.clear();
        }
        self.departed.insert(key, revision);
    }

    /// Brings the set in line with what was noted; nothing while the source is away.
    pub fn reconcile(&mut self, now: Instant, live: impl Fn(&NodeId) -> bool) -> Vec<Change> {
        if self.away.is_some() {
            return Vec::new();
        }
        let mut changes = Vec::new();
        let wanted = self.wanted(&mut changes);
        self.remove_absent(&wanted, now, live, &mut changes);
        for (id, spec) in wanted {
            self.settle(id, spec, &mut changes);
        }
        changes
    }

    /// One node an address, one an id; the newest registration wins.
    fn wanted(&mut self, changes: &mut Vec<Change>) -> BTreeMap<NodeId, NodeSpec> {
        let mut newest_first: Vec<&Registration> = self.registrations.values().collect();
        newest_first.sort_by(|a, b| (b.revision, &a.key).cmp(&(a.revision, &b.key)));
        let mut by_address: BTreeMap<&Address, NodeId> = BTreeMap::new();
        let mut wanted: BTreeMap<NodeId, NodeSpec> = BTreeMap::new();
        let mut duplicates = HashSet::new();
        for found in newest_first {
            let segment = NodeId::new(found.segment.as_str());
            let id = found.node_id.clone().unwrap_or_else(|| segment.clone());
            let known = by_address
                .get(&found.address)
                .and_then(|id| wanted.get_mut(id));
            if let Some(spec) = known {
                spec.named.extend(found.node_id.clone());
                spec.segments.insert(segment);
                continue;
            }
            if wanted.contains_key(&id) {
                duplicates.insert((found.key.clone(), found.revision));
                if !self
                    .duplicates
                    .contains(&(found.key.clone(), found.revision))
                {
                    let (key, revision) = (found.key.clone(), found.revision);
                    changes.push(Change::Duplicate { key, revision, id });
                }
                continue;
            }
            by_address.insert(&found.address, id.clone());
            let spec = NodeSpec {
                id: id.clone(),
                address: found.address.clone(),
                instance: found.instance.clone(),
                registration: found.key.clone(),
                revision: found.revision,
                named: found.node_id.iter().cloned().collect(),
                segments: BTreeSet::from([segment]),
            };
            wanted.insert(id, spec);
        }
        self.duplicates = duplicates;
        wanted
    }

    fn remove_absent(
        &mut self,
        wanted: &BTreeMap<NodeId, NodeSpec>,
        now: Instant,
        live: impl Fn(&NodeId) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let taken: HashSet<&Address> = wanted.values().map(|spec| &spec.address).collect();
        let grace = self.grace;
        self.members.retain(|id, member| {
            if wanted.contains_key(id) {
                return true;
            }
            // The same address under another id is the same node.
            if taken.contains(&member.spec.address) || !live(id) {
                changes.push(Change::Removed(id.clone()));
                return false;
            }
            if member.lingers_until.is_none() {
                member.lingers_until = Some(now + grace);
                changes.push(Change::Lingering(id.clone()));
            }
            true
        });
    }

    fn settle(&mut self, id: NodeId, mut spec: NodeSpec, changes: &mut Vec<Change>) {
        let Some(member) = self.members.get_mut(&id) else {
            changes.push(Change::Added(spec.clone()));
            self.members.insert(
                id,
                Member {
                    spec,
                    lingers_until: None,
                },
            );
            return;
        };
        let returned = member.lingers_until.take().is_some();
        if spec.instance.is_none() && spec.address == member.spec.address {
            spec.instance.clone_from(&member.spec.instance);
        }
        if member.spec.address != spec.address || another(&member.spec, &spec) {
            changes.push(Change::Added(spec.clone()));
        } else {
            spec.registration.clone_from(&member.spec.registration);
            spec.revision = member.spec.revision;
            if returned {
                changes.push(Change::Returned(id));
            }
            if member.spec != spec {
                changes.push(Change::Renamed(spec.clone()));
            }
        }
        member.spec = spec;
    }
}

/// Whether both say which process they are, and differ. A registration that
/// doesn't say is no sign of a restart.
fn another(old: &NodeSpec, new: &NodeSpec) -> bool {
    let instances = old.instance.as_ref().zip(new.instance.as_ref());
    instances.is_some_and(|(old, new)| old != new)
}

#[cfg(test)]
mod tests;
