//! What `pushtop --watch --json` prints, each line with the time at which it came.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{INTERVAL, SLACK, terminal};

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub document: Arc<Value>,
}

/// A console that prints; it is killed when dropped.
#[derive(Debug)]
pub struct Lines {
    child: Child,
    seen: Arc<Mutex<Vec<Line>>>,
    _reader: JoinSet<()>,
}

impl Lines {
    /// Watches these managers.
    pub fn of(addresses: &[SocketAddr]) -> Self {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let pairs = addresses.iter().flat_map(|address| ["--addr", address]);
        Self::with(&pairs.collect::<Vec<_>>())
    }

    /// Watches what these arguments name.
    pub fn with(args: &[&str]) -> Self {
        Self::in_env(args, &[])
    }

    /// Likewise, with these variables and no others.
    pub fn in_env(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(terminal::program());
        command.env_clear().envs(env.iter().copied()).args(args);
        command.args(["--watch", "--json", "--interval"]);
        command.arg(format!("{}ms", INTERVAL.as_millis()));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = Arc::<Mutex<Vec<Line>>>::default();
        let kept = seen.clone();
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let at = Instant::now();
                let document: Value = serde_json::from_str(&line).expect("a document a line");
                let document = Arc::new(document);
                kept.lock().unwrap().push(Line { at, document });
            }
        });
        Self {
            child,
            seen,
            _reader: reader,
        }
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(sent.unwrap().success(), "kill -{name} {pid}");
    }

    /// All lines that came since then.
    pub fn since(&self, since: Instant) -> Vec<Line> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|line| line.at >= since)
            .cloned()
            .collect()
    }

    /// All lines.
    pub fn all(&self) -> Vec<Line> {
        self.seen.lock().unwrap().clone()
    }

    /// The next line.
    pub async fn next(&self) -> Line {
        self.shows("a line", Instant::now(), INTERVAL, |_| true)
            .await
    }

    /// The first line since then that shows this, which must come within the time and the slack.
    pub async fn shows(
        &self,
        what: &str,
        since: Instant,
        within: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Line {
        let deadline = since + within + SLACK;
        let mut looked_at = 0;
        loop {
            // Before the lines: one that comes in between is looked at the next time.
            let over = Instant::now() > deadline;
            let lines = self.since(since);
            let line = lines[looked_at..].iter().find(|line| holds(&line.document));
            if let Some(line) = line
                && line.at <= deadline
            {
                let took = line.at - since;
                println!("{what}: {took:.1?} of {within:.1?} + {SLACK:.0?}");
                return line.clone();
            }
            if over {
                let mut shown = String::new();
                for line in lines.iter().rev().take(2) {
                    let after = line.at - since;
                    write!(shown, "\nafter {after:.1?}: {:#}", line.document).unwrap();
                }
                panic!("not shown within {within:?} + {SLACK:?}: {what}{shown}");
            }
            looked_at = lines.len();
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The names of what the problems of a kind are about: nodes, or replicas by letter.
pub fn named(document: &Value, kind: &str) -> Vec<String> {
    let problems = document["problems"].as_array().expect("problems").iter();
    let of_kind = problems.filter(|problem| problem["kind"] == kind);
    let mut names = Vec::new();
    for problem in of_kind {
        names.extend(problem["replica"].as_str().map(ToOwned::to_owned));
        let nodes = problem["nodes"].as_array().expect("nodes").iter();
        names.extend(nodes.map(|node| node.as_str().unwrap().to_owned()));
    }
    names
}

/// The row with this value, of the rows with this name.
pub fn row<'a>(document: &'a Value, rows: &str, key: &str, value: &str) -> &'a Value {
    let rows = document[rows].as_array().expect("rows").iter();
    let mut found = rows.filter(|row| row[key] == value);
    found.next().unwrap_or(&Value::Null)
}

/// A node's row, or null.
pub fn node<'a>(document: &'a Value, id: &str) -> &'a Value {
    row(document, "nodes", "id", id)
}

/// A replica's row, or null.
pub fn replica<'a>(document: &'a Value, letter: &str) -> &'a Value {
    row(document, "replicas", "replica", letter)
}

/// Letters of the replicas that are counted, and of those that are left out.
pub fn counted(document: &Value) -> (String, String) {
    let letters = |list: &str| {
        let list = document["totals"][list].as_array().expect("letters").iter();
        list.map(|letter| letter.as_str().unwrap()).collect()
    };
    (letters("counted"), letters("left_out"))
}
