//! The Controller-Manager's client: deadline, bounded concurrency, reconnect.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
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
    error::code_label,
    ids::{RoomId, UserId},
    metrics::Metrics,
    trace::TraceContext,
};

/// After so many deadlines missed in a row the connection is made anew.
const LATE_BEFORE_RECONNECT: u32 = 3;

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

    /// The error of a look-up that its push could not wait for.
    pub(super) fn late(&self) -> LocateError {
        self.error(&Status::deadline_exceeded("deadline of the push exceeded"))
    }

    async fn ask<Q: Clone, A>(
        &self,
        method: &'static str,
        trace: &TraceContext,
        question: Q,
        call: impl AsyncFn(ControllerServiceClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Status> {
        let span = tracing::info_span!("controller", otel.name = method, otel.kind = "client");
        let began = Instant::now();
        let attempts = self.attempts(trace, question, call).instrument(span);
        let answer = match tokio::time::timeout(self.settings.timeout, attempts).await {
            Ok(answer) => answer,
            Err(_) => Err(self.reconnect_if_stuck()),
        };
        if !matches!(&answer, Err(status) if status.code() == Code::DeadlineExceeded) {
            self.late_in_a_row.store(0, Ordering::Relaxed);
        }
        let code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
        self.metrics
            .controller_requests
            .with_label_values(&[method, code_label(code)])
            .inc();
        self.metrics
            .controller_duration
            .observe(began.elapsed().as_secs_f64());
        answer
    }

    /// Look-ups change nothing, so one that a lost connection took along is asked once more.
    async fn attempts<Q: Clone, A>(
        &self,
        trace: &TraceContext,
        question: Q,
        call: impl AsyncFn(ControllerServiceClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Status> {
        let _permit = self.permits.acquire().await;
        let mut again = true;
        loop {
            let mut request = Request::new(question.clone());
            request.set_timeout(self.settings.timeout);
            trace.inject(request.metadata_mut());
            match call(self.client(), request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if again && !matches!(Failure::of(&status), Failure::Answered(_)) => {
                    again = false;
                }
                Err(status) => return Err(status),
            }
        }
    }

    fn client(&self) -> ControllerServiceClient<Channel> {
        ControllerServiceClient::new(Channel::clone(&self.channel.load()))
            .max_decoding_message_size(self.settings.max_message)
    }

    fn reconnect_if_stuck(&self) -> Status {
        let late = self.late_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if late >= LATE_BEFORE_RECONNECT {
            let fresh = channel::lazy(&self.settings.address, self.settings.channel, &self.live);
            if let Ok(fresh) = fresh {
                self.channel.store(Arc::new(fresh));
                self.late_in_a_row.store(0, Ordering::Relaxed);
            }
        }
        let timeout = self.settings.timeout.as_millis();
        Status::deadline_exceeded(format!(
            "no answer within {timeout} ms (controller.timeout)"
        ))
    }

    fn error(&self, status: &Status) -> LocateError {
        let mut problem = channel::describe(status);
        // The decoder's word for an answer over the limit.
        if status.code() == Code::OutOfRange {
            problem.push_str(" (controller.max_message)");
        }
        LocateError {
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

/// NOT_FOUND means the same as an empty answer.
fn absent_is_empty<A: Default>(answer: Result<A, Status>) -> Result<A, Status> {
    match answer {
        Err(status) if status.code() == Code::NotFound => Ok(A::default()),
        answer => answer,
    }
}
