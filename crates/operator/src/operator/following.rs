//! Starts the watches of children and pods, and waits until each has listed what there is: before
//! that nothing may be decided.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::RunError;
use crate::{children, live::Place, reconcile::Context, watch::Follower};

/// News that wait for a controller; beyond, watches wait.
const QUEUE: usize = 1024;
/// A first list takes no longer.
const LISTED_WITHIN: Duration = Duration::from_mins(2);

/// Each namespace by itself, or all at once.
pub(super) fn scopes(namespaces: &[String]) -> Vec<Option<String>> {
    if namespaces.is_empty() {
        return vec![None];
    }
    namespaces.iter().cloned().map(Some).collect()
}

/// Follows one scope; returns the news of it once all is listed.
pub(super) async fn follow(
    context: &Arc<Context>,
    scope: Option<String>,
    tasks: &TaskTracker,
    ended: &CancellationToken,
) -> Result<mpsc::Receiver<Place>, RunError> {
    let (news, mut heard) = mpsc::channel(QUEUE);
    let follower = Follower {
        client: context.client.clone(),
        namespace: scope,
        live: context.live.clone(),
        pods: context.pods.clone(),
        kinds: context.kinds.clone(),
        news,
    };
    let mut lists = Vec::new();
    for kind in children::kinds() {
        let (listed, list) = watch::channel(false);
        let following = follower.clone().children(kind, listed);
        tasks.spawn(ended.clone().run_until_cancelled_owned(following));
        lists.push((kind.plural, list));
    }
    let (listed, list) = watch::channel(false);
    tasks.spawn(
        ended
            .clone()
            .run_until_cancelled_owned(follower.pods(listed)),
    );
    lists.push(("pods", list));
    for (what, mut list) in lists {
        let all = timeout(LISTED_WITHIN, list.wait_for(|listed| *listed));
        // News of the first lists say nothing: whatever is there is looked at at the start.
        tokio::select! {
            listed = all => drop(listed.map_err(|_| RunError::NotListed(what.to_owned()))?),
            () = forget(&mut heard) => {}
        }
    }
    Ok(heard)
}

async fn forget(news: &mut mpsc::Receiver<Place>) {
    while news.recv().await.is_some() {}
}
