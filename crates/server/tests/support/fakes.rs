//! Peers whose answers a test chooses, where a real one can't be made to
//! answer so.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use push_manager_proto::pubsub::{
    GetRoomInfoRequest, GetRoomInfoResponse, GetRoomNodesRequest, GetRoomNodesResponse,
    GetRoomStatsRequest, GetRoomStatsResponse, GetUserNodeRequest, GetUserNodeResponse,
    JoinRoomRequest, JoinRoomResponse, LeaveRoomRequest, LeaveRoomResponse,
    PushMessageBatchRequest, PushMessageBatchResponse, PushMessageRequest, PushMessageResponse,
    RoomInfo, UserInfo,
    connect_node_service_server::{ConnectNodeService, ConnectNodeServiceServer},
    controller_service_server::{ControllerService, ControllerServiceServer},
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

type Answer<Q, A> = Arc<dyn Fn(Q) -> Result<A, Status> + Send + Sync>;

/// A Connect-Node that answers as told.
#[derive(Clone)]
pub struct FakeNode {
    pub one: Answer<PushMessageRequest, PushMessageResponse>,
    pub batch: Answer<PushMessageBatchRequest, PushMessageBatchResponse>,
    pub calls: Arc<AtomicUsize>,
}

impl FakeNode {
    /// Takes everything for everyone who is named.
    pub fn obliging() -> Self {
        Self {
            one: Arc::new(|_| {
                Ok(PushMessageResponse {
                    success: true,
                    message: String::new(),
                })
            }),
            batch: Arc::new(|asked| {
                let delivered_count = i32::try_from(asked.user_ids.len()).unwrap();
                Ok(PushMessageBatchResponse {
                    success: true,
                    delivered_count,
                    failed_user_ids: Vec::new(),
                })
            }),
            calls: Arc::default(),
        }
    }

    /// Answers batches with `answer`.
    pub fn batches(
        answer: impl Fn(PushMessageBatchRequest) -> Result<PushMessageBatchResponse, Status>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            batch: Arc::new(answer),
            ..Self::obliging()
        }
    }

    /// Serves on a free port.
    pub async fn serve(self) -> SocketAddr {
        let (incoming, address) = listen().await;
        let service = ConnectNodeServiceServer::new(self).max_decoding_message_size(64 << 20);
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::task::spawn(server.serve_with_incoming(incoming));
        address
    }
}

#[tonic::async_trait]
impl ConnectNodeService for FakeNode {
    async fn push_message(
        &self,
        request: Request<PushMessageRequest>,
    ) -> Result<Response<PushMessageResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.one)(request.into_inner()).map(Response::new)
    }

    async fn push_message_batch(
        &self,
        request: Request<PushMessageBatchRequest>,
    ) -> Result<Response<PushMessageBatchResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.batch)(request.into_inner()).map(Response::new)
    }
}

/// A Controller that answers as told.
#[derive(Clone)]
pub struct FakeController {
    pub room: Answer<String, Vec<UserInfo>>,
    pub user: Answer<String, GetUserNodeResponse>,
    pub room_nodes: Answer<String, Vec<String>>,
    pub calls: Arc<AtomicUsize>,
}

impl FakeController {
    /// Knows nobody.
    pub fn empty() -> Self {
        Self {
            room: Arc::new(|_| Ok(Vec::new())),
            user: Arc::new(|_| Ok(GetUserNodeResponse::default())),
            room_nodes: Arc::new(|_| Err(Status::unimplemented("an old Controller"))),
            calls: Arc::default(),
        }
    }

    /// Every room has these members, as (user, node id).
    pub fn with_members(members: &[(&str, &str)]) -> Self {
        let users: Vec<UserInfo> = members
            .iter()
            .map(|(user, node)| member(user, node))
            .collect();
        Self {
            room: Arc::new(move |_| Ok(users.clone())),
            ..Self::empty()
        }
    }

    /// Every user is at this node.
    pub fn with_user_at(node_id: &str, node_address: &str) -> Self {
        let answer = GetUserNodeResponse {
            node_id: node_id.into(),
            node_address: node_address.into(),
            found: true,
            room_id: "room-001".into(),
            locations: Vec::new(),
        };
        Self {
            user: Arc::new(move |_| Ok(answer.clone())),
            ..Self::empty()
        }
    }

    /// Serves on a free port.
    pub async fn serve(self) -> SocketAddr {
        let (incoming, address) = listen().await;
        let service = ControllerServiceServer::new(self).max_encoding_message_size(100 << 20);
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::task::spawn(server.serve_with_incoming(incoming));
        address
    }
}

pub fn member(user: &str, node: &str) -> UserInfo {
    UserInfo {
        user_id: user.into(),
        node_id: node.into(),
        ..UserInfo::default()
    }
}

async fn listen() -> (TcpIncoming, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (TcpIncoming::from(listener), address)
}

#[tonic::async_trait]
impl ControllerService for FakeController {
    async fn join_room(
        &self,
        _: Request<JoinRoomRequest>,
    ) -> Result<Response<JoinRoomResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn leave_room(
        &self,
        _: Request<LeaveRoomRequest>,
    ) -> Result<Response<LeaveRoomResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_room_info(
        &self,
        request: Request<GetRoomInfoRequest>,
    ) -> Result<Response<GetRoomInfoResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let room_id = request.into_inner().room_id;
        let users = (self.room)(room_id.clone())?;
        let room = Some(RoomInfo {
            room_id,
            users,
            ..RoomInfo::default()
        });
        Ok(Response::new(GetRoomInfoResponse { room }))
    }

    async fn get_user_node(
        &self,
        request: Request<GetUserNodeRequest>,
    ) -> Result<Response<GetUserNodeResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.user)(request.into_inner().user_id).map(Response::new)
    }

    async fn get_room_stats(
        &self,
        _: Request<GetRoomStatsRequest>,
    ) -> Result<Response<GetRoomStatsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_room_nodes(
        &self,
        request: Request<GetRoomNodesRequest>,
    ) -> Result<Response<GetRoomNodesResponse>, Status> {
        let node_ids = (self.room_nodes)(request.into_inner().room_id)?;
        Ok(Response::new(GetRoomNodesResponse { node_ids }))
    }
}
