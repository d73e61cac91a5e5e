//! A system worth looking at: people on every node, a load that varies, nodes that are slow, fall
//! silent, die and come back, as [`super::story`] tells.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushToRoomRequest, PushToUserRequest,
    push_manager_service_client::PushManagerServiceClient,
};
use push_manager_reference::node::{Guest, Node};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};

use super::{
    DevError, NodePlan,
    story::{self, Place, Scene, TROUPE},
};
use crate::{discovery::memory::MemoryNodes, ids::NodeId};

/// People on each node.
const GUESTS: usize = 24;
/// Rooms that they are in, some with names that are twice as wide.
const ROOMS: [&str; 6] = [
    "lobby-1",
    "lobby-2",
    "trading",
    "games",
    "直播间-001",
    "客服-北京",
];
/// Calls of the load that may be under way; what comes beyond is left out.
const CALLS: usize = 256;
/// A broadcast comes once in so many seconds.
const BROADCAST_EVERY: u64 = 10;

/// A demo that runs.
#[derive(Debug)]
pub(super) struct Demo {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Demo {
    /// Brings people to the standing nodes, the troupe on stage, and the load to the server.
    pub(super) async fn start(
        standing: &[Node],
        plan: NodePlan,
        memory: MemoryNodes,
        server: SocketAddr,
    ) -> Result<Self, DevError> {
        let mut stage = Stage {
            plan,
            memory,
            troupe: Vec::new(),
            guests: Vec::new(),
        };
        for node in standing {
            stage.guests.extend(people(node).await);
        }
        for place in 0..TROUPE {
            stage.troupe.push(None);
            stage.enter(place).await?;
        }
        let demo = Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        demo.tasks.spawn(stage.run(demo.stop.clone()));
        let load = Load::new(server, standing.len() + TROUPE, demo.tasks.clone());
        demo.tasks.spawn(load.run(demo.stop.clone()));
        Ok(demo)
    }

    /// Ends the load and the troupe.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The nodes that things happen to.
struct Stage {
    plan: NodePlan,
    memory: MemoryNodes,
    troupe: Vec<Option<(Node, Vec<Guest>)>>,
    /// People on the nodes that nothing happens to.
    guests: Vec<Guest>,
}

impl Stage {
    async fn run(mut self, stop: CancellationToken) {
        let mut seconds = interval(Duration::from_secs(1));
        for second in 0_u64.. {
            if stop.run_until_cancelled(seconds.tick()).await.is_none() {
                break;
            }
            for scene in story::scenes(second) {
                self.play(scene).await;
            }
        }
        self.guests.clear();
        for (node, guests) in self.troupe.into_iter().flatten() {
            drop(guests);
            node.kill().await;
        }
    }

    async fn play(&mut self, scene: Scene) {
        match scene {
            Scene::Pace(place, pause) => {
                if let Some((node, _)) = &self.troupe[place] {
                    node.answer_after(pause);
                }
            }
            Scene::Die(place) => self.leave(place).await,
            Scene::Forget(place) => {
                self.memory.remove(&NodeId::new(name(place)));
                self.leave(place).await;
            }
            Scene::Return(place) => {
                if let Err(error) = self.enter(place).await {
                    tracing::warn!(node.id = name(place), %error, "the demo's node can't return");
                }
            }
        }
    }

    async fn enter(&mut self, place: Place) -> Result<(), DevError> {
        let node = self.plan.start(&name(place), 0).await?;
        self.memory
            .put(NodeId::new(node.id()), node.grpc_address().parse()?, None);
        let guests = people(&node).await;
        self.troupe[place] = Some((node, guests));
        Ok(())
    }

    async fn leave(&mut self, place: Place) {
        if let Some((node, guests)) = self.troupe[place].take() {
            drop(guests);
            node.kill().await;
        }
    }
}

fn name(place: Place) -> String {
    const NAMES: [&str; TROUPE] = [
        "edge-fra-1",
        "edge-fra-2",
        "edge-iad-1",
        "edge-iad-2",
        "edge-sin-1",
        "华东-节点-01",
        "华东-节点-02",
    ];
    NAMES[place].to_owned()
}

async fn people(node: &Node) -> Vec<Guest> {
    let mut guests = Vec::with_capacity(GUESTS);
    for number in 0..GUESTS {
        let room = ROOMS[number % ROOMS.len()];
        guests.extend(node.invite(&user(node.id(), number), room).await);
    }
    guests
}

fn user(node: &str, number: usize) -> String {
    format!("{node}-user-{number}")
}

/// Callers of the push API.
struct Load {
    client: PushManagerServiceClient<Channel>,
    standing: usize,
    calls: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Load {
    fn new(server: SocketAddr, nodes: usize, tasks: TaskTracker) -> Self {
        let endpoint = Endpoint::from(super::http(server));
        Self {
            client: PushManagerServiceClient::new(endpoint.connect_lazy()),
            standing: nodes - TROUPE,
            calls: Arc::new(Semaphore::new(CALLS)),
            tasks,
        }
    }

    async fn run(self, stop: CancellationToken) {
        let mut number = 0_u64;
        for second in 0_u64.. {
            let count = story::pushes(second);
            let mut turns = interval(Duration::from_secs(1) / count);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for turn in 0..count {
                if stop.run_until_cancelled(turns.tick()).await.is_none() {
                    return;
                }
                let everyone = turn == 0 && second.is_multiple_of(BROADCAST_EVERY);
                self.push(number, everyone);
                number += 1;
            }
            // The last turn's share of the second.
            turns.tick().await;
        }
    }

    fn push(&self, number: u64, everyone: bool) {
        let Ok(call) = self.calls.clone().try_acquire_owned() else {
            return;
        };
        let mut client = self.client.clone();
        let user = self.someone(number);
        let room = ROOMS[pick(number, 5, ROOMS.len())].to_owned();
        self.tasks.spawn(async move {
            let _call = call;
            let content = Some(MessageContent {
                r#type: "TEXT".to_owned(),
                data: format!("demo {number}"),
                ..MessageContent::default()
            });
            // What became of it is what the console shows.
            if everyone {
                drop(client.broadcast_message(broadcast(content)).await);
            } else if number.is_multiple_of(4) {
                drop(client.push_to_room(to_room(room, content)).await);
            } else {
                drop(client.push_to_user(to_user(user, content)).await);
            }
        });
    }

    fn someone(&self, number: u64) -> String {
        let node = pick(number, 3, self.standing + TROUPE);
        let node = match node.checked_sub(self.standing) {
            Some(place) => name(place),
            None => super::standing_name(node + 1),
        };
        // One in some dozens is nobody's name: offline.
        user(&node, pick(number, 7, GUESTS + 1))
    }
}

fn broadcast(content: Option<MessageContent>) -> BroadcastMessageRequest {
    BroadcastMessageRequest {
        content,
        options: None,
    }
}

fn to_room(room_id: String, content: Option<MessageContent>) -> PushToRoomRequest {
    PushToRoomRequest {
        room_id,
        content,
        ..PushToRoomRequest::default()
    }
}

fn to_user(user_id: String, content: Option<MessageContent>) -> PushToUserRequest {
    PushToUserRequest {
        user_id,
        content,
        options: None,
    }
}

/// Spreads numbers over `count` places, the same each time.
fn pick(number: u64, salt: u64, count: usize) -> usize {
    let mixed = (number.wrapping_add(salt)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    usize::try_from(mixed).unwrap_or_default() % count
}
