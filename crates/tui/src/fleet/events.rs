//! Events of all replicas in the order of their time.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use push_manager_proto::admin::{Event, EventLevel};

use super::NodeName;
use crate::{
    moment::Moment,
    replica::{
        ReplicaId,
        text::{MOST_MESSAGE, MOST_NAME, clean, clean_shared},
    },
};

/// The same thing told by several replicas within so long is one event.
const SAME_WITHIN: Duration = Duration::from_secs(5);
/// How many of the newest events are looked at to find it.
const LOOKED_AT: usize = 64;

/// Most events kept.
pub const MOST_EVENTS: usize = 10_000;

/// An event, told by one or several replicas.
#[derive(Clone, Debug, PartialEq)]
pub struct EventItem {
    /// Names it within this console; grows in the order in which events were learnt.
    pub id: u64,
    /// When the console learnt it.
    pub learnt: Moment,
    /// When it happened, by the replica's clock.
    pub wall: SystemTime,
    /// Who told it. The same kind, node and message from several replicas within 5 s is one item.
    pub replicas: BTreeSet<ReplicaId>,
    /// How grave.
    pub level: EventLevel,
    /// What, e.g. `conn.failed`.
    pub kind: String,
    /// The node.
    pub node: Option<NodeName>,
    /// In a sentence; control characters are gone.
    pub message: String,
    /// Times that it happened.
    pub count: u64,
    /// Who acted.
    pub actor: String,
}

/// The newest [`MOST_EVENTS`] events, by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventList {
    items: std::collections::VecDeque<EventItem>,
    missed: u64,
    next_id: u64,
}

impl EventList {
    /// Takes an event in at its place in time.
    pub(super) fn add(&mut self, replica: ReplicaId, learnt: Moment, event: &Event) {
        let item = self.item(replica, learnt, event);
        let newest = self.items.iter_mut().rev().take(LOOKED_AT);
        if let Some(same) = { newest }.find(|other| is_same(other, &item)) {
            same.replicas.insert(replica);
            same.count = same.count.max(item.count);
            return;
        }
        self.next_id += 1;
        let at = self.items.partition_point(|other| other.wall <= item.wall);
        self.items.insert(at, item);
        if self.items.len() > MOST_EVENTS {
            self.items.pop_front();
        }
    }

    /// Those that the console had learnt by then, with the ids that they have.
    pub(super) fn until(&self, at: Moment) -> Self {
        let known = self.items.iter().filter(|item| item.learnt <= at);
        Self {
            items: known.cloned().collect(),
            missed: self.missed,
            next_id: self.next_id,
        }
    }

    /// Replicas no longer had so many in all.
    pub(super) fn set_missed(&mut self, missed: u64) {
        self.missed = missed;
    }

    fn item(&self, replica: ReplicaId, learnt: Moment, event: &Event) -> EventItem {
        let level = event.level();
        let wall = event
            .wall_time
            .and_then(|told| SystemTime::try_from(told).ok());
        EventItem {
            id: self.next_id,
            learnt,
            wall: wall.unwrap_or(SystemTime::UNIX_EPOCH),
            replicas: BTreeSet::from([replica]),
            level,
            kind: clean(&event.kind, MOST_NAME),
            node: (!event.node.is_empty()).then(|| NodeName(clean_shared(&event.node, MOST_NAME))),
            message: clean(&event.message, MOST_MESSAGE),
            count: u64::from(event.count.max(1)),
            actor: clean(&event.actor, MOST_NAME),
        }
    }

    /// The events, the oldest first.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &EventItem> + ExactSizeIterator {
        self.items.iter()
    }

    /// Events that replicas no longer had when they were asked.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// Told by another replica, and otherwise the same.
fn is_same(one: &EventItem, other: &EventItem) -> bool {
    let apart = one.wall.duration_since(other.wall);
    let apart = apart.unwrap_or_else(|earlier| earlier.duration());
    apart <= SAME_WITHIN
        && one.replicas.is_disjoint(&other.replicas)
        && one.kind == other.kind
        && one.node == other.node
        && one.message == other.message
        && one.actor == other.actor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, node: &str, message: &str) -> Event {
        Event {
            wall_time: Some(prost_types::Timestamp {
                seconds: second,
                nanos: 0,
            }),
            level: EventLevel::Warn.into(),
            kind: "conn.failed".to_owned(),
            node: node.to_owned(),
            message: message.to_owned(),
            count: 1,
            ..Event::default()
        }
    }

    fn add(list: &mut EventList, replica: u32, event: &Event) {
        list.add(ReplicaId(replica), Moment::default(), event);
    }

    #[test]
    fn what_several_replicas_tell_at_once_is_one_event() {
        let mut list = EventList::default();
        add(&mut list, 0, &event(100, "n", "refused"));
        add(&mut list, 1, &event(103, "n", "refused"));
        add(&mut list, 2, &event(110, "n", "refused"));
        add(&mut list, 0, &event(101, "n", "refused"));
        let told: Vec<_> = list.items().map(|item| item.replicas.len()).collect();
        assert_eq!(
            told,
            [2, 1, 1],
            "later, and again by the first, are events of their own"
        );
    }

    #[test]
    fn events_stand_in_the_order_of_their_time_and_are_bounded() {
        let mut list = EventList::default();
        for at in (0..i64::try_from(MOST_EVENTS).unwrap() + 50).rev() {
            add(&mut list, 0, &event(at * 10, "n", &at.to_string()));
        }
        assert_eq!(list.items().len(), MOST_EVENTS);
        let walls: Vec<_> = list.items().map(|item| item.wall).collect();
        assert!(walls.is_sorted());
    }
}
