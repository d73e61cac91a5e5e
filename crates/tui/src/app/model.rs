//! The state of the console.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use push_manager_proto::admin::{EventLevel, GetSettingsResponse};

use super::{
    ActDialog, ActWish, Details,
    order::{EventsBy, OrderedBy},
    time::Playing,
};
use crate::{
    filter::Filter,
    fleet::{EventItem, Fleet, NodeName, Problem, Severity, Subject, Window},
    moment::Moment,
    replica::{Link, Replica, ReplicaId},
    tape::Tape,
};

/// A screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// 1: rates, latencies, problems, RPCs.
    #[default]
    Overview,
    /// 2: the table of nodes.
    Nodes,
    /// One node; Esc goes back to the table.
    Node(NodeName),
    /// 3: RPCs, failures by reason, latency heat.
    Pushes,
    /// One RPC, with its latest failed pushes; Esc goes back to the table.
    Api(String),
    /// 4: what happened.
    Events,
    /// 5: replicas and links to them.
    Replicas,
}

/// What the console was told at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What is watched, for the header.
    pub title: String,
    /// Where replicas come from, in words, for the replicas' screen.
    pub source: String,
    /// Whether acts are allowed.
    pub allow_actions: bool,
    /// A recording is played: nothing can be acted on.
    pub replay: bool,
    /// Colours and glyphs.
    pub look: crate::view::Look,
}

/// What the table of nodes is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortKey {
    /// Problems first, then by name.
    #[default]
    Problem,
    /// By name; digits by their number.
    Name,
    /// By state, the gravest first.
    State,
    /// By calls in flight.
    InFlight,
    /// By how full the queue is.
    Queue,
    /// By the 99th percentile of round trips.
    Rtt,
    /// By the share of failed targets.
    Errors,
    /// By targets delivered a second.
    Rate,
    /// By the age of the state.
    Age,
}

/// The table of nodes.
#[derive(Clone, Debug, Default)]
pub struct NodesState {
    /// What it is sorted by.
    pub sort: SortKey,
    /// The other way round.
    pub reversed: bool,
    /// The filter as typed; empty = none.
    pub filter_text: String,
    /// The filter.
    pub filter: Option<Filter>,
    /// The nodes that match, in order. Brought up to date whenever the fleet or the above changes.
    pub order: Vec<NodeName>,
    /// The node that the cursor is on, by identity.
    pub selected: Option<NodeName>,
    /// Its place in `order`; where it was, once it is gone.
    pub selected_at: usize,
    /// The first row shown.
    pub top: usize,
    /// Marked nodes.
    pub marked: BTreeSet<NodeName>,
    /// The order stands still.
    pub frozen: bool,
    /// More columns, where there is room.
    pub wide: bool,
    /// What `order` was made of.
    pub ordered_by: OrderedBy,
}

/// The list of events.
#[derive(Clone, Debug, Default)]
pub struct EventsState {
    /// The least level shown; audit is always shown.
    pub level: Option<EventLevel>,
    /// Only this kind, or kinds that begin with it; empty = all.
    pub kind: String,
    /// Only this node.
    pub node: Option<NodeName>,
    /// The filter as typed: part of the message, node or kind.
    pub text: String,
    /// Ids of the items that match, the newest first.
    pub order: Vec<u64>,
    /// The item that the cursor is on; `None` = follows the newest.
    pub selected: Option<u64>,
    /// The first row shown.
    pub top: usize,
    /// What `order` was made of.
    pub ordered_by: EventsBy,
}

/// The overview.
#[derive(Clone, Debug, Default)]
pub struct OverviewState {
    /// The place of the problem that the cursor is on.
    pub selected: usize,
    /// The first row shown.
    pub top: usize,
    /// The problem under the cursor, once that was moved.
    pub held: Option<HeldProblem>,
}

/// A problem that can be found again while its text and its nodes change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldProblem {
    kind: &'static str,
    severity: Severity,
    /// Nothing where it is about nodes: those of one kind and severity are one problem.
    subject: Option<Subject>,
}

impl HeldProblem {
    /// Holds it.
    pub fn of(problem: &Problem) -> Self {
        let subject = Some(&problem.subject).filter(|of| !matches!(of, Subject::Nodes(_)));
        Self {
            kind: problem.kind,
            severity: problem.severity,
            subject: subject.cloned(),
        }
    }

    /// Whether it is this one.
    pub fn is(&self, problem: &Problem) -> bool {
        *self == Self::of(problem)
    }
}

/// The pushes' screen.
#[derive(Clone, Debug, Default)]
pub struct PushesState {
    /// The RPC that the cursor is on, by name.
    pub selected: Option<String>,
    /// Over which window.
    pub window: Window,
}

/// The replicas' screen.
#[derive(Clone, Debug, Default)]
pub struct ReplicasState {
    /// The replica that the cursor is on.
    pub selected: Option<ReplicaId>,
    /// The first row shown.
    pub top: usize,
    /// Settings as last told, while they are shown.
    pub settings: BTreeMap<ReplicaId, Result<Box<GetSettingsResponse>, String>>,
}

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Help; the text searches it.
    Help {
        /// What is searched for.
        search: String,
        /// The first line shown.
        top: usize,
    },
    /// The command palette.
    Palette {
        /// What was typed.
        input: String,
        /// The suggestion that the cursor is on.
        selected: usize,
        /// Suggestions, the best first: the command, and what it does.
        matches: Vec<(String, String)>,
        /// The command of before that is shown, counted from the newest.
        walked: Option<usize>,
    },
    /// A filter is being typed.
    Filter {
        /// What was typed.
        input: String,
        /// What is wrong with it, and where (a column from 0).
        error: Option<(usize, String)>,
        /// The filter that Esc puts back.
        before: String,
    },
    /// An act.
    Act(Box<ActDialog>),
    /// An event in full.
    Event {
        /// As it was when it was opened.
        item: Box<EventItem>,
        /// The first line shown.
        top: usize,
    },
    /// A text to read.
    Text {
        /// Its title.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first line shown.
        top: usize,
    },
}

/// Whether the screen shows the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeState {
    /// The present.
    #[default]
    Live,
    /// This moment; the fleet goes on underneath.
    Paused(Moment),
}

/// A word on the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The word.
    pub text: String,
    /// It tells of a failure.
    pub is_error: bool,
    /// When it was said; it goes after 5 s.
    pub at: Moment,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// As told at the start.
    pub options: Options,
    /// The present.
    pub fleet: Fleet,
    /// The past that is shown instead, while paused.
    pub past: Option<Box<Fleet>>,
    /// Which time is shown.
    pub time: TimeState,
    /// The console's time.
    pub now: Moment,
    /// The clock on the wall.
    pub wall: SystemTime,
    /// The terminal: columns, rows.
    pub size: (u16, u16),
    /// The screen.
    pub screen: Screen,
    /// The overview.
    pub overview: OverviewState,
    /// The table of nodes.
    pub nodes: NodesState,
    /// The pushes' screen.
    pub pushes: PushesState,
    /// The list of events.
    pub events: EventsState,
    /// The replicas' screen.
    pub replicas: ReplicasState,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// A word on the status line.
    pub notice: Option<Notice>,
    /// The file that is recorded to.
    pub recording: Option<std::path::PathBuf>,
    /// Only this replica is shown, as if there were no other.
    pub only: Option<ReplicaId>,
    /// What replicas tell of the node or RPC that is looked at.
    pub details: Details,
    /// What was learnt lately.
    pub tape: Tape,
    /// The recording that is played, if one is.
    pub playing: Playing,
    /// The cursor's problem has been jumped to.
    pub jumped: bool,
    /// Commands typed before, the newest last.
    pub history: Vec<String>,
    /// The number of the next act.
    pub next_wish: u64,
    /// Acts that were asked for, by number, with the replicas that have not answered yet. Each
    /// answers or is given up within seconds.
    pub acting: BTreeMap<u64, ActWish>,
}

impl Model {
    /// A console that has learnt nothing yet.
    pub fn new(options: Options, wall: SystemTime) -> Self {
        Self {
            options,
            fleet: Fleet::default(),
            past: None,
            time: TimeState::default(),
            now: Moment::default(),
            wall,
            size: (80, 24),
            screen: Screen::default(),
            overview: OverviewState::default(),
            nodes: NodesState::default(),
            pushes: PushesState::default(),
            events: EventsState::default(),
            replicas: ReplicasState::default(),
            overlay: None,
            notice: None,
            recording: None,
            only: None,
            details: Details::default(),
            tape: Tape::default(),
            playing: Playing::default(),
            jumped: false,
            history: Vec::new(),
            next_wish: 1,
            acting: BTreeMap::new(),
        }
    }

    /// The fleet to show: the present, or the past while paused.
    pub fn shown(&self) -> &Fleet {
        self.past.as_deref().unwrap_or(&self.fleet)
    }

    /// The fleet whose links are listed: while one replica is shown alone, the others are still there
    /// to be chosen.
    pub fn linked(&self) -> &Fleet {
        match (self.only, self.time) {
            (Some(_), TimeState::Live) => &self.fleet,
            (_, TimeState::Live | TimeState::Paused(_)) => self.shown(),
        }
    }

    /// The replicas that are listed: those whose targets are gone are not.
    pub fn listed(&self) -> impl Iterator<Item = &Replica> {
        let replicas = self.linked().replicas().iter();
        replicas.filter(|replica| *replica.link() != Link::Gone)
    }

    /// The moment shown.
    pub fn shown_at(&self) -> Moment {
        match self.time {
            TimeState::Live => self.now,
            TimeState::Paused(at) => at,
        }
    }
}
