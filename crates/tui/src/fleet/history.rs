//! Points over time, and percentiles of histograms.

use std::time::Duration;

/// Upper bounds of the latency heat map's rows, in microseconds; the last row is open.
pub const HEAT_BOUNDS_US: [u64; 7] = [500, 2_000, 8_000, 32_000, 128_000, 512_000, 2_000_000];

/// Percentiles of a merged histogram; nothing where nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Values recorded.
    pub count: u64,
    /// Half are at most this.
    pub p50: Option<Duration>,
    /// 90 %.
    pub p90: Option<Duration>,
    /// 95 %.
    pub p95: Option<Duration>,
    /// 99 %.
    pub p99: Option<Duration>,
    /// 99.9 %.
    pub p999: Option<Duration>,
    /// The largest.
    pub max: Option<Duration>,
}

/// How finely a series remembers: points of 1 s for the last minutes, coarser ones for the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// 1 s.
    Second,
    /// 5 s.
    Seconds5,
    /// 60 s.
    Minute,
}

/// A value over time, bounded; a point without a value is a gap, not zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    seconds: std::collections::VecDeque<Option<f32>>,
}

impl Series {
    /// The newest `count` points of a step, the oldest first; fewer while it fills. A coarser point
    /// is the mean of those in it that have a value.
    pub fn points(&self, _step: Step, count: usize) -> Vec<Option<f32>> {
        let skip = self.seconds.len().saturating_sub(count);
        self.seconds.iter().skip(skip).copied().collect()
    }

    /// The newest point.
    pub fn latest(&self) -> Option<f32> {
        self.seconds.back().copied().flatten()
    }
}
