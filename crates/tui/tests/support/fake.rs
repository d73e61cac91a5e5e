//! A replica that does what a test tells it: the wire is real, the state is a scenario's.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use push_manager_proto::admin::{
    ActRequest, ActResponse, ApiRow, EventsRequest, EventsResponse, GetInfoRequest,
    GetInfoResponse, GetSettingsRequest, GetSettingsResponse, NodeStatic, WatchApiRequest,
    WatchApiResponse, WatchNodeRequest, WatchNodeResponse, WatchRequest, WatchResponse,
    admin_service_server::{AdminService, AdminServiceServer},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};

/// What a Watch gets: its request, and where to send frames.
pub(crate) type Script =
    dyn Fn(usize, WatchRequest, mpsc::Sender<Result<WatchResponse, Status>>) + Send + Sync;

/// A replica.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) watches: Arc<AtomicUsize>,
    /// Detail streams that are open.
    pub(crate) details: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

#[derive(Clone)]
struct Scripted {
    refusal: Option<Status>,
    watches: Arc<AtomicUsize>,
    details: Arc<AtomicUsize>,
    script: Arc<Script>,
}

impl Fake {
    /// Answers each Watch by a script, which is told how many came before.
    pub(crate) async fn playing(
        script: impl Fn(usize, WatchRequest, mpsc::Sender<Result<WatchResponse, Status>>)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), None, Arc::new(script)).await
    }

    /// Refuses everything.
    pub(crate) async fn refusing(status: Status) -> Self {
        let script: Arc<Script> = Arc::new(|_, _, _| {});
        Self::at("127.0.0.1:0".parse().unwrap(), Some(status), script).await
    }

    pub(crate) async fn at(
        address: SocketAddr,
        refusal: Option<Status>,
        script: Arc<Script>,
    ) -> Self {
        let watches = Arc::new(AtomicUsize::new(0));
        let details = Arc::new(AtomicUsize::new(0));
        let service = Scripted {
            refusal,
            watches: watches.clone(),
            details: details.clone(),
            script,
        };
        // A runtime of its own, so that its end is the end of its connections too.
        let runtime = Runtime::new().unwrap();
        let (bound, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let router = Server::builder().add_service(AdminServiceServer::new(service));
            let serving = router.serve_with_incoming(TcpListenerStream::new(listener));
            serving.await.unwrap();
        });
        Self {
            address: told.await.unwrap(),
            watches,
            details,
            runtime: Some(runtime),
        }
    }

    /// Dies, connections and all.
    pub(crate) fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn watched(&self) -> usize {
        self.watches.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.die();
    }
}

impl Scripted {
    fn telling<T: Clone + Send + 'static>(
        &self,
        what: T,
    ) -> Response<ReceiverStream<Result<T, Status>>> {
        let (sender, told) = mpsc::channel(1);
        let details = self.details.clone();
        details.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            while sender.send(Ok(what.clone())).await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            details.fetch_sub(1, Ordering::SeqCst);
        });
        Response::new(ReceiverStream::new(told))
    }
}

type Frames = ReceiverStream<Result<WatchResponse, Status>>;

#[tonic::async_trait]
impl AdminService for Scripted {
    type WatchStream = Frames;
    type WatchNodeStream = ReceiverStream<Result<WatchNodeResponse, Status>>;
    type WatchApiStream = ReceiverStream<Result<WatchApiResponse, Status>>;
    type EventsStream = ReceiverStream<Result<EventsResponse, Status>>;

    async fn get_info(
        &self,
        _: Request<GetInfoRequest>,
    ) -> Result<Response<GetInfoResponse>, Status> {
        match &self.refusal {
            Some(status) => Err(status.clone()),
            None => Ok(Response::new(GetInfoResponse {
                manager_id: "fake".to_owned(),
                ..GetInfoResponse::default()
            })),
        }
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, frames) = mpsc::channel(4);
        let before = self.watches.fetch_add(1, Ordering::SeqCst);
        (self.script)(before, request.into_inner(), sender);
        Ok(Response::new(ReceiverStream::new(frames)))
    }

    /// Tells of the node for as long as it is asked; `gone` is never there.
    async fn watch_node(
        &self,
        request: Request<WatchNodeRequest>,
    ) -> Result<Response<Self::WatchNodeStream>, Status> {
        let id = request.into_inner().node;
        if id == "gone" {
            return Err(Status::not_found("no node is called \"gone\""));
        }
        let node_static = NodeStatic {
            id,
            ..NodeStatic::default()
        };
        Ok(self.telling(WatchNodeResponse {
            node_static: Some(node_static),
            ..WatchNodeResponse::default()
        }))
    }

    async fn watch_api(
        &self,
        request: Request<WatchApiRequest>,
    ) -> Result<Response<Self::WatchApiStream>, Status> {
        let api = ApiRow {
            api: request.into_inner().api,
            ..ApiRow::default()
        };
        Ok(self.telling(WatchApiResponse {
            api: Some(api),
            ..WatchApiResponse::default()
        }))
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
        Ok(Response::new(GetSettingsResponse::default()))
    }

    async fn act(&self, request: Request<ActRequest>) -> Result<Response<ActResponse>, Status> {
        Ok(Response::new(ActResponse {
            message: request.into_inner().node,
            ..ActResponse::default()
        }))
    }
}
