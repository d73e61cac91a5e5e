//! Glyphs, in Unicode and in ASCII alone. A state is always told by a word too.

use ratatui::symbols::border;

use super::Glyphs;
use crate::{
    fleet::{NodeWord, Severity},
    replica::Freshness,
};

impl Glyphs {
    pub(super) fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    pub(super) fn node(self, word: NodeWord) -> &'static str {
        match word {
            NodeWord::Ready => self.pick("●", "+"),
            NodeWord::Lingering => self.pick("◉", "%"),
            NodeWord::Connecting => self.pick("◐", "~"),
            NodeWord::Idle => self.pick("○", "-"),
            NodeWord::Draining | NodeWord::Ejected => self.pick("◌", "d"),
            NodeWord::Failed => self.pick("✖", "x"),
            NodeWord::Gone => self.pick("·", "."),
        }
    }

    pub(super) fn replica(self, freshness: Freshness) -> &'static str {
        match freshness {
            Freshness::Live => self.pick("●", "+"),
            Freshness::Stale => self.pick("◐", "~"),
            Freshness::Down => self.pick("○", "-"),
        }
    }

    pub(super) fn severity(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Error => self.pick("✖", "x"),
            Severity::Warning => self.pick("▲", "!"),
        }
    }

    /// Eight heights of a column, the lowest first.
    pub(super) fn heights(self) -> [&'static str; 8] {
        match self {
            Glyphs::Unicode => ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
            Glyphs::Ascii => ["_", "_", "-", "-", "=", "=", "#", "#"],
        }
    }

    /// Eight lengths of the last cell of a bar, the shortest first.
    pub(super) fn lengths(self) -> [&'static str; 8] {
        match self {
            Glyphs::Unicode => ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
            Glyphs::Ascii => [".", ".", "-", "-", "=", "=", "#", "#"],
        }
    }

    /// Four shades, the lightest first.
    pub(super) fn shades(self) -> [&'static str; 4] {
        match self {
            Glyphs::Unicode => ["░", "▒", "▓", "█"],
            Glyphs::Ascii => [".", ":", "+", "#"],
        }
    }

    /// Where there is no data.
    pub(super) fn gap(self) -> &'static str {
        self.pick("·", ".")
    }

    pub(super) fn cursor(self) -> &'static str {
        self.pick("▸", ">")
    }

    pub(super) fn border(self) -> border::Set<'static> {
        match self {
            Glyphs::Unicode => border::PLAIN,
            Glyphs::Ascii => border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            },
        }
    }
}

/// A state in a word of at most eight letters.
pub(super) fn word(word: NodeWord) -> &'static str {
    match word {
        NodeWord::Failed => "FAILED",
        NodeWord::Ejected => "EJECTED",
        NodeWord::Draining => "DRAIN",
        NodeWord::Connecting => "CONN",
        NodeWord::Lingering => "LINGER",
        NodeWord::Ready => "READY",
        NodeWord::Idle => "IDLE",
        NodeWord::Gone => "GONE",
    }
}
