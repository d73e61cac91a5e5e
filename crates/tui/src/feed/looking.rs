//! The detail streams of one link: whatever is looked at, for as long as it is.

use std::{convert::Infallible, time::Duration};

use push_manager_proto::admin::{WatchApiRequest, WatchNodeRequest};
use tokio::time::{sleep, timeout};
use tonic::{Response, Status, Streaming};

use super::{
    Aside, FeedEvent, Learnt, Look,
    link::{ANSWER_WITHIN, Client, Plan, Wires, status_words},
};

/// A stream that ended, e.g. because the node left, is asked for again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Follows what is looked at until the link ends, which drops this.
pub(super) async fn follow(client: Client, plan: &Plan, wires: &Wires) {
    let mut looks = wires.looks.clone();
    loop {
        let look = looks.borrow_and_update().clone();
        let changed = tokio::select! {
            changed = looks.changed() => changed,
            never = look_at(client.clone(), plan, wires, look) => match never {},
        };
        if changed.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn look_at(client: Client, plan: &Plan, wires: &Wires, look: Option<Look>) -> Infallible {
    let Some(look) = look else {
        return std::future::pending().await;
    };
    loop {
        let Err(status) = stream(client.clone(), plan, wires, &look).await;
        let status = plan.dial.explain(status);
        tell(plan, wires, Aside::Untold(status_words(&status))).await;
        sleep(AGAIN_AFTER).await;
    }
}

async fn stream(
    mut client: Client,
    plan: &Plan,
    wires: &Wires,
    look: &Look,
) -> Result<Infallible, Status> {
    let interval = plan.interval.try_into().ok();
    match look {
        Look::Node(node) => {
            let node = node.clone();
            let asked = client.watch_node(WatchNodeRequest { node, interval });
            let told = in_time(asked).await?;
            pass_on(told, plan, wires, |told| Aside::Node(Box::new(told))).await
        }
        Look::Api(api) => {
            let api = api.clone();
            let asked = client.watch_api(WatchApiRequest { api, interval });
            let told = in_time(asked).await?;
            pass_on(told, plan, wires, |told| Aside::Api(Box::new(told))).await
        }
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    let answer = timeout(ANSWER_WITHIN, asked).await;
    let answer = answer.map_err(|_| Status::deadline_exceeded("no answer"))?;
    answer.map(Response::into_inner)
}

async fn pass_on<T>(
    mut told: Streaming<T>,
    plan: &Plan,
    wires: &Wires,
    aside: impl Fn(T) -> Aside,
) -> Result<Infallible, Status> {
    loop {
        let next = told.message().await?;
        let next = next.ok_or_else(|| Status::unavailable("the stream ended"))?;
        tell(plan, wires, aside(next)).await;
    }
}

async fn tell(plan: &Plan, wires: &Wires, what: Aside) {
    let event = FeedEvent {
        replica: plan.replica,
        at: plan.clock.now(),
        what: Learnt::Aside(what),
    };
    // Whoever listened may have ended; the link notices.
    drop(wires.events.send(event).await);
}
