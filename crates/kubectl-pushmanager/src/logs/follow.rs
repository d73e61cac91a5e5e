//! What the logs get, from pods that are there and from those that come.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::TryStreamExt;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Line, MOST_PODS, Out, Wish, merge::lines};
use crate::{
    cluster::{Cluster, ClusterError, bounded, selector},
    pod::PodFacts,
};

/// Before a log that ended is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// A log ends on its own when its pod goes; one that does not is left after so long.
const LEAVE_AFTER: Duration = Duration::from_secs(5);
/// Lines that wait to be printed. A full queue makes the logs wait.
const QUEUE: usize = 1_024;

/// What a follower tells.
enum News {
    Line(Line),
    Remark(String),
}

/// The pods whose logs are followed.
struct Followers {
    pods: Api<Pod>,
    wish: Wish,
    news: mpsc::Sender<News>,
    tasks: TaskTracker,
    /// Cancelled once the pod is gone.
    known: BTreeMap<String, CancellationToken>,
    /// Those of a list that is not whole yet.
    listed: BTreeSet<String>,
    is_full: bool,
}

/// Prints what comes, for ever: until a line can't be printed.
pub async fn followed(
    cluster: &Cluster,
    name: &str,
    wish: &Wish,
    out: &mut impl Out,
) -> Result<std::io::Result<()>, ClusterError> {
    cluster.push_manager(name).await?;
    let (news, mut lines) = mpsc::channel(QUEUE);
    let pods = cluster.pods_api();
    let config = watcher::Config::default().labels(&selector(name));
    let mut watching = Box::pin(watcher(pods.clone(), config).default_backoff());
    let mut followers = Followers {
        pods,
        wish: wish.clone(),
        news,
        tasks: TaskTracker::new(),
        known: BTreeMap::new(),
        listed: BTreeSet::new(),
        is_full: false,
    };
    let mut away = false;
    loop {
        tokio::select! {
            Some(told) = lines.recv() => match told {
                News::Line(line) => if let Err(error) = out.line(&line) {
                    return Ok(Err(error));
                },
                News::Remark(text) => out.remark(&text),
            },
            event = watching.try_next() => match event {
                Ok(Some(event)) => {
                    away = false;
                    followers.take(event, out);
                }
                // The watcher pauses and begins anew; known logs go on meanwhile.
                Ok(None) | Err(_) => {
                    if !std::mem::replace(&mut away, true) {
                        out.remark("new pods are not seen while the API server is away");
                    }
                }
            },
        }
    }
}

impl Followers {
    fn take(&mut self, event: Event<Pod>, out: &mut impl Out) {
        match event {
            Event::Apply(pod) => self.begin(&PodFacts::of(&pod), out),
            Event::Delete(pod) => self.end(|name| *name != pod.name_any()),
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.insert(pod.name_any());
                self.begin(&PodFacts::of(&pod), out);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                self.end(|name| listed.contains(name));
            }
        }
    }

    /// Follows on only those that stay.
    fn end(&mut self, stays: impl Fn(&String) -> bool) {
        self.known.retain(|name, gone| {
            let stays = stays(name);
            if !stays {
                gone.cancel();
            }
            stays
        });
    }

    fn begin(&mut self, pod: &PodFacts, out: &mut impl Out) {
        if !pod.is_running() || self.known.contains_key(&pod.name) {
            return;
        }
        if self.known.len() >= MOST_PODS {
            if !std::mem::replace(&mut self.is_full, true) {
                out.remark(&format!(
                    "more than {MOST_PODS} pods: the others are not followed"
                ));
            }
            return;
        }
        let gone = CancellationToken::new();
        self.known.insert(pod.name.clone(), gone.clone());
        let follower = Follower {
            pods: self.pods.clone(),
            wish: self.wish.clone(),
            pod: pod.name.clone(),
            container: pod.container.clone(),
            news: self.news.clone(),
            last: None,
            complained: false,
        };
        self.tasks.spawn(async move {
            let end = async {
                gone.cancelled().await;
                sleep(LEAVE_AFTER).await;
            };
            tokio::select! {
                () = Box::pin(follower.run(gone.clone())) => {}
                () = end => {}
            }
        });
    }
}

/// The log of one pod.
struct Follower {
    pods: Api<Pod>,
    wish: Wish,
    pod: String,
    container: Option<String>,
    news: mpsc::Sender<News>,
    /// The time of the last line that was told.
    last: Option<Timestamp>,
    complained: bool,
}

impl Follower {
    async fn run(mut self, gone: CancellationToken) {
        loop {
            if let Err(error) = self.read().await
                && !std::mem::replace(&mut self.complained, true)
                && !gone.is_cancelled()
            {
                let text = format!("{}: {error}; trying again", self.pod);
                drop(self.news.send(News::Remark(text)).await);
            }
            if gone.is_cancelled() || self.news.is_closed() {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads until the log ends, which is when its container does.
    async fn read(&mut self) -> Result<(), ClusterError> {
        let container = self.container.as_deref();
        let params = self.wish.params(container, true, self.last);
        let opening = self.pods.log_stream(&self.pod, &params);
        let mut lines = lines(bounded("reading its log", opening).await?);
        self.complained = false;
        while let Ok(Some(sent)) = lines.try_next().await {
            let line = Line::read(&self.pod, &sent);
            // Asked for again, the API server begins with the whole second.
            if line.at.is_some() && line.at <= self.last {
                continue;
            }
            self.last = line.at.or(self.last);
            if self.news.send(News::Line(line)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}
