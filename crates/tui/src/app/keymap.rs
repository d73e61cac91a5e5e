//! Keys, what they do and where: one table, from which input, hints and help are made.

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
    /// In the list of events.
    Events,
    /// In the table of replicas.
    Replicas,
}

/// What a key or a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// End the console.
    Quit,
    /// Show help.
    Help,
}

/// A row of the keymap.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys as they are shown, e.g. `↑ k`.
    pub keys: &'static str,
    /// What they do.
    pub action: Action,
    /// Where.
    pub context: Context,
    /// The heading in help, e.g. MOVE.
    pub group: &'static str,
    /// A word or two for the hint line.
    pub short: &'static str,
    /// A sentence for help.
    pub long: &'static str,
}

/// All bindings, in the order of help.
pub fn bindings() -> &'static [Binding] {
    &[]
}
