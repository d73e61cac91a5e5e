//! Servers over peers that a test chooses, nodes that keep what they were asked, and calls that a
//! test can leave running.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use push_manager::{discovery::memory::MemoryNodes, ids::NodeId};
use push_manager_config::Config;
use push_manager_proto::pubsub::{
    PushMessageBatchRequest, PushMessageBatchResponse, PushMessageRequest, PushMessageResponse,
    PushToRoomRequest, PushToRoomResponse, push_manager_service_client::PushManagerServiceClient,
};
use tonic::transport::Channel;

use crate::{
    bed::{Bed, config, loopback, text},
    fakes::{FakeController, FakeNode},
    proxy::{Mode, Proxy},
};

/// Adds a node, or moves it.
pub fn put(memory: &MemoryNodes, id: &str, address: SocketAddr) {
    memory.put(NodeId::new(id), address.to_string().parse().unwrap(), None);
}

/// A server over a Controller and nodes that answer as told.
pub async fn around(
    controller: FakeController,
    nodes: &[(&str, SocketAddr)],
    change: impl FnOnce(&mut Config),
) -> Bed {
    let mut config = config();
    config.controller.address = controller.serve().await.to_string();
    change(&mut config);
    let memory = MemoryNodes::default();
    for (id, address) in nodes {
        put(&memory, id, *address);
    }
    Bed::around(config, memory).await
}

/// An address that nobody listens on, for as long as the proxy lives.
pub async fn nobody() -> Proxy {
    let proxy = Proxy::to(loopback()).await;
    proxy.set(Mode::Refuse).await;
    proxy
}

pub fn room_request(room: &str, data: &str) -> PushToRoomRequest {
    PushToRoomRequest {
        room_id: room.into(),
        content: Some(text(data)),
        ..PushToRoomRequest::default()
    }
}

/// A push that owns its client, so that it can run in a task of its own.
pub async fn send_room(
    mut client: PushManagerServiceClient<Channel>,
    room: &str,
    data: &str,
) -> PushToRoomResponse {
    let answer = client.push_to_room(room_request(room, data)).await;
    answer.unwrap().into_inner()
}

/// A node on a free port that has some users, and keeps what it was asked.
pub struct Listener {
    pub address: SocketAddr,
    asked: Arc<Mutex<Asked>>,
}

/// What a node was asked, in order.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub ones: Vec<PushMessageRequest>,
    pub batches: Vec<PushMessageBatchRequest>,
}

impl Listener {
    /// A node that has these users, all of them in every room.
    pub async fn having(users: &[&str]) -> Self {
        let users: Arc<[String]> = users.iter().map(ToString::to_string).collect();
        let asked: Arc<Mutex<Asked>> = Arc::default();
        let (ones, batches) = (asked.clone(), asked.clone());
        let known = users.clone();
        let node = FakeNode {
            one: Arc::new(move |request| {
                let success = known.contains(&request.user_id);
                ones.lock().unwrap().ones.push(request);
                let message = String::new();
                Ok(PushMessageResponse { success, message })
            }),
            batch: Arc::new(move |request| {
                let answer = served(&users, &request.user_ids);
                batches.lock().unwrap().batches.push(request);
                Ok(answer)
            }),
            ..FakeNode::obliging()
        };
        let address = node.serve().await;
        Self { address, asked }
    }

    /// What it was asked since the last time.
    pub fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn served(users: &[String], asked: &[String]) -> PushMessageBatchResponse {
    let failed = asked.iter().filter(|user| !users.contains(user));
    let failed_user_ids: Vec<String> = failed.cloned().collect();
    let delivered = match asked.len() {
        0 => users.len(),
        named => named - failed_user_ids.len(),
    };
    PushMessageBatchResponse {
        success: true,
        delivered_count: i32::try_from(delivered).unwrap(),
        failed_user_ids,
    }
}
