//! Colours by what they mean. Nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

use super::Palette;
use crate::{
    fleet::{NodeWord, Severity},
    replica::Freshness,
};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// Less important.
    Dim,
    /// A heading.
    Heading,
    /// A key to press.
    Key,
    Good,
    Warn,
    Bad,
    /// Under the cursor.
    Cursor,
    /// The screen's own tab.
    Tab,
    Border,
    /// A series of a chart, from 0.
    Series(u8),
}

impl Palette {
    pub(super) fn style(self, role: Role) -> Style {
        let style = Style::new();
        let coloured = |standard: Color, blind: Color| match self {
            Palette::Standard => style.fg(standard),
            Palette::ColourBlind => style.fg(blind),
            Palette::None => style,
        };
        // Orange and blue are told apart by people who see red and green alike.
        let (orange, blue) = (Color::Indexed(208), Color::Indexed(33));
        match role {
            Role::Plain => style,
            Role::Dim | Role::Border => match self {
                Palette::Standard | Palette::ColourBlind => style.fg(Color::DarkGray),
                Palette::None => style.add_modifier(Modifier::DIM),
            },
            Role::Heading => style.fg(Color::Reset).add_modifier(Modifier::BOLD),
            Role::Key => coloured(Color::Cyan, blue).add_modifier(Modifier::BOLD),
            Role::Good => coloured(Color::Green, blue),
            Role::Warn | Role::Series(1) => coloured(Color::Yellow, Color::Indexed(220)),
            Role::Bad => coloured(Color::Red, orange).add_modifier(Modifier::BOLD),
            Role::Cursor | Role::Tab => style.add_modifier(Modifier::REVERSED),
            Role::Series(0) => coloured(Color::Cyan, blue),
            Role::Series(_) => coloured(Color::Magenta, orange),
        }
    }
}

pub(super) fn of_node(word: NodeWord) -> Role {
    match word {
        NodeWord::Ready => Role::Good,
        NodeWord::Idle | NodeWord::Gone => Role::Dim,
        NodeWord::Lingering | NodeWord::Connecting | NodeWord::Draining | NodeWord::Ejected => {
            Role::Warn
        }
        NodeWord::Failed => Role::Bad,
    }
}

pub(super) fn of_severity(severity: Severity) -> Role {
    match severity {
        Severity::Warning => Role::Warn,
        Severity::Error => Role::Bad,
    }
}

pub(super) fn of_replica(freshness: Freshness) -> Role {
    match freshness {
        Freshness::Live => Role::Good,
        Freshness::Stale => Role::Warn,
        Freshness::Down => Role::Bad,
    }
}
