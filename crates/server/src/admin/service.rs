//! The calls of the admin service, each handed to where its subject is.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt};
use prost::Message;
use push_manager_proto::admin::{
    ActRequest, ActResponse, EventsRequest, EventsResponse, GetInfoRequest, GetInfoResponse,
    GetSettingsRequest, GetSettingsResponse, Role, WatchApiRequest, WatchApiResponse,
    WatchNodeRequest, WatchNodeResponse, WatchRequest, WatchResponse,
    admin_service_server::AdminService,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status};

use super::{Facts, Hub, act::Acts, auth::Actor, detail, frames::Frame, journal, rows, watch};
use crate::{events::EventLog, tuning::Tuning};

/// WatchNode, WatchApi and Events streams at once, all together.
pub const MOST_DETAIL_STREAMS: usize = 32;

/// A stream of answers.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
/// What `Watch` gives.
pub(super) type FrameStream = Answers<Frame>;

/// Answers `pushmanager.admin.v1.AdminService`.
#[derive(Clone, Debug)]
pub struct Admin {
    facts: Facts,
    hub: Hub,
    acts: Acts,
    details: Arc<Semaphore>,
    goodbye: CancellationToken,
}

impl Admin {
    /// Streams end with `goodbye`.
    pub fn new(facts: Facts, hub: Hub, tasks: TaskTracker, goodbye: CancellationToken) -> Self {
        Self {
            acts: Acts::new(facts.clone(), tasks),
            facts,
            hub,
            details: Arc::new(Semaphore::new(MOST_DETAIL_STREAMS)),
            goodbye,
        }
    }

    /// The frames of one subscriber.
    pub(super) fn frames(&self, request: &WatchRequest) -> Result<FrameStream, Status> {
        let epoch = self.facts.events.epoch().id();
        let frames = watch::subscribe(&self.hub, epoch, request, self.goodbye.clone())?;
        Ok(Box::pin(frames))
    }

    /// Where what happens is told.
    pub(super) fn events(&self) -> &EventLog {
        &self.facts.events
    }

    fn detail_seat(&self) -> Result<OwnedSemaphorePermit, Status> {
        self.details.clone().try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!(
                "at most {MOST_DETAIL_STREAMS} WatchNode, WatchApi and Events streams at once"
            ))
        })
    }

    /// A detail stream: holds its seat, and ends when this replica does.
    fn detail<T: Send + 'static>(
        &self,
        seat: OwnedSemaphorePermit,
        answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> Response<Answers<T>> {
        let ends = self.goodbye.clone().cancelled_owned();
        let last = async { Err(Status::unavailable("this replica is shutting down")) };
        let answers = answers.take_until(ends);
        let goodbye = self.goodbye.clone();
        let last = futures::stream::once(last).filter(move |_| {
            let leaving = goodbye.is_cancelled();
            async move { leaving }
        });
        let answers = answers.chain(last).map(move |answer| {
            let _held = &seat;
            answer
        });
        Response::new(Box::pin(answers))
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_info(
        &self,
        request: Request<GetInfoRequest>,
    ) -> Result<Response<GetInfoResponse>, Status> {
        let actor = request.extensions().get::<Actor>();
        let role = actor.map_or(Role::Unspecified, |actor| actor.role);
        Ok(Response::new(self.facts.info(role)))
    }

    type WatchStream = Answers<WatchResponse>;

    /// For callers within this process: the door answers others with the bytes.
    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let frames = self.frames(&request.into_inner())?;
        let decoded = frames.map(|frame| {
            let Frame { shared, own } = frame?;
            let bytes = [shared, own].concat();
            WatchResponse::decode(&bytes[..]).map_err(|error| Status::internal(error.to_string()))
        });
        Ok(Response::new(Box::pin(decoded)))
    }

    type WatchNodeStream = Answers<WatchNodeResponse>;

    async fn watch_node(
        &self,
        request: Request<WatchNodeRequest>,
    ) -> Result<Response<Self::WatchNodeStream>, Status> {
        let seat = self.detail_seat()?;
        let answers = detail::node(self.facts.clone(), &request.into_inner())?;
        Ok(self.detail(seat, answers))
    }

    type WatchApiStream = Answers<WatchApiResponse>;

    async fn watch_api(
        &self,
        request: Request<WatchApiRequest>,
    ) -> Result<Response<Self::WatchApiStream>, Status> {
        let seat = self.detail_seat()?;
        let answers = detail::api(self.facts.clone(), &request.into_inner())?;
        Ok(self.detail(seat, answers))
    }

    type EventsStream = Answers<EventsResponse>;

    async fn events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        let seat = self.detail_seat()?;
        let answers = journal::follow(self.facts.events.clone(), request.into_inner())?;
        Ok(self.detail(seat, answers))
    }

    async fn get_settings(
        &self,
        _: Request<GetSettingsRequest>,
    ) -> Result<Response<GetSettingsResponse>, Status> {
        let settings = Tuning::knobs().map(|knob| rows::setting(&self.facts.tuning, knob));
        Ok(Response::new(GetSettingsResponse {
            settings: settings.collect(),
        }))
    }

    async fn act(&self, request: Request<ActRequest>) -> Result<Response<ActResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let actor = extensions.get::<Actor>().cloned();
        let actor = actor.ok_or_else(|| Status::unauthenticated("nobody was admitted"))?;
        self.acts.act(&actor, request).await.map(Response::new)
    }
}
