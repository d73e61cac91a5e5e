//! A Kubernetes API server that knows pods: lists, watches and port-forwards them as kubectl's
//! protocols want it, over real HTTP and WebSockets. A pod's port is some port on this machine.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{
        Path, Query, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The port that the pods name `admin`.
pub(crate) const PORT: u16 = 7000;
/// Who may ask.
const TOKEN: &str = "of-the-test";

/// The API server. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Cluster {
    address: SocketAddr,
    state: Arc<Mutex<Known>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct Known {
    revision: u64,
    /// Watches from before this revision are told that it is gone.
    oldest: u64,
    pods: BTreeMap<String, Value>,
    behind: HashMap<String, SocketAddr>,
    /// What happened, by revision.
    log: Vec<(u64, Value)>,
    /// Everything is answered so.
    refusal: Option<(u16, String)>,
    /// Port-forwards begun.
    forwards: u64,
    lists: u64,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cluster = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            changed: Arc::new(watch::channel(0).0),
        };
        let pods = "/api/v1/namespaces/{namespace}/pods";
        let router = Router::new()
            .route(pods, get(list_or_watch))
            .route(&format!("{pods}/{{pod}}/portforward"), get(forward))
            .with_state(cluster.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        cluster
    }

    /// A file that leads kubectl and its kind here, with `prod` as the namespace.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = std::env::temp_dir().join(format!("pushtop-kube-{}", self.address.port()));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{}", self.address) } }],
            "users": [{ "name": "u", "user": { "token": TOKEN } }],
            "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u", "namespace": "prod" } }],
            "current-context": "x",
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// A pod of `push-fanout` in `prod`; its admin port leads there.
    pub(crate) fn put(&self, name: &str, phase: &str, behind: SocketAddr) {
        let labels = json!({ "app.kubernetes.io/instance": "push-fanout" });
        let ports = json!([
            { "name": "grpc", "containerPort": 50053 },
            { "name": "admin", "containerPort": PORT },
        ]);
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name, "namespace": "prod", "uid": name, "labels": labels },
            "spec": { "containers": [{ "name": "push-manager", "ports": ports }] },
            "status": { "phase": phase },
        });
        self.state().behind.insert(name.to_owned(), behind);
        self.note(name, pod);
    }

    /// It is asked to end: still there, and on its way out.
    pub(crate) fn terminate(&self, name: &str) {
        let mut pod = self.state().pods[name].clone();
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        self.note(name, pod);
    }

    /// It is gone.
    pub(crate) fn delete(&self, name: &str) {
        let mut state = self.state();
        state.behind.remove(name);
        let mut pod = state.pods.remove(name).unwrap();
        state.revision += 1;
        let revision = state.revision;
        pod["metadata"]["resourceVersion"] = json!(revision.to_string());
        state
            .log
            .push((revision, json!({ "type": "DELETED", "object": pod })));
        drop(state);
        self.changed.send_replace(revision);
    }

    fn note(&self, name: &str, mut pod: Value) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        pod["metadata"]["resourceVersion"] = json!(revision.to_string());
        let known = state.pods.insert(name.to_owned(), pod.clone()).is_some();
        let kind = if known { "MODIFIED" } else { "ADDED" };
        state
            .log
            .push((revision, json!({ "type": kind, "object": pod })));
        drop(state);
        self.changed.send_replace(revision);
    }

    /// Forgets what happened so far: whoever watches from before must list again.
    pub(crate) fn compact(&self) {
        let mut state = self.state();
        state.revision += 1;
        state.oldest = state.revision;
        state.log.clear();
        let revision = state.revision;
        drop(state);
        self.changed.send_replace(revision);
    }

    /// Answers everything so, until told otherwise.
    pub(crate) fn refuse(&self, refusal: Option<(u16, &str)>) {
        self.state().refusal = refusal.map(|(code, text)| (code, text.to_owned()));
    }

    /// Port-forwards begun so far.
    pub(crate) fn forwards(&self) -> u64 {
        self.state().forwards
    }

    /// Lists answered so far.
    pub(crate) fn lists(&self) -> u64 {
        self.state().lists
    }

    fn state(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap()
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

async fn list_or_watch(
    State(cluster): State<Cluster>,
    Path(namespace): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: axum::http::HeaderMap,
) -> Response {
    assert_eq!(namespace, "prod");
    assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(
        query["labelSelector"],
        "app.kubernetes.io/instance=push-fanout"
    );
    if let Some((code, text)) = cluster.state().refusal.clone() {
        return answer(code, &status(code, "Refused", &text));
    }
    if query.get("watch").is_some_and(|watch| watch == "true") {
        let from = query["resourceVersion"].parse().unwrap();
        return watching(cluster, from);
    }
    let mut state = cluster.state();
    state.lists += 1;
    let items: Vec<&Value> = state.pods.values().collect();
    let list = json!({
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": state.revision.to_string() },
        "items": items,
    });
    answer(200, &list)
}

fn answer(code: u16, body: &Value) -> Response {
    let code = StatusCode::from_u16(code).unwrap();
    (
        code,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn watching(cluster: Cluster, from: u64) -> Response {
    let changes = cluster.changed.subscribe();
    let lines = futures::stream::unfold(
        (cluster, changes, from, false),
        |(cluster, mut changes, from, over)| async move {
            if over {
                return None;
            }
            loop {
                let (news, oldest) = {
                    let state = cluster.state();
                    let later = state.log.iter().filter(|(revision, _)| *revision > from);
                    (later.cloned().collect::<Vec<_>>(), state.oldest)
                };
                if from < oldest {
                    let gone =
                        json!({ "type": "ERROR", "object": status(410, "Expired", "too old") });
                    return Some((line(&[gone]), (cluster, changes, from, true)));
                }
                if let Some((last, _)) = news.last() {
                    let last = *last;
                    let told: Vec<Value> = news.into_iter().map(|(_, event)| event).collect();
                    return Some((line(&told), (cluster, changes, last, false)));
                }
                changes.changed().await.ok()?;
            }
        },
    );
    Response::new(Body::from_stream(lines))
}

fn line(events: &[Value]) -> Result<Bytes, Infallible> {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    Ok(Bytes::from(lines))
}

async fn forward(
    State(cluster): State<Cluster>,
    Path((namespace, pod)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    assert_eq!(
        (namespace.as_str(), query["ports"].as_str()),
        ("prod", "7000")
    );
    let behind = {
        let mut state = cluster.state();
        state.forwards += 1;
        state.behind.get(&pod).copied()
    };
    let Some(behind) = behind else {
        let text = format!("pods {pod:?} not found");
        return answer(404, &status(404, "NotFound", &text));
    };
    upgrade
        .protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"])
        .on_upgrade(move |socket| async move {
            // Whoever is cut has nobody to tell.
            drop(pump(socket, behind).await);
        })
}

/// Channel 0 is the port's data, channel 1 its error; each begins with the port.
async fn pump(mut socket: WebSocket, behind: SocketAddr) -> Result<(), axum::Error> {
    for channel in [0, 1] {
        let [low, high] = PORT.to_le_bytes();
        socket
            .send(Message::binary(vec![channel, low, high]))
            .await?;
    }
    let mut port = match TcpStream::connect(behind).await {
        Ok(port) => port,
        Err(error) => {
            let text = format!("\u{1}an error occurred forwarding {PORT}: {error}");
            socket.send(Message::binary(text.into_bytes())).await?;
            // The kubelet leaves the connection open.
            while let Some(Ok(_)) = socket.recv().await {}
            return Ok(());
        }
    };
    let mut buffer = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = port.read(&mut buffer) => match read {
                Ok(count @ 1..) => {
                    let mut frame = vec![0];
                    frame.extend_from_slice(&buffer[..count]);
                    socket.send(Message::binary(frame)).await?;
                }
                Ok(0) | Err(_) => return socket.send(Message::Close(None)).await,
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Binary(frame))) if frame.first() == Some(&0) => {
                    if port.write_all(&frame[1..]).await.is_err() {
                        return Ok(());
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
        }
    }
}
