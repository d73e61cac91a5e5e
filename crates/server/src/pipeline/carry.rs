//! The steps of a push, in the order in which they happen.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::StreamExt;
use push_manager_config::Strategy;
use tokio::sync::SemaphorePermit;

use super::{
    Ledger, Report, Shared,
    run::{Run, Step},
    tally,
};
use crate::{
    error::PushError,
    ids::{NodeId, RoomId, UserId},
    locate::{LocateError, Member},
    message::{Push, Target},
    routing::{self, Known, Members, Place, Via},
};

/// Most names that one push sends to nodes that may not have them (users without
/// a known node, times nodes). Beyond, a room push uses the room form, if it may.
const MOST_GUESSED_NAMES: usize = 100_000;
/// When a push that found too many targets under way should be tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Shared {
    /// Everything, from the targets to the report.
    pub(super) async fn carry_out(&self, push: &Push) -> Result<Report, PushError> {
        if !self.parts.pool.snapshot().is_synced() {
            let why = self.parts.readiness.state().why_not();
            let why = why.unwrap_or_else(|| "the set of nodes is not known".to_owned());
            return Err(PushError::NotReady(why));
        }
        let mut run = Run::new(push, self.settings.node_deadline);
        let _targets = self.begin(&mut run).await?;
        while let Some(step) = run.steps.next().await {
            self.take_in(&mut run, step).await;
        }
        run.close()
    }

    /// Learns the targets and sends the first calls.
    async fn begin(&self, run: &mut Run<'_>) -> Result<Option<SemaphorePermit<'_>>, PushError> {
        let push = run.push;
        let locator = &self.parts.locator;
        match &push.target {
            Target::User(user) => {
                let found = locator.user(user, &push.trace, push.deadline).await?;
                let target = run.ledger.add(user.clone());
                self.place(run, Run::places(target, &found), true).await;
                Ok(None)
            }
            Target::Everyone => {
                let calls = routing::everyone(&self.parts.pool.snapshot());
                run.send(&self.parts.delivery, calls);
                Ok(None)
            }
            Target::Room { room, exclude } => {
                if exclude.is_empty()
                    && let Some(holders) = self.room_holders(push, room).await?
                {
                    self.send_room_form(run, room, &holders).await;
                    return Ok(None);
                }
                let (list, targets) = self.members(push, room).await?;
                self.send_to_members(run, room, exclude, Members::of(room, &list))
                    .await;
                Ok(Some(targets))
            }
        }
    }

    /// A room's members, and the permits for so many targets: a list is held in
    /// memory for as long as its push runs, so all pushes together are bounded.
    async fn members(
        &self,
        push: &Push,
        room: &RoomId,
    ) -> Result<(Arc<[Member]>, SemaphorePermit<'_>), PushError> {
        let locator = &self.parts.locator;
        let list = locator.room(room, &push.trace, push.deadline).await?;
        let wanted = list.len().min(self.settings.concurrent_targets);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        if let Ok(targets) = self.targets.try_acquire_many(wanted) {
            return Ok((list, targets));
        }
        // Nothing is held while waiting, and a list after it is fresh.
        drop(list);
        let taking = self.targets.acquire_many(wanted);
        match tokio::time::timeout_at(push.deadline, taking).await {
            Ok(Ok(targets)) => {
                let list = locator.room(room, &push.trace, push.deadline).await?;
                Ok((list, targets))
            }
            Ok(Err(_)) | Err(_) => Err(PushError::Overloaded {
                knob: "limits.concurrent_targets",
                limit: self.settings.concurrent_targets,
                retry_after: RETRY_AFTER,
            }),
        }
    }

    /// The nodes for the room form, where the strategy allows that form.
    async fn room_holders(
        &self,
        push: &Push,
        room: &RoomId,
    ) -> Result<Option<HashSet<NodeId>>, LocateError> {
        if self.settings.strategy == Strategy::Members {
            return Ok(None);
        }
        let locator = &self.parts.locator;
        let holders = locator.room_nodes(room, &push.trace, push.deadline).await?;
        if holders.is_some() || self.settings.strategy == Strategy::Auto {
            return Ok(holders.map(HashSet::from_iter));
        }
        let members = locator.room(room, &push.trace, push.deadline).await?;
        Ok(Some(Members::of(room, &members).nodes()))
    }

    async fn send_room_form(&self, run: &mut Run<'_>, room: &RoomId, holders: &HashSet<NodeId>) {
        let learnt = self.parts.locator.learnt(holders).await;
        let snapshot = self.parts.pool.snapshot();
        let known = Known {
            snapshot: &snapshot,
            learnt: &learnt,
        };
        run.send(
            &self.parts.delivery,
            routing::room_form(known, room, holders),
        );
    }

    /// Names a room's members to their nodes.
    async fn send_to_members(
        &self,
        run: &mut Run<'_>,
        room: &RoomId,
        exclude: &HashSet<UserId>,
        members: Members,
    ) {
        let nodes = members.nodes();
        let push = run.push;
        let strangers = Run::strangers(&self.parts.pool.snapshot(), &nodes, &members);
        self.parts
            .locator
            .learn(strangers, &push.trace, push.deadline)
            .await;
        if exclude.is_empty() && self.too_many_guesses(&nodes, &members).await {
            run.ledger.expect(members.users.len());
            self.send_room_form(run, room, &nodes).await;
            return;
        }
        let places = run.enrol(exclude, members);
        self.place(run, places, true).await;
    }

    async fn too_many_guesses(&self, nodes: &HashSet<NodeId>, members: &Members) -> bool {
        let learnt = self.parts.locator.learnt(nodes).await;
        let snapshot = self.parts.pool.snapshot();
        let known = Known {
            snapshot: &snapshot,
            learnt: &learnt,
        };
        let guesses = known.nameless(&members.places);
        guesses.saturating_mul(snapshot.nodes().len()) > MOST_GUESSED_NAMES
    }

    /// Plans calls for users whose places are known, and sends them.
    async fn place(&self, run: &mut Run<'_>, places: Vec<Place>, first: bool) {
        let nodes = places.iter().map(|place| place.node.clone()).collect();
        let learnt = self.parts.locator.learnt(&nodes).await;
        let snapshot = self.parts.pool.snapshot();
        let known = Known {
            snapshot: &snapshot,
            learnt: &learnt,
        };
        let guesses = known
            .nameless(&places)
            .saturating_mul(snapshot.nodes().len());
        let (places, given_up) = if !first && guesses > MOST_GUESSED_NAMES {
            known.part_nameless(places)
        } else {
            (places, Vec::new())
        };
        for place in given_up {
            run.ledger.unresolved(place.target);
        }
        let ledger = &run.ledger;
        let asked = |target, serial| ledger.was_asked(target, serial);
        let asked: Option<&routing::Asked<'_>> = if first { None } else { Some(&asked) };
        let plan = routing::place(known, &places, asked, self.settings.chunk);
        if !first {
            self.parts.metrics.reroutes.inc_by(plan.targets());
        }
        for target in plan.unresolved {
            run.ledger.unresolved(target);
        }
        run.send(&self.parts.delivery, plan.calls);
    }

    async fn take_in(&self, run: &mut Run<'_>, step: Step) {
        match step {
            Step::Word(call, verdict) => {
                let again = run.ledger.record(&call, &verdict);
                let failure = Ledger::failure(&call, &verdict);
                call.node.figures().ended(tally::of(&verdict, failure));
                if let Some((reason, targets, detail)) = failure {
                    let node = Some(call.node.id());
                    self.parts.failures.note(node, reason, targets, detail);
                }
                if !again.is_empty() {
                    if let Via::Learnt(id) = &call.via {
                        self.parts.locator.unlearn(id).await;
                    }
                    run.missed.extend(again);
                }
            }
            Step::Fresh(targets, found) => {
                let places = run.found_again(targets, found);
                let push = run.push;
                let strangers = run.strangers_among(&self.parts.pool.snapshot(), &places);
                self.parts
                    .locator
                    .learn(strangers, &push.trace, push.deadline)
                    .await;
                self.place(run, places, false).await;
            }
        }
        run.look_up_missed(&self.parts.locator);
    }
}
