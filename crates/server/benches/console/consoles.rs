//! Consoles: streams of everything at 1 Hz, which count what they are told.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use push_manager_proto::admin::{
    WatchRequest, admin_service_client::AdminServiceClient, watch_response::Kind,
};
use tokio::task::JoinSet;

use crate::manager::Manager;

pub struct Consoles {
    tasks: JoinSet<()>,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    frames: AtomicU64,
    rows: AtomicU64,
}

impl Consoles {
    pub async fn open(manager: &Manager, many: usize) -> Self {
        let (mut tasks, told) = (JoinSet::new(), Arc::new(Told::default()));
        for _ in 0..many {
            let channel = manager.admin().connect().await.unwrap();
            let client = AdminServiceClient::new(channel);
            let mut client = client.max_decoding_message_size(8 << 20);
            let request = WatchRequest {
                interval: Some(prost_types::Duration {
                    seconds: 1,
                    nanos: 0,
                }),
                ..WatchRequest::default()
            };
            let mut stream = client.watch(request).await.unwrap().into_inner();
            let told = told.clone();
            tasks.spawn(async move {
                while let Ok(Some(frame)) = stream.message().await {
                    told.frames.fetch_add(1, Relaxed);
                    if let Some(Kind::Delta(part) | Kind::Snapshot(part)) = frame.kind {
                        told.rows.fetch_add(part.nodes.len() as u64, Relaxed);
                    }
                }
            });
        }
        Self { tasks, told }
    }

    /// Counts from here on.
    pub fn forget(&self) {
        self.told.frames.store(0, Relaxed);
        self.told.rows.store(0, Relaxed);
    }

    pub fn frames(&self) -> u64 {
        self.told.frames.load(Relaxed)
    }

    pub fn rows(&self) -> u64 {
        self.told.rows.load(Relaxed)
    }

    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}
