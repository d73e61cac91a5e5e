//! Writing into a part of the screen: what does not fit is cut, and nothing is written outside.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    widgets::{Block, Widget},
};

use super::{Look, text, theme::Role};

/// A piece of text and what it is.
pub(super) type Piece = (String, Role);

/// Writes into an area.
pub(super) struct Pen<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) look: Look,
}

impl Pen<'_> {
    /// A pen for a part of the area.
    pub(super) fn part(&mut self, area: Rect) -> Pen<'_> {
        Pen {
            area: area.intersection(self.area),
            buffer: self.buffer,
            look: self.look,
        }
    }

    pub(super) fn style(&self, role: Role) -> Style {
        self.look.palette.style(role)
    }

    pub(super) fn width(&self) -> usize {
        self.area.width.into()
    }

    pub(super) fn height(&self) -> usize {
        self.area.height.into()
    }

    /// Writes at a column and row of the area; gives the column after it.
    pub(super) fn put(&mut self, column: usize, row: usize, text: &str, role: Role) -> usize {
        let style = self.style(role);
        self.put_styled(column, row, text, style)
    }

    pub(super) fn put_styled(
        &mut self,
        column: usize,
        row: usize,
        text: &str,
        style: Style,
    ) -> usize {
        let room = self.width().saturating_sub(column);
        if room == 0 || row >= self.height() {
            return column;
        }
        let text = if text::width(text) > room {
            text::cut(text, room)
        } else {
            text.to_owned()
        };
        let text = match self.look.glyphs {
            super::Glyphs::Unicode => text,
            super::Glyphs::Ascii => text.replace('…', ".").replace(super::number::UNKNOWN, "-"),
        };
        let (x, y) = (self.area.x + column as u16, self.area.y + row as u16);
        let (end, _) = self.buffer.set_stringn(x, y, &text, room, style);
        usize::from(end - self.area.x)
    }

    /// Writes pieces one after the other.
    pub(super) fn line(&mut self, column: usize, row: usize, pieces: &[Piece]) -> usize {
        let mut at = column;
        for (text, role) in pieces {
            at = self.put(at, row, text, *role);
        }
        at
    }

    /// Turns a row of the area around, for the cursor.
    pub(super) fn highlight(&mut self, row: usize) {
        if row < self.height() {
            let style = self.style(Role::Cursor);
            let y = self.area.y + row as u16;
            let line = Rect::new(self.area.x, y, self.area.width, 1);
            self.buffer.set_style(line, style);
        }
    }

    /// Draws a box with a title around the area; gives a pen for what is in it.
    pub(super) fn boxed(&mut self, title: &str) -> Pen<'_> {
        let block = Block::bordered()
            .border_set(self.look.glyphs.border())
            .border_style(self.style(Role::Border));
        let inner = block.inner(self.area);
        block.render(self.area, self.buffer);
        let room = self.width().saturating_sub(4);
        if self.height() > 0 && room > 0 && !title.is_empty() {
            let title = format!(" {} ", text::cut(title, room.saturating_sub(2)));
            self.put(1, 0, &title, Role::Heading);
        }
        self.part(inner)
    }

    /// The area within a box.
    pub(super) fn inside(&self) -> Rect {
        Block::bordered().inner(self.area)
    }

    /// Empties the area, for something that lies over it.
    pub(super) fn clear(&mut self) {
        ratatui::widgets::Clear.render(self.area, self.buffer);
    }
}
