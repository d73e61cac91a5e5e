//! The pods of a PushManager, each reached by a port-forward of its own: no local port is opened,
//! and a link that is made anew forwards anew.

use std::{collections::BTreeMap, io, time::Duration};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams, runtime::watcher};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{ADMIN_PORT, Board, Dial, Stream, Target, backoff::Backoff};
use forwarded::Forwarded;

mod access;
mod forwarded;

pub use access::Access;

/// The label that a PushManager's pods carry.
const LABEL: &str = "app.kubernetes.io/instance";
/// The name of the container port, where one is named.
const PORT_NAME: &str = "admin";
/// The API server answers within so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The pods of one PushManager.
#[derive(Clone)]
pub struct Pods {
    api: Api<Pod>,
    selector: String,
    name: String,
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pods")
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// Why pods can't be looked for.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// No cluster is configured.
    #[error("no cluster is configured (KUBECONFIG, ~/.kube/config, or a pod's own)")]
    Config(#[source] Box<kube::config::InferConfigError>),
    /// The file or the context that was asked for is of no use.
    #[error("the kubeconfig or context that was asked for can't be used")]
    Asked(#[source] Box<kube::config::KubeconfigError>),
    /// The configuration can't be used.
    #[error("the cluster's configuration can't be used")]
    Client(#[source] Box<kube::Error>),
    /// Not a name.
    #[error("{0:?} is no [NAMESPACE/]NAME of a PushManager")]
    Name(String),
}

impl Pods {
    /// By `[namespace/]name`, in the cluster and namespace that `access` leads to.
    pub async fn of(name: &str, access: &Access) -> Result<Self, KubeError> {
        let (client, usual) = access.client().await?;
        Self::with(client, &usual, name)
    }

    /// With a client of the caller's.
    pub fn with(client: Client, usual: &str, name: &str) -> Result<Self, KubeError> {
        let (namespace, bare) = name.split_once('/').unwrap_or((usual, name));
        let is_name = |text: &str| {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
            !text.is_empty() && text.len() <= 253 && text.chars().all(fits)
        };
        if !is_name(namespace) || !is_name(bare) {
            return Err(KubeError::Name(name.to_owned()));
        }
        Ok(Self {
            api: Api::namespaced(client, namespace),
            selector: format!("{LABEL}={bare}"),
            name: format!("{namespace}/{bare}"),
        })
    }

    /// Keeps the board in step until stopped. While the API server is away the last set stays.
    pub async fn follow(self, board: Board, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut found = false;
        let following = async {
            loop {
                let began = tokio::time::Instant::now();
                if let Err(why) = self.session(&board, &mut found).await {
                    if found {
                        board.source_away(Some(why)).await;
                    } else {
                        self.show_none(&board, why).await;
                    }
                }
                sleep(backoff.pause(began.elapsed(), rand::random())).await;
            }
        };
        stop.run_until_cancelled(Box::pin(following)).await;
    }

    async fn session(&self, board: &Board, found: &mut bool) -> Result<(), String> {
        // A list first: what a watch would be refused for is told in its words.
        let params = ListParams::default().labels(&self.selector).limit(1);
        let listed = timeout(ANSWER_WITHIN, self.api.list(&params)).await;
        let listed = listed.map_err(|_| "the API server does not answer".to_owned())?;
        listed.map_err(|error| words(&error))?;
        board.source_away(None).await;
        let watching = watcher(
            self.api.clone(),
            watcher::Config::default().labels(&self.selector),
        );
        let mut news = Box::pin(watching);
        let mut pods: BTreeMap<String, Pod> = BTreeMap::new();
        let mut coming = BTreeMap::new();
        while let Some(event) = news.try_next().await.map_err(|error| error.to_string())? {
            match event {
                // A list that is not whole yet tells nobody to go.
                watcher::Event::Init => {
                    coming.clear();
                    continue;
                }
                watcher::Event::InitApply(pod) => {
                    coming.insert(pod.name_any(), pod);
                    continue;
                }
                watcher::Event::InitDone => pods = std::mem::take(&mut coming),
                watcher::Event::Apply(pod) => drop(pods.insert(pod.name_any(), pod)),
                watcher::Event::Delete(pod) => drop(pods.remove(&pod.name_any())),
            }
            let running = pods.values().filter(|pod| is_running(pod));
            let targets: Vec<_> = running.map(|pod| self.target(pod)).collect();
            *found = !targets.is_empty();
            if *found {
                board.set(targets).await;
            } else {
                let why = format!("no running pod has the label {} there", self.selector);
                self.show_none(board, why).await;
            }
        }
        Ok(())
    }

    /// One row that says why there is no other.
    async fn show_none(&self, board: &Board, why: String) {
        let target = Target {
            name: self.name.clone(),
            dial: Err(why),
        };
        board.set(vec![target]).await;
    }

    fn target(&self, pod: &Pod) -> Target {
        Target {
            name: pod.name_any(),
            dial: Ok(dial(&self.api, &pod.name_any(), admin_port(pod))),
        }
    }
}

/// A pod that could answer. One on its way out still does: it tells how its drain goes.
fn is_running(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running")
}

/// Where a pod's admin API listens: the port of that name, else the usual one.
pub fn admin_port(pod: &Pod) -> u16 {
    port_named(pod, PORT_NAME).unwrap_or(ADMIN_PORT)
}

/// The port of a pod's containers that has this name.
pub fn port_named(pod: &Pod, name: &str) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let named = ports.find(|port| port.name.as_deref() == Some(name))?;
    u16::try_from(named.container_port).ok()
}

/// Dials a pod's port, by a port-forward for each connection.
pub fn dial(pods: &Api<Pod>, pod: &str, port: u16) -> Dial {
    let (pods, pod) = (pods.clone(), pod.to_owned());
    Dial::by(move || {
        let (pods, pod) = (pods.clone(), pod.clone());
        async move { forward(&pods, &pod, port).await }
    })
}

/// A byte stream to a pod's port. It fails with the pod's own word where the port can't be reached.
pub async fn forward(pods: &Api<Pod>, pod: &str, port: u16) -> io::Result<Box<dyn Stream>> {
    let mut forwarder = pods
        .portforward(pod, &[port])
        .await
        .map_err(|error| io::Error::other(words(&error)))?;
    let (stream, error) = (forwarder.take_stream(port), forwarder.take_error(port));
    let (Some(stream), Some(error)) = (stream, error) else {
        return Err(io::Error::other("the port was not forwarded"));
    };
    let error: Option<forwarded::Word> = Some(Box::pin(error));
    Ok(Box::new(Forwarded { stream, error }))
}

/// A refusal names what to ask for.
fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => format!(
            "{}: this needs get, list and watch on pods, and create on pods/portforward",
            status.message
        ),
        kube::Error::Api(status) => status.message.clone(),
        other => {
            let mut last: &dyn std::error::Error = other;
            while let Some(next) = last.source() {
                last = next;
            }
            last.to_string()
        }
    }
}
