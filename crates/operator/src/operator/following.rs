//! Starts the watches of children and pods, and tells when each has listed what there is: before
//! that nothing may be decided.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::RunError;
use crate::{children, live::Place, reconcile::Context, watch::Follower};

/// News that wait for a controller; beyond, watches wait.
const QUEUE: usize = 1024;
/// A first list that takes longer is worth a line in the log.
const PATIENCE: Duration = Duration::from_secs(30);

/// The watches of one scope.
#[derive(Debug)]
pub(super) struct Following {
    /// Places that something happened to.
    pub(super) news: mpsc::Receiver<Place>,
    watches: JoinSet<&'static str>,
    lists: Vec<(&'static str, watch::Receiver<bool>)>,
}

impl Following {
    /// Starts to follow; dropping it ends all.
    pub(super) fn start(context: &Arc<Context>, namespace: Option<String>) -> Self {
        let (news, heard) = mpsc::channel(QUEUE);
        let follower = Follower {
            client: context.client.clone(),
            namespace,
            live: context.live.clone(),
            pods: context.pods.clone(),
            kinds: context.kinds.clone(),
            news,
        };
        let mut following = Self {
            news: heard,
            watches: JoinSet::new(),
            lists: Vec::new(),
        };
        for kind in children::kinds() {
            let (listed, list) = watch::channel(false);
            let watch = follower.clone().children(kind, listed);
            following.add(kind.plural, list, watch);
        }
        let (listed, list) = watch::channel(false);
        following.add("pods", list, follower.pods(listed));
        following
    }

    fn add(
        &mut self,
        what: &'static str,
        list: watch::Receiver<bool>,
        watch: impl Future<Output = ()> + Send + 'static,
    ) {
        self.lists.push((what, list));
        self.watches.spawn(async move {
            watch.await;
            what
        });
    }

    /// Waits until all is listed. News of the first lists say nothing: whatever is there is looked
    /// at at the start.
    pub(super) async fn listed(&mut self) {
        for (what, list) in &mut self.lists {
            loop {
                let all = timeout(PATIENCE, list.wait_for(|listed| *listed));
                tokio::select! {
                    listed = all => {
                        if listed.is_ok() {
                            break;
                        }
                        tracing::warn!(
                            what,
                            "not listed yet; may the operator's account list and watch it?"
                        );
                    }
                    () = forget(&mut self.news) => break,
                }
            }
        }
    }

    /// The watches apart from their news: they end only by a fault.
    pub(super) fn split(self) -> (mpsc::Receiver<Place>, Watches) {
        (self.news, Watches(self.watches))
    }
}

/// The tasks of the watches.
#[derive(Debug)]
pub(super) struct Watches(JoinSet<&'static str>);

impl Watches {
    /// Waits until one ends, which none should.
    pub(super) async fn fault(&mut self) -> RunError {
        match self.0.join_next().await {
            Some(Ok(what)) => RunError::WatchEnded(what),
            Some(Err(_)) | None => RunError::WatchEnded("some kind"),
        }
    }
}

async fn forget(news: &mut mpsc::Receiver<Place>) {
    while news.recv().await.is_some() {}
}
