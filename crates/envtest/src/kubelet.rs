//! A stand-in for the kubelet: no container runs, but Pods have the status that a
//! test wants them to have.

mod pods;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::pods::{Change, Pods};

/// How long a Pod is Pending at first.
const DELAY: Duration = Duration::from_millis(50);
/// How long to wait after a refused status, as while the API server is away.
const RETRY: Duration = Duration::from_millis(300);
/// Later than any test.
const NEVER: Duration = Duration::from_hours(24);

/// What becomes of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// It runs and is ready.
    Ready,
    /// It runs, and its readiness probes fail.
    NeverReady,
    /// Its images can't be pulled: `ImagePullBackOff`, with this message.
    ImagePull {
        /// What the registry is said to have answered.
        message: String,
    },
    /// A Secret it takes variables from is missing: `CreateContainerConfigError`.
    MissingSecret {
        /// The name of the Secret.
        name: String,
    },
    /// Its containers end as soon as they start: `CrashLoopBackOff`.
    CrashLoop {
        /// How often they were restarted so far.
        restarts: i32,
    },
}

/// The stand-in for one namespace; it stops when dropped.
///
/// All containers of a Pod fare alike, and init containers always succeed. Pods have
/// addresses from 127.0.0.2 on, where a test may listen.
///
/// Pods are on no node. So the API server deletes them at once, without a stand-in,
/// and the controllers leave them out of EndpointSlices; a test that needs some
/// writes them, though not with loopback addresses, which are refused there.
#[derive(Debug)]
pub struct Kubelet {
    orders: Arc<Orders>,
    _stop: DropGuard,
}

/// What tests told the stand-in.
#[derive(Debug)]
struct Orders {
    current: Mutex<Plan>,
    changed: Notify,
}

#[derive(Debug, Clone)]
struct Plan {
    delay: Duration,
    otherwise: Behaviour,
    /// By a label's key and value.
    labelled: BTreeMap<(String, String), Behaviour>,
}

impl Kubelet {
    /// Begins to look after a namespace: its Pods are ready after 50 ms.
    pub fn run(client: Client, namespace: &str) -> Self {
        let orders = Arc::new(Orders {
            current: Mutex::new(Plan {
                delay: DELAY,
                otherwise: Behaviour::Ready,
                labelled: BTreeMap::new(),
            }),
            changed: Notify::new(),
        });
        let stop = CancellationToken::new();
        let task = Task {
            orders: orders.clone(),
            api: Api::namespaced(client, namespace),
            pods: Pods::default(),
        };
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(task.run()));
        Self {
            orders,
            _stop: stop.drop_guard(),
        }
    }

    /// How all Pods without an order of their own fare from now on, those that
    /// are there already too.
    pub fn behave(&self, behaviour: Behaviour) {
        self.order(|plan| plan.otherwise = behaviour);
    }

    /// How Pods with this label fare from now on, those that are there already too.
    pub fn behave_labelled(&self, key: &str, value: &str, behaviour: Behaviour) {
        let label = (key.to_owned(), value.to_owned());
        self.order(|plan| drop(plan.labelled.insert(label, behaviour)));
    }

    /// How long Pods are Pending at first, from now on.
    pub fn delay(&self, delay: Duration) {
        self.order(|plan| plan.delay = delay);
    }

    fn order(&self, change: impl FnOnce(&mut Plan)) {
        let mut plan = self.orders.current.lock();
        change(plan.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut()));
        self.orders.changed.notify_one();
    }
}

impl Orders {
    fn plan(&self) -> Plan {
        let plan = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        plan.clone()
    }
}

impl Plan {
    fn behaviour(&self, pod: &Pod) -> &Behaviour {
        let mut labels = pod.metadata.labels.iter().flatten();
        labels
            .find_map(|(key, value)| self.labelled.get(&(key.clone(), value.clone())))
            .unwrap_or(&self.otherwise)
    }
}

/// What runs: it alone knows the Pods.
struct Task {
    orders: Arc<Orders>,
    api: Api<Pod>,
    pods: Pods,
}

impl Task {
    async fn run(mut self) {
        let mut events = self.events();
        let mut wake = Instant::now() + NEVER;
        loop {
            tokio::select! {
                Some(event) = events.next() => match event {
                    Ok(event) => self.pods.observe(event, Instant::now()),
                    Err(error) => tracing::debug!(%error, "pods can't be watched now"),
                },
                () = self.orders.changed.notified() => {}
                () = sleep_until(wake) => {}
            }
            wake = self.settle().await;
        }
    }

    fn events(&self) -> BoxStream<'static, watcher::Result<watcher::Event<Pod>>> {
        let events = watcher(self.api.clone(), watcher::Config::default());
        events.default_backoff().boxed()
    }

    /// Gives all Pods that are due their status; returns when to look again.
    async fn settle(&mut self) -> Instant {
        let plan = self.orders.plan();
        let mut wake = Instant::now() + NEVER;
        for change in self.pods.changes(&plan) {
            if Instant::now() < change.due {
                wake = wake.min(change.due);
            } else if self.report(&change).await {
                self.pods.settled(change);
            } else {
                wake = wake.min(Instant::now() + RETRY);
            }
        }
        wake
    }

    async fn report(&self, change: &Change) -> bool {
        let (params, patch) = (PatchParams::default(), Patch::Strategic(&change.status));
        match self.api.patch_status(&change.name, &params, &patch).await {
            Ok(_) => true,
            // Its deletion is on the way to us.
            Err(kube::Error::Api(status)) if status.code == 404 => true,
            Err(error) => {
                tracing::debug!(pod = %change.name, %error, "a status was not taken");
                false
            }
        }
    }
}
