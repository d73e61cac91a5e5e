//! `pubsub.ConnectNodeService`: proto to hub and back, nothing else.

use std::sync::Arc;

use push_manager_proto::pubsub::{
    MessageContent, PushMessageBatchRequest, PushMessageBatchResponse, PushMessageRequest,
    PushMessageResponse, connect_node_service_server::ConnectNodeService,
};
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
