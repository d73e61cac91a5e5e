//! The two requests as they go out. The content is encoded once a push: on the
//! wire an embedded message and bytes are the same, so these stand-ins for
//! `PushMessageRequest` and `PushMessageBatchRequest` carry it as it is.

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message;
use push_manager_proto::pubsub::{PushMessageBatchResponse, PushMessageResponse};
use tokio::time::Instant;
use tonic::{Request, Status, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

use super::Call;
use crate::ids::UserId;

/// Largest answer: a list of failed users.
const LARGEST_ANSWER: usize = 64 << 20;

#[derive(Clone, PartialEq, Message)]
struct OneRequest {
    #[prost(string, tag = "1")]
    user_id: String,
    #[prost(string, tag = "2")]
    room_id: String,
    #[prost(bytes = "bytes", tag = "3")]
    content: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct BatchRequest {
    #[prost(string, repeated, tag = "1")]
    user_ids: Vec<String>,
    #[prost(string, tag = "2")]
    room_id: String,
    #[prost(bytes = "bytes", tag = "3")]
    content: Bytes,
}

/// `ConnectNodeService.PushMessage`.
pub(super) async fn push_message(
    channel: Channel,
    call: &Call,
    user: &UserId,
) -> Result<PushMessageResponse, Status> {
    let request = OneRequest {
        user_id: user.as_str().to_owned(),
        room_id: room_id(call),
        content: call.content.clone(),
    };
    let path = PathAndQuery::from_static("/pubsub.ConnectNodeService/PushMessage");
    send(channel, call, request, path).await
}

/// `ConnectNodeService.PushMessageBatch`.
pub(super) async fn push_batch(
    channel: Channel,
    call: &Call,
    users: &[UserId],
) -> Result<PushMessageBatchResponse, Status> {
    let request = BatchRequest {
        user_ids: users.iter().map(|user| user.as_str().to_owned()).collect(),
        room_id: room_id(call),
        content: call.content.clone(),
    };
    let path = PathAndQuery::from_static("/pubsub.ConnectNodeService/PushMessageBatch");
    send(channel, call, request, path).await
}

async fn send<Q, A>(
    channel: Channel,
    call: &Call,
    message: Q,
    path: PathAndQuery,
) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut request = Request::new(message);
    request.set_timeout(call.deadline.saturating_duration_since(Instant::now()));
    call.trace.inject(request.metadata_mut());
    let mut client = Grpc::new(channel).max_decoding_message_size(LARGEST_ANSWER);
    client
        .ready()
        .await
        .map_err(|error| Status::from_error(Box::new(error)))?;
    let answer = client
        .unary(request, path, ProstCodec::<Q, A>::default())
        .await?;
    Ok(answer.into_inner())
}

fn room_id(call: &Call) -> String {
    call.room
        .as_ref()
        .map(|room| room.as_str().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use push_manager_proto::pubsub::{MessageContent, PushMessageBatchRequest, PushMessageRequest};

    use super::*;

    #[test]
    fn the_stand_ins_are_the_contracts_messages_on_the_wire() {
        let content = MessageContent {
            r#type: "TEXT".into(),
            data: "hello".into(),
            timestamp: 7,
            ..MessageContent::default()
        };
        let encoded = Bytes::from(content.encode_to_vec());
        let batch = BatchRequest {
            user_ids: vec!["a".into(), "b".into()],
            room_id: "r".into(),
            content: encoded.clone(),
        };
        let contract = PushMessageBatchRequest {
            user_ids: batch.user_ids.clone(),
            room_id: "r".into(),
            content: Some(content.clone()),
        };
        assert_eq!(batch.encode_to_vec(), contract.encode_to_vec());
        let one = OneRequest {
            user_id: "a".into(),
            room_id: "r".into(),
            content: encoded,
        };
        let contract = PushMessageRequest {
            user_id: "a".into(),
            room_id: "r".into(),
            content: Some(content),
        };
        assert_eq!(one.encode_to_vec(), contract.encode_to_vec());
    }
}
