//! A Kubernetes API server with objects of any kind, and pods that can be watched, whose logs can be
//! read and whose ports can be forwarded, over real HTTP and WebSockets.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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
    http::{StatusCode, Uri},
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
pub(crate) const ADMIN: u16 = 7000;
/// The port that the pods name `metrics`.
pub(crate) const METRICS: u16 = 7001;
pub(crate) const PODS: &str = "/api/v1/namespaces/prod/pods";
pub(crate) const PUSH_MANAGERS: &str = "/apis/pushmanager.io/v1alpha1/namespaces/prod/pushmanagers";

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
    /// Objects by the path of their list, then by name.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    /// Where a pod's ports lead.
    behind: HashMap<(String, u16), SocketAddr>,
    /// What happened to pods, by revision.
    news: Vec<(u64, Value)>,
    logs: HashMap<String, Vec<String>>,
    /// Logs that are being followed end when this grows.
    restarts: HashMap<String, u64>,
    /// Paths that hold one of these words are refused.
    denied: BTreeSet<&'static str>,
    asked: Vec<String>,
}

impl Cluster {
    /// With the kinds that every cluster has, and PushManagers.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cluster = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            changed: Arc::new(watch::channel(0).0),
        };
        for list in ["/api/v1/namespaces/prod/", "/apis/apps/v1/namespaces/prod/"] {
            let core = [
                "pods",
                "configmaps",
                "services",
                "serviceaccounts",
                "events",
            ];
            let more = ["persistentvolumeclaims", "deployments", "replicasets"];
            for plural in core.into_iter().chain(more) {
                cluster.install(&format!("{list}{plural}"));
            }
        }
        for list in [
            PUSH_MANAGERS,
            "/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices",
            "/apis/policy/v1/namespaces/prod/poddisruptionbudgets",
            "/apis/autoscaling/v2/namespaces/prod/horizontalpodautoscalers",
            "/apis/networking.k8s.io/v1/namespaces/prod/networkpolicies",
            "/api/v1/pods",
        ] {
            cluster.install(list);
        }
        let pod = format!("{PODS}/{{pod}}");
        let router = Router::new()
            .route(&format!("{pod}/portforward"), get(forward))
            .route(&format!("{pod}/log"), get(log))
            .route("/version", get(version))
            .fallback(get(anything))
            .with_state(cluster.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        cluster
    }

    pub(crate) fn install(&self, list: &str) {
        self.state().objects.entry(list.to_owned()).or_default();
    }

    pub(crate) fn uninstall(&self, list: &str) {
        self.state().objects.remove(list);
    }

    pub(crate) fn deny(&self, word: &'static str) {
        self.state().denied.insert(word);
    }

    pub(crate) fn allow(&self, word: &'static str) {
        self.state().denied.remove(word);
    }

    /// All paths that were asked for, with their questions.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// A file that leads kubectl and its kind here, with `prod` as the namespace.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("kubeconfig-{}", self.address.port()));
        let server = format!("http://{}", self.address);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{ "name": "c", "cluster": { "server": server } }],
            "users": [{ "name": "u", "user": {} }],
            "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u", "namespace": "prod" } }],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Puts an object; one of the PushManager `push` where it has no labels.
    pub(crate) fn put(&self, list: &str, name: &str, mut object: Value) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(name);
        metadata["namespace"] = json!("prod");
        metadata["resourceVersion"] = json!(revision.to_string());
        if metadata["labels"].is_null() {
            metadata["labels"] = labels();
        }
        let objects = state.objects.entry(list.to_owned()).or_default();
        let known = objects.insert(name.to_owned(), object.clone()).is_some();
        if list == PODS {
            let kind = if known { "MODIFIED" } else { "ADDED" };
            let event = json!({ "type": kind, "object": object });
            state.news.push((revision, event));
        }
        drop(state);
        self.changed.send_replace(revision);
    }

    pub(crate) fn delete_pod(&self, name: &str) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let pods = state.objects.get_mut(PODS).unwrap();
        let mut pod = pods.remove(name).unwrap();
        pod["metadata"]["resourceVersion"] = json!(revision.to_string());
        let event = json!({ "type": "DELETED", "object": pod });
        state.news.push((revision, event));
        drop(state);
        self.end_log(name);
    }

    /// A pod of `push`, with that hash; its ports lead to those.
    pub(crate) fn put_pod(&self, name: &str, hash: &str, ports: [Option<SocketAddr>; 2]) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "annotations": { "pushmanager.io/config-hash": hash } },
            "spec": { "containers": [{ "name": "push-manager", "ports": [
                { "name": "admin", "containerPort": ADMIN },
                { "name": "metrics", "containerPort": METRICS },
            ] }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        for (port, behind) in [ADMIN, METRICS].into_iter().zip(ports) {
            if let Some(behind) = behind {
                self.state().behind.insert((name.to_owned(), port), behind);
            }
        }
        self.put(PODS, name, pod);
    }

    pub(crate) fn add_line(&self, pod: &str, line: &str) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let log = state.logs.entry(pod.to_owned()).or_default();
        log.push(line.to_owned());
        drop(state);
        self.changed.send_replace(revision);
    }

    /// Whoever follows the log is told that it ended, as when a container ends.
    pub(crate) fn end_log(&self, pod: &str) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        *state.restarts.entry(pod.to_owned()).or_default() += 1;
        drop(state);
        self.changed.send_replace(revision);
    }

    fn state(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap()
    }
}

fn labels() -> Value {
    json!({
        "app.kubernetes.io/name": "push-manager",
        "app.kubernetes.io/instance": "push",
        "app.kubernetes.io/managed-by": "push-manager-operator",
    })
}

fn status(code: u16, message: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Refused", "code": code,
    });
    answer(code, &body)
}

fn answer(code: u16, body: &Value) -> Response {
    let code = StatusCode::from_u16(code).unwrap();
    let json = [("content-type", "application/json")];
    (code, json, body.to_string()).into_response()
}

async fn version() -> Response {
    answer(
        200,
        &json!({
            "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": "linux/amd64",
            "emulationMajor": "", "emulationMinor": "", "minCompatibilityMajor": "", "minCompatibilityMinor": "",
        }),
    )
}

async fn anything(
    State(cluster): State<Cluster>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let path = uri.path().to_owned();
    let mut state = cluster.state();
    state.asked.push(uri.to_string());
    if state.denied.iter().any(|word| path.contains(word)) {
        return status(403, &format!("{path} is forbidden: User \"u\" may not"));
    }
    if query.get("watch").is_some_and(|watch| watch == "true") {
        let from = query["resourceVersion"].parse().unwrap();
        drop(state);
        return watching(cluster, from);
    }
    let wanted = query.get("labelSelector").map_or("", String::as_str);
    if let Some(objects) = state.objects.get(&path) {
        let items: Vec<&Value> = objects.values().filter(|one| fits(one, wanted)).collect();
        return answer(
            200,
            &json!({
                "kind": "List", "apiVersion": "v1", "items": items,
                "metadata": { "resourceVersion": state.revision.to_string() },
            }),
        );
    }
    let (list, name) = path.rsplit_once('/').unwrap();
    match state.objects.get(list) {
        // What the API server says of a kind that is not installed is no Status.
        None => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        Some(objects) => match objects.get(name) {
            None => status(404, &format!("{name:?} not found")),
            Some(object) => answer(200, object),
        },
    }
}

fn fits(object: &Value, wanted: &str) -> bool {
    let mut pairs = wanted.split(',').filter_map(|pair| pair.split_once('='));
    pairs.all(|(label, value)| object["metadata"]["labels"][label] == value)
}

fn watching(cluster: Cluster, from: u64) -> Response {
    let changes = cluster.changed.subscribe();
    let lines = futures::stream::unfold(
        (cluster, changes, from),
        |(cluster, mut changes, from)| async move {
            loop {
                let news: Vec<_> = {
                    let state = cluster.state();
                    let later = state.news.iter().filter(|(revision, _)| *revision > from);
                    later.cloned().collect()
                };
                if let Some((last, _)) = news.last() {
                    let lines: String =
                        news.iter().map(|(_, event)| format!("{event}\n")).collect();
                    let last = *last;
                    return Some((
                        Ok::<_, Infallible>(Bytes::from(lines)),
                        (cluster, changes, last),
                    ));
                }
                changes.changed().await.ok()?;
            }
        },
    );
    Response::new(Body::from_stream(lines))
}

async fn log(
    State(cluster): State<Cluster>,
    Path(pod): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
) -> Response {
    let since = query.get("sinceTime").map(|at| at[..19].to_owned());
    let (restarts, denied) = {
        let mut state = cluster.state();
        state.asked.push(uri.to_string());
        let denied = state.denied.contains("log");
        (state.restarts.get(&pod).copied().unwrap_or(0), denied)
    };
    if denied {
        return status(403, "pods/log is forbidden: User \"u\" may not");
    }
    let times = query
        .get("timestamps")
        .is_some_and(|wanted| wanted == "true");
    let shown = move |line: &String| {
        let is_later = since.as_ref().is_none_or(|since| line[..19] >= **since);
        let text = if times {
            line
        } else {
            line.split_once(' ').unwrap().1
        };
        is_later.then(|| format!("{text}\n"))
    };
    if query.get("follow").is_none_or(|follow| follow != "true") {
        let state = cluster.state();
        let lines = state.logs.get(&pod).into_iter().flatten();
        return lines.filter_map(shown).collect::<String>().into_response();
    }
    let changes = cluster.changed.subscribe();
    let lines = futures::stream::unfold(
        (cluster, changes, 0, shown),
        move |(cluster, mut changes, from, shown)| {
            let pod = pod.clone();
            async move {
                loop {
                    let (lines, now) = {
                        let state = cluster.state();
                        let lines = state.logs.get(&pod).cloned().unwrap_or_default();
                        (lines, state.restarts.get(&pod).copied().unwrap_or(0))
                    };
                    if lines.len() > from {
                        let told: String = lines[from..].iter().filter_map(&shown).collect();
                        let told = Ok::<_, Infallible>(Bytes::from(told));
                        return Some((told, (cluster, changes, lines.len(), shown)));
                    }
                    if now > restarts {
                        return None;
                    }
                    changes.changed().await.ok()?;
                }
            }
        },
    );
    Response::new(Body::from_stream(lines))
}

async fn forward(
    State(cluster): State<Cluster>,
    Path(pod): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let port: u16 = query["ports"].parse().unwrap();
    let behind = {
        let state = cluster.state();
        if state.denied.contains("portforward") {
            return status(403, "pods/portforward is forbidden: User \"u\" may not");
        }
        state.behind.get(&(pod, port)).copied()
    };
    upgrade
        .protocols(["v5.channel.k8s.io", "v4.channel.k8s.io"])
        .on_upgrade(move |socket| async move {
            // Whoever is cut has nobody to tell.
            drop(pump(socket, port, behind).await);
        })
}

/// Channel 0 is the port's data, channel 1 its error; each begins with the port.
async fn pump(
    mut socket: WebSocket,
    port: u16,
    behind: Option<SocketAddr>,
) -> Result<(), axum::Error> {
    for channel in [0, 1] {
        let [low, high] = port.to_le_bytes();
        let begin = Message::binary(vec![channel, low, high]);
        socket.send(begin).await?;
    }
    let opened = match behind {
        Some(behind) => TcpStream::connect(behind).await.ok(),
        None => None,
    };
    let Some(mut opened) = opened else {
        let text = format!("\u{1}an error occurred forwarding {port}: refused");
        socket.send(Message::binary(text.into_bytes())).await?;
        // The kubelet leaves the connection open.
        while let Some(Ok(_)) = socket.recv().await {}
        return Ok(());
    };
    let mut buffer = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = opened.read(&mut buffer) => match read {
                Ok(count @ 1..) => {
                    let mut frame = vec![0];
                    frame.extend_from_slice(&buffer[..count]);
                    socket.send(Message::binary(frame)).await?;
                }
                Ok(0) | Err(_) => return socket.send(Message::Close(None)).await,
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Binary(frame))) if frame.first() == Some(&0) => {
                    if opened.write_all(&frame[1..]).await.is_err() {
                        return Ok(());
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
        }
    }
}
