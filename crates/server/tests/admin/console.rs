//! A console as the protocol describes it: it applies frames, and refuses those
//! that don't fit where it is.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use push_manager_proto::admin::{
    ApiRow, Event, NodeRow, NodeStatic, ReplicaRow, Resume, RowsPart, WatchRequest, WatchResponse,
    admin_service_client::AdminServiceClient, watch_response::Kind,
};
use tokio::time::timeout;
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};

pub type Client = AdminServiceClient<Channel>;

pub fn admin(at: SocketAddr) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{at}")).unwrap();
    AdminServiceClient::new(endpoint.connect_lazy())
}

/// What to watch, as often as is allowed.
pub fn often() -> WatchRequest {
    WatchRequest {
        interval: Some(prost_types::Duration {
            seconds: 0,
            nanos: 250_000_000,
        }),
        ..WatchRequest::default()
    }
}

#[derive(Default)]
pub struct Console {
    stream: Option<Streaming<WatchResponse>>,
    pub at: Resume,
    building: bool,
    pub statics: BTreeMap<u64, NodeStatic>,
    pub rows: BTreeMap<u64, NodeRow>,
    pub apis: BTreeMap<String, ApiRow>,
    pub replica: ReplicaRow,
    pub events: Vec<Event>,
    pub coalesced: u64,
}

impl Console {
    pub async fn open(client: &Client, request: WatchRequest) -> Result<Self, Status> {
        let stream = client.clone().watch(request).await?.into_inner();
        Ok(Self {
            stream: Some(stream),
            ..Self::default()
        })
    }

    /// Watches again, from where it is.
    pub async fn resume(&mut self, client: &Client, mut request: WatchRequest) {
        request.resume = Some(self.at);
        self.stream = Some(client.clone().watch(request).await.unwrap().into_inner());
    }

    /// The next frame, applied; nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<WatchResponse> {
        let next = self.stream.as_mut().unwrap().message();
        let frame = timeout(Duration::from_secs(20), next).await;
        let frame = frame.expect("a frame in time").unwrap()?;
        self.apply(&frame);
        Some(frame)
    }

    fn apply(&mut self, frame: &WatchResponse) {
        self.coalesced += frame.coalesced;
        match frame.kind.as_ref().unwrap() {
            Kind::Snapshot(part) => {
                assert_eq!(frame.base_seq, 0);
                if !self.building {
                    self.statics.clear();
                    self.rows.clear();
                    self.apis.clear();
                }
                self.building = part.more;
                self.rows_of(part);
            }
            Kind::Delta(part) => {
                assert_eq!((frame.epoch, frame.base_seq), (self.at.epoch, self.at.seq));
                self.rows_of(part);
                if part.more {
                    return;
                }
            }
            Kind::Heartbeat(_) | Kind::Goodbye(_) => {
                assert_eq!((frame.epoch, frame.seq), (self.at.epoch, self.at.seq));
            }
        }
        self.at.epoch = frame.epoch;
        self.at.seq = frame.seq;
    }

    fn rows_of(&mut self, part: &RowsPart) {
        for fixed in &part.node_statics {
            self.statics.insert(fixed.key, fixed.clone());
        }
        for removed in &part.removed {
            self.statics.remove(&removed.key);
            self.rows.remove(&removed.key);
        }
        for row in &part.nodes {
            assert!(self.statics.contains_key(&row.key), "a row of no node");
            self.rows.insert(row.key, row.clone());
        }
        for api in &part.apis {
            self.apis.insert(api.api.clone(), api.clone());
        }
        if let Some(replica) = &part.replica {
            self.replica = replica.clone();
        }
        for event in &part.events {
            assert!(event.seq > self.at.event_seq, "events ascend");
            self.at.event_seq = event.seq;
            self.events.push(event.clone());
        }
    }

    /// Takes frames in until this holds.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..200 {
            if holds(self) {
                return;
            }
            assert!(
                self.next().await.is_some(),
                "the stream ended before: {what}"
            );
        }
        panic!("never: {what}");
    }

    /// Ids of the nodes.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self
            .statics
            .values()
            .map(|fixed| fixed.id.clone())
            .collect();
        ids.sort();
        ids
    }

    pub fn row(&self, id: &str) -> &NodeRow {
        let fixed = self.statics.values().find(|fixed| fixed.id == id).unwrap();
        &self.rows[&fixed.key]
    }
}
