//! The tasks of one embedded peer and the one switch that ends them all at once.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// How long a killed peer's tasks may take to be gone.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// Works until done or killed; after the kill not one more step is made.
pub(crate) async fn until_killed(kill: &CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = kill.cancelled() => {}
        () = work => {}
    }
}

/// Starts tasks that end at the latest when the peer is killed or dropped.
#[derive(Debug)]
pub(crate) struct Life {
    tasks: TaskTracker,
    kill: CancellationToken,
    _kill_on_drop: DropGuard,
}

impl Life {
    pub(crate) fn new() -> Self {
        let kill = CancellationToken::new();
        Self {
            tasks: TaskTracker::new(),
            _kill_on_drop: kill.clone().drop_guard(),
            kill,
        }
    }

    /// The switch: once cancelled, sockets fail and tasks stop where they are.
    pub(crate) fn kill_switch(&self) -> CancellationToken {
        self.kill.clone()
    }

    /// The tracker, for work whose task somebody else starts.
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let kill = self.kill.clone();
        self.tasks.spawn(async move {
            until_killed(&kill, work).await;
        })
    }

    /// Waits until every task is done, or until `bound` is over and the rest is ended.
    pub(crate) async fn finish(self, bound: Duration) {
        self.tasks.close();
        if tokio::time::timeout(bound, self.tasks.wait())
            .await
            .is_err()
        {
            self.end().await;
        }
    }

    /// Ends everything where it stands.
    pub(crate) async fn end(self) {
        self.tasks.close();
        self.kill.cancel();
        if tokio::time::timeout(KILL_WAIT, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(tasks = self.tasks.len(), "tasks outlived their peer");
        }
    }
}
