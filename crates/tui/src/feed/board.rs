//! The links of all targets: begun when a target is asked for, ended when it no longer is.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use push_manager_proto::admin::{ActRequest, ActResponse, GetSettingsRequest, GetSettingsResponse};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Aside, Dial, FeedClock, FeedEvent, Learnt, Look, Token,
    link::{self, ANSWER_WITHIN, Client, Plan, Wires},
};
use crate::{
    fleet::MOST_REPLICAS,
    replica::{Link, ReplicaId},
};

/// Somewhere to link to.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called: the address, or a pod's name.
    pub name: String,
    /// How it is reached; nothing where it can't be, for the reason given.
    pub dial: Result<Dial, String>,
}

/// All links. Clones share them.
#[derive(Clone, Debug)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    events: mpsc::Sender<FeedEvent>,
    token: Token,
    interval: Duration,
    clock: FeedClock,
    tasks: TaskTracker,
    stop: CancellationToken,
    looks: watch::Sender<Option<Look>>,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    /// A target keeps its place when it comes back.
    known: BTreeMap<String, ReplicaId>,
    /// Of them, those that are not asked for, in the order in which they went.
    gone: VecDeque<ReplicaId>,
    links: BTreeMap<ReplicaId, Handle>,
}

#[derive(Debug)]
struct Handle {
    client: watch::Receiver<Option<Client>>,
    at_once: Arc<Notify>,
    stop: CancellationToken,
}

impl Places {
    /// The place of a target that is asked for, and whether it was not there before. When all places
    /// were given, whoever has been gone for the longest gives theirs: pods come and go for years.
    fn take(&mut self, name: &str) -> Option<(ReplicaId, bool)> {
        if let Some(id) = self.known.get(name).copied() {
            self.gone.retain(|gone| *gone != id);
            return Some((id, false));
        }
        let next = u32::try_from(self.known.len()).ok()?;
        let id = if next < MOST_REPLICAS {
            ReplicaId(next)
        } else {
            let id = self.gone.pop_front()?;
            self.known.retain(|_, known| *known != id);
            id
        };
        self.known.insert(name.to_owned(), id);
        Some((id, true))
    }

    /// Ends what is not wanted; gives those that were there until now.
    fn leave(&mut self, wanted: &BTreeSet<&String>) -> Vec<ReplicaId> {
        let unwanted = self.known.iter().filter(|(name, _)| !wanted.contains(name));
        let unwanted = unwanted.map(|(_, id)| *id);
        let left: Vec<_> = unwanted.filter(|id| !self.gone.contains(id)).collect();
        for id in &left {
            if let Some(link) = self.links.remove(id) {
                link.stop.cancel();
            }
        }
        self.gone.extend(&left);
        left
    }
}

impl Board {
    /// No links yet; what they learn goes into `events`.
    pub fn new(
        events: mpsc::Sender<FeedEvent>,
        token: Token,
        interval: Duration,
        clock: FeedClock,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                events,
                token,
                interval,
                clock,
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
                looks: watch::Sender::new(None),
                places: Mutex::default(),
            }),
        }
    }

    /// Links to exactly these: others end, those that are there go on.
    pub async fn set(&self, targets: Vec<Target>) {
        let wanted: BTreeSet<&String> = targets.iter().map(|target| &target.name).collect();
        let left = self.places().leave(&wanted);
        for id in left {
            self.tell(id, Learnt::Link(Link::Gone)).await;
        }
        for target in targets {
            self.add(target).await;
        }
    }

    async fn add(&self, target: Target) {
        let Some((id, is_new)) = self.places().take(&target.name) else {
            return;
        };
        if self.places().links.contains_key(&id) {
            return;
        }
        if is_new {
            self.tell(id, Learnt::Target(target.name.clone())).await;
        }
        let dial = match target.dial {
            Ok(dial) => dial,
            Err(why) => {
                self.tell(id, Learnt::Link(Link::Refused { why })).await;
                return;
            }
        };
        let shared = &self.shared;
        let (client, latest) = watch::channel(None);
        let at_once = Arc::new(Notify::new());
        let stop = shared.stop.child_token();
        let plan = Plan {
            replica: id,
            dial,
            token: shared.token.clone(),
            interval: shared.interval,
            clock: shared.clock,
        };
        let wires = Wires {
            events: shared.events.clone(),
            client,
            at_once: at_once.clone(),
            looks: shared.looks.subscribe(),
        };
        let handle = Handle {
            client: latest,
            at_once,
            stop: stop.clone(),
        };
        self.places().links.insert(id, handle);
        shared.tasks.spawn(link::run(plan, wires, stop));
    }

    async fn tell(&self, replica: ReplicaId, what: Learnt) {
        let at = self.shared.clock.now();
        let event = FeedEvent { replica, at, what };
        // Whoever listened may have ended.
        drop(self.shared.events.send(event).await);
    }

    /// Says what is looked at in detail: every replica that can tells of it, and of nothing before it.
    pub fn look_at(&self, look: Option<Look>) {
        self.shared.looks.send_if_modified(|now| {
            let changes = *now != look;
            *now = look;
            changes
        });
    }

    /// Tells that the place where targets are found is away, or there again.
    pub async fn source_away(&self, why: Option<String>) {
        self.tell(ReplicaId::NONE, Learnt::Aside(Aside::SourceAway(why)))
            .await;
    }

    /// Makes a link anew at once, also one that was refused.
    pub fn reconnect(&self, replica: ReplicaId) {
        if let Some(link) = self.places().links.get(&replica) {
            link.at_once.notify_one();
        }
    }

    /// Asks a replica to act; its answer, or why there is none.
    pub async fn act(&self, replica: ReplicaId, wish: ActRequest) -> Result<ActResponse, String> {
        let mut client = self.client(replica)?;
        answer(client.act(wish)).await
    }

    /// Asks a replica for its settings.
    pub async fn settings(&self, replica: ReplicaId) -> Result<GetSettingsResponse, String> {
        let mut client = self.client(replica)?;
        answer(client.get_settings(GetSettingsRequest {})).await
    }

    fn client(&self, replica: ReplicaId) -> Result<Client, String> {
        let places = self.places();
        let link = places.links.get(&replica);
        let client = link.and_then(|link| link.client.borrow().clone());
        client.ok_or_else(|| format!("replica {replica} is not connected"))
    }

    /// Ends all links.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.shared
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer<T>(
    asking: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, String> {
    match timeout(ANSWER_WITHIN, asking).await {
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        Ok(Err(status)) => Err(link::status_words(&status)),
        Ok(Ok(answer)) => Ok(answer.into_inner()),
    }
}
