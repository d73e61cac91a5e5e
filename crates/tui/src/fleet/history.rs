//! Points over time, and percentiles of histograms.

use std::{collections::VecDeque, time::Duration};

use histogram::{Config, Quantile, SparseHistogram};
use push_manager_proto::admin::{Histogram, HistogramLayout};

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

/// Values of a histogram between two bounds, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The least of them.
    pub from: u64,
    /// Greater than all of them.
    pub to: u64,
    /// How many.
    pub count: u64,
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

/// Points kept of each step.
const KEPT: [usize; 3] = [300, 120, 60];
/// Seconds in each step's point.
const SECONDS: [u64; 3] = [1, 5, 60];

/// A value over time, bounded; a point without a value is a gap, not zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    steps: [VecDeque<Point>; 3],
    /// The means that are not full yet: sum, values, seconds.
    open: [(f32, u16, u16); 3],
    /// Fewer are kept.
    short: bool,
}

/// NaN stands for no data: half the size of an option.
#[derive(Clone, Copy, Debug)]
struct Point(f32);

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Series {
    /// A series that keeps less of the past: for things that there are many of.
    pub fn short() -> Self {
        Self {
            short: true,
            ..Self::default()
        }
    }

    /// Adds the point of one more second; what is no number is a gap.
    pub fn push(&mut self, value: Option<f64>) {
        let value = value
            .filter(|value| value.is_finite())
            .map(|value| value as f32);
        for step in 0..3 {
            let (sum, values, seconds) = &mut self.open[step];
            if let Some(value) = value {
                *sum += value;
                *values += 1;
            }
            *seconds += 1;
            if u64::from(*seconds) < SECONDS[step] {
                continue;
            }
            let mean = if *values == 0 {
                f32::NAN
            } else {
                *sum / f32::from(*values)
            };
            self.open[step] = (0.0, 0, 0);
            let kept = if self.short {
                KEPT[step].min(60)
            } else {
                KEPT[step]
            };
            let points = &mut self.steps[step];
            if points.len() >= kept {
                points.pop_front();
            }
            points.push_back(Point(mean));
        }
    }

    /// The newest `count` points of a step, the oldest first; fewer while it fills. A coarser point
    /// is the mean of those in it that have a value.
    pub fn points(&self, step: Step, count: usize) -> Vec<Option<f32>> {
        let points = &self.steps[step as usize];
        let skip = points.len().saturating_sub(count);
        let newest = points.iter().skip(skip);
        newest
            .map(|point| (!point.0.is_nan()).then_some(point.0))
            .collect()
    }

    /// The newest point.
    pub fn latest(&self) -> Option<f32> {
        let newest = self.steps[0].back()?;
        (!newest.0.is_nan()).then_some(newest.0)
    }
}

/// The value, or zero for what is no number.
pub(crate) fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// Percentiles of a histogram of microseconds; the middle of the bucket where each falls.
pub(super) fn percentiles(histogram: &SparseHistogram) -> Percentiles {
    let asked = [0.5, 0.9, 0.95, 0.99, 0.999, 1.0];
    let Ok(Some(found)) = histogram.quantiles(&asked) else {
        return Percentiles::default();
    };
    let at = |quantile: f64| {
        let bucket = found.get(&Quantile::new(quantile).ok()?)?;
        let middle = bucket.start() + (bucket.end() - bucket.start()) / 2;
        Some(Duration::from_micros(middle))
    };
    Percentiles {
        count: u64::try_from(found.total_count()).unwrap_or(u64::MAX),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
    }
}

/// The buckets of a histogram that hold something, in order.
pub(super) fn buckets(histogram: &SparseHistogram) -> Vec<Bucket> {
    let buckets = histogram.iter().filter(|bucket| bucket.count() > 0);
    let told = buckets.map(|bucket| Bucket {
        from: bucket.start(),
        to: bucket.end().saturating_add(1),
        count: bucket.count(),
    });
    told.collect()
}

/// The buckets of a layout; nothing when there is no such layout.
pub(super) fn config(layout: HistogramLayout) -> Option<Config> {
    let power = u8::try_from(layout.grouping_power).ok()?;
    let most = u8::try_from(layout.max_value_power).ok()?;
    Config::new(power, most).ok()
}

/// A histogram as a replica tells it; nothing when it does not fit its layout.
pub(super) fn read(layout: HistogramLayout, told: &Histogram) -> Option<SparseHistogram> {
    SparseHistogram::from_parts(config(layout)?, told.index.clone(), told.count.clone()).ok()
}

/// What a cumulative histogram gained; nothing where it went back, which it doesn't within an epoch.
pub(super) fn gained(now: &SparseHistogram, before: &SparseHistogram) -> Option<SparseHistogram> {
    now.checked_sub(before).ok()
}

/// Both together, in the coarser buckets of the two and the wider range.
pub(super) fn merged(one: SparseHistogram, other: &SparseHistogram) -> SparseHistogram {
    if let Ok(both) = one.checked_add(other) {
        return both;
    }
    let (mine, theirs) = (one.config(), other.config());
    let power = mine.grouping_power().min(theirs.grouping_power());
    let most = mine.max_value_power().max(theirs.max_value_power());
    let both = Config::new(power, most).ok().and_then(|config| {
        let (one, other) = (fitted(&one, config)?, fitted(other, config)?);
        one.checked_add(&other).ok()
    });
    both.unwrap_or(one)
}

/// The same values in coarser buckets, or in those of a wider range: these begin alike.
fn fitted(histogram: &SparseHistogram, to: Config) -> Option<SparseHistogram> {
    let coarse = if histogram.config().grouping_power() == to.grouping_power() {
        histogram.clone()
    } else {
        histogram.downsample(to.grouping_power()).ok()?
    };
    let (_, index, count) = coarse.into_parts();
    SparseHistogram::from_parts(to, index, count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_no_zero_and_a_mean_leaves_it_out() {
        let mut series = Series::default();
        for value in [Some(2.0), None, Some(4.0), Some(f64::NAN), Some(6.0)] {
            series.push(value);
        }
        let seconds = series.points(Step::Second, 10);
        assert_eq!(seconds, [Some(2.0), None, Some(4.0), None, Some(6.0)]);
        assert_eq!(series.points(Step::Seconds5, 10), [Some(4.0)]);
        (0..5).for_each(|_| series.push(None));
        assert_eq!(series.points(Step::Seconds5, 10), [Some(4.0), None]);
        assert_eq!(series.latest(), None);
    }

    #[test]
    fn a_series_is_bounded() {
        let mut series = Series::default();
        (0..10_000).for_each(|value| series.push(Some(f64::from(value))));
        assert_eq!(series.points(Step::Second, usize::MAX).len(), 300);
        assert_eq!(series.points(Step::Minute, usize::MAX).len(), 60);
    }

    #[test]
    fn merged_percentiles_are_those_of_all_values_not_a_mean() {
        let config = Config::new(4, 26).unwrap();
        let mut parts = [
            histogram::Histogram::with_config(&config),
            histogram::Histogram::with_config(&config),
        ];
        let mut all = histogram::Histogram::with_config(&config);
        for value in 1..=1_000_u64 {
            let part = usize::from(value > 900);
            parts[part].increment(value * 10).unwrap();
            all.increment(value * 10).unwrap();
        }
        let [one, other] = parts.map(|part| SparseHistogram::from(&part));
        let both = percentiles(&merged(one, &other));
        assert_eq!(both, percentiles(&SparseHistogram::from(&all)));
        let p50 = both.p50.unwrap().as_micros();
        assert!((4_840..=5_160).contains(&p50), "{p50}");
    }

    #[test]
    fn other_layouts_are_merged_in_the_coarser_buckets_and_the_wider_range() {
        let fill = |power, most, values: std::ops::RangeInclusive<u64>| {
            let mut filled = histogram::Histogram::with_config(&Config::new(power, most).unwrap());
            for value in values {
                filled.increment(value).unwrap();
            }
            SparseHistogram::from(&filled)
        };
        let both = merged(fill(5, 20, 1..=500), &fill(3, 26, 501..=1_000));
        assert_eq!(both, fill(3, 26, 1..=1_000));
        let both = merged(fill(3, 26, 501..=1_000), &fill(3, 20, 1..=500));
        assert_eq!(both, fill(3, 26, 1..=1_000));
    }

    #[test]
    fn a_histogram_that_does_not_fit_its_layout_is_left_out() {
        let layout = HistogramLayout {
            grouping_power: 4,
            max_value_power: 26,
        };
        let told = |index: &[u32], count: &[u64]| Histogram {
            index: index.to_vec(),
            count: count.to_vec(),
        };
        assert!(read(layout, &told(&[1, 5], &[1, 2])).is_some());
        assert!(
            read(layout, &told(&[5, 1], &[1, 2])).is_none(),
            "not ascending"
        );
        assert!(
            read(layout, &told(&[1], &[1, 2])).is_none(),
            "lengths differ"
        );
        assert!(
            read(layout, &told(&[u32::MAX], &[1])).is_none(),
            "beyond the layout"
        );
        let odd = HistogramLayout {
            grouping_power: 200,
            max_value_power: 1,
        };
        assert!(read(odd, &told(&[], &[])).is_none());
    }
}
