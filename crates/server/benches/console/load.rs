//! A gentle load that is the same in every window: rounds of a second.

use std::time::Duration;

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushToUserRequest,
    push_manager_service_client::PushManagerServiceClient,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};
use tonic::transport::Channel;

use crate::manager::Manager;

const ROUND: Duration = Duration::from_secs(1);
/// Pushes to users in a round, and how long after one another.
const USERS: u64 = 20;
const APART: Duration = Duration::from_millis(20);

pub struct Load {
    client: PushManagerServiceClient<Channel>,
    /// Who the broadcast must reach: somebody at each node.
    people: usize,
    ticks: Interval,
    pushes: u64,
    late: u64,
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
        let mut ticks = interval(ROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        Self {
            client,
            people,
            ticks,
            pushes: 0,
            late: 0,
        }
    }

    /// Begins and ends where a round does. Consoles that were opened just before are told of each
    /// round's broadcast at once: it is made between their samples.
    pub async fn rounds(&mut self, many: u64) {
        for _ in 0..many {
            let began = Instant::now();
            for user in 0..USERS {
                self.client.push_to_user(to(user)).await.unwrap();
                sleep(APART).await;
            }
            self.broadcast().await;
            self.pushes += USERS + 1;
            self.late += u64::from(began.elapsed() > ROUND);
            self.ticks.tick().await;
        }
    }

    async fn broadcast(&mut self) {
        let request = BroadcastMessageRequest {
            content: Some(content()),
            ..BroadcastMessageRequest::default()
        };
        let answer = self.client.broadcast_message(request).await.unwrap();
        let reached = usize::try_from(answer.into_inner().total_delivered).unwrap();
        assert_eq!(reached, self.people, "each round changes every node's row");
    }

    pub fn pushes(&self) -> u64 {
        self.pushes
    }

    /// Rounds that took longer than a second.
    pub fn late(&self) -> u64 {
        self.late
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
