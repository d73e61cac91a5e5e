//! Consoles: streams at 1 Hz, which count what they are told.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use push_manager_proto::admin::{
    NodeFilter, Topic, WatchRequest, admin_service_client::AdminServiceClient, watch_response::Kind,
};
use tokio::task::JoinSet;

use crate::manager::Manager;

/// Parts of every node's id.
const FILTERS: [&str; 4] = ["push", "p", "-", "sh-"];

/// Who watches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Nobody: what all others are compared with.
    Nobody,
    /// One who wants events alone: everything is sampled, and nearly nothing told.
    Sampling,
    /// Four who want everything; they share what is encoded.
    Alike,
    /// Four with filters of their own, each of which takes all nodes.
    Different,
}

impl Case {
    pub const ALL: [Self; 4] = [Self::Nobody, Self::Sampling, Self::Alike, Self::Different];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no console",
            Self::Sampling => "sampling alone",
            Self::Alike => "4 consoles, all alike",
            Self::Different => "4 consoles, each a filter",
        }
    }

    pub fn consoles(self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::Sampling => 1,
            Self::Alike | Self::Different => FILTERS.len(),
        }
    }

    /// Whether its cost has a bound.
    pub fn bounded(self) -> bool {
        matches!(self, Self::Alike | Self::Different)
    }

    fn request(self, number: usize) -> WatchRequest {
        let mut request = WatchRequest {
            interval: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
            }),
            ..WatchRequest::default()
        };
        match self {
            Self::Nobody | Self::Alike => {}
            Self::Sampling => request.topics = vec![Topic::Events.into()],
            Self::Different => {
                request.node_filter = Some(NodeFilter {
                    contains: FILTERS[number].to_owned(),
                    ..NodeFilter::default()
                });
            }
        }
        request
    }
}

pub struct Consoles {
    tasks: JoinSet<()>,
    rows: Arc<AtomicU64>,
}

impl Consoles {
    pub async fn open(manager: &Manager, case: Case) -> Self {
        let (mut tasks, rows) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
        for number in 0..case.consoles() {
            let channel = manager.admin().connect().await.unwrap();
            let client = AdminServiceClient::new(channel);
            let mut client = client.max_decoding_message_size(8 << 20);
            let request = case.request(number);
            let mut stream = client.watch(request).await.unwrap().into_inner();
            let rows = rows.clone();
            tasks.spawn(async move {
                while let Ok(Some(frame)) = stream.message().await {
                    if let Some(Kind::Delta(part) | Kind::Snapshot(part)) = frame.kind {
                        rows.fetch_add(part.nodes.len() as u64, Relaxed);
                    }
                }
            });
        }
        Self { tasks, rows }
    }

    /// Counts from here on.
    pub fn forget(&self) {
        self.rows.store(0, Relaxed);
    }

    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}
