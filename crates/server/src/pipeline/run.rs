//! One push under way: its ledger, and the calls and look-ups that it waits for.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{Ledger, Report};
use crate::{
    delivery::{Audience, Call, Delivery, Verdict},
    error::PushError,
    ids::{NodeId, RoomId, UserId},
    locate::{LocateError, Location, Locator, Member},
    message::{Push, Target},
    outcome::{Outcome, Reason},
    pool::Snapshot,
    routing::{Members, Place, PlannedCall, To},
};

/// What a push waits for.
pub(super) enum Step {
    /// A node's word, or why there is none.
    Word(PlannedCall, Verdict),
    /// Where these targets are now, by ascending target.
    Fresh(Vec<usize>, Result<Vec<Place>, LocateError>),
}

/// A push under way.
pub(super) struct Run<'p> {
    pub(super) push: &'p Push,
    node_deadline: Duration,
    pub(super) ledger: Ledger,
    pub(super) steps: FuturesUnordered<BoxFuture<'static, Step>>,
    /// Targets to look up afresh; one look-up at a time serves all that came meanwhile.
    pub(super) missed: Vec<usize>,
    looking: bool,
    /// Why a fresh look-up failed, if one did.
    lost: Option<LocateError>,
}

impl<'p> Run<'p> {
    pub(super) fn new(push: &'p Push, node_deadline: Duration) -> Self {
        Self {
            push,
            node_deadline,
            ledger: Ledger::default(),
            steps: FuturesUnordered::new(),
            missed: Vec::new(),
            looking: false,
            lost: None,
        }
    }

    /// One target's locations as places.
    pub(super) fn places(target: usize, found: &[Location]) -> Vec<Place> {
        let place = |at: &Location| Place {
            target,
            node: at.node.clone(),
            room: at.room.clone(),
        };
        found.iter().map(place).collect()
    }

    /// Of `nodes` those that no registration names, each with one of its users.
    pub(super) fn strangers(
        snapshot: &Snapshot,
        nodes: &HashSet<NodeId>,
        members: &Members,
    ) -> Vec<(NodeId, UserId)> {
        let unnamed = nodes
            .iter()
            .filter(|node| snapshot.resolve(node, None).is_none());
        let mut unnamed: HashSet<&NodeId> = unnamed.collect();
        let mut strangers = Vec::with_capacity(unnamed.len());
        for place in &members.places {
            if unnamed.is_empty() {
                break;
            }
            if unnamed.remove(&place.node) {
                strangers.push((place.node.clone(), members.users[place.target].clone()));
            }
        }
        strangers
    }

    /// Of the nodes in places those that no registration names, each with one of its users.
    pub(super) fn strangers_among(
        &self,
        snapshot: &Snapshot,
        places: &[Place],
    ) -> Vec<(NodeId, UserId)> {
        let mut seen = HashSet::new();
        places
            .iter()
            .filter(|place| seen.insert(&place.node))
            .filter(|place| snapshot.resolve(&place.node, None).is_none())
            .map(|place| {
                let user = self.ledger.user(place.target);
                (place.node.clone(), user.clone())
            })
            .collect()
    }

    /// Makes a room's members the targets; the excluded end at once. Gives the
    /// places of the others.
    pub(super) fn enrol(&mut self, exclude: &HashSet<UserId>, members: Members) -> Vec<Place> {
        let Members { users, mut places } = members;
        let mut excluded = HashSet::new();
        for user in users {
            let is_excluded = exclude.contains(&user);
            let target = self.ledger.add(user);
            if is_excluded {
                self.ledger
                    .end(target, (Outcome::Excluded, Some(Reason::Excluded)));
                excluded.insert(target);
            }
        }
        places.retain(|place| !excluded.contains(&place.target));
        places
    }

    /// Queues calls at their nodes' lanes, all of them before any is waited for.
    pub(super) fn send(&mut self, delivery: &Delivery, calls: Vec<PlannedCall>) {
        let deadline = self.push.deadline.min(Instant::now() + self.node_deadline);
        let mut audiences = HashMap::new();
        for planned in calls {
            self.ledger.asking(&planned);
            let call = Call {
                audience: self.audience(&planned.to, &mut audiences),
                room: planned.room.clone(),
                content: self.push.content.clone(),
                deadline,
                trace: self.push.trace.clone(),
                span: tracing::Span::current(),
            };
            let queued = delivery.enqueue(&planned.node, call);
            self.steps.push(Box::pin(async move {
                Step::Word(planned, queued.verdict().await)
            }));
        }
    }

    /// The users behind a call. Calls that share a list of targets share the users.
    fn audience(&self, to: &To, shared: &mut HashMap<*const usize, Arc<[UserId]>>) -> Audience {
        let targets = match to {
            To::Room => return Audience::Room,
            To::Everyone => return Audience::Everyone,
            To::Named(targets) => targets,
        };
        if let Target::User(user) = &self.push.target {
            return Audience::One(user.clone());
        }
        let names = || targets.iter().map(|at| self.ledger.user(*at).clone());
        let users = shared
            .entry(targets.as_ptr())
            .or_insert_with(|| names().collect());
        Audience::Named(users.clone())
    }

    /// Asks where the missed targets are now; the answer comes as a step.
    pub(super) fn look_up_missed(&mut self, locator: &Arc<Locator>) {
        if self.looking || self.missed.is_empty() {
            return;
        }
        self.looking = true;
        let mut targets = std::mem::take(&mut self.missed);
        targets.sort_unstable();
        let (locator, trace, deadline) =
            (locator.clone(), self.push.trace.clone(), self.push.deadline);
        let look_up: BoxFuture<'static, Step> = match &self.push.target {
            Target::User(user) => {
                let user = user.clone();
                Box::pin(async move {
                    let found = locator.user_afresh(&user, &trace, deadline).await;
                    let places = found.map(|found| Self::places(targets[0], &found));
                    Step::Fresh(targets, places)
                })
            }
            Target::Room { room, .. } => {
                let room = room.clone();
                let named = targets
                    .iter()
                    .map(|at| (self.ledger.user(*at).clone(), *at));
                let named: HashMap<UserId, usize> = named.collect();
                Box::pin(async move {
                    let found = locator.room(&room, &trace, deadline).await;
                    let places = found.map(|members| find(&room, &named, &members));
                    Step::Fresh(targets, places)
                })
            }
            // Nobody is named in a broadcast, so nobody is missed.
            Target::Everyone => return,
        };
        self.steps.push(look_up);
    }

    /// Takes in where targets are now, and gives the places to ask.
    pub(super) fn found_again(
        &mut self,
        targets: Vec<usize>,
        found: Result<Vec<Place>, LocateError>,
    ) -> Vec<Place> {
        self.looking = false;
        let places = match found {
            Ok(places) => places,
            Err(error) => {
                for target in targets {
                    self.ledger.lost_track(target);
                }
                self.lost = Some(error);
                return Vec::new();
            }
        };
        for target in targets {
            if places
                .binary_search_by_key(&target, |place| place.target)
                .is_err()
            {
                self.ledger.nowhere(target);
            }
        }
        places
    }

    /// The report; an error where the Controller left a user push without an answer.
    pub(super) fn close(self) -> Result<Report, PushError> {
        let report = Report::new(self.push, &self.ledger);
        match (&self.push.target, self.lost) {
            (Target::User(_), Some(lost)) if !report.success => Err(lost.into()),
            _ => Ok(report),
        }
    }
}

/// Where each of `named` is in a room, by ascending target.
fn find(room: &RoomId, named: &HashMap<UserId, usize>, members: &[Member]) -> Vec<Place> {
    let mut places: Vec<Place> = members
        .iter()
        .filter_map(|Member { user, node }| {
            let target = *named.get(user)?;
            let (node, room) = (node.clone(), Some(room.clone()));
            Some(Place { target, node, room })
        })
        .collect();
    places.sort_by(|a, b| (a.target, &a.node).cmp(&(b.target, &b.node)));
    places.dedup();
    places
}
