//! A client without a socket, for programs that embed a node: it takes what comes and counts it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{client::Waiting, seat::Seat};
use crate::life::Life;

/// Frames taken at once.
const BATCH: usize = 64;

/// A client; dropping it makes it leave.
#[derive(Debug)]
pub struct Guest {
    frames: Arc<AtomicU64>,
    _leave: DropGuard,
}

impl Guest {
    /// Takes what waits for a seated client until it is dropped or `leave` fires.
    pub(super) fn listen(
        seat: Seat,
        waiting: Waiting,
        leave: CancellationToken,
        life: &Life,
    ) -> Self {
        let frames = Arc::new(AtomicU64::new(0));
        life.spawn(listen(seat, waiting, frames.clone(), leave.clone()));
        Self {
            frames,
            _leave: leave.drop_guard(),
        }
    }

    /// Frames that it got: pushes, and the confirmation of its room.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

async fn listen(
    seat: Seat,
    mut waiting: Waiting,
    frames: Arc<AtomicU64>,
    leave: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let taking = waiting.take(&mut batch, BATCH);
        let Some(count) = leave.run_until_cancelled(taking).await else {
            break;
        };
        if count == 0 {
            break;
        }
        waiting.written(batch.drain(..).map(|frame| frame.len()).sum());
        frames.fetch_add(count as u64, Ordering::Relaxed);
    }
    drop(seat);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use push_manager_proto::pubsub::{
        MessageContent, PushMessageRequest, connect_node_service_client::ConnectNodeServiceClient,
    };
    use tonic::{Code, Request, transport::Channel};

    use crate::node::{Node, NodeConfig};

    async fn node() -> (Node, ConnectNodeServiceClient<Channel>) {
        let node = Node::start(NodeConfig::default()).await.unwrap();
        let url = format!("http://{}", node.grpc_addr());
        let client = ConnectNodeServiceClient::connect(url).await.unwrap();
        (node, client)
    }

    fn push(within: Duration) -> Request<PushMessageRequest> {
        let mut request = Request::new(PushMessageRequest {
            user_id: "ann".to_owned(),
            room_id: "room".to_owned(),
            content: Some(MessageContent::default()),
        });
        request.set_timeout(within);
        request
    }

    const PATIENT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_guest_is_served_like_anybody_until_it_leaves() {
        let (node, mut client) = node().await;
        let guest = node.invite("ann", "room").await.unwrap();
        let answer = client.push_message(push(PATIENT)).await.unwrap();
        assert!(answer.into_inner().success);
        while guest.frames() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(guest);
        while node.stats().connections > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let answer = client.push_message(push(PATIENT)).await.unwrap();
        assert!(!answer.into_inner().success);
        node.shutdown().await;
    }

    #[tokio::test]
    async fn a_silent_node_answers_those_who_wait_once_it_speaks_again() {
        let (node, mut client) = node().await;
        let _guest = node.invite("ann", "room").await.unwrap();
        node.answer_after(Duration::from_hours(1));
        let impatient = client.push_message(push(Duration::from_millis(50))).await;
        assert!(matches!(
            impatient.unwrap_err().code(),
            Code::Cancelled | Code::DeadlineExceeded
        ));
        let mut waiting = client.clone();
        let (answer, ()) = tokio::join!(waiting.push_message(push(PATIENT)), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            node.answer_after(Duration::ZERO);
        });
        assert!(answer.unwrap().into_inner().success);
        node.shutdown().await;
    }
}
