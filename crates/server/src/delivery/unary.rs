//! One call over the unary RPCs that every node knows.

mod wire;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::time::Instant;
use tonic::{Code, Status};
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
    let tries = Tries::default();
    let attempts = attempts(node, call, policy, &tries).instrument(span);
    let verdict = match tokio::time::timeout_at(call.deadline, attempts).await {
        Ok(verdict) => verdict,
        // Without a connection there was nothing that the call could go out on.
        Err(_) if node.live() == 0 && !tries.maybe_sent.load(Ordering::Relaxed) => Verdict::failed(
            Outcome::NodeGone,
            Reason::ConnectFailed,
            "no connection by the deadline",
        ),
        Err(_) => Verdict::failed(Outcome::Unknown, Reason::DeadlineExceeded, ""),
    };
    if let Some(stripe) = tries.stripe.load(Ordering::Relaxed).checked_sub(1) {
        match &verdict {
            Verdict::Failed { reason, .. } if *reason == Reason::DeadlineExceeded => {
                node.unheard(stripe);
            }
            Verdict::Failed { .. } | Verdict::Named(_) | Verdict::Counted { .. } => {
                node.heard(stripe);
            }
        }
    }
    match &verdict {
        Verdict::Failed { reason, detail, .. } if detail.is_empty() => {
            node.call_failed(reason.as_words());
        }
        Verdict::Failed { detail, .. } => node.call_failed(detail),
        Verdict::Named(_) | Verdict::Counted { .. } => node.call_succeeded(),
    }
    verdict
}

/// What is known of a call's tries when its deadline cuts the last one short.
#[derive(Default)]
struct Tries {
    /// One more than the stripe of the latest try; 0 before the first.
    stripe: AtomicUsize,
    /// One may have arrived.
    maybe_sent: AtomicBool,
}

async fn attempts(node: &Node, call: &Call, policy: Policy, tries: &Tries) -> Verdict {
    let mut tried = 0;
    loop {
        tried += 1;
        let sent = Instant::now();
        let status = match once(node, call, tries).await {
            Ok(verdict) => {
                node.figures().answered(sent.elapsed());
                return verdict;
            }
            Err(status) => status,
        };
        let failure = Failure::of(&status);
        if let Failure::Answered(_) = failure {
            node.figures().answered(sent.elapsed());
        }
        if failure == Failure::Answered(Code::NotFound)
            && let Some(verdict) = not_found(&call.audience)
        {
            return verdict;
        }
        if failure == Failure::Lost {
            tries.maybe_sent.store(true, Ordering::Relaxed);
        }
        let left = call.deadline.saturating_duration_since(Instant::now());
        match policy.after(failure, tried, left, rand::random()) {
            Attempt::Again(wait) => tokio::time::sleep(wait).await,
            Attempt::GiveUp(outcome, reason) => {
                // An earlier try may have arrived, whatever became of the last one.
                let doubtful =
                    tries.maybe_sent.load(Ordering::Relaxed) && outcome == Outcome::NodeGone;
                let outcome = if doubtful { Outcome::Unknown } else { outcome };
                let detail = match failure {
                    Failure::Late => String::new(),
                    Failure::Unconnected
                    | Failure::Unsent
                    | Failure::Lost
                    | Failure::Answered(_) => describe(&status),
                };
                return Verdict::failed(outcome, reason, detail);
            }
        }
    }
}

/// Some nodes answer so for users or rooms that they do not hold.
fn not_found(audience: &Audience) -> Option<Verdict> {
    match audience {
        Audience::One(_) => Some(Verdict::none_here(1)),
        Audience::Named(users) => Some(Verdict::none_here(users.len())),
        Audience::Room => Some(Verdict::no_such_room()),
        Audience::Everyone => None,
    }
}

async fn once(node: &Node, call: &Call, tries: &Tries) -> Result<Verdict, Status> {
    let (stripe, channel) = node
        .channel()
        .map_err(|error| Status::from_error(Box::new(error)))?;
    tries.stripe.store(stripe + 1, Ordering::Relaxed);
    match &call.audience {
        Audience::One(user) => {
            let answer = wire::push_message(channel, call, user).await?;
            Ok(Verdict::of_one(&answer))
        }
        Audience::Named(users) => {
            let answer = wire::push_batch(channel, call, users).await?;
            Ok(Verdict::of_named(users, &answer))
        }
        Audience::Room | Audience::Everyone => {
            let answer = wire::push_batch(channel, call, &[]).await?;
            Ok(Verdict::of_all(&answer))
        }
    }
}
