//! The signals that end the program, also where its loop is stuck.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::TaskTracker;

use super::Ended;
use crate::terminal;

/// After a signal the program ends within so long, whatever it is doing.
const PATIENCE: Duration = Duration::from_secs(2);

/// SIGTERM, SIGINT, SIGHUP.
pub(super) struct Signals([Signal; 3]);

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    pub(super) async fn next(&mut self) -> Ended {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => Ended::Signal,
            _ = interrupt.recv() => Ended::Signal,
            _ = hangup.recv() => Ended::Terminal,
        }
    }

    /// Ends the program after a signal even where the loop is stuck in writing to the terminal.
    pub(super) fn insist(tasks: &TaskTracker) -> io::Result<()> {
        let mut signals = Self::listen()?;
        tasks.spawn(async move {
            signals.next().await;
            terminal::leave_within(PATIENCE);
        });
        Ok(())
    }
}
