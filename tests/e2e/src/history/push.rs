//! A push as its caller saw it, read from the lines of `interop load`.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

/// Outcomes that leave nothing open: those who are there got it.
const SETTLED: [&str; 2] = ["delivered", "offline"];

/// Whom a push is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenTarget")]
pub enum Target {
    /// Everyone in a room.
    Room(String),
    /// One user, on all connections.
    User(String),
    /// Everyone.
    Broadcast,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTarget {
    Room(String),
    User(String),
    Broadcast(bool),
}

impl TryFrom<WrittenTarget> for Target {
    type Error = &'static str;

    fn try_from(written: WrittenTarget) -> Result<Self, Self::Error> {
        match written {
            WrittenTarget::Room(room) => Ok(Self::Room(room)),
            WrittenTarget::User(user) => Ok(Self::User(user)),
            WrittenTarget::Broadcast(true) => Ok(Self::Broadcast),
            WrittenTarget::Broadcast(false) => Err("a broadcast is never false"),
        }
    }
}

impl Target {
    /// Whether someone with this user and these rooms is meant.
    pub fn means(&self, user: &str, rooms: &[String]) -> bool {
        match self {
            Self::Room(room) => rooms.contains(room),
            Self::User(only) => only == user,
            Self::Broadcast => true,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => write!(formatter, "room {room}"),
            Self::User(user) => write!(formatter, "user {user}"),
            Self::Broadcast => formatter.write_str("broadcast"),
        }
    }
}

/// A push that ended, and what its caller was told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Push {
    /// Its number in the run.
    pub seq: u64,
    /// What tells it from all others.
    pub data: String,
    /// Whom it is for.
    pub target: Target,
    /// When the call began, in Unix milliseconds.
    pub sent_ms: u64,
    /// When the call ended, in Unix milliseconds.
    pub ended_ms: u64,
    /// How often gRPC tried the call; a try that found no connection sent nothing.
    #[serde(default = "once")]
    pub tries: u64,
    /// How often the request went out; more than once when gRPC tried again.
    #[serde(default = "once")]
    pub sends: u64,
    /// Whether the call ended with the status OK: the push is acknowledged.
    pub ok: bool,
    /// The status.
    #[serde(default)]
    pub code: String,
    /// What the error said.
    #[serde(default)]
    pub error: String,
    /// The answer's own word.
    #[serde(default)]
    pub success: bool,
    /// Targets that got it, says the receipt.
    #[serde(default)]
    pub total_delivered: u64,
    /// How many targets the receipt says there were.
    #[serde(default)]
    pub targets: u64,
    /// The push's id in the system's logs.
    #[serde(default)]
    pub push_id: String,
    /// How many targets ended how, by the names of the outcomes in lower case.
    #[serde(default)]
    pub outcomes: BTreeMap<String, u64>,
}

fn once() -> u64 {
    1
}

impl Push {
    /// How many targets ended so.
    pub fn count(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or(0)
    }

    /// Whether the answer leaves no target open or failed.
    pub fn is_settled(&self) -> bool {
        let mut names = self.outcomes.keys();
        self.ok && names.all(|name| SETTLED.contains(&name.as_str()))
    }

    /// What `success` says: somebody got it, who is a user; or of a room and of all nobody was failed.
    pub(super) fn is_well(&self) -> bool {
        match self.target {
            Target::User(_) => self.count("delivered") > 0,
            Target::Room(_) | Target::Broadcast => self.is_settled(),
        }
    }

    /// What in the answer contradicts itself, if anything.
    pub fn contradiction(&self) -> Option<String> {
        let (total, delivered) = (self.total_delivered, self.count("delivered"));
        let sum: u64 = self.outcomes.values().sum();
        if total != delivered {
            return Some(format!("the answer counts {total}, its receipt another"));
        }
        if sum != self.targets {
            let targets = self.targets;
            return Some(format!("{targets} targets, and {sum} of them ended"));
        }
        if self.targets == 0 && matches!(self.target, Target::User(_)) {
            return Some("a user is a target".to_owned());
        }
        if self.success != self.is_well() {
            return Some("success is not what the receipt says".to_owned());
        }
        None
    }
}

/// What `interop load` counts at its end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// All pushes.
    pub pushes: u64,
    /// Those that ended OK.
    pub ok: u64,
    /// How many ended with which status.
    pub codes: BTreeMap<String, u64>,
}

/// A line that `interop load` prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// The last one.
    Summary {
        /// What was counted.
        summary: Summary,
    },
    /// A push that ended.
    Push(Box<Push>),
}

impl Line {
    /// Reads a line; fields that are not known are passed over.
    pub fn read(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}
