//! People on the nodes, and what each of them heard from which manager.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::task::JoinSet;

use crate::{system::NodeProcess, ws::Ws};

/// People on each node.
const ON_EACH: usize = 2;
/// Rooms that they are in.
pub const ROOMS: usize = 4;

/// Times that each person heard each push.
type Heard = Arc<Mutex<BTreeMap<(usize, String), u64>>>;

/// Everyone.
#[derive(Debug)]
pub struct Audience {
    heard: Heard,
    size: usize,
    _ears: JoinSet<()>,
}

impl Audience {
    /// Puts people on the nodes: user-N on the node N, counted round and round.
    pub async fn on(nodes: &[NodeProcess]) -> Self {
        let heard = Heard::default();
        let mut ears = JoinSet::new();
        let size = nodes.len() * ON_EACH;
        for person in 0..size {
            let room = format!("room-{}", person % ROOMS);
            let node = &nodes[person % nodes.len()];
            let client = node.join(&format!("user-{person}"), &room).await;
            ears.spawn(listen(client, person, heard.clone()));
        }
        Self {
            heard,
            size,
            _ears: ears,
        }
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Messages heard from each manager, by the name that the load gave it.
    pub fn by_manager(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for ((_, push), times) in self.heard.lock().unwrap().iter() {
            let (from, _) = push.split_once(' ').expect("the load's form");
            *counts.entry(from.to_owned()).or_default() += times;
        }
        counts
    }

    /// What someone heard more than once.
    pub fn repeated(&self) -> Vec<(usize, String)> {
        let heard = self.heard.lock().unwrap();
        let repeated = heard.iter().filter(|(_, times)| **times > 1);
        repeated.map(|(what, _)| what.clone()).collect()
    }
}

async fn listen(mut client: Ws, person: usize, heard: Heard) {
    while let Some(frame) = client.frame(Duration::from_secs(120)).await {
        if let Some(data) = frame.get("data") {
            let push = data.as_str().unwrap().to_owned();
            *heard.lock().unwrap().entry((person, push)).or_default() += 1;
        }
    }
}
