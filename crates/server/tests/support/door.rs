//! A server to whose door requests are brought: without nodes, over a Controller that knows nobody.

use push_manager_config::Config;
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushOptions, PushToRoomRequest, PushToUserRequest,
    push_manager_service_client::PushManagerServiceClient,
};
use tonic::{Status, transport::Channel};

use crate::{
    bed::{Bed, config, text},
    fakes::FakeController,
};

pub type Client = PushManagerServiceClient<Channel>;

/// A server without nodes, and a Controller that knows nobody.
pub struct Door {
    pub bed: Bed,
    controller: FakeController,
}

impl Door {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let controller = FakeController::empty();
        let mut config = config();
        config.controller.address = controller.clone().serve().await.to_string();
        change(&mut config);
        let bed = Bed::around(config, Default::default()).await;
        Self { bed, controller }
    }

    pub fn client(&self) -> Client {
        self.bed.client().max_decoding_message_size(64 << 20)
    }

    pub async fn room(&self, request: PushToRoomRequest) -> Result<(), Status> {
        self.client().push_to_room(request).await.map(drop)
    }

    pub async fn user(&self, request: PushToUserRequest) -> Result<(), Status> {
        self.client().push_to_user(request).await.map(drop)
    }

    pub async fn everyone(&self, request: BroadcastMessageRequest) -> Result<(), Status> {
        self.client().broadcast_message(request).await.map(drop)
    }

    /// The same content and options by each of the three calls.
    pub async fn all_three(
        &self,
        content: Option<MessageContent>,
        options: Option<PushOptions>,
    ) -> [Result<(), Status>; 3] {
        let room = PushToRoomRequest {
            content: content.clone(),
            options: options.clone(),
            ..room("room-001")
        };
        let user = PushToUserRequest {
            content: content.clone(),
            options: options.clone(),
            ..user("user-001")
        };
        let everyone = BroadcastMessageRequest { content, options };
        [
            self.room(room).await,
            self.user(user).await,
            self.everyone(everyone).await,
        ]
    }

    pub fn calls(&self) -> usize {
        self.controller
            .calls
            .load(std::sync::atomic::Ordering::SeqCst)
    }
}

pub fn room(room_id: &str) -> PushToRoomRequest {
    PushToRoomRequest {
        room_id: room_id.into(),
        content: Some(text("hello")),
        ..PushToRoomRequest::default()
    }
}

pub fn user(user_id: &str) -> PushToUserRequest {
    PushToUserRequest {
        user_id: user_id.into(),
        content: Some(text("hello")),
        ..PushToUserRequest::default()
    }
}

pub fn without(users: impl IntoIterator<Item = String>) -> PushToRoomRequest {
    PushToRoomRequest {
        exclude_user_ids: users.into_iter().collect(),
        ..room("room-001")
    }
}

pub fn data(bytes: usize) -> MessageContent {
    text(&"x".repeat(bytes))
}

pub fn payload(bytes: usize) -> MessageContent {
    MessageContent {
        payload: vec![0; bytes].into(),
        ..MessageContent::default()
    }
}
