//! The admin service's door: who is not admitted gets no further, and `Watch`
//! is answered with frames that were encoded once for all subscribers.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::BufMut;
use futures::future::BoxFuture;
use http::{Request, Response, header::AUTHORIZATION};
use push_manager_proto::admin::{
    WatchRequest,
    admin_service_server::{AdminServiceServer, SERVICE_NAME},
};
use tonic::{
    Status,
    body::Body,
    codec::{Codec, EncodeBuf, Encoder},
    server::{Grpc, NamedService, ServerStreamingService},
    transport::server::TcpConnectInfo,
};
use tonic_prost::ProstCodec;
use tower::Service;

use super::{Admin, Tokens, frames::Frame, service::FrameStream, strangers::Strangers};

const WATCH: &str = "/pushmanager.admin.v1.AdminService/Watch";
/// The largest request: a filter of many ids.
const LARGEST_REQUEST: usize = 512 << 10;

/// The service behind its door.
#[derive(Clone, Debug)]
pub struct Door {
    tokens: Tokens,
    strangers: Strangers,
    admin: Admin,
    others: AdminServiceServer<Admin>,
}

impl Door {
    /// Lets those in whom `tokens` admit.
    pub fn new(admin: Admin, tokens: Tokens) -> Self {
        let others = AdminServiceServer::new(admin.clone());
        Self {
            tokens,
            strangers: Strangers::new(admin.events().clone()),
            admin,
            others: others.max_decoding_message_size(LARGEST_REQUEST),
        }
    }
}

impl NamedService for Door {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<TcpConnectInfo>();
        let peer = peer.and_then(TcpConnectInfo::remote_addr);
        let header = request.headers().get(AUTHORIZATION);
        match self
            .tokens
            .admit(peer, header.map(http::HeaderValue::as_bytes))
        {
            Ok(actor) => request.extensions_mut().insert(actor),
            Err(status) => {
                self.strangers.refused(peer, &status);
                return Box::pin(async move { Ok(status.into_http()) });
            }
        };
        if request.uri().path() != WATCH {
            return self.others.call(request);
        }
        let watch = Watch(self.admin.clone());
        Box::pin(async move {
            let grpc = Grpc::new(Encoded).max_decoding_message_size(LARGEST_REQUEST);
            let mut grpc = grpc;
            Ok(grpc.server_streaming(watch, request).await)
        })
    }
}

struct Watch(Admin);

impl ServerStreamingService<WatchRequest> for Watch {
    type Response = Frame;
    type ResponseStream = FrameStream;
    type Future = BoxFuture<'static, Result<tonic::Response<FrameStream>, Status>>;

    fn call(&mut self, request: tonic::Request<WatchRequest>) -> Self::Future {
        let stream = self.0.frames(&request.into_inner());
        Box::pin(async move { stream.map(tonic::Response::new) })
    }
}

/// Frames are bytes already.
struct Encoded;

impl Codec for Encoded {
    type Encode = Frame;
    type Decode = WatchRequest;
    type Encoder = Self;
    type Decoder = <ProstCodec<WatchRequest, WatchRequest> as Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<WatchRequest, WatchRequest>::default().decoder()
    }
}

impl Encoder for Encoded {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(frame.shared);
        into.put(frame.own);
        Ok(())
    }
}
