//! A start of this instance, and its clock: stamps count nanoseconds since then.

use std::time::SystemTime;

use tokio::time::Instant;

/// One start of this instance. Copies are the same start.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    id: u64,
    began: Instant,
    started_at: SystemTime,
}

impl Epoch {
    /// Begins now, with a random id.
    pub fn begin() -> Self {
        Self {
            id: rand::random_range(1..=u64::MAX),
            began: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    /// Tells this start from any other. Never 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// When it began, by the wall clock.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// A moment as a stamp, at least 1, so that 0 can mean none.
    pub fn ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// This moment's stamp.
    pub fn now_ns(&self) -> u64 {
        self.ns(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stamps_grow_with_time_and_none_is_zero() {
        let epoch = Epoch::begin();
        let now = Instant::now();
        assert_eq!(epoch.ns(now - Duration::from_mins(1)), 1);
        let later = now + Duration::from_secs(1);
        assert_eq!(epoch.ns(later) - epoch.ns(now), 1_000_000_000);
        assert_ne!(epoch.id(), Epoch::begin().id());
    }
}
