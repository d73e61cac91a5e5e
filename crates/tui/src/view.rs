//! The screens: `draw(&Model, &mut Frame)`, pure. Every screen is a file of its name.

use ratatui::Frame;

use crate::app::Model;

/// Which glyphs are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Unicode, with braille charts.
    #[default]
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// Which colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// The terminal's own colours.
    #[default]
    Standard,
    /// Told apart by people who see red and green alike.
    ColourBlind,
    /// None: weight and inversion alone (NO_COLOR).
    None,
}

/// How it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Which glyphs.
    pub glyphs: Glyphs,
    /// Which colours.
    pub palette: Palette,
}

/// Draws the model.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let _ = (model, frame);
}

/// Rows of the main table on the model's screen at its size: what a page is.
pub fn page_rows(model: &Model) -> usize {
    usize::from(model.size.1.saturating_sub(6)).max(1)
}

/// What is at a place of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The tab of a screen, from 1.
    Tab(u8),
    /// A row of the main table, from 0.
    Row(usize),
}

/// What is at a column and row of the screen.
pub fn hit(model: &Model, column: u16, row: u16) -> Option<Hit> {
    let _ = (model, column, row);
    None
}
