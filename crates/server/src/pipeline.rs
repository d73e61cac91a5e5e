//! The policy of a push: learn the targets, plan the calls, deliver, look up
//! afresh what moved meanwhile, account for everyone. [`carry`] has the steps.

mod carry;
mod failed;
mod ledger;
mod report;
mod run;
mod tally;

use std::{sync::Arc, time::Duration};

use push_manager_config::Strategy;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use self::{
    failed::{FailedPush, FailedPushWatch, FailedPushes, MOST_FAILED},
    ledger::Ledger,
    report::Report,
};
use crate::{
    delivery::{Delivery, FailureLog},
    error::PushError,
    locate::{LocateError, Locator},
    message::{Push, Target},
    metrics::{Api, Metrics},
    outcome::Reason,
    pool::Pool,
    readiness::Readiness,
};

/// The policy's settings.
#[derive(Clone, Copy, Debug)]
pub struct PipelineSettings {
    /// How a room's nodes are chosen.
    pub strategy: Strategy,
    /// Most users in a call.
    pub chunk: usize,
    /// How long a call may take.
    pub node_deadline: Duration,
    /// Room members addressed at once by all pushes together.
    pub concurrent_targets: usize,
}

/// The parts that the policy directs.
#[derive(Debug)]
pub struct Parts {
    /// The nodes.
    pub pool: Pool,
    /// Who is where.
    pub locator: Arc<Locator>,
    /// Calls to nodes.
    pub delivery: Delivery,
    /// Failed targets, for metrics and log.
    pub failures: FailureLog,
    /// Pushes that failed, while somebody looks.
    pub failed_pushes: FailedPushes,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Says why not, while the nodes are not known.
    pub readiness: Readiness,
    /// Pushes run here, so that shutdown can wait for them.
    pub tracker: TaskTracker,
}

/// Carries pushes out. Clones share everything.
#[derive(Clone, Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: PipelineSettings,
    targets: Semaphore,
    parts: Parts,
}

impl Pipeline {
    /// Wires the parts.
    pub fn new(settings: PipelineSettings, parts: Parts) -> Self {
        let targets = Semaphore::new(settings.concurrent_targets.min(Semaphore::MAX_PERMITS));
        Self {
            shared: Arc::new(Shared {
                settings,
                targets,
                parts,
            }),
        }
    }

    /// Carries a push out. It is finished and accounted for even when the
    /// caller stops waiting; `running` is held until then.
    pub async fn push(
        &self,
        push: Push,
        running: impl Send + 'static,
    ) -> Result<Report, PushError> {
        let shared = self.shared.clone();
        let task = async move {
            let _running = running;
            shared.push(&push).await
        };
        let task = task.instrument(tracing::Span::current());
        let pushing = self.shared.parts.tracker.spawn(task);
        pushing.await.unwrap_or(Err(PushError::Aborted))
    }

    /// A push was refused before it was one.
    pub fn refused(&self, target: &Target, error: &PushError) {
        let refused = || FailedPush::refused(None, error, reason_of(error));
        let parts = &self.shared.parts;
        parts.failed_pushes.note(api_of(target), refused);
    }
}

impl Shared {
    async fn push(&self, push: &Push) -> Result<Report, PushError> {
        let metrics = &self.parts.metrics;
        metrics.push_total.inc();
        let _in_flight = metrics.in_flight();
        let result = self.carry_out(push).await;
        match &result {
            Ok(report) => self.count(push, report),
            Err(error) => self.count_whole(push, error),
        }
        result
    }

    fn count(&self, push: &Push, report: &Report) {
        let api = api_of(&push.target);
        let failed = report
            .endings()
            .keys()
            .any(|(outcome, _)| outcome.is_failure());
        self.parts.metrics.api(api).pushed(!failed);
        for ((outcome, reason), targets) in report.endings() {
            self.parts.metrics.ended(api, *outcome, *reason, *targets);
        }
        if failed {
            let failed = || FailedPush::partly(push, report);
            self.parts.failed_pushes.note(api, failed);
        }
        let unresolved = report.unresolved();
        if unresolved > 0 {
            let reason = Reason::UnresolvedNode;
            self.parts.failures.note(None, reason, unresolved, "");
        }
    }

    /// Counts a push whose targets were never learnt.
    fn count_whole(&self, push: &Push, error: &PushError) {
        let (api, reason) = (api_of(&push.target), reason_of(error));
        let failed = || FailedPush::whole(push, error, reason);
        self.parts.failed_pushes.note(api, failed);
        self.parts.metrics.failed_whole(api, reason);
        self.parts
            .failures
            .note(None, reason, 1, &error.to_string());
    }
}

/// The reason that counts for a push that was not carried out.
fn reason_of(error: &PushError) -> Reason {
    match error {
        PushError::Controller { .. } => Reason::ControllerUnavailable,
        PushError::Overloaded { .. } => Reason::Overloaded,
        PushError::Late { .. } => Reason::DeadlineExceeded,
        PushError::NotReady(_)
        | PushError::Invalid { .. }
        | PushError::Unimplemented { .. }
        | PushError::Aborted => Reason::NotReady,
    }
}

fn api_of(target: &Target) -> Api {
    match target {
        Target::Room { .. } => Api::PushToRoom,
        Target::User(_) => Api::PushToUser,
        Target::Everyone => Api::BroadcastMessage,
    }
}

impl From<LocateError> for PushError {
    fn from(error: LocateError) -> Self {
        let LocateError {
            is_late,
            address,
            problem,
        } = error;
        if is_late {
            return PushError::Late { address };
        }
        PushError::Controller { address, problem }
    }
}
