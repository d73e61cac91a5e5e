//! When to draw, and when to bring together what the feed brought.

use std::time::Duration;

use tokio::time::Instant;

/// Drawings for new data come no faster.
const DATA_FRAME: Duration = Duration::from_millis(100);
/// Drawings for keys come no faster.
const KEY_FRAME: Duration = Duration::from_millis(15);
/// What the feed brought is brought together no more often.
const REFRESH: Duration = Duration::from_millis(250);
/// Nor for more than one part in so many of the time.
const SHARE: u32 = 5;

/// When to draw.
pub(super) struct Paint {
    last: Instant,
    dirty: bool,
    urgent: bool,
    pub(super) fed: bool,
    refreshed: Instant,
    pace: Duration,
}

impl Paint {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self {
            last: now,
            dirty: true,
            urgent: true,
            fed: false,
            refreshed: now,
            pace: REFRESH,
        }
    }

    pub(super) fn key(&mut self) {
        (self.dirty, self.urgent) = (true, true);
    }

    pub(super) fn data(&mut self) {
        self.dirty = true;
        self.refreshed();
    }

    pub(super) fn feed(&mut self) {
        self.fed = true;
    }

    pub(super) fn refresh_at(&self) -> Instant {
        self.refreshed + self.pace
    }

    pub(super) fn refreshed(&mut self) {
        self.fed = false;
        self.dirty = true;
        self.refreshed = Instant::now();
    }

    pub(super) fn is_due(&self) -> bool {
        self.dirty
    }

    pub(super) fn due(&self) -> Instant {
        self.last + if self.urgent { KEY_FRAME } else { DATA_FRAME }
    }

    pub(super) fn painted(&mut self) {
        self.last = Instant::now();
        (self.dirty, self.urgent) = (false, false);
    }

    /// Bringing everything together took so long: with very many nodes it is done less often, so that
    /// keys are answered in between.
    pub(super) fn worked(&mut self, took: Duration) {
        self.pace = REFRESH.max(took * SHARE);
    }
}
