//! The ordered end: not ready, notice, goodbye, finish, flush, leave.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{info, warn};

use super::Server;

/// Connections may outlive the last push by so much before they are cut.
const CONNECTIONS_END_WITHIN: Duration = Duration::from_secs(1);
/// What remains after the last push (revoking the lease, closing lanes) gets so long.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every push that was read is answered.
    Clean,
    /// The time ran out; so many pushes were cut off.
    Forced {
        /// Pushes that were still running.
        pushes: usize,
    },
}

impl Server {
    /// Ends in order: not ready and out of etcd, still serving for the notice;
    /// goodbye on every connection; what was read is answered; the lease is
    /// revoked; at the deadline the rest is cut.
    pub async fn drain(mut self) -> Drained {
        let deadline = Instant::now() + self.drain_notice + self.drain_timeout;
        info!(notice = ?self.drain_notice, "draining: not ready, still serving");
        self.readiness.drain();
        self.stops.withdraw.cancel();
        sleep(self.drain_notice).await;

        info!("goodbye to callers; finishing what was read");
        self.stops.goodbye.cancel();
        let connections = timeout_at(deadline, self.finish()).await;
        self.pushes.close();
        let pushes = timeout_at(deadline, self.pushes.wait()).await;
        let drained = match (connections, pushes) {
            (Ok(()), Ok(())) => Drained::Clean,
            _ if self.pushes.is_empty() => Drained::Clean,
            _ => Drained::Forced {
                pushes: self.pushes.len(),
            },
        };
        self.stops.rest.cancel();
        if drained != Drained::Clean {
            self.cut_off().await;
        }
        self.serving.abort();
        self.tasks.close();
        if timeout(LEAVE_WITHIN, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "some tasks did not end in time");
        }
        match drained {
            Drained::Clean => info!("drained"),
            Drained::Forced { pushes } => warn!(pushes, "drain deadline reached: pushes cut off"),
        }
        drained
    }

    /// Ends like [`Server::drain`], without the notice: nobody else needs time to learn of it.
    pub async fn quit(mut self) -> Drained {
        self.drain_notice = Duration::ZERO;
        self.drain().await
    }

    /// Ends what still runs with what is known of it, and lets the answers leave.
    async fn cut_off(&mut self) {
        self.stops.cut.cancel();
        let answered = async {
            self.pushes.wait().await;
            if !self.serving.is_finished() {
                drop((&mut self.serving).await);
            }
        };
        if timeout(CONNECTIONS_END_WITHIN, answered).await.is_err() {
            warn!(pushes = self.pushes.len(), "cut off without an answer");
        }
    }

    /// Waits for connections to end, but not for those that only idle.
    async fn finish(&mut self) {
        loop {
            if timeout(CONNECTIONS_END_WITHIN, &mut self.serving)
                .await
                .is_ok()
            {
                return;
            }
            if self.metrics.pushes_in_flight() == 0 {
                return;
            }
        }
    }
}
