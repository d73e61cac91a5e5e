//! The three calls.

use std::{sync::Arc, time::Duration};

use prost::Message;
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, BroadcastMessageResponse, PushToRoomRequest, PushToRoomResponse,
    PushToUserRequest, PushToUserResponse, push_manager_service_server::PushManagerService,
};
use tokio::time::Instant;
use tonic::{Request, Response, Status, metadata::MetadataMap};
use tracing::Instrument;

use super::{
    convert::{self, Accepted},
    gate::Gate,
};
use crate::{
    error::PushError,
    ids::PushIds,
    message::Push,
    pipeline::{Pipeline, Report},
    trace::{self, TraceContext},
    tuning::Tuning,
};

/// When a refused caller should try again.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Kept of a caller's deadline for the answer's way back: a tenth, at most this.
const LARGEST_MARGIN: Duration = Duration::from_millis(100);

/// Answers `pubsub.PushManagerService`.
#[derive(Clone, Debug)]
pub struct PushApi {
    pipeline: Pipeline,
    ids: Arc<PushIds>,
    tuning: Tuning,
    longest: Duration,
    running: Gate,
}

impl PushApi {
    /// Within the limits that `tuning` has, each push answered within `longest`.
    pub fn new(pipeline: Pipeline, ids: PushIds, tuning: Tuning, longest: Duration) -> Self {
        Self {
            pipeline,
            ids: Arc::new(ids),
            tuning,
            longest,
            running: Gate::default(),
        }
    }

    async fn run(
        &self,
        metadata: &MetadataMap,
        (target, content): Accepted,
    ) -> Result<Report, PushError> {
        let limit = self.tuning.limits().concurrent_pushes;
        let running = self.running.enter(limit);
        let Some(running) = running else {
            let overloaded = PushError::Overloaded {
                knob: "limits.concurrent_pushes",
                limit,
                retry_after: RETRY_AFTER,
            };
            self.pipeline.refused(&target, &overloaded);
            return Err(overloaded);
        };
        let span = tracing::info_span!(
            "push",
            otel.name = target.api(),
            otel.kind = "server",
            push.id = tracing::field::Empty
        );
        trace::adopt_caller(&span, metadata);
        let id = self.ids.next();
        span.record("push.id", tracing::field::display(id));
        let began = Instant::now();
        let push = Push {
            id,
            target,
            content: content.encode_to_vec().into(),
            began,
            deadline: began + self.time_left(metadata),
            trace: TraceContext::of_caller(metadata),
        };
        // The permit goes with the push, which outlives a caller who leaves.
        self.pipeline.push(push, running).instrument(span).await
    }

    /// The caller's own deadline, less a margin, where it is the shorter one.
    fn time_left(&self, metadata: &MetadataMap) -> Duration {
        let header = metadata
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok());
        match convert::grpc_timeout(header) {
            Some(timeout) => timeout
                .saturating_sub((timeout / 10).min(LARGEST_MARGIN))
                .min(self.longest),
            None => self.longest,
        }
    }
}

#[tonic::async_trait]
impl PushManagerService for PushApi {
    async fn push_to_room(
        &self,
        request: Request<PushToRoomRequest>,
    ) -> Result<Response<PushToRoomResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let report = self
            .run(&metadata, self.tuning.limits().room(request)?)
            .await?;
        Ok(Response::new(convert::room_response(report)))
    }

    async fn push_to_user(
        &self,
        request: Request<PushToUserRequest>,
    ) -> Result<Response<PushToUserResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let report = self
            .run(&metadata, self.tuning.limits().user(request)?)
            .await?;
        Ok(Response::new(convert::user_response(report)))
    }

    async fn broadcast_message(
        &self,
        request: Request<BroadcastMessageRequest>,
    ) -> Result<Response<BroadcastMessageResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let report = self
            .run(&metadata, self.tuning.limits().everyone(request)?)
            .await?;
        Ok(Response::new(convert::broadcast_response(report)))
    }
}
