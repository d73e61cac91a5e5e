//! One push under way: its ledger, and the calls and look-ups that it waits for.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::Ledger;
use crate::{
    delivery::{Audience, Call, Delivery, Verdict},
    ids::{NodeId, RoomId, UserId},
    locate::{LocateError, Location, Locator, Member},
    message::{Push, Target},
    outcome::{Outcome, Reason},
    pool::Snapshot,
    routing::{self, PlannedCall, To},
};

/// A target and where it is.
pub(super) type Placed = (usize, Vec<Location>);

/// The nodes that the Controller named, each once.
pub(super) fn nodes_of(users: &[Placed]) -> HashSet<NodeId> {
    let mut nodes = HashSet::new();
    for place in users.iter().flat_map(|(_, places)| places) {
        if !nodes.contains(&place.node) {
            nodes.insert(place.node.clone());
        }
    }
    nodes
}

/// What a push waits for.
pub(super) enum Step {
    /// A node's word, or why there is none.
    Word(PlannedCall, Verdict),
    /// Where targets are now that their node did not have.
    Fresh(Result<Vec<Placed>, LocateError>),
}

/// A push under way.
pub(super) struct Run<'p> {
    push: &'p Push,
    node_deadline: Duration,
    pub(super) ledger: Ledger,
    pub(super) steps: FuturesUnordered<BoxFuture<'static, Step>>,
}

impl<'p> Run<'p> {
    pub(super) fn new(push: &'p Push, node_deadline: Duration) -> Self {
        Self {
            push,
            node_deadline,
            ledger: Ledger::default(),
            steps: FuturesUnordered::new(),
        }
    }

    /// Makes a room's members the targets; the excluded end at once.
    pub(super) fn enrol(
        &mut self,
        room: &RoomId,
        exclude: &HashSet<UserId>,
        list: &[Member],
    ) -> Vec<Placed> {
        let mut placed = Vec::with_capacity(list.len());
        for (user, nodes) in routing::members(list) {
            let excluded = exclude.contains(&user);
            let target = self.ledger.add(user);
            if excluded {
                self.ledger
                    .end(target, (Outcome::Excluded, Some(Reason::Excluded)));
            } else {
                let at = |node| Location {
                    node,
                    room: Some(room.clone()),
                };
                placed.push((target, nodes.into_iter().map(at).collect()));
            }
        }
        placed
    }

    /// Nodes that no registration names, each with one of its users.
    pub(super) fn strangers(&self, nodes: &Snapshot, users: &[Placed]) -> Vec<(NodeId, UserId)> {
        let mut seen = HashSet::new();
        let mut strangers = Vec::new();
        for (target, places) in users {
            for Location { node, .. } in places {
                if !seen.contains(node) {
                    seen.insert(node.clone());
                    if nodes.resolve(node, None).is_none() {
                        strangers.push((node.clone(), self.ledger.user(*target).clone()));
                    }
                }
            }
        }
        strangers
    }

    /// Queues calls at their nodes' lanes, all of them before any is waited for.
    pub(super) fn send(&mut self, delivery: &Delivery, calls: Vec<PlannedCall>) {
        let deadline = self.push.deadline.min(Instant::now() + self.node_deadline);
        for planned in calls {
            self.ledger.asking(&planned);
            let call = Call {
                audience: self.audience(&planned.to),
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

    fn audience(&self, to: &To) -> Audience {
        match to {
            To::Room => Audience::Room,
            To::Everyone => Audience::Everyone,
            To::Named(targets) => match (&self.push.target, targets.as_slice()) {
                (Target::User(user), [_]) => Audience::One(user.clone()),
                _ => Audience::Named(
                    targets
                        .iter()
                        .map(|target| self.ledger.user(*target).clone())
                        .collect(),
                ),
            },
        }
    }

    /// Asks where targets are now; the answer comes as a step.
    pub(super) fn look_up_afresh(&mut self, locator: &Arc<Locator>, targets: Vec<usize>) {
        let (locator, trace, deadline) =
            (locator.clone(), self.push.trace.clone(), self.push.deadline);
        match &self.push.target {
            Target::User(user) => {
                let user = user.clone();
                self.steps.push(Box::pin(async move {
                    let found = locator.user_afresh(&user, &trace, deadline).await;
                    let placed = |places: Arc<[Location]>| {
                        targets
                            .iter()
                            .map(|target| (*target, places.to_vec()))
                            .collect()
                    };
                    Step::Fresh(found.map(placed))
                }));
            }
            Target::Room { room, .. } => {
                let room = room.clone();
                let named = targets
                    .iter()
                    .map(|at| (*at, self.ledger.user(*at).clone()));
                let named: Vec<(usize, UserId)> = named.collect();
                self.steps.push(Box::pin(async move {
                    let found = locator.room(&room, &trace, deadline).await;
                    Step::Fresh(found.map(|members| find(&room, named, &members)))
                }));
            }
            // Nobody is named in a broadcast.
            Target::Everyone => {}
        }
    }
}

/// Where each of `named` is in a room; nowhere for who left it.
fn find(room: &RoomId, named: Vec<(usize, UserId)>, members: &[Member]) -> Vec<Placed> {
    let mut places: HashMap<&UserId, Vec<Location>> = HashMap::new();
    for member in members {
        let at = Location {
            node: member.node.clone(),
            room: Some(room.clone()),
        };
        places.entry(&member.user).or_default().push(at);
    }
    named
        .into_iter()
        .map(|(target, user)| (target, places.get(&user).cloned().unwrap_or_default()))
        .collect()
}
