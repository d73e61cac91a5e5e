//! Charts in text: lines, columns, bars. A gap means that there is no data, never zero.

use super::{number, pen::Pen, text, theme::Role};
use crate::fleet::{Series, history::Step};

/// Columns of the longest label at an axis, as [`number::short`] writes them.
const WIDEST_AXIS: usize = 5;

/// The heights of columns, one a point, for a line of so many columns; the newest point last.
pub(super) fn spark(
    points: &[Option<f32>],
    columns: usize,
    glyphs: super::Glyphs,
    most: Option<f32>,
) -> String {
    let known = points
        .iter()
        .flatten()
        .copied()
        .filter(|point| point.is_finite());
    let most = most.unwrap_or_else(|| known.fold(0.0, f32::max));
    let skip = points.len().saturating_sub(columns);
    let mut line = glyphs.gap().repeat(columns.saturating_sub(points.len()));
    for point in &points[skip..] {
        match point.filter(|point| point.is_finite()) {
            None => line.push_str(glyphs.gap()),
            Some(point) => {
                let share = if most > 0.0 {
                    (point / most).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                line.push_str(glyphs.heights()[(share * 7.0).round() as usize]);
            }
        }
    }
    line
}

/// A series in a line of so many columns, 5 s each.
pub(super) fn history(series: &Series, columns: usize, glyphs: super::Glyphs) -> String {
    spark(
        &series.points(Step::Seconds5, columns),
        columns,
        glyphs,
        None,
    )
}

/// The time that [`history`] shows, for a heading.
pub(super) fn history_span(columns: usize) -> String {
    span(columns as u64 * 5)
}

/// Seconds as a heading names them: `60s`, `1m30s`, `5m`.
pub(super) fn span(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0 | 1, _) if seconds < 90 => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, rest) => format!("{minutes}m{rest:02}s"),
    }
}

/// How many points of 1 s [`lines`] has room for in a box of so many columns, in tens, at most
/// `most`: a title must not promise more.
pub(super) fn points_in(box_width: usize, glyphs: super::Glyphs, most: usize) -> usize {
    let columns = box_width.saturating_sub(2 + WIDEST_AXIS + 1);
    let points = match glyphs {
        super::Glyphs::Unicode => columns * 2,
        super::Glyphs::Ascii => columns,
    };
    (points / 10 * 10).clamp(10, most)
}

/// A bar of at most so many columns for a share.
pub(super) fn bar(share: f64, columns: usize, glyphs: super::Glyphs) -> String {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let eighths = (share * columns as f64 * 8.0).round() as usize;
    let mut bar = glyphs.lengths()[7].repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push_str(glyphs.lengths()[eighths % 8 - 1]);
    } else if eighths == 0 && share > 0.0 {
        bar.push_str(glyphs.lengths()[0]);
    }
    text::fit(&bar, columns)
}

/// A line of a chart.
pub(super) struct Line<'a> {
    pub(super) points: &'a [Option<f32>],
    /// Marks it where braille can't be had.
    pub(super) mark: char,
    /// How it is drawn in braille: lines are told apart without colours too.
    pub(super) stroke: Stroke,
}

/// How a line is drawn in braille.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    /// Whether the point at this place is left out.
    fn skips(self, place: usize) -> bool {
        match self {
            Stroke::Solid => false,
            Stroke::Dashed => place % 6 >= 4,
            Stroke::Dotted => place % 2 == 1,
        }
    }
}

impl Line<'_> {
    /// What it looks like, for a legend.
    pub(super) fn sample(&self, glyphs: super::Glyphs) -> String {
        match (glyphs, self.stroke) {
            (super::Glyphs::Ascii, _) => self.mark.to_string(),
            (super::Glyphs::Unicode, Stroke::Solid) => "─".to_owned(),
            (super::Glyphs::Unicode, Stroke::Dashed) => "╌".to_owned(),
            (super::Glyphs::Unicode, Stroke::Dotted) => "┈".to_owned(),
        }
    }
}

/// Lines over time in the whole area, with an axis; the newest points at the right.
pub(super) fn lines(pen: &mut Pen<'_>, lines: &[Line<'_>]) {
    let all = lines.iter().flat_map(|line| line.points.iter().flatten());
    let most = all
        .copied()
        .filter(|point| point.is_finite())
        .fold(0.0_f32, f32::max);
    let top = nice(most);
    lines_up_to(pen, lines, top, &number::short(f64::from(top)));
}

/// The same with an axis that ends there.
pub(super) fn lines_up_to(pen: &mut Pen<'_>, lines: &[Line<'_>], top: f32, label: &str) {
    let (width, height) = (pen.width(), pen.height());
    let axis = text::width(label).max(1);
    if width < axis + 4 || height == 0 {
        return;
    }
    let rule = pen.look.glyphs.pick("┤", "|");
    for row in 0..height {
        let name = match row {
            0 => label.to_owned(),
            row if row + 1 == height => "0".to_owned(),
            _ => String::new(),
        };
        pen.put(0, row, &text::fit_right(&name, axis), Role::Dim);
        pen.put(axis, row, rule, Role::Dim);
    }
    let known = |line: &Line<'_>| line.points.iter().flatten().any(|point| point.is_finite());
    if !lines.iter().any(known) {
        pen.put(axis + 2, height / 2, "no data yet", Role::Dim);
        return;
    }
    let columns = width - axis - 1;
    for (number, line) in lines.iter().enumerate().rev() {
        let role = Role::Series(number as u8);
        match pen.look.glyphs {
            super::Glyphs::Unicode => braille(pen, line, top, (axis + 1, columns), role),
            super::Glyphs::Ascii => dots(pen, line, top, (axis + 1, columns), role),
        }
    }
}

/// The next round number.
fn nice(most: f32) -> f32 {
    if !most.is_finite() || most <= 0.0 {
        return 1.0;
    }
    let unit = 10_f32.powf(most.log10().floor());
    let found = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let scale = found.into_iter().find(|step| step * unit >= most);
    scale.unwrap_or(10.0) * unit
}

/// Two points a column, four rows a cell.
fn braille(
    pen: &mut Pen<'_>,
    line: &Line<'_>,
    top: f32,
    (from, columns): (usize, usize),
    role: Role,
) {
    const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let height = pen.height();
    let rows = height * 4;
    let mut cells = vec![0_u32; columns * height];
    let points = &line.points[line.points.len().saturating_sub(columns * 2)..];
    let shift = columns * 2 - points.len();
    let level = |point: f32| {
        let share = (point / top).clamp(0.0, 1.0);
        rows - 1 - (share * (rows - 1) as f32).round() as usize
    };
    let mut before: Option<usize> = None;
    for (at, point) in points.iter().enumerate() {
        let Some(point) = point.filter(|point| point.is_finite()) else {
            before = None;
            continue;
        };
        let (x, y) = (at + shift, level(point));
        let (low, high) = before.map_or((y, y), |before| (y.min(before), y.max(before)));
        before = Some(y);
        if line.stroke.skips(x) {
            continue;
        }
        // The way from the last point, so that a jump is a line.
        for y in low..=high {
            cells[y / 4 * columns + x / 2] |= DOTS[x % 2][y % 4];
        }
    }
    for (at, cell) in cells.into_iter().enumerate().filter(|(_, cell)| *cell > 0) {
        let glyph = char::from_u32(0x2800 + cell).unwrap_or(' ');
        pen.put(from + at % columns, at / columns, &glyph.to_string(), role);
    }
}

fn dots(pen: &mut Pen<'_>, line: &Line<'_>, top: f32, (from, columns): (usize, usize), role: Role) {
    let height = pen.height();
    let points = &line.points[line.points.len().saturating_sub(columns)..];
    let shift = columns - points.len();
    for (at, point) in points.iter().enumerate() {
        if let Some(point) = point.filter(|point| point.is_finite()) {
            let share = (point / top).clamp(0.0, 1.0);
            let row = height - 1 - (share * (height - 1) as f32).round() as usize;
            pen.put(from + at + shift, row, &line.mark.to_string(), role);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Glyphs;

    #[test]
    fn a_gap_in_a_spark_line_is_no_zero() {
        let points = [Some(0.0), None, Some(4.0), Some(f32::NAN), Some(8.0)];
        assert_eq!(spark(&points, 6, Glyphs::Unicode, None), "·▁·▅·█");
        assert_eq!(spark(&points, 3, Glyphs::Ascii, None), "=.#");
        assert_eq!(spark(&[], 3, Glyphs::Unicode, None), "···");
    }

    #[test]
    fn a_bar_takes_its_columns_whatever_the_share() {
        for share in [f64::NAN, -1.0, 0.0, 0.01, 0.5, 1.000_000_1, f64::INFINITY] {
            assert_eq!(text::width(&bar(share, 5, Glyphs::Unicode)), 5, "{share}");
        }
        assert_eq!(bar(0.5, 4, Glyphs::Unicode), "██  ");
        assert_eq!(
            bar(0.001, 4, Glyphs::Unicode),
            "▏   ",
            "a little is not nothing"
        );
    }

    #[test]
    fn titles_promise_no_more_time_than_there_is_room_for() {
        assert_eq!(points_in(50, Glyphs::Unicode, 300), 80);
        assert_eq!(points_in(50, Glyphs::Ascii, 300), 40);
        assert_eq!(points_in(200, Glyphs::Unicode, 300), 300);
        assert_eq!(points_in(0, Glyphs::Ascii, 60), 10);
        let spans = [60, 80, 90, 120, 300].map(span);
        assert_eq!(spans, ["60s", "80s", "1m30s", "2m", "5m"]);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, top) in [(0.0, 1.0), (0.7, 0.8), (61.0, 80.0), (1_204.0, 1_500.0)] {
            assert!(
                (nice(most) - top).abs() < top * 1e-3,
                "{most}: {}",
                nice(most)
            );
        }
        assert!((nice(f32::NAN) - 1.0).abs() < 1e-6);
    }
}
