//! The screens: `draw(&Model, &mut Frame)`, pure. Every screen is a file of its name.

mod api;
mod chart;
mod events;
mod glyphs;
mod header;
mod layout;
mod line;
mod node;
mod nodes;
mod number;
mod overlays;
mod overview;
mod pen;
mod pushes;
mod replicas;
mod spread;
mod table;
mod text;
mod theme;

use ratatui::Frame;

use self::pen::Pen;
use crate::app::{Model, Screen};

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
    let area = frame.area();
    draw_into(model, frame.buffer_mut(), area);
}

/// Draws the model into a part of a buffer.
pub fn draw_into(model: &Model, buffer: &mut ratatui::buffer::Buffer, area: ratatui::layout::Rect) {
    let mut pen = Pen {
        area: area.intersection(*buffer.area()),
        buffer,
        look: model.options.look,
    };
    if layout::is_small(pen.area) {
        line::draw(model, &mut pen);
        if let Some(overlay) = &model.overlay {
            overlays::draw_small(model, overlay, &mut pen);
        }
        return;
    }
    let areas = layout::areas(pen.area);
    header::draw(model, &mut pen.part(areas.header));
    let mut body = pen.part(areas.body);
    match &model.screen {
        Screen::Overview => overview::draw(model, &mut body),
        Screen::Nodes => nodes::draw(model, &mut body),
        Screen::Node(name) => node::draw(model, name, &mut body),
        Screen::Pushes => pushes::draw(model, &mut body),
        Screen::Api(name) => api::draw(model, name, &mut body),
        Screen::Events => events::draw(model, &mut body),
        Screen::Replicas => replicas::draw(model, &mut body),
    }
    header::footer(model, &mut pen.part(areas.footer));
    if let Some(overlay) = &model.overlay {
        overlays::draw(model, overlay, &mut pen);
    }
}

pub use self::{
    layout::{Hit, hit, page_rows, problem_rows},
    overlays::{Reach, act_reach, reach},
};

/// Whether a terminal of so many columns and rows has room for one line only.
pub fn is_small((columns, rows): (u16, u16)) -> bool {
    layout::is_small(ratatui::layout::Rect::new(0, 0, columns, rows))
}

#[cfg(test)]
mod tests;
