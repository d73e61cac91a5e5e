//! `pubsub.ConnectNodeService`: proto to hub and back, nothing else.

use std::{sync::Arc, time::Duration};

use push_manager_proto::pubsub::{
    MessageContent, PushMessageBatchRequest, PushMessageBatchResponse, PushMessageRequest,
    PushMessageResponse, connect_node_service_server::ConnectNodeService,
};
use tokio::{sync::watch, time::Instant};
use tonic::{Request, Response, Status};

use super::{
    frame,
    hub::{Delivery, Hub, Target},
};
use crate::{id, trace::server_span};

const SERVICE: &str = "pubsub.ConnectNodeService";

/// Takes pushes for the clients of a hub.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) hub: Arc<Hub>,
    pub(crate) node: Arc<str>,
    pub(crate) pace: Pace,
}

/// How long a node takes over each answer, on purpose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(watch::Sender<Duration>);

impl Pace {
    /// From now on, also for the calls that wait already.
    pub(crate) fn set(&self, pause: Duration) {
        self.0.send_replace(pause);
    }

    /// Waits as long as the pace says, counted from now.
    async fn keep(&self) {
        if self.0.borrow().is_zero() {
            return;
        }
        let (began, mut pauses) = (Instant::now(), self.0.subscribe());
        loop {
            let until = began + *pauses.borrow_and_update();
            let changed = tokio::time::timeout_at(until, pauses.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return;
            }
        }
    }
}

impl Service {
    fn deliver(
        &self,
        target: Target<'_>,
        room: &str,
        content: Option<&MessageContent>,
    ) -> Result<Delivery, Status> {
        let content = content
            .ok_or_else(|| Status::invalid_argument("content is missing; expected a message"))?;
        let frame = frame::push(content, room, &self.node, frame::now_ms())
            .map_err(|error| Status::internal(format!("cannot encode the push: {error}")))?;
        Ok(self.hub.deliver(target, &frame))
    }
}

#[tonic::async_trait]
impl ConnectNodeService for Service {
    async fn push_message(
        &self,
        request: Request<PushMessageRequest>,
    ) -> Result<Response<PushMessageResponse>, Status> {
        self.pace.keep().await;
        let span = server_span(SERVICE, "PushMessage", request.metadata());
        let _entered = span.enter();
        let PushMessageRequest {
            user_id,
            room_id,
            content,
        } = request.into_inner();
        id::check("user_id", &user_id)?;
        let users = [user_id];
        let delivery = self.deliver(Target::Users(&users), &room_id, content.as_ref())?;
        let success = delivery.delivered > 0;
        let [user] = users;
        let message = if success {
            format!("delivered to {user} at {}", self.node)
        } else {
            format!("{user} has no connection at {} that took it", self.node)
        };
        Ok(Response::new(PushMessageResponse { success, message }))
    }

    async fn push_message_batch(
        &self,
        request: Request<PushMessageBatchRequest>,
    ) -> Result<Response<PushMessageBatchResponse>, Status> {
        self.pace.keep().await;
        let span = server_span(SERVICE, "PushMessageBatch", request.metadata());
        let _entered = span.enter();
        let PushMessageBatchRequest {
            user_ids,
            room_id,
            content,
        } = request.into_inner();
        let target = match (user_ids.as_slice(), room_id.as_str()) {
            ([], "") => Target::Everyone,
            ([], room) => Target::Room(room),
            (users, _) => Target::Users(users),
        };
        let delivery = self.deliver(target, &room_id, content.as_ref())?;
        let Delivery { delivered, failed } = delivery;
        tracing::debug!(delivered, failed = failed.len(), "push served");
        Ok(Response::new(PushMessageBatchResponse {
            success: true,
            delivered_count: i32::try_from(delivered).unwrap_or(i32::MAX),
            failed_user_ids: failed,
        }))
    }
}
