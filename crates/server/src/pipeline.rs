//! The policy of a push, readable top to bottom: learn the targets, plan the
//! calls, deliver, look up afresh what moved meanwhile, account for everyone.

mod ledger;
mod report;
mod run;

use std::sync::Arc;

use futures::StreamExt;
use push_manager_config::Strategy;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::run::Run;
pub use self::{ledger::Ledger, report::Report};
use crate::{
    delivery::{Delivery, FailureLog},
    error::PushError,
    locate::{LocateError, Locator},
    message::{Push, Target},
    metrics::Metrics,
    outcome::Reason,
    pool::{Pool, Snapshot},
    readiness::Readiness,
    routing::{self, Known},
};

/// The policy's settings.
#[derive(Clone, Copy, Debug)]
pub struct PipelineSettings {
    /// How a room's nodes are chosen.
    pub strategy: Strategy,
    /// Most users in a call.
    pub chunk: usize,
    /// How long a call may take.
    pub node_deadline: std::time::Duration,
}

/// Carries pushes out. Clones share everything.
#[derive(Clone, Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: PipelineSettings,
    pool: Pool,
    locator: Arc<Locator>,
    delivery: Delivery,
    failures: FailureLog,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    tracker: TaskTracker,
}

impl Pipeline {
    /// Wires the parts.
    #[allow(clippy::too_many_arguments, reason = "the one place where they meet")]
    pub fn new(
        settings: PipelineSettings,
        pool: Pool,
        locator: Arc<Locator>,
        delivery: Delivery,
        failures: FailureLog,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        tracker: TaskTracker,
    ) -> Self {
        let shared = Shared {
            settings,
            pool,
            locator,
            delivery,
            failures,
            metrics,
            readiness,
            tracker,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Carries a push out. It is finished and accounted for even when the
    /// caller stops waiting.
    pub async fn push(&self, push: Push) -> Result<Report, PushError> {
        let shared = self.shared.clone();
        let span = tracing::Span::current();
        let task = async move { shared.push(&push).await }.instrument(span);
        self.shared
            .tracker
            .spawn(task)
            .await
            .unwrap_or(Err(PushError::Aborted))
    }
}

impl Shared {
    async fn push(&self, push: &Push) -> Result<Report, PushError> {
        self.metrics.push_total.inc();
        self.metrics.pushes_in_flight.inc();
        let result = self.carry_out(push).await;
        self.metrics.pushes_in_flight.dec();
        match &result {
            Ok(report) => self.count(report),
            Err(PushError::Controller { problem, .. }) => {
                self.metrics.failed_whole(Reason::ControllerUnavailable);
                self.failures
                    .note(None, Reason::ControllerUnavailable, 1, problem);
            }
            Err(_) => self.metrics.failed_whole(Reason::NotReady),
        }
        result
    }

    async fn carry_out(&self, push: &Push) -> Result<Report, PushError> {
        let snapshot = self.pool.snapshot();
        if !snapshot.is_synced() {
            let why = self.readiness.state().why_not();
            let why = why.unwrap_or_else(|| "the set of nodes is not known".to_owned());
            return Err(PushError::NotReady(why));
        }
        let mut run = self.begin(push, &snapshot).await?;
        while let Some(step) = run.steps.next().await {
            self.take_in(&mut run, step).await;
        }
        Ok(Report::new(push, &run.ledger))
    }

    /// Learns the targets and sends the first calls.
    async fn begin<'p>(&self, push: &'p Push, nodes: &Snapshot) -> Result<Run<'p>, PushError> {
        let mut run = Run::new(push, self.settings.node_deadline);
        match &push.target {
            Target::User(user) => {
                let places = self.locator.user(user, &push.trace, push.deadline).await?;
                run.ledger.add(user.clone());
                self.place(&mut run, nodes, vec![(0, places.to_vec())])
                    .await;
            }
            Target::Everyone => run.send(&self.delivery, routing::everyone(nodes)),
            Target::Room { room, exclude } => {
                if exclude.is_empty()
                    && let Some(holders) = self.room_holders(push, room).await?
                {
                    let learnt = self
                        .locator
                        .learnt(&holders.iter().cloned().collect())
                        .await;
                    let known = Known {
                        snapshot: nodes,
                        learnt: &learnt,
                    };
                    run.send(&self.delivery, routing::room_form(known, room, &holders));
                    return Ok(run);
                }
                let members = self.locator.room(room, &push.trace, push.deadline).await?;
                let placed = run.enrol(room, exclude, &members);
                let strangers = run.strangers(nodes, &placed);
                self.locator
                    .learn(strangers, &push.trace, push.deadline)
                    .await;
                self.place(&mut run, nodes, placed).await;
            }
        }
        Ok(run)
    }

    /// The nodes for the room form, where the strategy allows that form.
    async fn room_holders(
        &self,
        push: &Push,
        room: &crate::ids::RoomId,
    ) -> Result<Option<Vec<crate::ids::NodeId>>, LocateError> {
        if self.settings.strategy == Strategy::Members {
            return Ok(None);
        }
        let holders = self
            .locator
            .room_nodes(room, &push.trace, push.deadline)
            .await?;
        if holders.is_some() || self.settings.strategy == Strategy::Auto {
            return Ok(holders);
        }
        let members = self.locator.room(room, &push.trace, push.deadline).await?;
        let mut nodes: Vec<_> = members.iter().map(|member| member.node.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Some(nodes))
    }

    /// Plans calls for users whose places are known, and sends them.
    async fn place(&self, run: &mut Run<'_>, nodes: &Snapshot, users: Vec<run::Placed>) {
        let learnt = self.locator.learnt(&run::nodes_of(&users)).await;
        let known = Known {
            snapshot: nodes,
            learnt: &learnt,
        };
        let users = users.iter().map(|(target, places)| (*target, &places[..]));
        let ledger = &run.ledger;
        let asked = |target, serial| ledger.was_asked(target, serial);
        let plan = routing::place(known, users, asked, self.settings.chunk);
        for target in plan.unresolved {
            run.ledger.unresolved(target);
        }
        run.send(&self.delivery, plan.calls);
    }

    async fn take_in(&self, run: &mut Run<'_>, step: run::Step) {
        match step {
            run::Step::Word(call, verdict) => {
                let again = run.ledger.record(&call, &verdict);
                if let Some((reason, targets, detail)) = Ledger::failure(&call, &verdict) {
                    self.failures
                        .note(Some(call.node.id()), reason, targets, detail);
                }
                if !again.is_empty() {
                    run.look_up_afresh(&self.locator, again);
                }
            }
            run::Step::Fresh(Ok(found)) => {
                let moved = run.ledger.reopen(found);
                let placed: u64 = moved.len() as u64;
                let before = run.steps.len();
                self.place(run, &self.pool.snapshot(), moved).await;
                if run.steps.len() > before {
                    self.metrics.reroutes.inc_by(placed);
                }
            }
            // The first word stands: the Controller can't say better now.
            run::Step::Fresh(Err(error)) => {
                self.failures
                    .note(None, Reason::ControllerUnavailable, 0, &error.problem);
            }
        }
    }

    fn count(&self, report: &Report) {
        for ((outcome, reason), targets) in report.endings() {
            self.metrics.ended(*outcome, *reason, *targets);
        }
    }
}

impl From<LocateError> for PushError {
    fn from(LocateError { address, problem }: LocateError) -> Self {
        PushError::Controller { address, problem }
    }
}
