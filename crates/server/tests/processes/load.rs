//! Mixed pushes with sequence numbers, and the books: what was acknowledged
//! against what each person received.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, PushToRoomRequest, PushToUserRequest, Receipt,
    push_manager_service_client::PushManagerServiceClient,
};
use tokio::{sync::Mutex, task::JoinHandle, time::Instant};
use tonic::{Status, transport::Channel};

use crate::{
    bed::text,
    system::{NodeProcess, until},
    ws::Ws,
};

/// A connection to the push API.
pub type Caller = PushManagerServiceClient<Channel>;

/// Held by the tests that keep a machine busy, so that they don't slow each other down.
pub static BUSY: Mutex<()> = Mutex::const_new(());

/// People: with three nodes and two rooms, two on each node and in each room.
pub const PEOPLE: u64 = 12;
const ROOMS: u64 = 2;

/// Someone who notes all that arrives, and when.
#[derive(Debug)]
pub struct Listener {
    heard: Arc<std::sync::Mutex<Vec<(Instant, String)>>>,
    task: JoinHandle<()>,
}

impl Listener {
    pub fn new(mut client: Ws) -> Self {
        let heard = Arc::<std::sync::Mutex<Vec<_>>>::default();
        let notes = heard.clone();
        let task = tokio::spawn(async move {
            while let Some(frame) = client.frame(Duration::from_secs(60)).await {
                if let Some(data) = frame.get("data") {
                    let data = data.as_str().unwrap().to_owned();
                    notes.lock().unwrap().push((Instant::now(), data));
                }
            }
        });
        Self { heard, task }
    }

    /// What arrived so far.
    pub fn heard(&self) -> Vec<(Instant, String)> {
        self.heard.lock().unwrap().clone()
    }

    /// How often each sequence number arrived.
    fn numbers(&self) -> BTreeMap<u64, usize> {
        let mut numbers = BTreeMap::new();
        for number in self
            .heard()
            .iter()
            .filter_map(|(_, data)| data.parse().ok())
        {
            *numbers.entry(number).or_default() += 1;
        }
        numbers
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Puts everyone on the nodes, in turn.
pub async fn people(nodes: &[NodeProcess]) -> Vec<Listener> {
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let node = &nodes[usize::try_from(person).unwrap() % nodes.len()];
        let client = node.join(&format!("user-{person}"), &room_of(person)).await;
        people.push(Listener::new(client));
    }
    people
}

fn room_of(person: u64) -> String {
    format!("room-{}", person % ROOMS)
}

/// Whom a push is for: of eight, six are for one user, one for a room, one for everyone.
enum Aim {
    User(u64),
    Room(u64),
    Everyone,
}

impl Aim {
    fn of(number: u64) -> Self {
        match number % 8 {
            0..6 => Self::User(number % PEOPLE),
            6 => Self::Room(number / 8 % ROOMS),
            _ => Self::Everyone,
        }
    }

    fn means(&self, person: u64) -> bool {
        match *self {
            Self::User(user) => user == person,
            Self::Room(room) => person % ROOMS == room,
            Self::Everyone => true,
        }
    }
}

/// What an answer said.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub message: String,
    pub targets: i64,
}

/// Sends the push with this number.
pub async fn push(client: &mut Caller, number: u64) -> Result<Answer, Status> {
    let content = Some(text(&number.to_string()));
    let (success, message, receipt) = match Aim::of(number) {
        Aim::User(user) => {
            let request = PushToUserRequest {
                user_id: format!("user-{user}"),
                content,
                options: None,
            };
            let answer = client.push_to_user(request).await?.into_inner();
            (answer.success, answer.message, answer.receipt)
        }
        Aim::Room(room) => {
            let request = PushToRoomRequest {
                room_id: format!("room-{room}"),
                content,
                exclude_user_ids: Vec::new(),
                options: None,
            };
            let answer = client.push_to_room(request).await?.into_inner();
            (answer.success, answer.message, answer.receipt)
        }
        Aim::Everyone => {
            let request = BroadcastMessageRequest {
                content,
                options: None,
            };
            let answer = client.broadcast_message(request).await?.into_inner();
            (answer.success, answer.message, answer.receipt)
        }
    };
    Ok(Answer {
        success,
        message,
        targets: receipt.map_or(0, |receipt: Receipt| receipt.targets),
    })
}

/// Waits until everyone received what was acknowledged, then checks that it was
/// that alone, and each push once.
pub async fn balance(people: &[Listener], acknowledged: &[u64]) {
    let expected: Vec<BTreeMap<u64, usize>> = (0..PEOPLE)
        .map(|person| {
            let meant = acknowledged.iter().filter(|&&n| Aim::of(n).means(person));
            meant.map(|&number| (number, 1)).collect()
        })
        .collect();
    let all_there = async || {
        let mut pairs = people.iter().zip(&expected);
        pairs.all(|(person, wanted)| person.numbers().len() >= wanted.len())
    };
    until(
        "everyone received as many pushes as were acknowledged",
        all_there,
    )
    .await;
    // What should not come has had its chance too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (person, wanted) in expected.iter().enumerate() {
        let numbers = people[person].numbers();
        let missing: Vec<_> = wanted.keys().filter(|n| !numbers.contains_key(n)).collect();
        let other = numbers
            .iter()
            .filter(|(n, times)| wanted.get(n) != Some(times));
        let other: Vec<_> = other.collect();
        assert!(
            missing.is_empty(),
            "user-{person} never received {missing:?}"
        );
        assert!(
            other.is_empty(),
            "user-{person} received too much (number, times): {other:?}"
        );
    }
}
