//! A manager whose admin API does what a test tells it: the wire is real.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use push_manager_proto::admin::{
    ActPlan, ActRequest, ActResponse, EventsRequest, EventsResponse, GetInfoRequest,
    GetInfoResponse, GetSettingsRequest, GetSettingsResponse, NodeRow, NodeState, NodeStatic,
    Readiness, ReplicaRow, RowsPart, WatchApiRequest, WatchApiResponse, WatchNodeRequest,
    WatchNodeResponse, WatchRequest, WatchResponse,
    admin_service_server::{AdminService, AdminServiceServer},
    watch_response::Kind,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};

/// How it takes an act on `push-1`, the one node that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Acts,
    Refuses,
    /// Does it, and is then silent the first time.
    LosesItsFirstAnswer,
}

/// A manager. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Manager {
    pub(crate) address: SocketAddr,
    acts: Arc<Mutex<Vec<ActRequest>>>,
}

impl Manager {
    pub(crate) async fn start(takes: Takes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let manager = Self {
            address: listener.local_addr().unwrap(),
            acts: Arc::default(),
        };
        let acts = manager.acts.clone();
        let service = AdminServiceServer::new(Scripted { takes, acts });
        tokio::spawn(async move {
            let router = Server::builder().add_service(service);
            let serving = router.serve_with_incoming(TcpListenerStream::new(listener));
            serving.await.unwrap();
        });
        manager
    }

    /// What it was asked to do, plans left out.
    pub(crate) fn acts(&self) -> Vec<ActRequest> {
        self.acts.lock().unwrap().clone()
    }
}

struct Scripted {
    takes: Takes,
    acts: Arc<Mutex<Vec<ActRequest>>>,
}

fn node() -> NodeStatic {
    NodeStatic {
        key: 1,
        id: "push-1".to_owned(),
        instance: "9f3c".to_owned(),
        address: "10.0.0.1:1".to_owned(),
        ..NodeStatic::default()
    }
}

type Frames<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl AdminService for Scripted {
    type WatchStream = Frames<WatchResponse>;
    type WatchNodeStream = Frames<WatchNodeResponse>;
    type WatchApiStream = Frames<WatchApiResponse>;
    type EventsStream = Frames<EventsResponse>;

    async fn get_info(
        &self,
        _: Request<GetInfoRequest>,
    ) -> Result<Response<GetInfoResponse>, Status> {
        Ok(Response::new(GetInfoResponse {
            version: "0.1.0".to_owned(),
            etcd_endpoints: vec!["http://root:hunter2@etcd:2379".to_owned()],
            ..GetInfoResponse::default()
        }))
    }

    /// A snapshot in two parts.
    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, frames) = mpsc::channel(4);
        let replica = ReplicaRow {
            readiness: Readiness::Ready.into(),
            discovery_up: true,
            ..ReplicaRow::default()
        };
        let row = NodeRow {
            key: 1,
            state: NodeState::Ready.into(),
            ..NodeRow::default()
        };
        let parts = [
            RowsPart {
                more: true,
                node_statics: vec![node()],
                nodes: vec![row],
                ..RowsPart::default()
            },
            RowsPart {
                replica: Some(replica),
                ..RowsPart::default()
            },
        ];
        for part in parts {
            let frame = WatchResponse {
                epoch: 1,
                seq: 1,
                kind: Some(Kind::Snapshot(part)),
                ..WatchResponse::default()
            };
            sender.send(Ok(frame)).await.unwrap();
        }
        tokio::spawn(async move { sender.closed().await });
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    async fn act(&self, request: Request<ActRequest>) -> Result<Response<ActResponse>, Status> {
        let request = request.into_inner();
        if request.node != "push-1" {
            return Err(Status::not_found(format!(
                "no node is called {:?}",
                request.node
            )));
        }
        let refusal = match self.takes {
            Takes::Refuses => "too few usable nodes would remain",
            Takes::Acts | Takes::LosesItsFirstAnswer => "",
        };
        let plan = ActPlan {
            node_static: Some(node()),
            refusal: refusal.to_owned(),
            lines: vec!["nothing new is sent to push-1".to_owned()],
            ..ActPlan::default()
        };
        let dry_run = request.dry_run;
        if !dry_run {
            let mut acts = self.acts.lock().unwrap();
            acts.push(request);
            if !refusal.is_empty() {
                return Err(Status::failed_precondition(refusal));
            }
            if self.takes == Takes::LosesItsFirstAnswer && acts.len() == 1 {
                return Err(Status::unavailable("the connection was lost"));
            }
        }
        Ok(Response::new(ActResponse {
            plan: Some(plan),
            applied: !dry_run,
            message: "push-1 is drained for 10 min".to_owned(),
            ..ActResponse::default()
        }))
    }

    async fn watch_node(
        &self,
        _: Request<WatchNodeRequest>,
    ) -> Result<Response<Self::WatchNodeStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn watch_api(
        &self,
        _: Request<WatchApiRequest>,
    ) -> Result<Response<Self::WatchApiStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn events(
        &self,
        _: Request<EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn get_settings(
        &self,
        _: Request<GetSettingsRequest>,
    ) -> Result<Response<GetSettingsResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}
