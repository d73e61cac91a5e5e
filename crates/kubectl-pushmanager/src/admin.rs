//! What a pod's admin API says, over a port-forward of its own. Loopback within the pod needs no token.

use std::{future::Future, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use push_manager_proto::admin::{
    ActRequest, ActResponse, GetInfoRequest, GetInfoResponse, WatchRequest, WatchResponse,
    admin_service_client::AdminServiceClient, watch_response::Kind,
};
use pushtop::{
    Moment,
    feed::{Dial, FeedEvent, Learnt, kube::dial, last_cause, status_words},
    fleet::Fleet,
    replica::{Link, ReplicaId},
};
use tokio::time::timeout;
use tonic::{Code, Status, transport::Channel};

/// A pod is reached, and answers a question, within so long.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// The largest frame taken; a replica sends parts of about 256 KiB.
const MOST_BYTES: usize = 4 << 20;
/// Most parts of a snapshot: with the largest of them 100,000 nodes fit many times over.
const MOST_PARTS: usize = 1_024;
/// Pods asked at once.
pub const AT_ONCE: usize = 8;

/// A pod's admin API.
#[derive(Clone, Debug)]
pub struct Admin {
    client: AdminServiceClient<Channel>,
    dial: Dial,
}

/// What it says of itself and of its nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Who it is.
    pub info: GetInfoResponse,
    /// Its state, in the parts in which it came.
    pub frames: Vec<WatchResponse>,
}

impl Admin {
    /// Reaches it.
    pub async fn open(pods: &Api<Pod>, pod: &str, port: u16) -> Result<Self, Status> {
        let dial = dial(pods, pod, port);
        match timeout(ANSWER_WITHIN, dial.connect()).await {
            Err(_) => Err(silent()),
            Ok(Err(error)) => Err(Status::unavailable(last_cause(&error))),
            Ok(Ok(channel)) => {
                let client = AdminServiceClient::new(channel);
                let client = client.max_decoding_message_size(MOST_BYTES);
                Ok(Self { client, dial })
            }
        }
    }

    /// Its description and one picture of its state.
    pub async fn ask(&mut self) -> Result<Said, Status> {
        let info = answered(self.client.get_info(GetInfoRequest {})).await;
        let info = info.map_err(|status| self.dial.explain(status))?;
        let frames = timeout(ANSWER_WITHIN, self.picture()).await;
        let frames = frames.map_err(|_| silent())?;
        let frames = frames.map_err(|status| self.dial.explain(status))?;
        Ok(Said { info, frames })
    }

    async fn picture(&mut self) -> Result<Vec<WatchResponse>, Status> {
        let mut frames = Vec::new();
        let mut stream = self
            .client
            .watch(WatchRequest::default())
            .await?
            .into_inner();
        while let Some(frame) = stream.message().await? {
            let more = match &frame.kind {
                Some(Kind::Snapshot(part) | Kind::Delta(part)) => part.more,
                Some(Kind::Heartbeat(_)) | None => continue,
                Some(Kind::Goodbye(_)) => break,
            };
            frames.push(frame);
            if !more || frames.len() >= MOST_PARTS {
                break;
            }
        }
        Ok(frames)
    }

    /// Asks for an act, or for its plan.
    pub async fn act(&mut self, wish: ActRequest) -> Result<ActResponse, Status> {
        let answer = answered(self.client.act(wish)).await;
        answer.map_err(|status| self.dial.explain(status))
    }
}

/// A pod's description and state, or why there is none in words.
pub async fn ask(pods: &Api<Pod>, pod: &str, port: u16) -> Result<Said, String> {
    let asking = async { Admin::open(pods, pod, port).await?.ask().await };
    asking.await.map_err(|status| words(&status))
}

/// A status in words.
pub fn words(status: &Status) -> String {
    match status.code() {
        Code::Unimplemented => "no admin API answers at its admin port".to_owned(),
        _ => status_words(status),
    }
}

async fn answered<T>(
    asking: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    let answer = timeout(ANSWER_WITHIN, asking).await;
    answer
        .map_err(|_| silent())?
        .map(tonic::Response::into_inner)
}

fn silent() -> Status {
    let seconds = ANSWER_WITHIN.as_secs();
    Status::deadline_exceeded(format!("no word within {seconds} s"))
}

impl Said {
    /// A fleet of this one, at the moment at which it was asked.
    pub fn to_fleet(&self, pod: &str) -> (Fleet, Moment) {
        let at = Moment::after(Duration::from_secs(1));
        let told = [
            Learnt::Target(pod.to_owned()),
            Learnt::Info(Box::new(self.info.clone())),
            Learnt::Link(Link::Live),
        ];
        let frames = self.frames.iter().cloned();
        let frames = frames.map(|frame| Learnt::Frame(Box::new(frame)));
        let mut fleet = Fleet::default();
        for what in told.into_iter().chain(frames) {
            let replica = ReplicaId(0);
            fleet.take_in(FeedEvent { replica, at, what });
        }
        fleet.tick(at);
        (fleet, at)
    }
}
