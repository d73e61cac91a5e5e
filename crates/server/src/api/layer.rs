//! Counts every answer of the push API, also of requests that were refused
//! before a handler saw them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::metrics::{Api, Metrics};

/// What the decoder's error says.
const UNDECODABLE: &str = "failed to decode Protobuf message";

const SERVICE: &str = "/pubsub.PushManagerService/";

/// The layer.
#[derive(Clone, Debug)]
pub struct CountAnswers {
    metrics: Arc<Metrics>,
    max_message: usize,
}

impl CountAnswers {
    /// Counts into `metrics`; `max_message` is named to callers who exceed it.
    pub fn new(metrics: Arc<Metrics>, max_message: usize) -> Self {
        Self {
            metrics,
            max_message,
        }
    }
}

impl<S> Layer<S> for CountAnswers {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting {
            inner,
            layer: self.clone(),
        }
    }
}

/// The layer around a service.
#[derive(Clone, Debug)]
pub struct Counting<S> {
    inner: S,
    layer: CountAnswers,
}

impl<S> Service<Request<Body>> for Counting<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().strip_prefix(SERVICE);
        let api = method.and_then(Api::named);
        let answering = self.inner.call(request);
        let Some(api) = api else {
            return Box::pin(answering);
        };
        let CountAnswers {
            metrics,
            max_message,
        } = self.layer.clone();
        let began = Instant::now();
        Box::pin(async move {
            metrics.api(api).began();
            let mut counted = Counted {
                metrics,
                api,
                began,
                code: Code::Cancelled,
            };
            let answer = answering.await?;
            let answer = name_the_limit(answer, max_message);
            counted.code = code_of(answer.headers());
            Ok(answer)
        })
    }
}

/// Counts when dropped, so that callers who leave early are counted too.
struct Counted {
    metrics: Arc<Metrics>,
    api: Api,
    began: Instant,
    code: Code,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics.answered(self.api, self.code, took);
    }
}

/// An error stands in the headers; a success has its status in the trailers.
fn code_of(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).map_or(Code::Ok, |status| status.code())
}

/// The decoder refuses a message over the limit as `OUT_OF_RANGE`, and one that
/// is none as INTERNAL; the contract says INVALID_ARGUMENT, naming the limit.
fn name_the_limit(answer: Response<Body>, max_message: usize) -> Response<Body> {
    match Status::from_header_map(answer.headers()) {
        Some(status) if status.code() == Code::OutOfRange => {
            let given = status.message();
            Status::invalid_argument(format!(
                "request: at most {max_message} bytes (limits.max_message): {given}"
            ))
            .into_http()
        }
        Some(status)
            if status.code() == Code::Internal && status.message().contains(UNDECODABLE) =>
        {
            Status::invalid_argument(format!("request: {}", status.message())).into_http()
        }
        _ => answer,
    }
}
