//! Keys, what they do and where: one table, from which input, hints and help are made.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Model, Screen};

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// On every screen.
    Everywhere,
    /// On the overview.
    Overview,
    /// In the table of nodes.
    Nodes,
    /// In a node's detail.
    Node,
    /// On the pushes' screen.
    Pushes,
    /// In an RPC's detail.
    Api,
    /// In the list of events.
    Events,
    /// In the table of replicas.
    Replicas,
}

impl Context {
    /// The screen's own.
    pub fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Overview => Context::Overview,
            Screen::Nodes => Context::Nodes,
            Screen::Node(_) => Context::Node,
            Screen::Pushes => Context::Pushes,
            Screen::Api(_) => Context::Api,
            Screen::Events => Context::Events,
            Screen::Replicas => Context::Replicas,
        }
    }

    /// As help names it.
    pub const fn label(self) -> &'static str {
        match self {
            Context::Everywhere => "everywhere",
            Context::Overview => "Overview",
            Context::Nodes => "Nodes",
            Context::Node => "Node",
            Context::Pushes => "Pushes",
            Context::Api => "API",
            Context::Events => "Events",
            Context::Replicas => "Replicas",
        }
    }
}

/// What a key or a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// End the console.
    Quit,
    /// Show help.
    Help,
    /// Open the command palette.
    Palette,
    /// Go to a screen, from 1.
    Go(u8),
    /// Go to the next screen.
    NextScreen,
    /// Go to the screen before.
    PreviousScreen,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// The first row.
    First,
    /// The last row; in events: follow the newest.
    Last,
    /// Open what the cursor is on.
    Open,
    /// Back, or away with what lies over the screen.
    Back,
    /// Type a filter.
    Filter,
    /// The next problem or match.
    NextProblem,
    /// The one before.
    PreviousProblem,
    /// Sort by the next column.
    Sort,
    /// Sort the other way round.
    Reverse,
    /// Keep the order as it is, or let it go.
    Freeze,
    /// Mark or unmark a node.
    Mark,
    /// Unmark all.
    UnmarkAll,
    /// More columns.
    Wide,
    /// Copy what the cursor is on.
    Copy,
    /// Stop the screen, or let it go on.
    Pause,
    /// A step back in time.
    StepBack,
    /// A step forward.
    StepForward,
    /// Back to the present.
    Live,
    /// Half a minute back in a recording.
    SeekBack,
    /// Half a minute ahead.
    SeekAhead,
    /// Write the view to a file as CSV.
    ExportCsv,
    /// Write the view to a file as JSON.
    ExportJson,
    /// Begin a recording, or end it.
    Record,
    /// Write the screen to a file.
    Snapshot,
    /// Another window.
    Window,
    /// The least level shown.
    Level,
    /// The kind shown.
    Kind,
    /// Show one replica alone, or all again.
    Only,
    /// Make a replica's link anew.
    Relink,
    /// Ask for the replica's settings.
    Settings,
    /// Drain nodes.
    Drain,
    /// End a drain or eject.
    Undrain,
    /// Eject nodes.
    Eject,
    /// Make nodes' connections anew.
    Reconnect,
    /// Suspend the console.
    Suspend,
    /// Draw everything anew.
    Redraw,
}

impl Action {
    /// Whether it changes something at replicas.
    pub const fn is_act(self) -> bool {
        matches!(
            self,
            Action::Drain | Action::Undrain | Action::Eject | Action::Reconnect
        )
    }
}

/// A row of the keymap.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    chords: &'static [Chord],
    /// The keys as they are shown, e.g. `↑ k`.
    pub keys: &'static str,
    /// What they do.
    pub action: Action,
    /// Where.
    pub contexts: &'static [Context],
    /// The heading in help, e.g. MOVE.
    pub group: &'static str,
    /// A word or two for the hint line; empty = not hinted.
    pub short: &'static str,
    /// A sentence for help.
    pub long: &'static str,
}

impl Binding {
    /// Whether it works there.
    pub fn is_in(&self, context: Context) -> bool {
        self.contexts.contains(&Context::Everywhere) || self.contexts.contains(&context)
    }
}

/// A key with its modifiers; Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chord {
    Key(KeyCode),
    Ctrl(char),
}

const fn c(letter: char) -> Chord {
    Chord::Key(KeyCode::Char(letter))
}

const ANY: &[Context] = &[Context::Everywhere];
const NODES: &[Context] = &[Context::Nodes];
const NODE_OR_NODES: &[Context] = &[Context::Nodes, Context::Node];
const LISTS: &[Context] = &[
    Context::Overview,
    Context::Nodes,
    Context::Pushes,
    Context::Events,
    Context::Replicas,
];
/// Where there is something to copy and to export.
const OUT: &[Context] = &[
    Context::Overview,
    Context::Nodes,
    Context::Node,
    Context::Pushes,
    Context::Events,
    Context::Replicas,
];
const OPENS: &[Context] = &[
    Context::Overview,
    Context::Nodes,
    Context::Pushes,
    Context::Events,
    Context::Replicas,
];

macro_rules! bind {
    ($($group:literal { $($keys:literal [$($chord:expr),+] $contexts:ident $action:expr, $short:literal, $long:literal;)+ })+) => {
        &[$($(Binding {
            chords: &[$($chord),+],
            keys: $keys,
            action: $action,
            contexts: $contexts,
            group: $group,
            short: $short,
            long: $long,
        },)+)+]
    };
}

const EVENTS: &[Context] = &[Context::Events];
const PUSHES: &[Context] = &[Context::Pushes, Context::Api];
const REPLICAS: &[Context] = &[Context::Replicas];

use KeyCode as K;

static BINDINGS: &[Binding] = bind! {
    "MOVE" {
        "↑ k" [Chord::Key(K::Up), c('k')] LISTS Action::Up, "", "One row up.";
        "↓ j" [Chord::Key(K::Down), c('j')] LISTS Action::Down, "move", "One row down.";
        "PgUp" [Chord::Key(K::PageUp), Chord::Ctrl('b')] LISTS Action::PageUp, "", "One page up.";
        "PgDn" [Chord::Key(K::PageDown), Chord::Ctrl('f')] LISTS Action::PageDown, "", "One page down.";
        "g Home" [c('g'), Chord::Key(K::Home)] LISTS Action::First, "", "The first row.";
        "G" [c('G')] LISTS Action::Last, "", "The last row; in events: follow the newest.";
    }
    "VIEW" {
        "1" [c('1')] ANY Action::Go(1), "", "Overview: rates, latencies, problems, RPCs.";
        "2" [c('2')] ANY Action::Go(2), "", "Nodes.";
        "3" [c('3')] ANY Action::Go(3), "", "Pushes: RPCs, failures by reason, latency.";
        "4" [c('4')] ANY Action::Go(4), "", "Events.";
        "5" [c('5')] ANY Action::Go(5), "", "Replicas and the links to them.";
        "Tab" [Chord::Key(K::Tab)] ANY Action::NextScreen, "", "The next screen.";
        "⇧Tab" [Chord::Key(K::BackTab)] ANY Action::PreviousScreen, "", "The screen before.";
        "Enter" [Chord::Key(K::Enter)] OPENS Action::Open, "open", "Open it: a problem's cause, a node, an RPC, an event in full (again: its node at that time), a replica alone.";
        "Esc" [Chord::Key(K::Esc)] ANY Action::Back, "back", "Back; away with a filter, marks or what lies over the screen.";
        "w" [c('w')] NODES Action::Wide, "wide", "More columns, where there is room.";
        "t" [c('t')] PUSHES Action::Window, "window", "The next window: 10 s, 60 s, 5 min, 1 h.";
        "l" [c('l')] EVENTS Action::Level, "level", "The next least level: info, warn, error. Audit is always shown.";
        "K" [c('K')] EVENTS Action::Kind, "kind", "Only the kind that the cursor is on, or all again.";
        "o" [c('o')] ANY Action::Only, "", "One replica alone (on the replicas' screen: the one under the cursor), or all again.";
    }
    "SORT" {
        "s" [c('s')] NODES Action::Sort, "sort", "Sort by the next column.";
        "S" [c('S')] NODES Action::Reverse, "", "Sort the other way round.";
        "f" [c('f')] NODES Action::Freeze, "freeze", "Keep the order as it is, or let it go.";
    }
    "FIND" {
        "/" [c('/')] LISTS Action::Filter, "filter", "Type a filter: of nodes in the filter language, of events by their text.";
        "n" [c('n')] ANY Action::NextProblem, "", "Go to the next problem's cause.";
        "N" [c('N')] ANY Action::PreviousProblem, "", "Go to the cause of the problem before.";
        "x *" [c('x'), c('*'), c(' ')] NODES Action::Mark, "mark", "Mark or unmark the node: acts and exports take the marked ones.";
        "X" [c('X')] NODES Action::UnmarkAll, "", "Unmark all.";
    }
    "TIME" {
        "p" [c('p')] ANY Action::Pause, "", "Stop this screen, or let it go on. Nobody else notices.";
        "[" [c('[')] ANY Action::StepBack, "", "A second back in time.";
        "]" [c(']')] ANY Action::StepForward, "", "A second forward.";
        "End" [Chord::Key(K::End)] ANY Action::Live, "", "Back to the present.";
        "{" [c('{')] ANY Action::SeekBack, "", "Half a minute back in a recording (`:seek TIME`).";
        "}" [c('}')] ANY Action::SeekAhead, "", "Half a minute ahead (`:speed TIMES` plays it faster).";
    }
    "OUT" {
        "y" [c('y')] OUT Action::Copy, "copy", "Copy what the cursor is on to the clipboard (OSC 52).";
        "E" [c('E')] OUT Action::ExportCsv, "", "Write this view to a file as CSV.";
        "J" [c('J')] OUT Action::ExportJson, "", "Write this view to a file as JSON.";
        "R" [c('R')] ANY Action::Record, "", "Begin a recording, or end it.";
        "P" [c('P')] ANY Action::Snapshot, "", "Write a picture of this screen to a file (SVG).";
    }
    "ACT" {
        "d" [c('d')] NODE_OR_NODES Action::Drain, "drain", "Send the node, or the marked ones, nothing new: first the plan is shown.";
        "u" [c('u')] NODE_OR_NODES Action::Undrain, "undrain", "End a drain or eject.";
        "e" [c('e')] NODE_OR_NODES Action::Eject, "eject", "Send it nothing, cut what is under way.";
        "c" [c('c')] NODE_OR_NODES Action::Reconnect, "reconnect", "Make the node's connections anew.";
    }
    "LINK" {
        "r" [c('r')] REPLICAS Action::Relink, "reconnect", "Make the link to the replica anew at once.";
        "v" [c('v')] REPLICAS Action::Settings, "settings", "The settings that can be changed while running (`:set KEY VALUE`).";
    }
    "CONSOLE" {
        ":" [c(':')] ANY Action::Palette, "command", "Type a command.";
        "?" [c('?'), Chord::Key(K::F(1))] ANY Action::Help, "help", "This help; / or any letter searches it.";
        "Ctrl-L" [Chord::Ctrl('l')] ANY Action::Redraw, "", "Draw everything anew.";
        "Ctrl-Z" [Chord::Ctrl('z')] ANY Action::Suspend, "", "Suspend the console; `fg` brings it back.";
        "q" [c('q'), Chord::Ctrl('c')] ANY Action::Quit, "quit", "End the console.";
    }
};

/// All bindings, in the order of help.
pub fn bindings() -> &'static [Binding] {
    BINDINGS
}

/// What a key does there; the place's own bindings go before those that work everywhere.
pub fn find(context: Context, key: KeyEvent) -> Option<Action> {
    let chord = chord(key)?;
    let bound = BINDINGS
        .iter()
        .filter(|binding| binding.chords.contains(&chord) && binding.is_in(context));
    let bound: Vec<_> = bound.collect();
    let own = bound
        .iter()
        .find(|binding| binding.contexts.contains(&context));
    own.or(bound.first()).map(|binding| binding.action)
}

/// True for Ctrl-C, which ends the console from anywhere.
pub fn is_interrupt(key: KeyEvent) -> bool {
    chord(key) == Some(Chord::Ctrl('c'))
}

/// Why an action can't be done now; nothing when it can.
pub fn refusal(model: &Model, action: Action) -> Option<&'static str> {
    if matches!(action, Action::SeekBack | Action::SeekAhead) {
        return (!model.options.replay).then_some("no recording is played; [ and ] step");
    }
    if !action.is_act() {
        return None;
    }
    if model.options.replay {
        return Some("a recording is played: nothing can be acted on");
    }
    if !model.options.allow_actions {
        return Some("read-only: started without --allow-actions");
    }
    // What is confirmed must have been seen.
    crate::view::is_small(model.size).then_some("too small to show the plan: make it 60x16")
}

fn chord(key: KeyEvent) -> Option<Chord> {
    let modifiers = key.modifiers - KeyModifiers::SHIFT;
    match key.code {
        KeyCode::Char(letter) if modifiers == KeyModifiers::CONTROL => {
            Some(Chord::Ctrl(letter.to_ascii_lowercase()))
        }
        code if modifiers.is_empty() => Some(Chord::Key(code)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXTS: [Context; 7] = [
        Context::Overview,
        Context::Nodes,
        Context::Node,
        Context::Pushes,
        Context::Api,
        Context::Events,
        Context::Replicas,
    ];

    #[test]
    fn no_key_is_bound_twice_in_one_place() {
        for context in CONTEXTS {
            let mut seen: Vec<(Chord, &str)> = Vec::new();
            for binding in BINDINGS.iter().filter(|binding| binding.is_in(context)) {
                for chord in binding.chords {
                    let twice = seen.iter().find(|(other, _)| other == chord);
                    assert!(twice.is_none(), "{chord:?} in {context:?}: {twice:?}");
                    seen.push((*chord, binding.long));
                }
            }
        }
    }

    #[test]
    fn every_binding_does_what_it_says_where_it_says() {
        for binding in BINDINGS {
            for chord in binding.chords {
                let key = match chord {
                    Chord::Key(code) => KeyEvent::new(*code, KeyModifiers::NONE),
                    Chord::Ctrl(letter) => {
                        KeyEvent::new(KeyCode::Char(*letter), KeyModifiers::CONTROL)
                    }
                };
                for context in CONTEXTS.into_iter().filter(|at| binding.is_in(*at)) {
                    assert_eq!(find(context, key), Some(binding.action), "{binding:?}");
                }
            }
            assert!(binding.long.ends_with('.'), "{binding:?}");
        }
    }

    #[test]
    fn capitals_arrive_with_shift_or_without() {
        for modifiers in [KeyModifiers::SHIFT, KeyModifiers::NONE] {
            let key = KeyEvent::new(KeyCode::Char('G'), modifiers);
            assert_eq!(find(Context::Nodes, key), Some(Action::Last));
        }
    }
}
