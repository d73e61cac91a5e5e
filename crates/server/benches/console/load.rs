//! A gentle load that is the same in every window.

use std::time::Duration;

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushToUserRequest,
    push_manager_service_client::PushManagerServiceClient,
};
use tokio::{sync::oneshot, task::JoinHandle, time::interval};
use tonic::transport::Channel;

use crate::manager::Manager;

/// Pushes to users between two broadcasts.
const BETWEEN: u64 = 49;

pub struct Load {
    stop: oneshot::Sender<()>,
    task: JoinHandle<u64>,
}

impl Load {
    pub fn begin(manager: &Manager) -> Self {
        let client = PushManagerServiceClient::new(manager.lazily());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move { push(client, stopped).await });
        Self { stop, task }
    }

    /// Gives the pushes made.
    pub async fn end(self) -> u64 {
        drop(self.stop);
        self.task.await.unwrap()
    }
}

async fn push(
    mut client: PushManagerServiceClient<Channel>,
    mut stopped: oneshot::Receiver<()>,
) -> u64 {
    let mut pace = interval(Duration::from_millis(1_000 / (BETWEEN + 1)));
    let mut made = 0;
    loop {
        tokio::select! {
            _ = &mut stopped => return made,
            _ = pace.tick() => {}
        }
        if made % (BETWEEN + 1) == 0 {
            let request = BroadcastMessageRequest {
                content: Some(content()),
                ..BroadcastMessageRequest::default()
            };
            client.broadcast_message(request).await.unwrap();
        } else {
            let request = PushToUserRequest {
                user_id: format!("user-{made}"),
                content: Some(content()),
                ..PushToUserRequest::default()
            };
            client.push_to_user(request).await.unwrap();
        }
        made += 1;
    }
}

fn content() -> MessageContent {
    MessageContent {
        r#type: "TEXT".to_owned(),
        data: "hello".to_owned(),
        ..MessageContent::default()
    }
}
