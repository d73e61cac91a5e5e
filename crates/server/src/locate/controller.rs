//! The Controller-Manager's client: deadline, bounded concurrency, reconnect.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use push_manager_proto::pubsub::{
    GetRoomInfoRequest, GetRoomNodesRequest, GetUserNodeRequest, GetUserNodeResponse, UserInfo,
    controller_service_client::ControllerServiceClient,
};
use tokio::{sync::Semaphore, time::Instant};
use tonic::{Code, Request, Response, Status, transport::Channel};
use tracing::Instrument;

use crate::{
    channel::{self, ChannelSettings, Failure, LiveConnections},
    ids::{RoomId, UserId},
    metrics::Metrics,
    trace::TraceContext,
};

/// After so many deadlines missed in a row the connection is made anew.
const LATE_BEFORE_RECONNECT: u32 = 3;
/// Tries of one look-up, within its timeout.
const TRIES: u32 = 3;

/// Where the Controller is, and the limits towards it.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// host:port.
    pub address: String,
    /// For one look-up, waiting for its turn included.
    pub timeout: Duration,
    /// Most calls at a time.
    pub concurrency: usize,
    /// Largest answer, in bytes.
    pub max_message: usize,
    /// How connections are made.
    pub channel: ChannelSettings,
}

/// Why the Controller gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("controller {address}: {problem}")]
pub struct LocateError {
    /// The push's own deadline came first: no fault of the Controller's.
    pub is_late: bool,
    /// Where it was asked.
    pub address: String,
    /// What happened.
    pub problem: String,
}

/// Asks the Controller.
pub struct Controller {
    settings: ControllerSettings,
    channel: ArcSwap<Channel>,
    live: Arc<LiveConnections>,
    permits: Semaphore,
    late_in_a_row: AtomicU32,
    reconnected: Mutex<Option<Instant>>,
    metrics: Arc<Metrics>,
}

impl Controller {
    /// Connects when first asked.
    pub fn new(
        settings: ControllerSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, tonic::transport::Error> {
        let live = Arc::new(LiveConnections::default());
        let channel = channel::lazy(&settings.address, settings.channel, &live)?;
        Ok(Self {
            channel: ArcSwap::from_pointee(channel),
            permits: Semaphore::new(settings.concurrency),
            late_in_a_row: AtomicU32::new(0),
            reconnected: Mutex::new(None),
            settings,
            live,
            metrics,
        })
    }

    pub(super) async fn user_node(
        &self,
        user: &UserId,
        trace: &TraceContext,
    ) -> Result<GetUserNodeResponse, LocateError> {
        let user_id = user.as_str().to_owned();
        let answer = self
            .ask(
                "GetUserNode",
                trace,
                GetUserNodeRequest { user_id },
                async |mut client, request| client.get_user_node(request).await,
            )
            .await;
        absent_is_empty(answer).map_err(|status| self.error(&status))
    }

    pub(super) async fn room_info(
        &self,
        room: &RoomId,
        trace: &TraceContext,
    ) -> Result<Vec<UserInfo>, LocateError> {
        let room_id = room.as_str().to_owned();
        let answer = self
            .ask(
                "GetRoomInfo",
                trace,
                GetRoomInfoRequest { room_id },
                async |mut client, request| client.get_room_info(request).await,
            )
            .await;
        let answer = absent_is_empty(answer).map_err(|status| self.error(&status))?;
        Ok(answer.room.map(|room| room.users).unwrap_or_default())
    }

    /// `None` when this Controller doesn't know the call.
    pub(super) async fn room_nodes(
        &self,
        room: &RoomId,
        trace: &TraceContext,
    ) -> Result<Option<Vec<String>>, LocateError> {
        let room_id = room.as_str().to_owned();
        let answer = self
            .ask(
                "GetRoomNodes",
                trace,
                GetRoomNodesRequest { room_id },
                async |mut client, request| client.get_room_nodes(request).await,
            )
            .await;
        match absent_is_empty(answer) {
            Ok(answer) => Ok(Some(answer.node_ids)),
            Err(status) if status.code() == Code::Unimplemented => Ok(None),
            Err(status) => Err(self.error(&status)),
        }
    }

    /// The error of a look-up that its push could not wait for. A Controller
    /// that had half of its own time is as good as silent.
    pub(super) fn late(&self, began: Instant) -> LocateError {
        LocateError {
            is_late: began.elapsed() < self.settings.timeout / 2,
            address: self.settings.address.clone(),
            problem: "deadline of the push exceeded".to_owned(),
        }
    }

    async fn ask<Q: Clone, A>(
        &self,
        method: &'static str,
        trace: &TraceContext,
        question: Q,
        call: impl AsyncFn(ControllerServiceClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Status> {
        let span = tracing::info_span!("controller", otel.name = method, otel.kind = "client");
        let mut counted = Counted {
            metrics: &self.metrics,
            method,
            began: Instant::now(),
            code: Code::Cancelled,
        };
        let asked = AtomicBool::new(false);
        let attempts = self
            .attempts(trace, question, call, &asked)
            .instrument(span);
        let answer = match tokio::time::timeout(self.settings.timeout, attempts).await {
            Ok(answer) => answer,
            Err(_) => Err(self.too_late(asked.load(Ordering::Relaxed))),
        };
        if !matches!(&answer, Err(status) if status.code() == Code::DeadlineExceeded) {
            self.late_in_a_row.store(0, Ordering::Relaxed);
        }
        counted.code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
        answer
    }

    /// Look-ups change nothing, so one that a lost connection took along is asked again. The try
    /// that follows a loss may still meet the old connection.
    async fn attempts<Q: Clone, A>(
        &self,
        trace: &TraceContext,
        question: Q,
        call: impl AsyncFn(ControllerServiceClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
        asked: &AtomicBool,
    ) -> Result<A, Status> {
        let _permit = self.permits.acquire().await;
        asked.store(true, Ordering::Relaxed);
        let mut tried = 0;
        loop {
            tried += 1;
            let mut request = Request::new(question.clone());
            request.set_timeout(self.settings.timeout);
            trace.inject(request.metadata_mut());
            match call(self.client(), request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status)
                    if tried == TRIES || matches!(Failure::of(&status), Failure::Answered(_)) =>
                {
                    return Err(status);
                }
                Err(_) => {}
            }
        }
    }

    fn client(&self) -> ControllerServiceClient<Channel> {
        ControllerServiceClient::new(Channel::clone(&self.channel.load()))
            .max_decoding_message_size(self.settings.max_message)
    }

    /// A look-up that waited for its turn only says nothing about the connection.
    fn too_late(&self, asked: bool) -> Status {
        let timeout = self.settings.timeout.as_millis();
        if !asked {
            return Status::deadline_exceeded(format!(
                "no turn within {timeout} ms (controller.timeout, controller.concurrency)"
            ));
        }
        let late = self.late_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if late >= LATE_BEFORE_RECONNECT && self.may_reconnect() {
            let fresh = channel::lazy(&self.settings.address, self.settings.channel, &self.live);
            if let Ok(fresh) = fresh {
                self.channel.store(Arc::new(fresh));
            }
        }
        Status::deadline_exceeded(format!(
            "no answer within {timeout} ms (controller.timeout)"
        ))
    }

    /// At most once in a few timeouts, so that a Controller that is merely slow
    /// isn't flooded with connections.
    fn may_reconnect(&self) -> bool {
        let pause = self.settings.timeout * LATE_BEFORE_RECONNECT;
        let mut last = self
            .reconnected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|at| at.elapsed() > pause);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    fn error(&self, status: &Status) -> LocateError {
        let mut problem = channel::describe(status);
        // The decoder's word for an answer over the limit.
        if status.code() == Code::OutOfRange {
            problem.push_str(" (controller.max_message)");
        }
        LocateError {
            is_late: false,
            address: self.settings.address.clone(),
            problem,
        }
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Counts a look-up when dropped, so that one given up by its push counts too.
struct Counted<'a> {
    metrics: &'a Metrics,
    method: &'static str,
    began: Instant,
    code: Code,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics
            .controller_answered(self.method, self.code, took);
    }
}

/// NOT_FOUND means the same as an empty answer.
fn absent_is_empty<A: Default>(answer: Result<A, Status>) -> Result<A, Status> {
    match answer {
        Err(status) if status.code() == Code::NotFound => Ok(A::default()),
        answer => answer,
    }
}
