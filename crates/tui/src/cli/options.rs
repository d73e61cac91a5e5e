//! The arguments.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser, ValueEnum};

use crate::{
    feed::{Address, Token, kube::Access},
    filter::{self, Filter},
    view::{Glyphs, Look, Palette},
};

const MORE: &str = "\
Examples:
  pushtop                                  the manager on this machine
  pushtop --addr 10.0.0.1 --addr 10.0.0.2  several managers as one fleet
  pushtop --etcd 10.0.0.9:2379             every manager that is registered there
  pushtop --kube prod/push-fanout          every pod of a PushManager, by port-forward
  pushtop --once --text                    a table for people; --json for scripts
  pushtop --watch --json | jq .problems    a line every interval
  pushtop --replay demo.pmrec --speed 4    a recording

Keys: ? shows them, with the filter language. q ends it.

Exit codes:
  0  ended as asked
  1  failed while running; for --once: no manager answered
  2  the command line is wrong; nothing was started
  3  --once: there are problems as grave as --fail-on says";

/// The terminal in which operators see and steer Push-Manager.
#[derive(Debug, Parser)]
#[command(name = "pushtop", version, after_help = MORE)]
#[command(group = ArgGroup::new("source").args(["addr", "etcd", "kube", "replay"]))]
#[command(group = ArgGroup::new("batch").args(["once", "watch", "snapshot"]))]
#[command(group = ArgGroup::new("form").args(["json", "text"]).requires("printed"))]
#[command(group = ArgGroup::new("printed").args(["once", "watch"]))]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Options {
    /// A manager's admin address; several make one fleet. [default: 127.0.0.1:50054]
    /// Without a source the environment's PUSHTOP_ADDR, comma-separated, is taken.
    #[arg(long, value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub(super) addr: Vec<Address>,
    /// Finds every manager that registers its admin address in this etcd.
    #[arg(long, value_name = "ENDPOINTS", value_delimiter = ',')]
    pub(super) etcd: Vec<String>,
    /// The etcd prefix that managers register under.
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "push-manager/",
        requires = "etcd"
    )]
    pub(super) etcd_prefix: String,
    /// The etcd user, else the environment's ETCD_USERNAME; the password is ETCD_PASSWORD.
    #[arg(long, value_name = "USER", requires = "etcd")]
    pub(super) etcd_user: Option<String>,
    /// Finds the pods of a PushManager and forwards ports to them.
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub(super) kube: Option<String>,
    /// The context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME", requires = "kube")]
    context: Option<String>,
    /// The kubeconfig, instead of the environment's KUBECONFIG and ~/.kube/config.
    #[arg(long, value_name = "FILE", requires = "kube")]
    kubeconfig: Option<PathBuf>,
    /// Plays a recording.
    #[arg(long, value_name = "FILE")]
    pub(super) replay: Option<PathBuf>,
    /// How fast the recording is played, 0.25 to 64.
    #[arg(long, value_name = "TIMES", default_value = "1", requires = "replay", value_parser = crate::feed::replay::speed)]
    pub(super) speed: f64,

    /// The bearer token, else the environment's PUSHTOP_TOKEN; not needed from the manager's own machine.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// A file whose first line is the token; read anew for each connection.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// How often managers are asked to send, e.g. 500ms.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(super) interval: Duration,
    /// Allows drain, undrain, eject, reconnect and set.
    #[arg(long, conflicts_with = "replay")]
    pub(super) allow_actions: bool,
    /// Records from the start, into a file that is not there yet.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "batch"])]
    pub(super) record: Option<PathBuf>,

    /// Prints once, and ends.
    #[arg(long)]
    pub(super) once: bool,
    /// Prints every interval.
    #[arg(long)]
    pub(super) watch: bool,
    /// As JSON: one document, or one a line. The default of --watch.
    #[arg(long)]
    json: bool,
    /// As a table for people. The default of --once.
    #[arg(long)]
    text: bool,
    /// --once, --snapshot: how long managers have to answer.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span)]
    pub(super) timeout: Duration,
    /// --once: which problems make the exit code 3.
    #[arg(
        long,
        value_name = "SEVERITY",
        default_value = "error",
        requires = "once"
    )]
    pub(super) fail_on: FailOn,

    /// Writes a picture of a screen to a file (.svg, else text), and ends.
    #[arg(long, value_name = "FILE")]
    pub(super) snapshot: Option<PathBuf>,
    /// --snapshot: the size of the screen.
    #[arg(long, value_name = "COLSxROWS", default_value = "100x30", value_parser = size)]
    pub(super) size: (u16, u16),
    /// --snapshot of a recording: at this time in it.
    #[arg(long, value_name = "TIME", value_parser = span, requires_all = ["snapshot", "replay"])]
    pub(super) at: Option<Duration>,

    /// The screen to begin with.
    #[arg(long, value_name = "NAME", default_value = "overview")]
    pub(super) screen: Start,
    /// A filter of nodes to begin with, e.g. 'state=failed or queue>80%'.
    #[arg(long, value_name = "FILTER", value_parser = filtered, default_value = "", hide_default_value = true)]
    pub(super) filter: Filter,
    /// Colours; the environment's NO_COLOR means none.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "standard",
        env = "PUSHTOP_THEME"
    )]
    theme: Theme,
    /// ASCII alone; also where the locale is not UTF-8.
    #[arg(long)]
    ascii: bool,
    /// Takes the mouse: clicks select, the wheel scrolls. The terminal's own selection then needs Shift.
    #[arg(long)]
    pub(super) mouse: bool,
    /// A name for the header.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) title: String,
}

/// A screen to begin with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Start {
    Overview,
    Nodes,
    Pushes,
    Events,
    Replicas,
}

/// Which problems count as failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Error,
    Warning,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Theme {
    Standard,
    ColourBlind,
    None,
}

impl Options {
    pub(super) fn is_batch(&self) -> bool {
        self.once || self.watch || self.snapshot.is_some()
    }

    /// JSON unless a table was asked for, or nothing and it is printed once.
    pub(super) fn is_json(&self) -> bool {
        self.json || (self.watch && !self.text)
    }

    /// Takes what the command line leaves open from the environment. clap would count a variable as
    /// typed: one that suits another source would then contradict the one that was asked for.
    pub(super) fn complete(mut self) -> Result<Self, String> {
        if !self.has_source() {
            let named = set("PUSHTOP_ADDR").unwrap_or_default();
            let named = named
                .split(',')
                .map(str::trim)
                .filter(|one| !one.is_empty());
            let read = named.map(str::parse).collect::<Result<_, _>>();
            self.addr = read.map_err(|error| format!("PUSHTOP_ADDR: {error}"))?;
        }
        if self.token.is_none() && self.token_file.is_none() {
            self.token = set("PUSHTOP_TOKEN");
        }
        if self.etcd_user.is_none() {
            self.etcd_user = set("ETCD_USERNAME");
        }
        Ok(self)
    }

    fn has_source(&self) -> bool {
        let named = !self.addr.is_empty() || !self.etcd.is_empty();
        named || self.kube.is_some() || self.replay.is_some()
    }

    /// The cluster that is meant.
    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }

    pub(super) fn token(&self) -> Token {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Token::Text(token.clone()),
            (None, Some(file)) => Token::File(file.clone()),
            (None, None) => Token::None,
        }
    }

    pub(super) fn look(&self) -> Look {
        let palette = match self.theme {
            _ if set("NO_COLOR").is_some() => Palette::None,
            Theme::Standard => Palette::Standard,
            Theme::ColourBlind => Palette::ColourBlind,
            Theme::None => Palette::None,
        };
        let glyphs = if self.ascii || (self.snapshot.is_none() && !is_utf8()) {
            Glyphs::Ascii
        } else {
            Glyphs::Unicode
        };
        Look { glyphs, palette }
    }
}

/// A variable that is set to something.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the first of the locale's variables that is set says; none of them says nothing against it.
fn is_utf8() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| set(name));
    said.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn span(text: &str) -> Result<Duration, String> {
    filter::duration(text)
        .ok_or_else(|| "expected a time with its unit, e.g. 500ms, 5s or 2m".to_owned())
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = span(text)?;
    let bounds = Duration::from_millis(250)..=Duration::from_mins(1);
    if bounds.contains(&interval) {
        return Ok(interval);
    }
    Err("expected a time from 250ms to 1m".to_owned())
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let read = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    read.filter(|(columns, rows)| (1..=500).contains(columns) && (1..=200).contains(rows))
        .ok_or_else(|| "expected columns and rows, e.g. 100x30, at most 500x200".to_owned())
}

fn filtered(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| format!("at character {}: {error}", error.at + 1))
}
