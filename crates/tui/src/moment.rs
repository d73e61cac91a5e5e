//! The console's own time: injected, so that everything that reads it can be tested and replayed.

use std::time::Duration;

/// Time since the console started, or since the recording that it plays began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// So long after the start.
    pub const fn after(start: Duration) -> Self {
        Self(start)
    }

    /// Time since the start.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Time since an earlier moment; nothing when it is later.
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, more: Duration) -> Moment {
        Moment(self.0.saturating_add(more))
    }
}

impl std::ops::Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, less: Duration) -> Moment {
        Moment(self.0.saturating_sub(less))
    }
}
