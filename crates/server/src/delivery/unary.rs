//! One call over the unary RPCs that every node knows.

use push_manager_proto::pubsub::{
    PushMessageBatchRequest, PushMessageRequest,
    connect_node_service_client::ConnectNodeServiceClient,
};
use tokio::time::Instant;
use tonic::{Code, Request, Status};
use tracing::Instrument;

use super::{Attempt, Audience, Call, Policy, Verdict};
use crate::{
    channel::{Failure, describe},
    outcome::{Outcome, Reason},
    pool::Node,
};

/// Makes the call, again where the policy says so, until its deadline.
pub(super) async fn call(node: &Node, call: &Call, policy: Policy) -> Verdict {
    let method = match call.audience {
        Audience::One(_) => "PushMessage",
        Audience::Named(_) | Audience::Room | Audience::Everyone => "PushMessageBatch",
    };
    let span = tracing::info_span!(
        parent: &call.span,
        "node",
        otel.name = method,
        otel.kind = "client",
        node.id = %node.id()
    );
    match tokio::time::timeout_at(call.deadline, attempts(node, call, policy).instrument(span))
        .await
    {
        Ok(verdict) => verdict,
        // Without a connection there was nothing that the call could go out on.
        Err(_) if node.live() == 0 => Verdict::failed(
            Outcome::NodeGone,
            Reason::ConnectFailed,
            "no connection by the deadline",
        ),
        Err(_) => Verdict::failed(Outcome::Unknown, Reason::DeadlineExceeded, ""),
    }
}

async fn attempts(node: &Node, call: &Call, policy: Policy) -> Verdict {
    let mut tried = 0;
    loop {
        tried += 1;
        let status = match once(node, call).await {
            Ok(verdict) => return verdict,
            Err(status) => status,
        };
        let failure = Failure::of(&status);
        if failure == Failure::Answered(Code::NotFound) {
            match &call.audience {
                Audience::One(_) => return Verdict::none_here(1),
                Audience::Named(users) => return Verdict::none_here(users.len()),
                Audience::Room | Audience::Everyone => {}
            }
        }
        let left = call.deadline.saturating_duration_since(Instant::now());
        match policy.after(failure, tried, left, rand::random()) {
            Attempt::Again(wait) => tokio::time::sleep(wait).await,
            Attempt::GiveUp(outcome, reason) => {
                return Verdict::failed(outcome, reason, describe(&status));
            }
        }
    }
}

async fn once(node: &Node, call: &Call) -> Result<Verdict, Status> {
    let channel = node
        .channel()
        .map_err(|error| Status::from_error(Box::new(error)))?;
    let mut client = ConnectNodeServiceClient::new(channel);
    let room_id = call
        .room
        .as_ref()
        .map(|room| room.as_str().to_owned())
        .unwrap_or_default();
    let content = Some((*call.content).clone());
    let user_ids = match &call.audience {
        Audience::One(user) => {
            let user_id = user.as_str().to_owned();
            let request = outgoing(
                PushMessageRequest {
                    user_id,
                    room_id,
                    content,
                },
                call,
            );
            let answer = client.push_message(request).await?;
            return Ok(Verdict::of_one(answer.get_ref()));
        }
        Audience::Named(users) => users.iter().map(|user| user.as_str().to_owned()).collect(),
        Audience::Room | Audience::Everyone => Vec::new(),
    };
    let request = outgoing(
        PushMessageBatchRequest {
            user_ids,
            room_id,
            content,
        },
        call,
    );
    let answer = client.push_message_batch(request).await?;
    Ok(match &call.audience {
        Audience::Named(users) => Verdict::of_named(users, answer.get_ref()),
        Audience::One(_) | Audience::Room | Audience::Everyone => Verdict::of_all(answer.get_ref()),
    })
}

/// Adds the deadline and the trace.
fn outgoing<T>(message: T, call: &Call) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(call.deadline.saturating_duration_since(Instant::now()));
    call.trace.inject(request.metadata_mut());
    request
}
