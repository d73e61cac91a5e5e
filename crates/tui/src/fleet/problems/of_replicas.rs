//! Problems of replicas, and of what they disagree about.

use std::{collections::BTreeSet, time::Duration};

use push_manager_proto::admin::Readiness;

use super::{Problem, Severity, Subject};
use crate::{
    fleet::{NodeName, history::config, timeline::grown, track::Track},
    moment::Moment,
    replica::{Freshness, Link, Replica},
};

/// Failed of all calls to the Controller over a minute.
const CONTROLLER_FAILING: f64 = 0.01;
/// Events that were missed are told for so long.
const MISSED_FOR: Duration = Duration::from_mins(5);

/// Finds them.
pub(super) fn find(replicas: &[Replica], tracks: &[Track], now: Moment) -> Vec<Problem> {
    let present = replicas
        .iter()
        .filter(|replica| *replica.link() != Link::Gone);
    let present: Vec<&Replica> = present.collect();
    let mut problems = Vec::new();
    if present.is_empty() {
        problems.push(console("no_replica", "no replica is known yet".to_owned()));
    }
    problems.extend(present.iter().filter_map(|replica| unheard(replica, now)));
    let live = present
        .iter()
        .copied()
        .filter(|replica| replica.freshness(now) == Freshness::Live);
    let live: Vec<&Replica> = live.collect();
    for replica in &live {
        problems.extend(unwell(replica));
        problems.extend(incomplete(replica, now));
        let track = tracks.get(replica.id().0 as usize);
        problems.extend(track.and_then(|track| controller(replica, track, now)));
    }
    problems.extend(disagreement(&live));
    problems.extend(versions(&live));
    problems.extend(layouts(&live));
    problems
}

fn of(replica: &Replica, kind: &'static str, severity: Severity, what: &str) -> Problem {
    Problem {
        kind,
        severity,
        text: format!("replica {} {what}", replica.id()),
        subject: Subject::Replica(replica.id()),
    }
}

fn console(kind: &'static str, text: String) -> Problem {
    Problem {
        kind,
        severity: Severity::Error,
        text,
        subject: Subject::Console,
    }
}

fn unheard(replica: &Replica, now: Moment) -> Option<Problem> {
    let age = || replica.age(now).unwrap_or_default().as_secs();
    let down = |why: &str| {
        let what = format!("is down: {why}");
        Some(of(replica, "replica_down", Severity::Error, &what))
    };
    match (replica.link(), replica.freshness(now)) {
        // A stream that is down has only begun: its first state has not come in yet.
        (_, Freshness::Live) | (Link::Gone, _) | (Link::Live, Freshness::Down) => None,
        (Link::Refused { why }, _) => {
            let what = format!("refuses: {why}");
            Some(of(replica, "replica_refused", Severity::Error, &what))
        }
        (Link::Retrying { why, .. }, _) => down(why),
        // The next attempt makes nothing better by itself, nor does the first make anything bad.
        (Link::Connecting, _) => match (replica.lost(), replica.age(now)) {
            (Some(why), _) => down(why),
            (None, Some(_)) => down(&format!("last heard {} s ago", age())),
            (None, None) => None,
        },
        (Link::Live, Freshness::Stale) => {
            let what = format!("is stale: last heard {} s ago", age());
            Some(of(replica, "replica_stale", Severity::Warning, &what))
        }
    }
}

/// What a replica tells of itself.
fn unwell(replica: &Replica) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(row) = replica.row() else {
        return problems;
    };
    match row.readiness() {
        Readiness::Waiting => {
            let what = format!("is not ready: {}", row.not_ready);
            problems.push(of(replica, "replica_not_ready", Severity::Error, &what));
        }
        Readiness::Draining => {
            problems.push(of(
                replica,
                "replica_draining",
                Severity::Warning,
                "is shutting down",
            ));
        }
        Readiness::Ready | Readiness::Unspecified => {}
    }
    if !row.discovery_up && row.readiness() != Readiness::Waiting {
        let what = format!("can't reach discovery: {}", row.discovery_error);
        problems.push(of(replica, "discovery_away", Severity::Warning, &what));
    }
    problems
}

/// What the console does not have of a replica.
fn incomplete(replica: &Replica, now: Moment) -> Vec<Problem> {
    let mut problems = Vec::new();
    if replica
        .since_missed(now)
        .is_some_and(|since| since <= MISSED_FOR)
    {
        let what = format!("had {} events that were missed", replica.events_missed());
        problems.push(of(replica, "events_missed", Severity::Warning, &what));
    }
    let layouts = [replica.node_layout(), replica.latency_layout()];
    if layouts.iter().any(|layout| config(*layout).is_none()) {
        let what = "tells times in buckets that can't be read: percentiles are without it";
        problems.push(of(replica, "layouts_differ", Severity::Warning, what));
    }
    if replica.rows().left_out > 0 {
        let what = format!("has {} nodes more than are shown", replica.rows().left_out);
        problems.push(of(replica, "nodes_left_out", Severity::Warning, &what));
    }
    problems
}

/// Answers that tell nothing bad of the Controller: nobody is there, it is an older one that does
/// without this call, or the asker left.
const NO_FAILURE: [&str; 4] = ["OK", "NOT_FOUND", "UNIMPLEMENTED", "CANCELLED"];

/// Calls to the Controller that fail.
fn controller(replica: &Replica, track: &Track, now: Moment) -> Option<Problem> {
    let begin = track.row.begin_of(Duration::from_mins(1), now)?;
    let end = track.row.latest()?;
    let (mut all, mut failed, mut main) = (0_u64, 0_u64, ("", 0_u64));
    for (code, count) in &end.figures.controller_requests {
        let before = begin.figures.controller_requests.get(code);
        let grown = grown(*count, before.copied().unwrap_or(0));
        all = all.saturating_add(grown);
        if !NO_FAILURE.contains(&code.as_str()) {
            failed = failed.saturating_add(grown);
            if grown > main.1 {
                main = (code, grown);
            }
        }
    }
    let ratio = if all == 0 {
        0.0
    } else {
        failed as f64 / all as f64
    };
    (ratio > CONTROLLER_FAILING).then(|| {
        let share = ratio * 100.0;
        let what = format!("gets errors from the Controller: {share:.1}% ({})", main.0);
        of(replica, "controller_failing", Severity::Error, &what)
    })
}

/// Replicas that see fewer nodes than all of them together.
fn disagreement(live: &[&Replica]) -> Option<Problem> {
    if live.len() < 2 {
        return None;
    }
    let seen: Vec<BTreeSet<&NodeName>> = live
        .iter()
        .map(|replica| {
            let nodes = replica.rows().nodes.values();
            nodes.map(|known| &known.fixed.name).collect()
        })
        .collect();
    let all: BTreeSet<&NodeName> = seen.iter().flatten().copied().collect();
    let fewest = (0..live.len()).min_by_key(|at| seen[*at].len())?;
    let missing = all.len() - seen[fewest].len();
    if missing == 0 {
        return None;
    }
    let others = live.iter().enumerate().filter(|(at, _)| *at != fewest);
    let others: Vec<_> = others
        .map(|(_, replica)| replica.id().to_string())
        .collect();
    let plural = if missing == 1 { "node" } else { "nodes" };
    let what = format!("sees {missing} {plural} fewer than {}", others.join(", "));
    Some(of(
        live[fewest],
        "replicas_disagree",
        Severity::Warning,
        &what,
    ))
}

fn versions(live: &[&Replica]) -> Option<Problem> {
    let told = live
        .iter()
        .filter_map(|replica| Some((*replica, replica.info()?.version.as_str())));
    let odd = odd_ones(&told.collect::<Vec<_>>())?;
    let what = format!("runs version {}, {} {}", odd.has, odd.others, odd.they_have);
    Some(of(odd.first, "versions_differ", Severity::Warning, &what))
}

/// Replicas that tell times in other buckets: merged percentiles are as coarse as the coarsest.
fn layouts(live: &[&Replica]) -> Option<Problem> {
    let told = live.iter().map(|replica| {
        let (nodes, apis) = (replica.node_layout(), replica.latency_layout());
        let powers = [nodes, apis].map(|layout| (layout.grouping_power, layout.max_value_power));
        (*replica, powers)
    });
    let odd = odd_ones(&told.collect::<Vec<_>>())?;
    let what = format!("tells times in other buckets than {}", odd.others);
    Some(of(odd.first, "layouts_differ", Severity::Warning, &what))
}

/// A replica that has something that most others have otherwise.
struct Odd<'a, T> {
    first: &'a Replica,
    has: T,
    others: String,
    they_have: T,
}

/// Finds it. Where as many have one thing as another, the ones that were met first are right.
fn odd_ones<'a, T: PartialEq + Copy>(told: &[(&'a Replica, T)]) -> Option<Odd<'a, T>> {
    let having = |what: T| told.iter().filter(move |(_, other)| *other == what);
    let first_of_most = told
        .iter()
        .rev()
        .max_by_key(|(_, has)| having(*has).count())?;
    let they_have = first_of_most.1;
    let (first, has) = told.iter().find(|(_, has)| *has != they_have).copied()?;
    let others = having(they_have).map(|(replica, _)| replica.id().to_string());
    Some(Odd {
        first,
        has,
        others: others.collect::<Vec<_>>().join(", "),
        they_have,
    })
}
