//! What can happen, and how grave it is: bounded lists with labels that clients filter by.

/// How grave an event is, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// For the record.
    Info,
    /// Degraded.
    Warn,
    /// Someone must act.
    Error,
    /// An operator acted, or tried to: no filter by level hides it.
    Audit,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A node came, or came back as another.
    NodeFound,
    /// A node went.
    NodeLeft,
    /// A node's registration is gone, its connection lives.
    NodeLingering,
    /// A lingering node's registration is back.
    NodeReturned,
    /// A connection to a node was made.
    ConnOpen,
    /// A connection to a node closed.
    ConnLost,
    /// No connection to a node could be made.
    ConnFailed,
    /// The source of nodes can't be reached.
    DiscoveryAway,
    /// It can be reached again.
    DiscoveryBack,
    /// A registration is not used.
    DiscoverySkipped,
    /// Targets fail, at a node or before any.
    PushFailing,
    /// This instance serves.
    ServerReady,
    /// This instance shuts down.
    ServerDraining,
    /// An operator drained a node.
    ActionDrain,
    /// An operator ejected a node.
    ActionEject,
    /// An operator ended a drain or eject.
    ActionUndrain,
    /// An operator had a node's connections made anew.
    ActionReconnect,
    /// An operator changed a setting.
    ActionSet,
    /// An operator's act was refused.
    ActionRefused,
    /// A drain or eject ended by itself.
    HoldEnded,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 20] = [
        Kind::NodeFound,
        Kind::NodeLeft,
        Kind::NodeLingering,
        Kind::NodeReturned,
        Kind::ConnOpen,
        Kind::ConnLost,
        Kind::ConnFailed,
        Kind::DiscoveryAway,
        Kind::DiscoveryBack,
        Kind::DiscoverySkipped,
        Kind::PushFailing,
        Kind::ServerReady,
        Kind::ServerDraining,
        Kind::ActionDrain,
        Kind::ActionEject,
        Kind::ActionUndrain,
        Kind::ActionReconnect,
        Kind::ActionSet,
        Kind::ActionRefused,
        Kind::HoldEnded,
    ];

    /// The word for it, of two parts.
    pub fn label(self) -> &'static str {
        match self {
            Kind::NodeFound => "node.found",
            Kind::NodeLeft => "node.left",
            Kind::NodeLingering => "node.lingering",
            Kind::NodeReturned => "node.returned",
            Kind::ConnOpen => "conn.open",
            Kind::ConnLost => "conn.lost",
            Kind::ConnFailed => "conn.failed",
            Kind::DiscoveryAway => "discovery.away",
            Kind::DiscoveryBack => "discovery.back",
            Kind::DiscoverySkipped => "discovery.skipped",
            Kind::PushFailing => "push.failing",
            Kind::ServerReady => "server.ready",
            Kind::ServerDraining => "server.draining",
            Kind::ActionDrain => "action.drain",
            Kind::ActionEject => "action.eject",
            Kind::ActionUndrain => "action.undrain",
            Kind::ActionReconnect => "action.reconnect",
            Kind::ActionSet => "action.set",
            Kind::ActionRefused => "action.refused",
            Kind::HoldEnded => "hold.ended",
        }
    }
}
