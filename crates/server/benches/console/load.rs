//! A gentle load in rounds of a second: first it works, then it is quiet.

use std::time::Duration;

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushToUserRequest,
    push_manager_service_client::PushManagerServiceClient,
};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;

use crate::manager::Manager;

const ROUND: Duration = Duration::from_secs(1);
/// Pushes to users in a round, and how long after one another.
const USERS: u64 = 20;
const APART: Duration = Duration::from_millis(10);
/// From here on a round is quiet, if the manager was fast enough.
pub const QUIET: Duration = Duration::from_millis(600);

pub struct Load {
    client: PushManagerServiceClient<Channel>,
    /// Who the broadcast must reach: somebody at each node.
    people: usize,
    begins: Instant,
    pushes: u64,
}

impl Load {
    pub async fn new(manager: &Manager, people: usize) -> Self {
        let channel = manager.grpc().connect().await.unwrap();
        let mut client = PushManagerServiceClient::new(channel);
        // It listens before it knows its nodes.
        let began = Instant::now();
        while let Err(status) = client.push_to_user(to(0)).await {
            assert!(began.elapsed() < Duration::from_secs(30), "{status}");
            sleep(Duration::from_millis(50)).await;
        }
        Self {
            client,
            people,
            begins: Instant::now(),
            pushes: 0,
        }
    }

    /// Works, and waits until the round is quiet; false when it was too late for that.
    pub async fn works(&mut self) -> bool {
        for user in 0..USERS {
            self.client.push_to_user(to(user)).await.unwrap();
            sleep(APART).await;
        }
        self.broadcast().await;
        self.pushes += USERS + 1;
        let in_time = self.begins.elapsed() < QUIET - Duration::from_millis(50);
        sleep_until(self.begins + QUIET).await;
        in_time
    }

    /// So long after the round's beginning.
    pub async fn is_at(&self, after: Duration) {
        sleep_until(self.begins + after).await;
    }

    /// The round's end, and the beginning of the next one: whole seconds apart.
    pub async fn ends(&mut self) {
        while self.begins < Instant::now() {
            self.begins += ROUND;
        }
        sleep_until(self.begins).await;
    }

    async fn broadcast(&mut self) {
        let request = BroadcastMessageRequest {
            content: Some(content()),
            ..BroadcastMessageRequest::default()
        };
        let answer = self.client.broadcast_message(request).await.unwrap();
        let answer = answer.into_inner();
        let reached = usize::try_from(answer.total_delivered).unwrap();
        assert_eq!(
            reached, self.people,
            "each round changes every node's row: {answer:?}"
        );
    }

    /// How many each broadcast reaches.
    pub fn people(&self) -> usize {
        self.people
    }

    pub fn pushes(&self) -> u64 {
        self.pushes
    }
}

fn to(user: u64) -> PushToUserRequest {
    PushToUserRequest {
        user_id: format!("user-{user}"),
        content: Some(content()),
        ..PushToUserRequest::default()
    }
}

fn content() -> MessageContent {
    MessageContent {
        r#type: "TEXT".to_owned(),
        data: "hello".to_owned(),
        ..MessageContent::default()
    }
}
