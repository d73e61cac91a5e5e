//! Tells the Controller who is here: one task works off the ledger.
//!
//! While the Controller is away, reports wait and are tried again with growing pauses; as soon as
//! it answers, and every `resync_interval`, everything present is told again, so that a Controller
//! that forgot learns it anew.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use push_manager_proto::pubsub::{
    JoinRoomRequest, LeaveRoomRequest, controller_service_client::ControllerServiceClient,
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};

use super::{
    config::NodeLimits,
    ledger::{Key, Ledger, Report, Told},
};
use crate::etcd::Backoff;

/// First and longest pause while the Controller is away.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Where joins and leaves are noted for the Controller.
#[derive(Debug)]
pub(crate) struct Presence {
    ledger: Mutex<Ledger>,
    changed: Notify,
}

impl Presence {
    pub(crate) fn new(max_leaves: usize) -> Arc<Self> {
        Arc::new(Self {
            ledger: Mutex::new(Ledger::new(max_leaves)),
            changed: Notify::new(),
        })
    }

    /// Notes a join; the receiver hears when the Controller knows.
    pub(crate) fn join(&self, key: Key, name: &str) -> oneshot::Receiver<()> {
        let told = self.ledger().join(key, name);
        self.changed.notify_one();
        told
    }

    /// Notes a leave.
    pub(crate) fn leave(&self, key: &Key) {
        self.ledger().leave(key);
        self.changed.notify_one();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node as the Controller is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) address: String,
}

/// Works off the ledger.
pub(crate) struct Reporter {
    presence: Arc<Presence>,
    controller: ControllerServiceClient<Channel>,
    node: Arc<Identity>,
    limits: NodeLimits,
    calls: JoinSet<(Report, Result<(), Status>)>,
    /// Set while the Controller doesn't answer.
    away: Option<(Instant, Backoff)>,
}

impl Reporter {
    pub(crate) fn new(
        presence: Arc<Presence>,
        channel: Channel,
        node: Identity,
        limits: NodeLimits,
    ) -> Self {
        Self {
            presence,
            controller: ControllerServiceClient::new(channel),
            node: Arc::new(node),
            limits,
            calls: JoinSet::new(),
            away: None,
        }
    }

    /// Reports until `finish` is cancelled and what was noted by then is told, or can't be.
    pub(crate) async fn run(mut self, finish: CancellationToken) {
        let mut resync = tokio::time::interval(self.limits.resync_interval);
        resync.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_calls();
            if finish.is_cancelled() && (self.away.is_some() || self.presence.ledger().is_settled())
            {
                return;
            }
            let retry_at = self.away.as_ref().map(|(at, _)| *at);
            tokio::select! {
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    if let Ok((report, result)) = ended {
                        self.ended(&report, result);
                    }
                }
                () = self.presence.changed.notified() => {}
                () = finish.cancelled(), if !finish.is_cancelled() => {}
                _ = resync.tick() => self.presence.ledger().resync(),
                () = tokio::time::sleep_until(retry_at.unwrap_or_else(Instant::now)),
                    if retry_at.is_some_and(|at| at > Instant::now()) => {}
            }
        }
    }

    /// Starts what may be started: many calls when all is well, one at a time to find out whether
    /// the Controller is back.
    fn start_calls(&mut self) {
        let most = match &self.away {
            None => self.limits.report_concurrency.max(1),
            Some((at, _)) if *at <= Instant::now() => 1,
            Some(_) => 0,
        };
        while self.calls.len() < most {
            let Some(report) = self.presence.ledger().next() else {
                return;
            };
            let controller = self.controller.clone();
            let node = self.node.clone();
            let bound = self.limits.report_timeout;
            self.calls.spawn(async move {
                let call = tell(controller, &node, &report);
                let result = match tokio::time::timeout(bound, call).await {
                    Ok(result) => result,
                    Err(_) => Err(Status::deadline_exceeded("no answer in time")),
                };
                (report, result)
            });
        }
    }

    fn ended(&mut self, report: &Report, result: Result<(), Status>) {
        let told = match &result {
            Ok(()) => Told::Yes,
            Err(status) if refuses(status.code()) => Told::Refused,
            Err(_) => Told::Away,
        };
        let mut ledger = self.presence.ledger();
        ledger.told(report, told);
        match (told, result) {
            (Told::Away, Err(status)) => {
                let pause = if let Some((at, backoff)) = &mut self.away {
                    let pause = backoff.pause();
                    *at = Instant::now() + pause;
                    pause
                } else {
                    let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
                    let pause = backoff.pause();
                    self.away = Some((Instant::now() + pause, backoff));
                    tracing::warn!(%status, "controller does not answer; joins and leaves wait");
                    pause
                };
                tracing::debug!(?pause, "trying the controller again later");
            }
            (Told::Refused, Err(status)) => {
                tracing::warn!(%status, room.id = %report.key.room, "controller refused a report");
            }
            _ => {
                if self.away.take().is_some() {
                    tracing::info!("controller answers again; telling it everyone who is here");
                    ledger.resync();
                }
            }
        }
    }
}

/// Codes that say that trying again won't help.
fn refuses(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::Unimplemented
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::OutOfRange
    )
}

async fn tell(
    mut controller: ControllerServiceClient<Channel>,
    node: &Identity,
    report: &Report,
) -> Result<(), Status> {
    let Report { key, present } = report;
    let room_id = key.room.to_string();
    let user_id = key.user.to_string();
    let node_id = node.id.clone();
    if let Some(name) = present {
        let request = JoinRoomRequest {
            room_id,
            user_id,
            user_name: name.clone(),
            node_id,
            node_address: node.address.clone(),
        };
        controller.join_room(request).await.map(drop)
    } else {
        let request = LeaveRoomRequest {
            room_id,
            user_id,
            node_id,
        };
        controller.leave_room(request).await.map(drop)
    }
}
