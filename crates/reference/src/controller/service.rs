//! `pubsub.ControllerService`: proto to store and back; all checks of what comes in.

use push_manager_proto::pubsub::{
    GetRoomInfoRequest, GetRoomInfoResponse, GetRoomNodesRequest, GetRoomNodesResponse,
    GetRoomStatsRequest, GetRoomStatsResponse, GetUserNodeRequest, GetUserNodeResponse,
    JoinRoomRequest, JoinRoomResponse, LeaveRoomRequest, LeaveRoomResponse,
    controller_service_server::ControllerService,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use tracing::Instrument;

use super::{rooms::Place, store::Store};
use crate::{id, trace::server_span};

const SERVICE: &str = "pubsub.ControllerService";

/// Answers from a store.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) room_nodes: bool,
}

fn place(room: &str, user: &str, node: &str) -> Result<Place, Status> {
    id::check("room_id", room)?;
    id::check("user_id", user)?;
    id::check("node_id", node)?;
    Ok(Place {
        room: room.into(),
        user: user.into(),
        node: node.into(),
    })
}

#[tonic::async_trait]
impl ControllerService for Service {
    async fn join_room(
        &self,
        request: Request<JoinRoomRequest>,
    ) -> Result<Response<JoinRoomResponse>, Status> {
        let span = server_span(SERVICE, "JoinRoom", request.metadata());
        let JoinRoomRequest {
            room_id,
            user_id,
            user_name,
            node_id,
            node_address,
        } = request.into_inner();
        let place = place(&room_id, &user_id, &node_id)?;
        if !user_name.is_empty() {
            id::check("user_name", &user_name)?;
        }
        if !node_address.is_empty() {
            id::check("node_address", &node_address)?;
        }
        let join = self.store.join(place, user_name, node_address);
        join.instrument(span).await?;
        Ok(Response::new(JoinRoomResponse {
            success: true,
            message: format!("{user_id} is in {room_id} on {node_id}"),
        }))
    }

    async fn leave_room(
        &self,
        request: Request<LeaveRoomRequest>,
    ) -> Result<Response<LeaveRoomResponse>, Status> {
        let span = server_span(SERVICE, "LeaveRoom", request.metadata());
        let LeaveRoomRequest {
            room_id,
            user_id,
            node_id,
        } = request.into_inner();
        let place = place(&room_id, &user_id, &node_id)?;
        self.store.leave(&place).instrument(span).await?;
        Ok(Response::new(LeaveRoomResponse {
            success: true,
            message: format!("{user_id} is not in {room_id} on {node_id}"),
        }))
    }

    async fn get_room_info(
        &self,
        request: Request<GetRoomInfoRequest>,
    ) -> Result<Response<GetRoomInfoResponse>, Status> {
        let _entered = server_span(SERVICE, "GetRoomInfo", request.metadata()).entered();
        let GetRoomInfoRequest { room_id } = request.into_inner();
        id::check("room_id", &room_id)?;
        let room = self.store.known()?.info(&room_id);
        Ok(Response::new(GetRoomInfoResponse { room }))
    }

    async fn get_user_node(
        &self,
        request: Request<GetUserNodeRequest>,
    ) -> Result<Response<GetUserNodeResponse>, Status> {
        let _entered = server_span(SERVICE, "GetUserNode", request.metadata()).entered();
        let GetUserNodeRequest { user_id } = request.into_inner();
        id::check("user_id", &user_id)?;
        Ok(Response::new(self.store.known()?.locate(&user_id)))
    }

    async fn get_room_stats(
        &self,
        request: Request<GetRoomStatsRequest>,
    ) -> Result<Response<GetRoomStatsResponse>, Status> {
        let _entered = server_span(SERVICE, "GetRoomStats", request.metadata()).entered();
        let GetRoomStatsRequest { room_id } = request.into_inner();
        if !room_id.is_empty() {
            id::check("room_id", &room_id)?;
        }
        Ok(Response::new(self.store.known()?.stats(&room_id)))
    }

    async fn get_room_nodes(
        &self,
        request: Request<GetRoomNodesRequest>,
    ) -> Result<Response<GetRoomNodesResponse>, Status> {
        let _entered = server_span(SERVICE, "GetRoomNodes", request.metadata()).entered();
        if !self.room_nodes {
            return Err(Status::unimplemented("GetRoomNodes is switched off here"));
        }
        let GetRoomNodesRequest { room_id } = request.into_inner();
        id::check("room_id", &room_id)?;
        let node_ids = self.store.known()?.nodes(&room_id);
        Ok(Response::new(GetRoomNodesResponse { node_ids }))
    }
}
