//! Where things stand, by the size alone.

use ratatui::layout::Rect;

use crate::app::{Model, Screen};

/// Below this there is one line.
const SMALLEST: (u16, u16) = (60, 16);
/// Title and tabs.
const HEADER: u16 = 2;
/// Hints, or a word.
const FOOTER: u16 = 1;
/// A box's frame and its column headings.
const TABLE: u16 = 3;
/// Lines kept for what is told of replicas below their table.
const REPLICA_DETAIL: u16 = 8;

pub(super) struct Areas {
    pub(super) header: Rect,
    pub(super) body: Rect,
    pub(super) footer: Rect,
}

pub(super) fn is_small(area: Rect) -> bool {
    area.width < SMALLEST.0 || area.height < SMALLEST.1
}

pub(super) fn areas(area: Rect) -> Areas {
    let row = |y: u16, height: u16| Rect::new(area.x, area.y + y, area.width, height);
    let body = area.height.saturating_sub(HEADER + FOOTER);
    Areas {
        header: row(0, HEADER),
        body: row(HEADER, body),
        footer: row(HEADER + body, FOOTER),
    }
}

/// Splits an area into an upper and a lower part.
pub(super) fn rows(area: Rect, upper: u16) -> (Rect, Rect) {
    let upper = upper.min(area.height);
    (
        Rect::new(area.x, area.y, area.width, upper),
        Rect::new(area.x, area.y + upper, area.width, area.height - upper),
    )
}

/// Splits an area into a left and a right half.
pub(super) fn halves(area: Rect) -> (Rect, Rect) {
    let left = area.width / 2;
    (
        Rect::new(area.x, area.y, left, area.height),
        Rect::new(area.x + left, area.y, area.width - left, area.height),
    )
}

/// Splits an area into a left part of at most so many columns, never more than two thirds, and the rest.
pub(super) fn columns(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.clamp(area.width / 2, (area.width * 2 / 3).max(area.width / 2));
    (
        Rect::new(area.x, area.y, left, area.height),
        Rect::new(area.x + left, area.y, area.width - left, area.height),
    )
}

/// A box in the middle, at most so large.
pub(super) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    )
}

/// The height of the upper part of the pushes' screen.
pub(super) fn pushes_upper(body: u16, apis: usize) -> u16 {
    (apis as u16 + TABLE).min(body / 2).max(5)
}

/// Rows of the table of replicas within so many lines below its frame.
pub(super) fn replicas_page(lines: u16) -> u16 {
    let rows = lines.saturating_sub(1);
    rows.saturating_sub(REPLICA_DETAIL).max(rows.min(3))
}

/// The height of the charts of the overview.
pub(super) fn overview_upper(body: u16) -> u16 {
    (body * 2 / 5).max(6)
}

/// Rows of the main table on the model's screen at its size: what a page is.
pub fn page_rows(model: &Model) -> usize {
    let body = model.size.1.saturating_sub(HEADER + FOOTER);
    let rows = match model.screen {
        Screen::Overview => return problem_rows(model.size),
        Screen::Pushes => pushes_upper(body, model.shown().apis().len()).saturating_sub(TABLE),
        Screen::Nodes | Screen::Node(_) | Screen::Api(_) | Screen::Events => {
            body.saturating_sub(TABLE)
        }
        Screen::Replicas => replicas_page(body.saturating_sub(TABLE - 1)),
    };
    usize::from(rows).max(1)
}

/// Rows of the overview's problems in a terminal of such a size.
pub fn problem_rows((_, rows): (u16, u16)) -> usize {
    let body = rows.saturating_sub(HEADER + FOOTER);
    usize::from(body.saturating_sub(overview_upper(body) + 2)).max(1)
}

/// What is at a place of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The tab of a screen, from 1.
    Tab(u8),
    /// A row of the main table's page, from 0.
    Row(usize),
}

/// What is at a column and row of the screen.
pub fn hit(model: &Model, column: u16, row: u16) -> Option<Hit> {
    let size = Rect::new(0, 0, model.size.0, model.size.1);
    if is_small(size) {
        return None;
    }
    if row == 1 {
        return super::header::tab_at(model, column.into()).map(Hit::Tab);
    }
    let body = areas(size).body;
    let first = match model.screen {
        // Beside the problems stand the RPCs, where nothing is chosen.
        Screen::Overview if column >= halves(body).0.right() => return None,
        Screen::Overview => body.y + overview_upper(body.height) + 1,
        Screen::Nodes | Screen::Events | Screen::Replicas | Screen::Pushes => body.y + 2,
        Screen::Node(_) | Screen::Api(_) => return None,
    };
    let at = usize::from(row.checked_sub(first)?);
    (at < page_rows(model)).then_some(Hit::Row(at))
}
