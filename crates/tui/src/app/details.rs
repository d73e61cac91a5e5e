//! What replicas tell of the one node or RPC that is looked at, while it is.

use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::admin::{FailedPush, WatchApiResponse, WatchNodeResponse};

use super::{Effect, Model, Screen, TimeState};
use crate::{
    feed::{Aside, Look},
    moment::Moment,
    replica::{
        ReplicaId,
        text::{MOST_MESSAGE, MOST_NAME, clean},
    },
};

/// Entries taken of each list that a replica tells.
const MOST_ENTRIES: usize = 64;
/// What was told longer ago is no longer shown.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// The details. Only of the present: a recording and the past have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    look: Option<Look>,
    told: BTreeMap<ReplicaId, (Moment, Aside)>,
}

/// A failed push, with the replica that carried it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failed<'a> {
    /// The replica.
    pub replica: ReplicaId,
    /// The push.
    pub push: &'a FailedPush,
}

impl Details {
    /// Takes in what a replica tells; what is about something that nobody looks at any more is dropped.
    pub(super) fn take_in(&mut self, replica: ReplicaId, at: Moment, mut aside: Aside) {
        let is_wanted = match (&self.look, &mut aside) {
            (Some(Look::Node(id)), Aside::Node(told)) => {
                clean_node(told);
                told.node_static.as_ref().is_some_and(|node| node.id == *id)
            }
            (Some(Look::Api(name)), Aside::Api(told)) => {
                clean_api(told);
                told.api.as_ref().is_some_and(|api| api.api == *name)
            }
            (Some(_), Aside::Untold(why)) => {
                *why = clean(why, MOST_MESSAGE);
                true
            }
            _ => false,
        };
        if is_wanted {
            self.told.insert(replica, (at, aside));
        }
    }

    /// What a replica told of the node lately.
    pub fn node(&self, replica: ReplicaId, now: Moment) -> Option<&WatchNodeResponse> {
        match self.lately(replica, now)? {
            Aside::Node(told) => Some(told),
            _ => None,
        }
    }

    /// What a replica told of the RPC lately.
    pub fn api(&self, replica: ReplicaId, now: Moment) -> Option<&WatchApiResponse> {
        match self.lately(replica, now)? {
            Aside::Api(told) => Some(told),
            _ => None,
        }
    }

    /// Why a replica tells nothing.
    pub fn untold(&self, replica: ReplicaId, now: Moment) -> Option<&str> {
        match self.lately(replica, now)? {
            Aside::Untold(why) => Some(why),
            _ => None,
        }
    }

    /// The latest failed pushes of all replicas, the newest first.
    pub fn failed_pushes(&self, now: Moment) -> Vec<Failed<'_>> {
        let mut failed = Vec::new();
        for replica in self.told.keys() {
            let told = self.api(*replica, now).into_iter();
            failed.extend(
                told.flat_map(|told| &told.failed_pushes)
                    .map(|push| Failed {
                        replica: *replica,
                        push,
                    }),
            );
        }
        let when = |one: &Failed<'_>| one.push.wall_time.map(|time| (time.seconds, time.nanos));
        failed.sort_by_key(|one| std::cmp::Reverse((when(one), one.push.seq)));
        failed
    }

    fn lately(&self, replica: ReplicaId, now: Moment) -> Option<&Aside> {
        let (at, told) = self.told.get(&replica)?;
        (now.since(*at) <= FRESH_FOR).then_some(told)
    }
}

/// Looks at what the screen shows in detail; something to do where that has changed.
pub(super) fn look(model: &mut Model) -> Option<Effect> {
    let look = match &model.screen {
        _ if model.options.replay || model.time != TimeState::Live => None,
        Screen::Node(name) => Some(Look::Node(name.to_string())),
        Screen::Api(name) => Some(Look::Api(name.clone())),
        Screen::Overview | Screen::Nodes | Screen::Pushes | Screen::Events | Screen::Replicas => {
            None
        }
    };
    if look == model.details.look {
        return None;
    }
    model.details = Details {
        look: look.clone(),
        told: BTreeMap::new(),
    };
    Some(Effect::Look(look))
}

fn clean_node(told: &mut WatchNodeResponse) {
    told.connections.truncate(MOST_ENTRIES);
    told.names.truncate(MOST_ENTRIES);
    for name in &mut told.names {
        *name = clean(name, MOST_NAME);
    }
}

fn clean_api(told: &mut WatchApiResponse) {
    told.failed_pushes.truncate(MOST_ENTRIES);
    for push in &mut told.failed_pushes {
        push.push_id = clean(&push.push_id, MOST_NAME);
        push.message = clean(&push.message, MOST_MESSAGE);
        for counts in [&mut push.outcomes, &mut push.failed] {
            let kept = std::mem::take(counts).into_iter().take(MOST_ENTRIES);
            *counts = kept
                .map(|(label, count)| (clean(&label, MOST_NAME), count))
                .collect();
        }
    }
}
