//! People at the Connect-Nodes, and pushes for them from outside the cluster.

use std::{process::Stdio, time::Duration};

use push_manager_envtest::{Seen, eventually};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    history::{History, Line},
    settings::variable,
    space::{SOON, Space},
    world::NODES,
    ws::{ClientSpec, Clients},
};

/// People at each Connect-Node.
const EACH: usize = 3;
const ROOM: &str = "room-001";
/// Half of them are here, too.
const SMALL_ROOM: &str = "room-002";
/// So many are at every server, or it would be chance whether a fault is felt.
const CONNECTIONS: &str = "16";
/// What a caller waits for open calls, and to end.
const LAST_CALLS: Duration = Duration::from_secs(30);

/// People with WebSockets, who log what they get.
#[derive(Debug)]
pub struct People {
    space: Space,
    clients: Clients,
    specs: Vec<ClientSpec>,
    /// The address of the Service, as callers use it.
    pub push: String,
}

impl People {
    /// Puts in the peers and the `PushManager` with these further lines of its spec; then people.
    pub async fn around(space: &Space, more: &str) -> Self {
        space.peers().await;
        space.push_manager(more).await;
        space.rolled_out("deployment/push").await;
        Self::connect(space).await
    }

    /// Connects some at each node, and finds where to push.
    pub async fn connect(space: &Space) -> Self {
        let doors = space.doors().await;
        let specs: Vec<ClientSpec> = (0..NODES * EACH)
            .map(|number| spec(&doors, number))
            .collect();
        let clients = Clients::start(specs.clone());
        let people = Self {
            space: space.clone(),
            clients,
            specs,
            push: space.outside("push", "grpc").await,
        };
        people.all_here().await;
        people.all_known().await;
        people
    }

    /// Waits until everybody is connected.
    pub async fn all_here(&self) {
        self.clients
            .all_present(2 * SOON)
            .await
            .unwrap_or_else(|absent| panic!("{absent}"));
    }

    /// Waits until the Controller knows where everybody is: after its start nodes tell it again.
    pub async fn all_known(&self) {
        let everybody = self.specs.len().to_string();
        let body =
            serde_json::json!({"room_id": ROOM, "content": {"type": "TEXT", "data": "known?"}});
        let body = body.to_string();
        eventually(
            SOON,
            "the Controller knows everybody",
            async || -> Seen<()> {
                let answer = self.grpcurl("PushToRoom", &body).await?;
                let outcomes = &answer["receipt"]["outcomes"];
                let all = serde_json::json!([{"outcome": "OUTCOME_DELIVERED", "count": everybody}]);
                if *outcomes == all {
                    Ok(())
                } else {
                    Err(answer.to_string().into())
                }
            },
        )
        .await;
    }

    /// How often connections were made, over all.
    pub fn joins(&self) -> usize {
        self.clients.joins()
    }

    /// How many are at Connect-Nodes on this host.
    pub async fn at(&self, space: &Space, host: &str) -> u64 {
        let mut count = 0;
        for node in 0..NODES {
            if space.host_of(&format!("connect-node-{node}")).await == host {
                count += EACH as u64;
            }
        }
        count
    }

    /// Pushes a broadcast by grpcurl, and waits until everybody has it.
    pub async fn all_get_a_broadcast(&self, text: &str) -> Value {
        let answer = self.broadcast(text).await;
        for spec in &self.specs {
            let got = self.clients.got(&spec.name, text, SOON).await;
            assert!(
                got,
                "{} never got {text:?}; the answer was {answer}",
                spec.name
            );
        }
        answer
    }

    /// Calls by grpcurl; gives the answer.
    pub async fn broadcast(&self, text: &str) -> Value {
        let body = serde_json::json!({"content": {"type": "TEXT", "data": text}}).to_string();
        self.grpcurl("BroadcastMessage", &body)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// One call by grpcurl through the Service.
    pub async fn grpcurl(&self, method: &str, body: &str) -> Seen<Value> {
        self.grpcurl_at(&self.push, method, body).await
    }

    /// One call by grpcurl to this address.
    pub async fn grpcurl_at(&self, address: &str, method: &str, body: &str) -> Seen<Value> {
        let program = variable("GRPCURL")?;
        let method = format!("pubsub.PushManagerService/{method}");
        let words = [
            "-plaintext",
            "-max-time",
            "20",
            "-d",
            body,
            address,
            &method,
        ];
        let said = self
            .space
            .lab
            .program(program.as_ref(), &words)
            .await?
            .ok()?;
        Ok(serde_json::from_str(&said)?)
    }

    /// How many get a text, once as many as wanted have it or none comes any more.
    pub async fn who_gets(&self, text: &str, wanted: usize, within: Duration) -> usize {
        let began = tokio::time::Instant::now();
        loop {
            let mut having = 0;
            for spec in &self.specs {
                having += usize::from(self.clients.got(&spec.name, text, Duration::ZERO).await);
            }
            if having >= wanted || began.elapsed() > within {
                return having;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Who has a text by now, by the number of their node.
    pub async fn nodes_that_got(&self, text: &str) -> Vec<usize> {
        // Nothing tells that somebody will not get it.
        sleep(Duration::from_secs(2)).await;
        let mut nodes = Vec::new();
        for (number, spec) in self.specs.iter().enumerate() {
            let node = number % NODES;
            if self.clients.got(&spec.name, text, Duration::ZERO).await && !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes.sort_unstable();
        nodes
    }

    /// Begins a load on everybody, from a Go service outside that makes a call again when it ended
    /// with UNAVAILABLE.
    pub async fn load(&self, rate: u32) -> Load {
        self.calls(rate, "unsent").await
    }

    /// The same from one that makes no call again, unless it surely reached nobody.
    pub async fn load_tried_once(&self, rate: u32) -> Load {
        self.calls(rate, "none").await
    }

    async fn calls(&self, rate: u32, retry: &str) -> Load {
        let mut interop = Command::new(variable("INTEROP_GO").unwrap_or_else(|e| panic!("{e}")));
        interop.args(["load", "--address", &self.push, "--rate", &rate.to_string()]);
        interop.args([
            "--room",
            ROOM,
            "--room",
            SMALL_ROOM,
            "--broadcast-every",
            "10",
            "--connections",
            CONNECTIONS,
            "--retry",
            retry,
        ]);
        for spec in &self.specs {
            interop.args(["--user", &spec.user]);
        }
        interop
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut caller = interop.spawn().unwrap_or_else(|error| panic!("{error}"));
        let out = caller
            .stdout
            .take()
            .unwrap_or_else(|| panic!("a pipe was asked for"));
        let lines = tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            let mut read = Vec::new();
            while let Ok(Some(line)) = lines.next_line().await {
                read.push(line);
            }
            read
        });
        // Something must have gone before, or what comes next is not under load.
        sleep(Duration::from_secs(2)).await;
        Load { caller, lines }
    }

    /// Ends the load; what callers were told, and what people got.
    pub async fn history(&self, load: Load) -> History {
        let pushes = load.end().await.unwrap_or_else(|error| panic!("{error}"));
        // What was acknowledged is on its way to people at most this long.
        sleep(Duration::from_secs(3)).await;
        let log = self
            .clients
            .log()
            .unwrap_or_else(|overflow| panic!("{overflow}"));
        let mut received = log.received;
        // What grpcurl pushed besides is not in the caller's books.
        received.retain(|one| one.data.starts_with("load-"));
        let history = History {
            pushes,
            clients: log.clients,
            received,
        };
        eprintln!("    {}", history.check());
        history
    }
}

fn spec(doors: &[String], number: usize) -> ClientSpec {
    let mut rooms = vec![ROOM.to_owned()];
    if number.is_multiple_of(2) {
        rooms.push(SMALL_ROOM.to_owned());
    }
    ClientSpec {
        name: format!("client-{number:03}"),
        user: format!("user-{:03}", number + 1),
        rooms,
        nodes: vec![doors[number % NODES].clone()],
    }
}

/// A caller at work.
#[derive(Debug)]
pub struct Load {
    caller: Child,
    lines: JoinHandle<Vec<String>>,
}

impl Load {
    async fn end(mut self) -> Seen<Vec<crate::history::Push>> {
        // The end of its input is how it is asked to end.
        drop(self.caller.stdin.take());
        let ended = timeout(LAST_CALLS, self.caller.wait()).await??;
        if !ended.success() {
            return Err(format!("the caller ended with {ended}").into());
        }
        let mut pushes = Vec::new();
        for line in self.lines.await? {
            if let Line::Push(push) = Line::read(&line)? {
                pushes.push(*push);
            }
        }
        Ok(pushes)
    }
}
