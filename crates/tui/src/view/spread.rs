//! How times are spread: bars over a scale that doubles, and a second peak in words.

use super::{number, pen::Pen, theme::Role};
use crate::fleet::Bucket;

/// Octaves that are shown at least, so that a single bucket is no wall.
const LEAST_OCTAVES: f64 = 3.0;
/// A peak is told when so many of all values are in it.
const LEAST_SHARE: f64 = 0.01;
/// Steps that an octave is looked at in, to find peaks.
const STEPS: usize = 8;
/// A peak stands apart when what lies between is lower than this share of it.
const VALLEY: f64 = 0.5;
/// Times that an axis names, in microseconds.
const NAMED: [(f64, &str); 12] = [
    (16.0, "16us"),
    (64.0, "64us"),
    (250.0, "250us"),
    (1e3, "1ms"),
    (4e3, "4ms"),
    (16e3, "16ms"),
    (64e3, "64ms"),
    (250e3, "250ms"),
    (1e6, "1s"),
    (4e6, "4s"),
    (16e6, "16s"),
    (64e6, "64s"),
];

/// Bars as high as the area but for its last line, which is the axis.
pub(super) fn bars(pen: &mut Pen<'_>, buckets: &[Bucket]) {
    let (width, rows) = (pen.width(), pen.height().saturating_sub(1));
    let Some(scale) = Scale::of(buckets, width) else {
        return;
    };
    let columns = scale.columns(buckets);
    let most = columns.iter().copied().fold(0.0, f64::max);
    for (at, count) in columns
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0.0)
    {
        // A little is not nothing.
        let eighths = (count / most * rows as f64 * 8.0).round().max(1.0) as usize;
        let heights = pen.look.glyphs.heights();
        for row in 0..rows {
            let filled = eighths.saturating_sub(row * 8).min(8);
            if filled > 0 {
                pen.put(at, rows - 1 - row, heights[filled - 1], Role::Series(0));
            }
        }
    }
    let mut free = 0;
    for (time, name) in NAMED {
        let Some(at) = scale.column(time).filter(|at| *at >= free) else {
            continue;
        };
        if at + name.len() <= width {
            free = pen.put(at, rows, name, Role::Dim) + 1;
        }
    }
}

/// Columns of a time axis on which each octave is as wide as any other.
struct Scale {
    /// The octave at the left, and how many there are.
    from: f64,
    octaves: f64,
    columns: usize,
}

impl Scale {
    fn of(buckets: &[Bucket], columns: usize) -> Option<Self> {
        let (first, last) = (buckets.first()?, buckets.last()?);
        let (from, to) = (octave(first.from), octave(last.to));
        let octaves = (to - from).max(LEAST_OCTAVES);
        (columns > 0).then_some(Self {
            from,
            octaves,
            columns,
        })
    }

    fn place(&self, octave: f64) -> f64 {
        (octave - self.from) / self.octaves * self.columns as f64
    }

    /// The column of a time; nothing outside.
    fn column(&self, time: f64) -> Option<usize> {
        let place = self.place(time.log2()).floor();
        (place >= 0.0 && place < self.columns as f64).then_some(place as usize)
    }

    /// What falls into each column; a bucket that is wider than one is spread over all of its own.
    fn columns(&self, buckets: &[Bucket]) -> Vec<f64> {
        let mut columns = vec![0.0; self.columns];
        for bucket in buckets {
            let (from, to) = (
                self.place(octave(bucket.from)),
                self.place(octave(bucket.to)),
            );
            spread(&mut columns, from, to, bucket.count as f64);
        }
        columns
    }
}

/// Adds a count evenly between two places.
fn spread(columns: &mut [f64], from: f64, to: f64, count: f64) {
    let width = (to - from).max(f64::EPSILON);
    let first = (from.max(0.0) as usize).min(columns.len() - 1);
    let last = (to.max(0.0).ceil() as usize).clamp(first + 1, columns.len());
    for (at, column) in columns.iter_mut().enumerate().take(last).skip(first) {
        let within = (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0);
        *column += count * (within / width).min(1.0);
    }
}

fn octave(micros: u64) -> f64 {
    (micros.max(1) as f64).log2()
}

/// A second peak, where there is one that stands apart: its share of all, and where it is.
pub(super) fn second_peak(buckets: &[Bucket]) -> Option<String> {
    let all: u64 = buckets
        .iter()
        .fold(0, |sum, bucket| sum.saturating_add(bucket.count));
    let heights = smoothed(buckets);
    let top = highest(&heights, |_| true)?;
    let apart = |at: usize| {
        let between = &heights[at.min(top)..=at.max(top)];
        let valley = between.iter().copied().fold(f64::INFINITY, f64::min);
        valley < heights[at] * VALLEY
    };
    let second = highest(&heights, |at| {
        at != top && is_peak(&heights, at) && apart(at)
    })?;
    // What belongs to it reaches to where it is lowest between the two.
    let range = second.min(top)..=second.max(top);
    let border = range.min_by(|one, other| heights[*one].total_cmp(&heights[*other]))?;
    let belongs = |bucket: &&Bucket| {
        let place = (octave(bucket.from) * STEPS as f64) as usize;
        if second > top {
            place >= border
        } else {
            place < border
        }
    };
    let count: u64 = buckets.iter().filter(belongs).map(|each| each.count).sum();
    let share = count as f64 / all as f64;
    let near = std::time::Duration::from_secs_f64(2_f64.powf(second as f64 / STEPS as f64) / 1e6);
    let near = number::millis(Some(near));
    let unit = if near.ends_with(['s', 'm']) {
        ""
    } else {
        " ms"
    };
    (share >= LEAST_SHARE)
        .then(|| format!("2nd peak: {:.0}% of calls near {near}{unit}", share * 100.0))
}

/// Counts by eighths of an octave, each spread over an octave to either side, so that empty buckets
/// between two full ones are no valley.
fn smoothed(buckets: &[Bucket]) -> Vec<f64> {
    let last = buckets.last().map_or(0.0, |bucket| octave(bucket.to));
    let mut heights = vec![0.0; (last * STEPS as f64) as usize + 2 * STEPS];
    for bucket in buckets {
        let middle = f64::midpoint(octave(bucket.from), octave(bucket.to)) * STEPS as f64;
        for (at, height) in heights.iter_mut().enumerate() {
            let near = 1.0 - (at as f64 - middle).abs() / STEPS as f64;
            *height += bucket.count as f64 * near.max(0.0);
        }
    }
    heights
}

fn is_peak(heights: &[f64], at: usize) -> bool {
    let of = |at: Option<usize>| at.and_then(|at| heights.get(at)).copied().unwrap_or(0.0);
    heights[at] > of(at.checked_sub(1)) && heights[at] >= of(Some(at + 1))
}

fn highest(heights: &[f64], fits: impl Fn(usize) -> bool) -> Option<usize> {
    let places = (0..heights.len()).filter(|at| heights[*at] > 0.0 && fits(*at));
    places.max_by(|one, other| heights[*one].total_cmp(&heights[*other]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket of a sixteenth of an octave or so.
    fn bucket(from: u64, count: u64) -> Bucket {
        Bucket {
            from,
            to: from + from / 16 + 1,
            count,
        }
    }

    fn bell(middle: u64, count: u64) -> Vec<Bucket> {
        let parts = [
            (70, 20),
            (80, 50),
            (90, 80),
            (100, 100),
            (110, 80),
            (125, 50),
            (140, 20),
        ];
        let parts = parts.map(|(at, share)| bucket(middle * at / 100, count * share / 400));
        parts.to_vec()
    }

    #[test]
    fn a_second_peak_is_told_with_its_share_and_its_place() {
        let one = bell(2_000, 9_400);
        assert_eq!(second_peak(&one), None, "one peak is one peak");
        let slow = [one.clone(), bell(80_000, 600)].concat();
        let told = second_peak(&slow).unwrap();
        assert!(told.starts_with("2nd peak: 6% of calls near "), "{told}");
        let near: f64 = told.split(' ').nth(6).unwrap().parse().unwrap();
        assert!((70.0..90.0).contains(&near), "{told}");
        let few = [one, bell(80_000, 40)].concat();
        assert_eq!(second_peak(&few), None, "a few slow calls are no peak");
        assert_eq!(second_peak(&[]), None);
    }

    #[test]
    fn what_is_counted_is_in_the_columns_whatever_the_width() {
        let buckets = [bell(2_000, 9_000), bell(80_000, 600)].concat();
        let all: u64 = buckets.iter().map(|bucket| bucket.count).sum();
        for width in 1..60 {
            let scale = Scale::of(&buckets, width).unwrap();
            let sum: f64 = scale.columns(&buckets).iter().sum();
            assert!((sum - all as f64).abs() < 1.0, "{width}: {sum}");
        }
        assert!(Scale::of(&[], 10).is_none());
        let whole = Bucket {
            from: 0,
            to: u64::MAX,
            count: 7,
        };
        let sum: f64 = Scale::of(&[whole], 5)
            .unwrap()
            .columns(&[whole])
            .iter()
            .sum();
        assert!((sum - 7.0).abs() < 1e-6, "{sum}");
    }
}
