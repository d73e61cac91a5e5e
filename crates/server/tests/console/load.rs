//! A steady load over several managers, which goes on elsewhere when one of them is gone, and the
//! callers' own account of it: what the receipts said, by manager.
//!
//! Each push carries the name of the manager that it was sent to, so that those who hear it can be
//! asked whom they have it from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use push_manager_proto::pubsub::{
    Outcome, PushToRoomRequest, PushToUserRequest, Receipt,
    push_manager_service_client::PushManagerServiceClient,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tonic::{Status, transport::Channel};

use crate::{
    audience::ROOMS,
    bed::{outcomes, text},
    system::{Manager, until},
};

/// Between two pushes.
const PAUSE: Duration = Duration::from_millis(65);

/// A manager as callers see it, under a name of this life of it.
#[derive(Clone, Debug)]
pub struct Door {
    pub name: String,
    caller: PushManagerServiceClient<Channel>,
}

impl Door {
    pub fn to(manager: &Manager, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            caller: manager.client(),
        }
    }
}

/// What callers were told by one manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Pushes answered with a receipt.
    pub answered: u64,
    /// Pushes that ended with a status.
    pub refused: u64,
    /// Targets that receipts said were delivered to.
    pub delivered: u64,
    /// Targets of which receipts said that nobody knows.
    pub unknown: u64,
}

#[derive(Debug)]
struct Shared {
    doors: Mutex<Vec<Door>>,
    accounts: Mutex<BTreeMap<String, Account>>,
    people: usize,
}

/// The load; it ends when dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    goes: watch::Sender<bool>,
    rests: watch::Receiver<bool>,
    _task: JoinSet<()>,
}

impl Load {
    /// Begins at once, at these managers and for so many people.
    pub fn on(doors: Vec<Door>, people: usize) -> Self {
        let shared = Arc::new(Shared {
            doors: Mutex::new(doors),
            accounts: Mutex::default(),
            people,
        });
        let (goes, told) = watch::channel(true);
        let (rest, rests) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(keep_pushing(shared.clone(), told, rest));
        Self {
            shared,
            goes,
            rests,
            _task: task,
        }
    }

    /// Stops it, and waits until all that was sent is answered.
    pub async fn pause(&self) {
        self.goes.send_replace(false);
        until("all pushes are answered", async || *self.rests.borrow()).await;
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.goes.send_replace(true);
    }

    /// Puts another door in the place of one.
    pub fn replace(&self, place: usize, door: Door) {
        self.shared.doors.lock().unwrap()[place] = door;
    }

    /// What callers were told so far.
    pub fn accounts(&self) -> BTreeMap<String, Account> {
        self.shared.accounts.lock().unwrap().clone()
    }

    /// One push to one person by one manager, on the account like every other.
    pub async fn one(&self, place: usize, person: usize) -> Receipt {
        let door = self.shared.doors.lock().unwrap()[place].clone();
        let asked = self.shared.send(door, Aim::User(person), "probe").await;
        asked.expect("an answer")
    }
}

#[derive(Clone, Copy, Debug)]
enum Aim {
    User(usize),
    Room(usize),
}

impl Shared {
    /// At the manager whose turn it is, else at the others.
    async fn push(&self, number: usize) {
        let doors = self.doors.lock().unwrap().clone();
        let aim = match number % 4 {
            3 => Aim::Room(number / 4 % ROOMS),
            _ => Aim::User(number % self.people),
        };
        for turn in 0..doors.len() {
            let door = doors[(number + turn) % doors.len()].clone();
            if self.send(door, aim, &number.to_string()).await.is_ok() {
                return;
            }
        }
    }

    async fn send(&self, door: Door, aim: Aim, word: &str) -> Result<Receipt, Status> {
        let Door { name, mut caller } = door;
        let content = Some(text(&format!("{name} {word}")));
        let answer = match aim {
            Aim::User(user) => {
                let request = PushToUserRequest {
                    user_id: format!("user-{user}"),
                    content,
                    options: None,
                };
                let answer = caller.push_to_user(request).await;
                answer.map(|answer| answer.into_inner().receipt)
            }
            Aim::Room(room) => {
                let request = PushToRoomRequest {
                    room_id: format!("room-{room}"),
                    content,
                    exclude_user_ids: Vec::new(),
                    options: None,
                };
                let answer = caller.push_to_room(request).await;
                answer.map(|answer| answer.into_inner().receipt)
            }
        };
        let mut accounts = self.accounts.lock().unwrap();
        let account = accounts.entry(name).or_default();
        let receipt = answer.inspect_err(|_| account.refused += 1)?;
        let counts = outcomes(receipt.as_ref());
        let count = |outcome| u64::try_from(counts.get(&outcome).copied().unwrap_or(0)).unwrap();
        account.answered += 1;
        account.delivered += count(Outcome::Delivered);
        account.unknown += count(Outcome::Unknown);
        Ok(receipt.unwrap())
    }
}

async fn keep_pushing(
    shared: Arc<Shared>,
    mut goes: watch::Receiver<bool>,
    rest: watch::Sender<bool>,
) {
    let mut pushes = JoinSet::new();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        while !*goes.borrow_and_update() {
            rest.send_replace(pushes.is_empty());
            tokio::select! {
                changed = goes.changed() => if changed.is_err() { return },
                Some(_) = pushes.join_next() => {}
            }
        }
        rest.send_replace(false);
        let shared = shared.clone();
        pushes.spawn(async move { shared.push(number).await });
        while pushes.try_join_next().is_some() {}
        ticks.tick().await;
    }
}
