//! Commands that are typed: their names, what they take, and what they do.

use std::time::Duration;

use nucleo_matcher::{
    Config, Matcher,
    pattern::{CaseMatching, Normalization, Pattern},
};
use push_manager_proto::admin::Verb;

use super::{ActTarget, Action, Effect, Model, Screen, SortKey, acting, order, time, update};
use crate::{
    filter::Filter,
    fleet::{NodeName, Window},
    moment::Moment,
};

/// Most suggestions shown.
const MOST_SUGGESTED: usize = 12;

/// A command: its name, what it takes, what it does.
pub(super) const COMMANDS: &[(&str, &str, &str)] = &[
    ("overview", "", "go to the overview"),
    ("nodes", "[FILTER]", "go to the nodes, filtered"),
    ("pushes", "", "go to the pushes"),
    ("events", "[TEXT]", "go to the events that hold a text"),
    ("replicas", "", "go to the replicas"),
    ("node", "NAME", "open a node"),
    ("api", "NAME", "open an RPC, with its latest failed pushes"),
    ("filter", "[FILTER]", "filter the nodes; nothing = all"),
    (
        "sort",
        "problem|name|state|inflight|queue|rtt|errors|rate|age",
        "sort the nodes",
    ),
    (
        "window",
        "10s|60s|5m|1h",
        "the window of the pushes' figures",
    ),
    ("only", "[REPLICA]", "one replica alone; nothing = all"),
    ("pause", "", "stop this screen, or let it go on"),
    ("live", "", "back to the present"),
    ("back", "[SECONDS]", "so far back in time"),
    (
        "seek",
        "TIME|+TIME|-TIME",
        "play the recording from there on",
    ),
    ("speed", "TIMES", "play the recording slower or faster"),
    (
        "drain",
        "NODE [TTL] [REASON]",
        "send a node nothing new (10m unless said otherwise)",
    ),
    (
        "eject",
        "NODE [TTL] [REASON]",
        "send it nothing, cut what is under way",
    ),
    ("undrain", "NODE [REASON]", "end a drain or eject"),
    (
        "reconnect",
        "NODE [REASON]",
        "make a node's connections anew",
    ),
    (
        "set",
        "KEY VALUE",
        "change a setting at all replicas until they restart",
    ),
    (
        "settings",
        "",
        "the settings that can be changed while running",
    ),
    ("export", "csv|json", "write this view to a file"),
    ("record", "", "begin a recording, or end it"),
    ("snapshot", "", "write a picture of this screen to a file"),
    ("help", "", "keys and the filter language"),
    ("quit", "", "end the console"),
];

pub(super) fn is_known(name: &str) -> bool {
    COMMANDS.iter().any(|(known, _, _)| *known == name)
}

/// Commands that match what was typed so far, the best first, with what they do.
pub(super) fn suggestions(input: &str) -> Vec<(String, String)> {
    let word = input.split_whitespace().next().unwrap_or_default();
    let shown = |(name, takes, does): &(&str, &str, &str)| {
        let takes = if takes.is_empty() {
            String::new()
        } else {
            format!("{takes}  ")
        };
        ((*name).to_owned(), format!("{takes}{does}"))
    };
    if word.is_empty() {
        return COMMANDS.iter().take(MOST_SUGGESTED).map(shown).collect();
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let names = COMMANDS.iter().map(|(name, _, _)| *name);
    let pattern = Pattern::parse(word, CaseMatching::Ignore, Normalization::Smart);
    let found = pattern.match_list(names, &mut matcher).into_iter();
    found
        .filter_map(|(name, _)| COMMANDS.iter().find(|(known, _, _)| *known == name))
        .take(MOST_SUGGESTED)
        .map(shown)
        .collect()
}

/// Runs a line.
pub(super) fn run(model: &mut Model, line: &str) -> Vec<Effect> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match carry_out(model, name, rest.trim()) {
        Ok(effects) => effects,
        Err(why) => {
            model.complain(why);
            Vec::new()
        }
    }
}

fn carry_out(model: &mut Model, name: &str, rest: &str) -> Result<Vec<Effect>, String> {
    let done = Ok(Vec::new());
    match name {
        "overview" => model.screen = Screen::Overview,
        "pushes" => model.screen = Screen::Pushes,
        "replicas" => model.screen = Screen::Replicas,
        "nodes" | "filter" => {
            let filter = Filter::parse(rest).map_err(|error| error.to_string())?;
            order::set_filter(model, rest, filter);
            model.screen = Screen::Nodes;
        }
        "events" => {
            rest.clone_into(&mut model.events.text);
            model.screen = Screen::Events;
        }
        "node" => model.screen = Screen::Node(node(model, rest)?),
        "api" => model.screen = Screen::Api(api(model, rest)?),
        "sort" => model.nodes.sort = sort_key(rest)?,
        "window" => {
            let window = Window::ALL
                .into_iter()
                .find(|window| window.label() == rest);
            model.pushes.window = window.ok_or("expected a window: 10s, 60s, 5m or 1h")?;
        }
        "only" => only(model, rest)?,
        "pause" => time::pause(model),
        "live" => time::live(model),
        "back" => {
            let seconds = if rest.is_empty() { "10" } else { rest };
            let seconds: u64 = seconds
                .trim_end_matches('s')
                .parse()
                .map_err(|_| format!("{rest:?} is no number of seconds"))?;
            let to = model.shown_at() - Duration::from_secs(seconds);
            time::go_to(model, to);
        }
        "seek" => return seek(model, rest),
        "speed" => return speed(model, rest),
        "drain" => return act(model, Verb::Drain, rest),
        "eject" => return act(model, Verb::Eject, rest),
        "undrain" => return act(model, Verb::Undrain, rest),
        "reconnect" => return act(model, Verb::Reconnect, rest),
        "set" => return set(model, rest),
        "settings" => return Ok(update::perform(model, Action::Settings)),
        "export" if rest == "csv" => return Ok(update::perform(model, Action::ExportCsv)),
        "export" if rest == "json" => return Ok(update::perform(model, Action::ExportJson)),
        "export" => return Err("expected csv or json".to_owned()),
        "record" => return Ok(update::perform(model, Action::Record)),
        "snapshot" => return Ok(update::perform(model, Action::Snapshot)),
        "help" => return Ok(update::perform(model, Action::Help)),
        "quit" => return Ok(vec![Effect::Quit]),
        unknown => {
            let near = suggestions(unknown).into_iter().next();
            let near = near.map(|(name, _)| format!("; did you mean {name}?"));
            return Err(format!(
                "there is no command {unknown:?}{}",
                near.unwrap_or_else(|| "; ? shows all".to_owned())
            ));
        }
    }
    done
}

fn seek(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let expected = "expected a time in the recording, e.g. 90s or 2m, or +30s, -30s from here";
    let time = |text| crate::filter::duration(text).ok_or(expected);
    let to = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
        (Some(more), _) => model.shown_at() + time(more)?,
        (_, Some(less)) => model.shown_at() - time(less)?,
        (None, None) => Moment::after(time(rest)?),
    };
    Ok(time::seek(model, to))
}

fn speed(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    if let Some(why) = super::keymap::refusal(model, Action::SeekAhead) {
        return Err(why.to_owned());
    }
    let speed = crate::feed::replay::speed(rest)?;
    model.playing.speed = speed;
    model.say(format!("{speed} times as fast as it was"));
    Ok(vec![Effect::Speed(speed)])
}

fn sort_key(word: &str) -> Result<SortKey, String> {
    Ok(match word {
        "problem" => SortKey::Problem,
        "name" => SortKey::Name,
        "state" => SortKey::State,
        "inflight" => SortKey::InFlight,
        "queue" => SortKey::Queue,
        "rtt" => SortKey::Rtt,
        "errors" => SortKey::Errors,
        "rate" => SortKey::Rate,
        "age" => SortKey::Age,
        _ => {
            return Err(format!(
                "can't sort by {word:?}: expected problem, name, state, inflight, queue, rtt, errors, rate or age"
            ));
        }
    })
}

fn node(model: &Model, name: &str) -> Result<NodeName, String> {
    if name.is_empty() {
        return Err("expected a node's name".to_owned());
    }
    let nodes = model.shown().nodes();
    let exact = NodeName(name.into());
    if nodes.contains_key(&exact) {
        return Ok(exact);
    }
    let mut near = nodes.keys().filter(|other| other.0.contains(name));
    match (near.next(), near.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => Err(format!("several nodes have {name:?} in their name")),
        (None, _) => Err(format!("there is no node {name:?}")),
    }
}

fn api(model: &Model, name: &str) -> Result<String, String> {
    let known = model.shown().apis().iter().map(|api| &api.name);
    let wanted = name.to_lowercase();
    let mut near = known
        .clone()
        .filter(|api| api.to_lowercase().contains(&wanted));
    if let (Some(only), None) = (near.next(), near.next()) {
        return Ok(only.clone());
    }
    let known: Vec<&str> = known.map(String::as_str).collect();
    Err(format!("expected an RPC: {}", known.join(", ")))
}

fn only(model: &mut Model, letter: &str) -> Result<(), String> {
    if letter.is_empty() {
        model.only = None;
        time::refresh_only(model);
        return Ok(());
    }
    let replicas = model.shown().replicas().iter();
    let found = replicas
        .map(crate::replica::Replica::id)
        .find(|id| id.to_string() == letter);
    model.only = Some(found.ok_or_else(|| format!("there is no replica {letter:?}"))?);
    time::refresh_only(model);
    Ok(())
}

fn act(model: &mut Model, verb: Verb, rest: &str) -> Result<Vec<Effect>, String> {
    if let Some(why) = super::keymap::refusal(model, Action::Drain) {
        return Err(why.to_owned());
    }
    let mut words = rest.splitn(2, char::is_whitespace);
    // An act needs the whole name: part of one might be another node's.
    let name = NodeName(words.next().unwrap_or_default().into());
    if !model.shown().nodes().contains_key(&name) {
        return Err(format!("there is no node {:?}", name.0));
    }
    let rest = words.next().unwrap_or_default().trim();
    let first = rest.split_whitespace().next().unwrap_or_default();
    let lasting = matches!(verb, Verb::Drain | Verb::Eject);
    let (ttl, reason) = match crate::filter::duration(first).filter(|_| lasting) {
        Some(ttl) => (ttl, rest.strip_prefix(first).unwrap_or_default().trim()),
        None => (acting::DEFAULT_TTL, rest),
    };
    Ok(acting::plan(
        model,
        verb,
        vec![ActTarget::Node(name)],
        ttl,
        reason,
    ))
}

fn set(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    if let Some(why) = super::keymap::refusal(model, Action::Drain) {
        return Err(why.to_owned());
    }
    let (key, value) = rest
        .split_once(char::is_whitespace)
        .ok_or("expected a key and a value, e.g. set log.level debug")?;
    let target = ActTarget::Setting {
        key: key.to_owned(),
        value: value.trim().to_owned(),
    };
    Ok(acting::plan(
        model,
        Verb::Set,
        vec![target],
        acting::DEFAULT_TTL,
        "",
    ))
}
